"""What a text is about, by stop words and capitals."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.queries.mentions import LONGEST, is_content, mentions, salient, stems


def texts(text: str, language: str = "en") -> list[str]:
    return [mention.text for mention in mentions(text, language)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("When did William of Normandy conquer England?", ["William of Normandy", "conquer", "England"]),
        ("Who was put in charge of the Federal Energy Office?", ["put", "charge", "Federal Energy Office"]),
        ("William E. Simon, who came later", ["William E. Simon"]),
        ("Off Côte d'Ivoire", ["Côte d'Ivoire"]),
        ("Edgar Atheling's sister", ["Edgar Atheling", "sister"]),
        ("about 1,300 of them in 1939", ["1939"]),
        ("And then?", []),
        ("", []),
    ],
)
def test_mentions_of_english(text: str, found: list[str]) -> None:
    assert texts(text) == found


def test_mentions_of_chinese_and_german() -> None:
    assert texts("华沙的文化科学宫有多高？", "zh") == ["华沙", "文化科学宫", "多高"]
    assert texts("Wann wurde der Eiffelturm gebaut?", "de") == ["Eiffelturm", "gebaut"]


def test_names_have_a_capital() -> None:
    assert [(mention.text, mention.named) for mention in mentions("The price of oil in Japan", "en")] == [
        ("price", False),
        ("oil", False),
        ("Japan", True),
    ]


def test_fillers_and_stop_words_are_no_content() -> None:
    assert not any(is_content(word, "en") for word in ("the", "which", "happened", "12", "1,300.5"))
    assert all(is_content(word, "en") for word in ("embargo", "1973", "Poland's"))


def test_salience_adds_weights_and_counts_names_twice() -> None:
    told = [("The embargo on Japan was to hurt", 1.0), ("The embargo was ended", 0.5)]
    assert salient(told, "en", 9) == ["Japan", "embargo", "hurt", "ended"]  # 2, 1.5, 1, .5
    assert salient(told, "en", 1) == ["Japan"]
    assert salient(told, "en", 9, named=True) == ["Japan"]
    assert salient(told, "en", 9, known=[stems("in Japan", "en")]) == ["embargo", "hurt", "ended"]


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    assert texts("Oslo " + "and " * LONGEST + "Bergen") == ["Oslo"]


@settings(deadline=None)
@given(st.text(max_size=80), st.sampled_from(["en", "de", "fr", "es", "zh", "ja", "ru", ""]))
def test_mentions_are_ordered_slices(text: str, language: str) -> None:
    found = mentions(text, language)
    assert all(text[mention.start : mention.end] == mention.text and mention.key for mention in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
