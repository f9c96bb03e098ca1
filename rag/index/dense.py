"""Nearest vectors by inner product, exact, with the same scores whatever the segments, threads or machine.

Single-precision products of whole segments find the candidates: every row that rounding could place
among the best ``k``. Those are scored again in double precision, row by row. The products are taken
one row after another (``vecdot``): as fast as a matrix product once memory is the limit, and without
its wait for other threads, which takes milliseconds on a busy machine.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rag.index.ann import Ann
from rag.index.segments import Mask, Rows, Segment, spread
from rag.types import Vectors

Scores = npt.NDArray[np.float64]

SELECTIVE = 8  # a filter that admits less than one row in this many is searched row by row


def candidates(
    segments: Sequence[Segment], anns: Sequence[Ann | None], query: Vectors, k: int, mask: Mask | None
) -> Rows:
    """Rows that hold the best ``k`` of ``mask`` (None: of all); ``anns`` search theirs approximately."""
    rows: list[Rows] = []
    scores: list[npt.NDArray[np.float32]] = []
    for segment, ann in zip(segments, anns, strict=True):
        if segment.vectors is None:
            continue
        admitted = None if mask is None else mask[segment.base : segment.base + segment.size]
        number = segment.size if admitted is None else int(np.count_nonzero(admitted))
        if ann is not None and number * SELECTIVE > segment.size:
            found = ann.candidates(query, min(2 * k, number), admitted)
            score = np.vecdot(segment.vectors[found], query)
        elif admitted is None:
            score = np.vecdot(segment.vectors, query)
            found = np.arange(segment.size)
        elif number * SELECTIVE > segment.size:
            found = np.flatnonzero(admitted)
            score = np.vecdot(segment.vectors, query)[found]
        else:
            found = np.flatnonzero(admitted)
            score = np.vecdot(segment.vectors[found], query)
        rows.append(found + segment.base)
        scores.append(score)
    if not rows:
        return np.zeros(0, np.int64)
    row, score = np.concatenate(rows), np.concatenate(scores)
    if len(row) <= k:
        return row
    kth = np.partition(score, len(score) - k)[len(score) - k]
    best: Rows = row[score >= kth - 2 * _rounding(len(query))]
    return best


def exact(segments: Sequence[Segment], query: Vectors, rows: Rows) -> Scores:
    """Inner products of a query (dim,) with the vectors of rows, in double precision."""
    wide = query.astype(np.float64)
    scores = np.zeros(len(rows))
    for segment, own in spread(segments, rows):
        if segment.vectors is not None:
            vectors = segment.vectors[rows[own] - segment.base].astype(np.float64)
            scores[own] = (vectors * wide).sum(axis=1)
    return scores


def _rounding(dim: int) -> float:
    """Bound on the error of a single-precision inner product of unit vectors (Higham 2002, 3.1)."""
    return 1.01 * dim * 2.0**-24
