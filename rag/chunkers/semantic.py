"""Passages that end where the subject changes, by the embedder's measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from rag.chunkers._packing import Header, Packer, check_budget
from rag.chunkers._spans import Span
from rag.chunkers._units import runs, units
from rag.chunkers.structure import sections
from rag.errors import ChunkError
from rag.protocols import Embedder
from rag.text.budgets import beginning
from rag.types import Chunk, Document, Vectors

Distances = npt.NDArray[np.float64]


class SemanticChunker:
    """Cuts where neighbouring groups of sentences are far apart, never over a heading, a table or code. A Chunker.

    The distance at a boundary is 1 - the cosine of the mean vectors of the ``group`` sentences before and after it
    within its section, as TextTiling compares blocks (Hearst, "TextTiling: Segmenting Text into Multi-paragraph
    Subtopic Passages", Computational Linguistics 1997, section 5). Boundaries above the ``percentile`` of the
    document's distances are cut (Kamradt, "5 Levels of Text Splitting", 2023, level 4). A passage over the budget is
    cut at its greatest distance. Neither leaves less than ``min_tokens``, where the budget admits it.

    The sentences of a document are embedded together, once each; one over the embedder's limit by its beginning.
    """

    def __init__(
        self,
        *,
        embedder: Embedder,
        max_tokens: int,
        min_tokens: int | None = None,
        percentile: float = 90.0,
        group: int = 3,
    ) -> None:
        """``max_tokens`` includes context header and special tokens; ``min_tokens`` is a quarter of it if None.

        Raises ChunkError.
        """
        check_budget(embedder.tokenizer, max_tokens)
        self._min = max_tokens // 4 if min_tokens is None else min_tokens
        if not 0 <= self._min <= max_tokens:
            raise ChunkError(
                f"min_tokens is {self._min}, max_tokens {max_tokens}",
                where="min_tokens",
                hint="choose 0 <= min_tokens <= max_tokens",
            )
        if not 0 <= percentile <= 100 or group < 1:
            raise ChunkError(
                f"percentile is {percentile}, group {group}",
                where="percentile",
                hint="choose 0 <= percentile <= 100 and group >= 1",
            )
        self._embedder = embedder
        self._max_tokens = max_tokens
        self._percentile = percentile
        self._group = group

    def chunk(self, document: Document) -> Iterator[Chunk]:
        """Passages in order. Raises ChunkError, EmbeddingError."""
        packer = Packer(document, self._embedder.tokenizer, self._max_tokens)
        found = [(packer.header(path), run) for path, spans in sections(document) for run in runs(units(packer, spans))]
        vectors = self._embed(packer, [span for _, run in found for span in run if len(run) > 1])
        apart: list[Distances] = []
        place = 0
        for _, run in found:
            own = len(run) if len(run) > 1 else 0
            apart.append(_distances(vectors[place : place + own], self._group))
            place += own
        every = np.concatenate([np.zeros(0), *apart])
        threshold = float(np.percentile(every, self._percentile)) if len(every) else 0.0
        for (_, run), distances in zip(found, apart, strict=True):
            # a heading stays with what follows it
            distances[[span.kind == "heading" for span in run[:-1]]] = -1.0
        for (header, run), distances in zip(found, apart, strict=True):
            for part in self._parts(packer, header, run, distances, threshold):
                for passage in packer.fill(part, header):
                    yield passage.chunk

    def _parts(
        self, packer: Packer, header: Header, run: Sequence[Span], distances: Distances, threshold: float
    ) -> Iterator[Sequence[Span]]:
        """The run in parts within the budget, cut from the greatest distance down; one large unit is left whole."""
        weights = np.cumsum([0, *(packer.meter.weight(span.start, span.end) for span in run)])
        left = [(0, len(run))]
        while left:
            first, last = left.pop()
            cut = _cut(weights[first : last + 1], distances[first : last - 1], header.room, self._min, threshold)
            if cut is None:
                yield run[first:last]
            else:
                left += [(first + cut, last), (first, first + cut)]

    def _embed(self, packer: Packer, spans: Sequence[Span]) -> Vectors:
        if not spans:
            return np.zeros((0, self._embedder.dim), np.float32)
        texts = [packer.text[span.start : span.end] for span in spans]
        tokenizer, limit = self._embedder.tokenizer, self._embedder.max_tokens
        return self._embedder.embed_documents([beginning(text, tokenizer, limit) for text in texts])


def _cut(weights: npt.NDArray[np.int64], distances: Distances, room: int, least: int, threshold: float) -> int | None:
    """After how many of its units a part is cut, None if it is not. ``weights`` are cumulative, units + 1 of them."""
    if len(distances) == 0:
        return None
    before = weights[1:-1] - weights[0]
    after = weights[-1] - weights[1:-1]
    balanced = np.minimum(before, after) >= least
    oversize = weights[-1] - weights[0] > room
    if balanced.any():
        best = int(np.argmax(np.where(balanced, distances, -np.inf)))
        return best + 1 if oversize or distances[best] > threshold else None
    # no cut leaves both sides enough: the most even one
    return int(np.argmax(np.minimum(before, after))) + 1 if oversize else None


def _distances(vectors: Vectors, group: int) -> Distances:
    """At each of the n - 1 boundaries between vectors (n, dim): 1 - the cosine of the groups' means around it."""
    count = len(vectors)
    if count < 2:
        return np.zeros(0)
    sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors.astype(np.float64), axis=0)])
    at = np.arange(1, count)
    before = sums[at] - sums[np.maximum(at - group, 0)]
    after = sums[np.minimum(at + group, count)] - sums[at]
    norms = np.linalg.norm(before, axis=1) * np.linalg.norm(after, axis=1)
    # rounded, so that a last digit that differs between machines does not decide where equals are cut
    apart: Distances = np.round(1 - (before * after).sum(axis=1) / np.maximum(norms, 1e-12), 6)
    return apart
