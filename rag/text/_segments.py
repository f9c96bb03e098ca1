"""ICU's breakers (Unicode Standard Annex 29) with offsets in code points."""

from __future__ import annotations

import re
from itertools import accumulate

from icu4py.breakers import BaseBreaker, SentenceBreaker, WordBreaker

_SURROGATE = re.compile("[\ud800-\udfff]")


def word_segments(text: str) -> list[tuple[int, int]]:
    """Every segment between word boundaries, blanks and punctuation included."""
    return _segments(WordBreaker, text, "root")


def sentence_segments(text: str, language: str) -> list[tuple[int, int]]:
    """Every segment between sentence boundaries, by ``language`` (Greek ends a question with ";")."""
    return _segments(SentenceBreaker, text, language or "root")


def _segments(breaker: type[BaseBreaker], text: str, locale: str) -> list[tuple[int, int]]:
    if text.isascii():
        return list(breaker(text, locale).segments())
    # ICU takes no lone surrogates, which JSON can bring in; the replacement character is as long.
    text = _SURROGATE.sub("\ufffd", text)
    segments = list(breaker(text, locale).segments())
    if not segments or segments[-1][1] == len(text):
        return segments
    # ICU counts UTF-16 code units: two for a character beyond the BMP.
    units = accumulate((2 if character > "\uffff" else 1 for character in text), initial=0)
    code_point = {unit: index for index, unit in enumerate(units)}
    return [(code_point[start], code_point[end]) for start, end in segments]
