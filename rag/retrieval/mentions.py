"""Which documents a text speaks of: their titles, found in it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakKeyDictionary

from rag.index import Ref, Snapshot
from rag.text import is_stop_word

Key = tuple[str, ...]

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
# A word; in a script without spaces, a character.
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*")
_SPACELESS = re.compile(f"[{_CJK}]")
_QUALIFIER = re.compile(r"\s*[(（][^()（）]*[)）]\s*$")  # "Mercury (planet)" is spoken of as Mercury
_LONGEST = 12  # words of a title that anyone writes out


@dataclass(frozen=True, slots=True)
class Mention:
    """A title at ``text[start:end]``, and the rows of the documents that bear it."""

    start: int
    end: int
    key: Key
    refs: tuple[Ref, ...]


@lru_cache(4096)
def _words(text: str) -> tuple[tuple[str, int, int], ...]:
    return tuple((match.group(), match.start(), match.end()) for match in _WORD.finditer(text))


def title_key(title: str) -> Key:
    """The words a title is known by: casefolded, without a qualifier in brackets at its end; () where it has none."""
    return tuple(word.casefold() for word, _, _ in _words(_QUALIFIER.sub("", title) or title))


class _Titles:
    """Rows by the words of a title, and how long the titles are that begin with a word, longest first."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.refs: dict[Key, list[Ref]] = defaultdict(list)
        lengths: dict[str, set[int]] = defaultdict(set)
        for title, rows in snapshot.titles():
            key = title_key(title)
            if key and len(key) <= _LONGEST:
                self.refs[key].extend(rows)
                lengths[key[0]].add(len(key))
        self.lengths = {first: sorted(found, reverse=True) for first, found in lengths.items()}


_read: WeakKeyDictionary[Snapshot, _Titles] = WeakKeyDictionary()


class TitleIndex:
    """The titles of a snapshot's documents, by their words; read once for each snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        found = _read.get(snapshot)
        if found is None:
            found = _read[snapshot] = _Titles(snapshot)
        self._titles = found

    def __len__(self) -> int:
        """Different titles."""
        return len(self._titles.refs)

    def refs(self, key: Key, where: str | None = None) -> tuple[Ref, ...]:
        """The rows under a title that ``where`` admits."""
        found = self._titles.refs.get(key)
        return tuple(self.snapshot.admitted(found, where)) if found else ()

    def mentions(self, text: str, language: str = "", where: str | None = None) -> Iterator[Mention]:
        """The titles that a text names, in order and apart; of titles within one another the longest.

        A title counts where it is written as a name: with a capital somewhere (in scripts that have them), and not
        as a single function word, letter or number. Titles of passages that ``where`` does not admit are not seen.
        """
        written = _words(text)
        folded = [word.casefold() for word, _, _ in written]
        place = 0
        while place < len(written):
            taken = 1
            for length in self._titles.lengths.get(folded[place], ()):
                key = tuple(folded[place : place + length])
                if (
                    len(key) == length
                    and key in self._titles.refs
                    and _is_name(written[place : place + length], language)
                ):
                    refs = self.refs(key, where)
                    if refs:
                        yield Mention(written[place][1], written[place + length - 1][2], key, refs)
                        taken = length
                        break
            place += taken


def _is_name(written: Sequence[tuple[str, int, int]], language: str) -> bool:
    words = [word for word, _, _ in written]
    joined = "".join(words)
    cased = any(character.lower() != character.upper() for character in joined)
    if cased and not any(word[0].isupper() for word in words):
        return False
    if len(words) > 1:
        return True
    return not (len(joined) < 2 or joined.isdigit() or _SPACELESS.match(joined)) and not is_stop_word(joined, language)
