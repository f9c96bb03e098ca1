"""Terms of passages and of their sentences as the index has them, kept for the passages seen last."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rag.index import Snapshot
from rag.text import sentences, terms
from rag.types import Chunk

_CACHED = 4096  # passages, as many as a snapshot keeps


class SentenceTerms(NamedTuple):
    """The distinct terms of a sentence, and how many it has in all."""

    terms: frozenset[str]
    length: int


def passage_terms(chunk: Chunk) -> tuple[str, ...]:
    """The terms that a passage is indexed by, its header's among them."""
    return _terms(chunk.content, chunk.language)


def sentence_terms(chunk: Chunk) -> tuple[SentenceTerms, ...]:
    """The terms of each sentence of a passage's text, in order; none for a sentence without terms."""
    return _sentence_terms(chunk.text, chunk.language)


def rarities(snapshot: Snapshot, found: Iterable[str], where: str | None = None) -> Mapping[str, float]:
    """The idf of each distinct term that the passages ``where`` admits hold: ln(1 + (N - df + 0.5) / (df + 0.5))."""
    distinct = sorted(set(found))
    total, frequencies = snapshot.frequencies(distinct, where)
    return {
        term: math.log(1 + (total - frequency + 0.5) / (frequency + 0.5))
        for term, frequency in zip(distinct, frequencies, strict=True)
        if frequency
    }


@lru_cache(_CACHED)
def _terms(content: str, language: str) -> tuple[str, ...]:
    return tuple(terms(content, language))


@lru_cache(_CACHED)
def _sentence_terms(text: str, language: str) -> tuple[SentenceTerms, ...]:
    found: Sequence[list[str]] = [terms(text[start:end], language) for start, end in sentences(text, language)]
    return tuple(SentenceTerms(frozenset(one), len(one)) for one in found if one)
