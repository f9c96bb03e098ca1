"""Which documents a text speaks of: their titles, found in it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol
from weakref import WeakKeyDictionary

from rag.index import Ref, Snapshot
from rag.retrieval.analysed import passage_terms
from rag.text import is_stop_word, query_terms, terms
from rag.types import Chunk

Key = tuple[str, ...]

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
# A word; in a script without spaces, a character.
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*")
_SPACELESS = re.compile(f"[{_CJK}]")
_QUALIFIER = re.compile(r"\s*[(（][^()（）]*[)）]\s*$")  # "Mercury (planet)" is spoken of as Mercury
_LONGEST = 12  # words of a title that anyone writes out
_FOUND = 20  # passages looked through for a name
_TEXTS = 4096  # as many as a snapshot keeps passages


@dataclass(frozen=True, slots=True)
class Mention:
    """A title at ``text[start:end]``, and the rows of the documents that bear it."""

    start: int
    end: int
    key: Key
    refs: tuple[Ref, ...]


def title_key(title: str) -> Key:
    """The words a title is known by: casefolded, without a qualifier in brackets at its end; () where it has none."""
    return tuple(map(str.casefold, _WORD.findall(_QUALIFIER.sub("", title) or title)))


class Links(Protocol):
    """What passages go by, so that others can speak of them."""

    def own(self, chunk: Chunk) -> Key:
        """The name of a passage; () where it has none."""
        ...

    def refs(self, key: Key, where: str | None = None) -> tuple[Ref, ...]:
        """The rows that go by a name, of those that ``where`` admits."""
        ...

    def mentions(self, text: str, language: str = "", where: str | None = None) -> Iterator[Mention]:
        """The names in a text by which admitted passages go, in order."""
        ...

    def naming(self, key: Key, where: str | None = None) -> list[Ref]:
        """The rows of admitted passages that speak of a name, and do not go by it."""
        ...


class _Place(NamedTuple):
    """Where a text has the words of titles: from which word on, and the titles, longest first, with their offsets."""

    word: int
    titles: tuple[tuple[Key, int, int], ...]


class _Titles:
    """What the titles of a snapshot are, and where the texts read last have their words."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.refs: dict[Key, list[Ref]] = defaultdict(list)
        lengths: dict[str, set[int]] = defaultdict(set)
        for title, rows in snapshot.titles():
            key = title_key(title)
            if key and len(key) <= _LONGEST and _written_as_name(title):
                self.refs[key].extend(rows)
                lengths[key[0]].add(len(key))
        self._lengths = {first: sorted(found, reverse=True) for first, found in lengths.items()}
        self.places = lru_cache(_TEXTS)(self._places)

    def _places(self, text: str, language: str) -> tuple[_Place, ...]:
        words = [(match.group(), match.start(), match.end()) for match in _WORD.finditer(text)]
        folded = [word.casefold() for word, _, _ in words]
        places = []
        for first, word in enumerate(folded):
            found = []
            for length in self._lengths.get(word, ()):
                key = tuple(folded[first : first + length])
                written = [one for one, _, _ in words[first : first + length]]
                if len(key) == length and key in self.refs and _is_name(written, language):
                    found.append((key, words[first][1], words[first + length - 1][2]))
            if found:
                places.append(_Place(first, tuple(found)))
        return tuple(places)


_read: WeakKeyDictionary[Snapshot, _Titles] = WeakKeyDictionary()


class TitleIndex:
    """The titles of a snapshot's documents, by their words; read once for each snapshot.

    A title without a capital, in a script that has them, is a description and not a name: nothing goes by it.
    """

    def __init__(self, snapshot: Snapshot, *, isolation: bool = False) -> None:
        self.snapshot = snapshot
        self.isolation = isolation
        found = _read.get(snapshot)
        if found is None:
            found = _read[snapshot] = _Titles(snapshot)
        self._titles = found

    def __len__(self) -> int:
        """Different titles."""
        return len(self._titles.refs)

    def own(self, chunk: Chunk) -> Key:
        """The title of a passage's document."""
        return title_key(chunk.title)

    def refs(self, key: Key, where: str | None = None) -> tuple[Ref, ...]:
        """The rows under a title that ``where`` admits."""
        found = self._titles.refs.get(key)
        return tuple(self.snapshot.admitted(found, where)) if found else ()

    def mentions(self, text: str, language: str = "", where: str | None = None) -> Iterator[Mention]:
        """The titles that a text names, in order and apart; of titles within one another the longest.

        A title counts where it is written as a name: with a capital somewhere (in scripts that have them), and not
        as a single function word, letter or number. Titles of passages that ``where`` does not admit are not seen.
        """
        after = 0
        for word, titles in self._titles.places(text, language):
            if word < after:
                continue
            for key, start, end in titles:
                refs = self.refs(key, where)
                if refs:
                    yield Mention(start, end, key, refs)
                    after = word + len(key)
                    break

    def naming(self, key: Key, where: str | None = None) -> list[Ref]:
        """The rows of passages that name a title, those of documents that bear it left out."""
        return [
            ref
            for ref, chunk in holding(self.snapshot, key, where, isolation=self.isolation)
            if self.own(chunk) != key
            and any(mention.key == key for mention in self.mentions(chunk.text, chunk.language, where))
        ]


def _written_as_name(text: str) -> bool:
    return text.upper() == text.lower() or any(map(str.isupper, text))


def _is_name(words: Sequence[str], language: str) -> bool:
    joined = "".join(words)
    if joined.upper() != joined.lower() and not any(word[0].isupper() for word in words):
        return False
    if len(words) > 1:
        return True
    return not (len(joined) < 2 or joined.isdigit() or _SPACELESS.match(joined)) and not is_stop_word(joined, language)


def holding(snapshot: Snapshot, key: Key, where: str | None, *, isolation: bool = False) -> list[tuple[Ref, Chunk]]:
    """The best passages by BM25 for the words of a name, those that hold all of them."""
    name = " ".join(key)
    wanted = query_terms(name, snapshot.languages)
    if not wanted:
        return []
    refs = snapshot.sparse(wanted, _FOUND, where, isolation=isolation).refs.tolist()
    return [
        (ref, chunk)
        for ref, chunk in zip(refs, snapshot.chunks(refs), strict=True)
        if set(passage_terms(chunk)).issuperset(terms(name, chunk.language))
    ]
