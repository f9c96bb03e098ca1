"""Passages of nearly the same text, found by MinHash, collapse to the best ranked of them; none is lost.

Broder, "On the resemblance and containment of documents", 1997: the chance that two sets have the same least element
under a random order is their Jaccard similarity. A hundred hits are sketched and compared in milliseconds with NumPy
alone, so no index of sketches (LSH, as datasketch has it) is needed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from rag.errors import QueryError
from rag.protocols import Retriever
from rag.tracing import step
from rag.types import Hit

Sketch = npt.NDArray[np.uint64]

SHINGLE = 5  # characters, so that scripts without blanks need no words
PERMUTATIONS = 256  # the estimate's standard error is sqrt(J (1 - J) / 256): .02 at J = .9
REACH = 2  # hits looked at for each one asked for
_MAX = 2**32 - 1

_RANDOM = np.random.default_rng(20_241_122)
_POWERS = np.array([0x9E3779B97F4A7C15], np.uint64) ** np.arange(SHINGLE, dtype=np.uint64)
_FACTORS = _RANDOM.integers(1, 2**63, PERMUTATIONS, np.uint64) * np.uint64(2) + np.uint64(1)
_OFFSETS = _RANDOM.integers(0, 2**63, PERMUTATIONS, np.uint64)


def shingles(text: str) -> Sketch:
    """Hashes of the text's different runs of SHINGLE characters; of a shorter text, of its only one.

    Case, compatibility forms and white space do not count.
    """
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    points = np.frombuffer(folded.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    if len(points) < SHINGLE:
        points = np.concatenate([points, np.zeros(SHINGLE - len(points), np.uint64)])
    runs = np.lib.stride_tricks.sliding_window_view(points, SHINGLE)
    mixed = (runs * _POWERS).sum(axis=1, dtype=np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # SplitMix64's finalizer
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.unique(mixed ^ (mixed >> np.uint64(31)))


@lru_cache(maxsize=4096)
def sketch(text: str) -> Sketch:
    """The least hash (PERMUTATIONS,) of the text's shingles under each of as many random orders."""
    hashed = shingles(text)
    least = np.full(PERMUTATIONS, _MAX, np.uint64)
    for start in range(0, len(hashed), 1024):
        # the high half of a product modulo 2^64 is the well-mixed one (multiply-shift hashing)
        orders = (hashed[start : start + 1024, None] * _FACTORS + _OFFSETS) >> np.uint64(32)
        least = np.minimum(least, orders.min(axis=0))
    return least


def resemblance(one: str, other: str) -> float:
    """The Jaccard similarity of two texts' shingles, from 0 to 1, as their sketches estimate it."""
    return float(np.mean(sketch(one) == sketch(other)))


def collapse(hits: Sequence[Hit], k: int, *, threshold: float) -> list[Hit]:
    """The first ``k`` hits of which no two are alike; the others are listed in the ``duplicates`` of theirs.

    A hit whose text resembles that of a better one by ``threshold`` or more is a duplicate of it. Hits keep their
    score; ranks are new. Raises QueryError for a threshold out of range.
    """
    if not 0 < threshold <= 1:
        raise QueryError(f"the threshold is {threshold}", where="threshold", hint="choose above 0, and at most 1")
    kept: list[Hit] = []
    alike: list[list[Hit]] = []
    for hit in hits:
        texts = (one.chunk.text for one in kept)
        place = next((i for i, text in enumerate(texts) if resemblance(text, hit.chunk.text) >= threshold), None)
        if place is not None:
            alike[place].append(hit)
        elif len(kept) < k:
            kept.append(hit)
            alike.append([])
    return [
        replace(hit, rank=rank, duplicates=(*hit.duplicates, *others))
        for rank, (hit, others) in enumerate(zip(kept, alike, strict=True), 1)
    ]


class DeduplicatedRetriever:
    """Hits of another retriever, of which no two are nearly the same text.

    Only what that retriever found for the question, under its filter, is compared and listed.
    """

    def __init__(self, retriever: Retriever, *, threshold: float = 0.9) -> None:
        self.retriever = retriever
        self.threshold = threshold

    def reach(self, k: int) -> int:
        """How many hits are looked at to return ``k``."""
        return REACH * k

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first. Raises QueryError, FilterError."""
        if k < 1:
            raise QueryError(f"k is {k}", hint="ask for at least 1 passage")
        hits = self.retriever.retrieve(query, self.reach(k), where=where)
        with step("near-duplicates", hits=len(hits)) as taken:
            distinct = collapse(hits, k, threshold=self.threshold)
            taken.note(hits=len(distinct), duplicates=sum(len(hit.duplicates) for hit in distinct))
        return distinct
