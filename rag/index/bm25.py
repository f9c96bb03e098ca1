"""BM25 over the postings of all segments, exact for the rows that count.

``lucene`` (Lucene's BM25Similarity without its one-byte lengths; bm25s ``method="lucene"``)::

    idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5))
    score(d) = sum over t of idf(t) * tf / (tf + k1 * (1 - b + b * |d| / avgdl))

``okapi`` (rank_bm25's BM25Okapi)::

    idf(t) = ln((N - df + 0.5) / (df + 0.5)), or 0.25 * the mean idf of the vocabulary where that is negative
    score(d) = sum over t of idf(t) * tf * (k1 + 1) / (tf + k1 * (1 - b + b * |d| / avgdl))

N, df and avgdl are those of the rows that count: the live ones, or with isolation those of the
filter. A term counts as often as the query holds it, or by the weight it is given. Scores are
float64 sums in the order of the terms, so they do not depend on how rows are spread over segments.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rag.index.segments import Mask, Rows, Segment
from rag.index.settings import IndexSettings

EPSILON = 0.25
CACHED_TERMS = 1 << 16

Scores = npt.NDArray[np.float64]


@dataclass(slots=True)
class Bm25:
    """Scores for the segments of a snapshot; ``counted`` marks, over all their rows, those that count."""

    segments: Sequence[Segment]
    settings: IndexSettings
    counted: Mask | None
    chunks: int
    average: float
    _norms: npt.NDArray[np.float64]
    _floor: float | None = None
    _known: dict[bytes, list[tuple[Segment, int]]] = field(default_factory=dict)

    @classmethod
    def over(cls, segments: Sequence[Segment], settings: IndexSettings, lengths: Rows, counted: Mask | None) -> Bm25:
        """Statistics of the rows ``counted`` (None: of all); ``lengths`` are all rows' lengths in terms."""
        own = lengths if counted is None else lengths[counted]
        # Whole numbers divided once: the same mean in whatever order the rows lie.
        average = int(own.sum()) / len(own) if len(own) else 0.0
        relative = lengths / average if average else np.zeros(len(lengths))
        norms = settings.k1 * (1 - settings.b + settings.b * relative)
        return cls(segments, settings, counted, len(own), average, norms)

    def scores(self, terms: Sequence[str] | Mapping[str, float]) -> tuple[Scores, Mask]:
        """Scores of all rows, and which of the rows that count hold any of the terms.

        A mapping gives the terms' weights in place of their counts; they are positive.
        """
        scores = np.zeros(len(self._norms))
        matched = np.zeros(len(self._norms), np.bool_)
        gain = self.settings.k1 + 1 if self.settings.variant == "okapi" else 1.0
        weights = terms if isinstance(terms, Mapping) else Counter(terms)
        for term, times in sorted(weights.items()):
            found = self._postings(term.encode("utf-8", "surrogatepass"))
            frequency = sum(len(rows) for rows, _ in found)
            if not frequency:
                continue
            weight = times * gain * self.idf(frequency)
            for rows, counts in found:
                scores[rows] += weight * counts / (counts + self._norms[rows])
                matched[rows] = True
        return scores, matched

    def frequency(self, term: str) -> int:
        """How many of the rows that count hold a term."""
        return sum(len(rows) for rows, _ in self._postings(term.encode("utf-8", "surrogatepass")))

    def idf(self, frequency: int) -> float:
        """The weight of a term found in ``frequency`` of the rows that count."""
        if self.settings.variant == "lucene":
            return math.log(1 + (self.chunks - frequency + 0.5) / (frequency + 0.5))
        idf = _okapi(self.chunks, frequency)
        if idf >= 0:
            return idf
        if self._floor is None:
            self._floor = EPSILON * self._mean_idf()
        return self._floor

    def _postings(self, term: bytes) -> list[tuple[Rows, npt.NDArray[np.float64]]]:
        found = []
        for segment, index in self._places(term):
            postings = segment.postings_of(index, index + 1)
            rows = postings[:, 0].astype(np.int64) + segment.base
            counts = postings[:, 1].astype(np.float64)
            if self.counted is not None:
                kept = self.counted[rows]
                rows, counts = rows[kept], counts[kept]
            if len(rows):
                found.append((rows, counts))
        return found

    def _places(self, term: bytes) -> list[tuple[Segment, int]]:
        """Where the dictionaries hold a term."""
        places = self._known.get(term)
        if places is None:
            found = ((segment, segment.find(term)) for segment in self.segments)
            places = [(segment, index) for segment, index in found if index is not None]
            if len(self._known) >= CACHED_TERMS:
                self._known.clear()
            self._known[term] = places
        return places

    def _mean_idf(self) -> float:
        frequencies: Counter[bytes] = Counter()
        for segment in self.segments:
            held = np.diff(segment.bounds[1])
            if self.counted is not None:
                counted = self.counted[segment.base : segment.base + segment.size]
                kept = np.concatenate([[0], np.cumsum(counted[segment.postings[:, 0]])])
                held = kept[segment.bounds[1, 1:]] - kept[segment.bounds[1, :-1]]
            frequencies.update(dict(zip(segment.dictionary(), held.tolist(), strict=True)))
        present = Counter(frequency for frequency in frequencies.values() if frequency)
        total = math.fsum(times * _okapi(self.chunks, frequency) for frequency, times in sorted(present.items()))
        return total / present.total() if present else 0.0


def _okapi(chunks: int, frequency: int) -> float:
    return math.log(chunks - frequency + 0.5) - math.log(frequency + 0.5)
