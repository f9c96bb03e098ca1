"""Numbers, dates, times, names and codes are read by value."""

from __future__ import annotations

from decimal import Decimal

import pytest

from rag.grounding.facts import Fact, read_facts, rivals, states
from rag.grounding.numerals import cjk_value, parse_number


def only(text: str, language: str = "en", kind: str = "") -> Fact:
    (fact,) = [f for f in read_facts(text, language) if not kind or f.kind == kind]
    return fact


@pytest.mark.parametrize(
    ("literal", "language", "value"),
    [
        ("1,000", "en", Decimal(1000)),
        ("1.000", "de", Decimal(1000)),
        ("1.000", "en", Decimal(1)),
        ("1,000", "de", Decimal(1)),
        ("1.000", "", "1.000"),
        ("1,234,567.5", "en", Decimal("1234567.5")),
        ("1.234.567,5", "de", Decimal("1234567.5")),
        ("1.234.567,5", "en", Decimal("1234567.5")),
        ("0.125", "de", Decimal("0.125")),
        ("0,125", "en", Decimal("0.125")),
        ("3,5", "en", Decimal("3.5")),
        ("10 000", "fr", Decimal(10000)),
        ("1'290", "de", Decimal(1290)),
        ("6½", "en", Decimal("6.5")),
        ("1.2.3", "en", "1.2.3"),
        ("٣٤", "ar", Decimal(34)),
    ],
)
def test_a_literal_has_one_value(literal, language, value):
    assert parse_number(literal, language) == value


@pytest.mark.parametrize(
    ("text", "value"), [("二十四", 24), ("三百二十", 320), ("一万二千", 12000), ("二〇二四", 2024), ("两", 2)]
)
def test_chinese_numerals(text, value):
    assert cjk_value(text) == value


@pytest.mark.parametrize(
    ("text", "language", "value", "unit"),
    [
        ("it costs US$ 1,290.50 now", "en", Decimal("1290.50"), "USD"),
        ("it costs 1,290 euros", "en", Decimal(1290), "EUR"),
        ("kostet 12 Mio. Euro", "de", Decimal(12_000_000), "EUR"),
        ("up to $3.5bn", "en", Decimal(3_500_000_000), "USD"),
        ("a 24-month term", "en", Decimal(24), "month"),
        ("about five percent", "en", Decimal(5), "%"),
        ("plus 5 per cent", "en", Decimal(5), "%"),
        ("in the 1990s", "en", Decimal(1990), "decade"),
        ("价格为1,290元", "zh", Decimal(1290), "CNY"),
        ("保修期为36个月", "zh", Decimal(36), "month"),
        ("占百分之五", "zh", Decimal(5), "%"),
        ("共3万人", "zh", Decimal(30000), "person"),
        ("at -5 °C", "en", Decimal(-5), "°c"),
    ],
)
def test_numbers_with_units(text, language, value, unit):
    fact = only(text, language, "number")
    assert (fact.value, fact.unit) == (value, unit)


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("on 2024-03-05 it", "en", (2024, 3, 5)),
        ("on 5 March 2024", "en", (2024, 3, 5)),
        ("on March 5th, 2024", "en", (2024, 3, 5)),
        ("on the 5th of March", "en", (None, 3, 5)),
        ("since March 2024", "en", (2024, 3, None)),
        ("am 5. März 2024", "de", (2024, 3, 5)),
        ("am 05.03.2024", "de", (2024, 3, 5)),
        ("le 14 juillet 1789", "fr", (1789, 7, 14)),
        ("el 5 de marzo de 2024", "es", (2024, 3, 5)),
        ("于2024年3月5日", "zh", (2024, 3, 5)),
        ("在2024年", "zh", (2024, None, None)),
        ("on 25/03/2024", "en", (2024, 3, 25)),
    ],
)
def test_dates(text, language, value):
    assert only(text, language, "date").value == value


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("at 5:30 pm", 1050), ("at 17:30", 1050), ("um 8 Uhr", 480), ("下午3点", 900), ("at 12 a.m.", 0)],
)
def test_times(text, minutes):
    assert only(text, "en", "time").value == minutes


def test_a_date_is_stated_by_one_at_least_as_exact():
    day, month, year = only("5 March 2024"), only("March 2024"), only("it was 2024")
    assert states(day, month)
    assert states(day, year)
    assert not states(month, day)
    assert not states(only("6 March 2024"), day)


def test_an_ambiguous_date_equals_only_its_own_writing():
    assert states(only("05/03/2024"), only("05/03/2024"))
    assert not states(only("5 March 2024"), only("05/03/2024"))
    assert not states(only("3 May 2024"), only("05/03/2024"))


def test_units_must_agree_where_both_are_known():
    assert not states(only("24 months"), only("24 hours"))
    assert states(only("24"), only("24 hours"))
    assert not states(only("2 years"), only("24 months"))
    assert rivals(only("24 months"), only("36 months"))
    assert not rivals(only("24 months"), only("24 months"))
    assert not rivals(only("24 months"), only("36 euros"))


def test_one_is_not_firm_and_twelve_is():
    assert not only("the one", "en", "number").firm
    assert only("the twelve", "en", "number").firm
    assert states(only("one year", "en", "number"), only("1 year", "en", "number"))


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("It was Barack Obama.", "en", [("barack", "obama")]),
        ("It is in Hamburg.", "en", [("hamburg",)]),
        ("The Bank of England said so.", "en", [("bank", "england")]),
        ("Warranty lasts long.", "en", []),
        ("I think I know.", "en", []),
        ("NASA did it.", "en", [("nasa",)]),
        ("Die Garantie gilt in Hamburg.", "de", [("hamburg",)]),
        ("Es gilt für den Preis.", "de", []),
        ("他是约什·诺曼的队友。", "zh", [("什·诺",)]),
        ("这是NFL的纪录。", "zh", [("nfl",)]),
    ],
)
def test_names(text, language, words):
    assert [f.value for f in read_facts(text, language) if f.kind == "name"] == words


def test_a_known_name_counts_at_the_start_of_a_sentence():
    assert not [f for f in read_facts("Hamburg wins.", "en") if f.kind == "name"]
    assert [f.value for f in read_facts("Hamburg wins.", "en", frozenset({"hamburg"})) if f.kind == "name"] == [
        ("hamburg",)
    ]


@pytest.mark.parametrize("text", ["the HX-200 is", "the HX200 is", "型号HX-200于", "(HX-200)"])
def test_codes(text):
    assert only(text, "en", "code").value == ("hx", "200")


@pytest.mark.parametrize(
    ("text", "quote"), [("he said “never again” twice", "never again"), ("阅读《红楼梦》一书", "红楼梦")]
)
def test_quotations(text, quote):
    assert only(text, "en", "quote").text == quote


def test_a_fact_lies_where_it_says():
    text = "On 5 March 2024 the HX-200 cost US$ 1,290.50 in Hamburg, “as agreed”, at 5:30 pm."
    facts = read_facts(text, "en")
    assert {f.kind for f in facts} == {"date", "code", "number", "name", "quote", "time"}
    assert all(text[f.start : f.end] == f.text for f in facts)
