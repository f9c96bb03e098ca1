"""Words of a text in any script."""

from __future__ import annotations

from rag.text._segments import word_segments


def words(text: str) -> list[tuple[int, int]]:
    """Code point offsets of the words of ``text``, in order (UAX #29; dictionaries for CJK and Thai).

    A word is a segment that holds a letter or a digit; combining marks stay with their letter.
    """
    return [
        (start, end)
        for start, end in word_segments(text)
        if text[start].isalnum() or any(map(str.isalnum, text[start:end]))
    ]


class WordTokenizer:
    """Counts words, where there is no model whose tokens could be counted. A Tokenizer."""

    def count(self, text: str) -> int:
        """The number of words."""
        return len(words(text))

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Code point offsets of each word."""
        return words(text)
