"""How many tokens a stretch of a document fills, without tokenizing it twice."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from itertools import pairwise

from rag.protocols import Tokenizer

# A run without breaks (base64, a long row of digits) may be one token to a model. Every further 32
# characters weigh as a token, so that a passage stays short enough to read and to hold.
MAX_CHARACTERS = 32
# Tokenized at once: enough that the edges do not matter, little enough for a text of any size.
WINDOW = 1 << 16

_BLANK = re.compile(r"\s(?=\S)")


class Meter:
    """Weighs stretches of one text: an estimate in tokens, exact where the edges do not split a word.

    Stretches are asked for in order, so one window of tokens is kept; ``WINDOW`` bounds the memory.
    """

    def __init__(self, text: str, tokenizer: Tokenizer) -> None:
        self._text = text
        self._tokenizer = tokenizer
        self._start = self._end = 0
        self._marks: list[int] = []

    def weight(self, start: int, end: int) -> int:
        """Estimated tokens of ``text[start:end]``, at least 1. Over ``WINDOW`` characters are not tokenized."""
        if end - start > WINDOW:
            return end - start
        marks = self._covering(start, end)
        return max(1, bisect_left(marks, end) - bisect_left(marks, start))

    def cut(self, start: int, end: int, room: int, after: int = 0) -> int:
        """Where a piece of ``text[start:end]`` ends that starts there and has ``room`` tokens at most.

        At a blank in the piece's second half, behind ``after``, if there is one.
        """
        while start < end and self._text[start].isspace():
            start += 1
        # There is a mark every MAX_CHARACTERS, so no piece is longer than this; and none than a window.
        end = min(end, start + min(WINDOW, (room + 1) * MAX_CHARACTERS))
        marks = self._covering(start, end)
        index = bisect_left(marks, start) + room
        if index >= len(marks) or marks[index] >= end:
            return end
        for mark in reversed(marks[index - room // 2 : index + 1]):
            if mark > max(start, after) and (self._text[mark].isspace() or self._text[mark - 1].isspace()):
                return mark
        mark = max(marks[index], start + 1)
        while mark > start + 1 and _is_mark(self._text[mark]):
            mark -= 1
        return mark

    def back(self, start: int, end: int, tokens: int) -> int:
        """Where the last ``tokens`` tokens before ``end`` begin, after ``start``; at a blank if there is one."""
        marks = self._covering(start, end)
        last = bisect_left(marks, end)
        begins = [mark for mark in marks[max(0, last - tokens) : last] if mark > start]
        after_blank = (mark for mark in begins if self._text[mark - 1].isspace())
        whole = (mark for mark in begins if not _is_mark(self._text[mark]))
        return next(after_blank, next(whole, end))

    def _covering(self, start: int, end: int) -> list[int]:
        """Where tokens begin, ascending, in a window around ``start`` to ``end``."""
        if not self._start <= start <= end <= self._end:
            self._fill(start, end)
        return self._marks

    def _fill(self, start: int, end: int) -> None:
        text = self._text
        limit = min(len(text), start + 2 * WINDOW)
        if limit < len(text):
            # Not within a word: its halves would weigh more than the whole.
            blank = _BLANK.search(text, max(end, limit - WINDOW // 2), limit)
            limit = blank.end() if blank else limit
        offsets = self._tokenizer.offsets(text[start:limit])
        begins = sorted(start + begin for begin, stop in offsets if begin < stop)
        self._start, self._end = start, limit
        self._marks = _without_gaps(begins, start, limit)


def _is_mark(character: str) -> bool:
    # Combining marks stay with their letter.
    return unicodedata.category(character)[0] == "M"


def _without_gaps(begins: list[int], start: int, end: int) -> list[int]:
    """The marks, with one more every MAX_CHARACTERS where none is."""
    if not begins or begins[0] - start > MAX_CHARACTERS:
        begins.insert(0, start)
    marks: list[int] = []
    for begin, following in pairwise([*begins, end]):
        marks.append(begin)
        if following - begin > MAX_CHARACTERS:
            marks.extend(range(begin + MAX_CHARACTERS, following, MAX_CHARACTERS))
    return marks
