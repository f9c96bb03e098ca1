"""Which passages a text speaks of where documents have no titles: those that begin with a name it holds.

An encyclopaedia's article, a glossary's entry or a person's record opens with what it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from rag.index import Ref, Snapshot
from rag.retrieval.mentions import Key, Mention, holding
from rag.text import is_stop_word
from rag.types import Chunk

_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_CONNECTORS = frozenset(
    {"of", "the", "de", "la", "le", "du", "des", "del", "van", "von", "der", "den", "di", "da", "and"}
)
_FIRST_WORDS = 3  # of a passage, among which its name begins
_LONGEST = 8  # words of a name
_NAMES = 12  # names of a passage that are followed


@lru_cache(4096)
def _names(text: str, language: str) -> tuple[tuple[Key, int, int, int], ...]:
    """Runs of capitalised words: their key, offsets and the number of their first word. See ``names``."""
    words = [(match.group(), match.start(), match.end()) for match in _WORD.finditer(text)]
    found = []
    place = 0
    while place < len(words):
        if not words[place][0][0].isupper():
            place += 1
            continue
        last = place
        following = place + 1
        while following < len(words) and text[words[following - 1][2] : words[following][1]] == " ":
            word = words[following][0]
            if word[0].isupper() or word[0].isdigit():
                last = following
            elif word not in _CONNECTORS:
                break
            following += 1
        first = place
        while first <= last and is_stop_word(words[first][0], language):
            first += 1  # "The", "He", "In" at the beginning of a sentence
        key = tuple(word.casefold() for word, _, _ in words[first : last + 1])
        if key and len(key) <= _LONGEST and len("".join(key)) > 1:
            found.append((key, words[first][1], words[last][2], first))
        place = last + 1
    return tuple(found)


class LeadingNames:
    """The passages of a snapshot by the name each begins with; found by search, so nothing is read beforehand."""

    def __init__(self, snapshot: Snapshot, *, isolation: bool = False) -> None:
        self.snapshot = snapshot
        self.isolation = isolation

    def own(self, chunk: Chunk) -> Key:
        """The name that a passage begins with; () where it begins otherwise."""
        first = next(iter(_names(chunk.text, chunk.language)), None)
        return first[0] if first and first[3] < _FIRST_WORDS else ()

    def refs(self, key: Key, where: str | None = None) -> tuple[Ref, ...]:
        """The rows of the passages that begin with a name, of those that ``where`` admits."""
        return tuple(
            ref for ref, chunk in holding(self.snapshot, key, where, isolation=self.isolation) if self.own(chunk) == key
        )

    def mentions(self, text: str, language: str = "", where: str | None = None) -> Iterator[Mention]:
        """The names in a text with which passages begin, in order."""
        seen: set[Key] = set()
        for key, start, end, _ in _names(text, language):
            if key in seen or len(seen) == _NAMES:
                continue
            seen.add(key)
            if refs := self.refs(key, where):
                yield Mention(start, end, key, refs)

    def naming(self, key: Key, where: str | None = None) -> list[Ref]:
        """The rows of the passages that hold a name and do not begin with it."""
        return [
            ref
            for ref, chunk in holding(self.snapshot, key, where, isolation=self.isolation)
            if self.own(chunk) != key and any(name == key for name, *_ in _names(chunk.text, chunk.language))
        ]
