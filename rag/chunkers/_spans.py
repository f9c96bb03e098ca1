"""Stretches of a text to pack into passages: paragraphs, sentences, lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag.chunkers._meter import WINDOW
from rag.text import sentences

SpanKind: TypeAlias = Literal["heading", "prose", "lines", "whole"]

_LINE_END = re.compile(r"\r\n|[\n\r\x0b\x0c\x85\u2028\u2029]")
# "\r\n" is one line end: a lone "\r" must not be found in it.
_PARAGRAPH_END = re.compile(
    r"(?:\r\n|[\n\x85\u2028]|\r(?!\n))[^\S\n\r\x85\u2028\u2029]*(?:\r\n|[\n\r\x85\u2028])\s*|\u2029\s*"
)
_BLANK = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]``, trimmed. ``kind`` says how it may be cut: by sentences, by lines, by tokens only."""

    start: int
    end: int
    kind: SpanKind


def trimmed(text: str, start: int, end: int, kind: SpanKind) -> Iterator[Span]:
    """The span without blanks around it; nothing if it is blank."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield Span(start, end, kind)


def sentence_spans(text: str, start: int, end: int, language: str) -> Iterator[Span]:
    """Sentences of ``text[start:end]``. Only a window of the text is looked at, so memory stays bounded."""
    while start < end:
        stop = _window_end(text, start, end)
        found = sentences(text[start:stop], language)
        # The window may have cut its last sentence: begin the next window with it.
        if stop < end and len(found) > 1:
            stop = start + found.pop()[0]
        for begin, close in found:
            yield Span(start + begin, start + close, "whole")
        start = stop


def line_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """Lines of ``text[start:end]`` that are not blank."""
    yield from _between(_LINE_END, text, start, end, "whole")


def paragraph_spans(text: str, start: int, end: int) -> Iterator[Span]:
    """What blank lines part."""
    yield from _between(_PARAGRAPH_END, text, start, end, "prose")


def _between(separator: re.Pattern[str], text: str, start: int, end: int, kind: SpanKind) -> Iterator[Span]:
    for match in separator.finditer(text, start, end):
        yield from trimmed(text, start, match.start(), kind)
        start = match.end()
    yield from trimmed(text, start, end, kind)


def _window_end(text: str, start: int, end: int) -> int:
    if end - start <= WINDOW:
        return end
    blanks = [blank.start() for blank in _BLANK.finditer(text, start + WINDOW // 2, start + WINDOW)]
    return blanks[-1] if blanks else start + WINDOW
