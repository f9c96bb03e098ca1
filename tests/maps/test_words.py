"""Words that name topics."""

from __future__ import annotations

import pytest

from rag.maps.words import topic_words


def forms(text: str, language: str) -> list[str]:
    return [form for _, form in topic_words(text, language)]


@pytest.mark.parametrize(
    ("text", "language", "named"),
    [
        ("The whales, and 42 of the Ships!", "en", ["whales", "ships"]),
        ("Die Wale schwimmen mit den Schiffen.", "de", ["wale", "schwimmen", "schiffen"]),
        ("但是，海洋中的生物因为压力而进化。", "zh", ["海洋", "生物", "压力", "进化"]),
        ("東京は日本の首都であり、人口が多い都市です。", "ja", ["東京", "日本", "首都", "人口", "多い", "都市"]),
        ("", "en", []),
        ("3.14 1,000 —", "en", []),
    ],
)
def test_words_are_whole_and_telling(text, language, named):
    assert forms(text, language) == named


def test_forms_of_a_word_are_counted_as_one():
    (one, _), (other, _) = topic_words("whale whales", "en")
    assert one == other
