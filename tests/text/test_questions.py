"""What a question asks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text import clauses, expected, fits_years, has_unit, is_heading, sentences, variants, without_asking


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Who leads it?", ["Who leads it?"]),
        ("Who is the director, and when was the lab opened?", ["Who is the director?", "when was the lab opened?"]),
        ("What does the HX-2 cost in 2024, and how long is its warranty?",
         ["What does the HX-2 cost in 2024?", "how long is its warranty HX-2 2024?"]),
        ("What is the pump? What is the valve?", ["What is the pump?", "What is the valve?"]),
        ("HX-2的保修期是多久，价格是多少？", ["HX-2的保修期是多久?", "价格是多少 HX-2?"]),
        ("When and where was he born?", ["When and where was he born?"]),
        ("Which city and state is it?", ["Which city and state is it?"]),
        ("In which city, and in what year, did it begin?", ["In which city, and in what year, did it begin?"]),
        ("The man who came and who left, his name is?", ["The man who came and who left, his name is?"]),
    ],
)  # fmt: skip
def test_clauses(question: str, parts: list[str]) -> None:
    assert clauses(question) == parts


@given(st.text(max_size=80))
def test_a_question_has_at_least_one_clause(question: str) -> None:
    assert len(clauses(question)) >= 1


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("When did it begin?", "date"),
        ("How long does it take?", "extent"),
        ("How many are there?", "number"),
        ("What does it cost?", "money"),
        ("What was the price of the pump?", "money"),
        ("Who leads it?", "name"),
        ("保修期是多久？", "extent"),
        ("Which pump is it?", ""),
    ],
)
def test_what_is_expected(question: str, kind: str) -> None:
    assert expected(question) == kind


def test_a_price_is_money_and_a_duration_an_extent() -> None:
    assert has_unit("money", "It costs 20 euros.")
    assert not has_unit("money", "It lasts 20 hours.")
    assert has_unit("extent", "It lasts 20 hours.")
    assert not has_unit("extent", "It costs 20 euros.")
    assert has_unit("number", "Twenty.")


@pytest.mark.parametrize(
    ("question", "text", "fits"),
    [
        ("What was it in 2019?", "It was 5 in 2019.", True),
        ("What was it in 2019?", "It was 5 in 2015 and 6 in 2023.", False),
        ("What was it in 2019?", "It was 5.", True),
        ("What was it before 2019?", "It was 5 in 2015.", True),
        ("What was it before 2019?", "It was 5 in 2019.", False),
        ("What was it after 2019?", "It was 5 in 2019.", False),
        ("What was it?", "It was 5 in 2019.", True),
    ],
)
def test_years(question: str, text: str, fits: bool) -> None:
    assert fits_years(question, text) is fits


def test_a_year_that_bounds_the_time_is_no_subject() -> None:
    assert "2019" not in without_asking("What was the price before 2019?")
    assert "2019" in without_asking("What was the price in 2019?")


def test_variants_are_irregular_forms_and_themselves() -> None:
    assert variants("lead") == variants("led") == {"lead", "led"}
    assert variants("pump") == {"pump"}


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("4 Calibration laboratory\n\nIt is led by Ada.", ["4 Calibration laboratory"]),
        ("# Lab\n\nIt is led by Ada.", ["# Lab"]),
        ("Answer of 7 May by Ada:\n\nIt is so.", ["Answer of 7 May by Ada:"]),
        ("Part | Warranty\nPump | 24 months\nValve | 12 months", ["Part | Warranty"]),
        ("| Part | Warranty |\n|---|---|\n| Pump | 24 months |", ["| Part | Warranty |"]),
        ("一、安装电池\n\n打开电池盖。", ["一、安装电池"]),
        ("Do this:\n\n1. Open the lid\n2. Press the key", ["Do this:"]),
        ("- The rent is 95 euros", []),
        ("Sensitivity: 100 mV/g", []),
        ("He came.", []),
    ],
)
def test_headings(text: str, headings: list[str]) -> None:
    assert [text[s:e] for s, e in sentences(text) if is_heading(text, s, e, "en")] == headings
