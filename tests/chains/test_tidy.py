"""What small models do to an answer, undone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.chains.tidy import tidy

QUESTION = "How long is the warranty?"


@pytest.mark.parametrize(
    ("draft", "clean"),
    [
        ("It lasts 24 months.", "It lasts 24 months."),
        ("Answer: It lasts 24 months.", "It lasts 24 months."),
        ("How long is the warranty? It lasts 24 months.", "It lasts 24 months."),
        ("Question: How long is the warranty?\nAnswer: It lasts 24 months.", "It lasts 24 months."),
        ("how long is the warranty?", ""),
        ("答案：24个月。", "24个月。"),
        ("It lasts 24 months.\n\nQuestion: How long is the warranty?\nAnswer: 9 months", "It lasts 24 months."),
        ("It lasts 24 months.\nContext: Bridges\nThe bridge is long.", "It lasts 24 months."),
        ("It is a question: of time.", "It is a question: of time."),
        ("It lasts. It lasts. It lasts. It las", "It lasts."),
        ("One. Two. Two. Two. Two.", "One. Two."),
        ("It is very very very very very very very", "It is very"),
        ("A cat. A dog. A cat is a pet.", "A cat. A dog. A cat is a pet."),
        ("1000000 and more", "1000000 and more"),
    ],
)
def test_tidy(draft, clean):
    assert tidy(draft, QUESTION) == clean


def test_a_longer_word_is_no_echo():
    assert tidy("What is HX-200? It is a pump.", "What is HX") == "What is HX-200? It is a pump."


def test_an_unfinished_last_sentence_goes_only_where_it_was_cut_off_and_others_remain():
    assert tidy("It lasts. It also cov", QUESTION, cut_off=True) == "It lasts."
    assert tidy("It lasts. It also cov", QUESTION) == "It lasts. It also cov"
    assert tidy("It also cov", QUESTION, cut_off=True) == "It also cov"
    assert tidy("It lasts. It covers.", QUESTION, cut_off=True) == "It lasts. It covers."


@given(st.text(max_size=200), st.text(max_size=30), st.booleans())
def test_it_only_ever_takes_away(draft, question, cut_off):
    clean = tidy(draft, question, cut_off=cut_off)
    rest = iter(draft)
    assert all(char in rest for char in clean)


@given(st.text(max_size=200))
def test_twice_is_once(draft):
    once = tidy(draft, "")
    assert tidy(once, "") == once
