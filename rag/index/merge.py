"""Merging segments: which, when, and how.

Policy: segments fall into tiers by their live rows, each tier ``FACTOR`` times the one below, all
under ``FLOOR`` rows in the lowest. ``FACTOR`` segments of one tier are merged into one of the next,
and a segment more than half dead is rewritten. So a row is copied about log8(n / 1,000) times, and n
rows lie in at most 7 segments a tier.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rag.index.segments import Mask, Postings, Rows, Segment, SegmentData
from rag.types import Vectors

FACTOR = 8
FLOOR = 1024
BLOCK = 1 << 22  # postings held in memory at once while merging
ROWS = 1 << 14  # vectors held in memory at once while merging


@dataclass(frozen=True, slots=True)
class Load:
    """A segment as the policy sees it."""

    number: int
    rows: int
    live: int


def due(loads: Sequence[Load]) -> list[list[int]]:
    """Groups of segment numbers to merge now, oldest first in each."""
    tiers: dict[int, list[int]] = {}
    groups: list[list[int]] = []
    for load in loads:
        if load.live * 2 < load.rows:
            groups.append([load.number])
        else:
            tiers.setdefault(_tier(load.live), []).append(load.number)
    groups.extend(members for members in tiers.values() if len(members) >= FACTOR)
    return groups


def _tier(rows: int) -> int:
    tier = 0
    while rows > FLOOR:
        rows //= FACTOR
        tier += 1
    return tier


def merged(segments: Sequence[Segment], dim: int) -> SegmentData:
    """The live rows of the segments, in order, as one segment.

    Memory is bounded by BLOCK, ROWS, the ids and the dictionary.
    """
    masks = [np.ones(s.size, np.bool_) if s.live is None else s.live for s in segments]
    dictionaries = [segment.dictionary() for segment in segments]
    terms = sorted(set().union(*dictionaries))
    number = {term: index for index, term in enumerate(terms)}
    places = [np.array([number[term] for term in words], np.int64) for words in dictionaries]
    return SegmentData(
        ids=np.concatenate([s.ids[mask] for s, mask in zip(segments, masks, strict=True)]),
        rows=np.concatenate([s.rows[mask] for s, mask in zip(segments, masks, strict=True)]),
        vectors=_vectors(segments, masks) if dim else None,
        dim=dim,
        terms=terms,
        postings=_postings(segments, masks, places, len(terms)),
        total=sum(_count(s, mask) for s, mask in zip(segments, masks, strict=True)),
    )


def _count(segment: Segment, mask: Mask) -> int:
    if segment.live is None:
        return len(segment.postings)
    starts = range(0, len(segment.postings), BLOCK)
    return sum(int(np.count_nonzero(mask[segment.postings[start : start + BLOCK, 0]])) for start in starts)


def _vectors(segments: Sequence[Segment], masks: Sequence[Mask]) -> Iterator[Vectors]:
    for segment, mask in zip(segments, masks, strict=True):
        if segment.vectors is None:
            raise AssertionError("a segment without vectors in an index with an embedder")
        for start in range(0, segment.size, ROWS):
            yield segment.vectors[start : start + ROWS][mask[start : start + ROWS]]


def _postings(
    segments: Sequence[Segment], masks: Sequence[Mask], places: Sequence[Rows], vocabulary: int
) -> Iterator[tuple[Rows, Postings]]:
    """Postings of all segments by runs of terms of at most BLOCK postings, or of one term."""
    bases = np.cumsum([0, *(np.count_nonzero(mask) for mask in masks)])
    moved = [np.cumsum(mask) - 1 + base for mask, base in zip(masks, bases.tolist(), strict=False)]
    load = np.zeros(vocabulary + 1, np.int64)
    for segment, place in zip(segments, places, strict=True):
        load[place + 1] += np.diff(segment.bounds[1])
    ends = np.cumsum(load)
    start = 0
    while start < vocabulary:
        stop = max(start + 1, int(np.searchsorted(ends, ends[start] + BLOCK, side="right")) - 1)
        stop = min(stop, vocabulary)
        runs: list[Postings] = []
        terms: list[Rows] = []
        for segment, mask, place, target in zip(segments, masks, places, moved, strict=True):
            first, last = np.searchsorted(place, [start, stop]).tolist()
            found = segment.postings_of(first, last)
            term = np.repeat(place[first:last], np.diff(segment.bounds[1, first : last + 1]))
            kept = mask[found[:, 0]]
            terms.append(term[kept])
            runs.append(np.stack([target[found[kept, 0]], found[kept, 1]], axis=1).astype(np.uint32))
        term = np.concatenate(terms)
        order = np.argsort(term, kind="stable")
        yield np.bincount(term - start, minlength=stop - start).astype(np.int64), np.concatenate(runs)[order]
        start = stop
