"""A segment: the rows of some chunks, in six immutable files.

| role     | shape        | dtype   | holds                                                          |
|----------|--------------|---------|----------------------------------------------------------------|
| ids      | (n, 2, 16)   | uint8   | chunk id, content id                                           |
| rows     | (n, 3)       | int64   | document number, place in the document, length in terms        |
| vectors  | (n, dim)     | float32 | unit vectors; absent in an index without an embedder           |
| terms    | (bytes,)     | uint8   | the distinct terms in UTF-8, sorted by their bytes, joined     |
| bounds   | (2, t + 1)   | int64   | where each term's bytes and its postings begin                 |
| postings | (p, 2)       | uint32  | row, term frequency; sorted by term, then row                  |

A row's reference in a snapshot is ``base + row``, counted over the segments in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rag.errors import CorruptIndexError
from rag.index.files import Array, StoredFile, map_array, write_array
from rag.types import Vectors

Rows: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Postings: TypeAlias = npt.NDArray[np.uint32]

_LAYOUT: Mapping[str, tuple[str, int]] = {
    "ids": ("|u1", 3),
    "rows": ("<i8", 2),
    "vectors": ("<f4", 2),
    "terms": ("|u1", 1),
    "bounds": ("<i8", 2),
    "postings": ("<u4", 2),
    "ann": ("|u1", 1),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A mapped segment. ``live`` marks the rows not deleted, None where all are live."""

    number: int
    base: int
    ids: Array
    rows: Array
    vectors: Vectors | None
    terms: Array
    bounds: Array
    postings: Array
    ann: StoredFile | None
    live: Mask | None = None

    @property
    def size(self) -> int:
        """Rows, deleted ones included."""
        return int(self.rows.shape[0])

    @property
    def vocabulary(self) -> int:
        """Distinct terms."""
        return int(self.bounds.shape[1]) - 1

    def term(self, index: int) -> bytes:
        """A term of the dictionary."""
        start, stop = self.bounds[0, index : index + 2].tolist()
        return self.terms[start:stop].tobytes()

    def find(self, term: bytes) -> int | None:
        """The index of a term in the dictionary."""
        low, high = 0, self.vocabulary
        item, blob = self.bounds.item, self.terms.data
        while low < high:
            middle = (low + high) // 2
            found = blob[item(0, middle) : item(0, middle + 1)].tobytes()
            if found == term:
                return middle
            if found < term:
                low = middle + 1
            else:
                high = middle
        return None

    def postings_of(self, start: int, stop: int) -> Array:
        """The postings (p, 2) of the terms from ``start`` up to ``stop``."""
        return self.postings[self.bounds.item(1, start) : self.bounds.item(1, stop)]

    def dictionary(self) -> list[bytes]:
        """All terms, in order."""
        blob = self.terms.tobytes()
        offsets = self.bounds[0].tolist()
        return [blob[start:stop] for start, stop in pairwise(offsets)]


def spread(segments: Sequence[Segment], rows: Rows) -> Iterator[tuple[Segment, Mask | slice]]:
    """The segments that hold any of the rows (counted over all segments), and which of the rows each holds."""
    if len(segments) == 1:
        yield segments[0], slice(None)
        return
    for segment in segments:
        own = (rows >= segment.base) & (rows < segment.base + segment.size)
        if own.any():
            yield segment, own


def open_segment(
    folder: Path, number: int, *, base: int, size: int, files: Mapping[str, StoredFile], live: Mask | None
) -> Segment:
    """Map a segment's files. Raises FileNotFoundError, CorruptIndexError."""
    arrays = {role: map_array(folder, files[role], *_LAYOUT[role]) for role in files if role != "ann"}
    missing = {"ids", "rows", "terms", "bounds", "postings"} - arrays.keys()
    if missing:
        raise CorruptIndexError(f"segment {number} has no {sorted(missing)}", where=str(folder))
    lengths = {len(arrays[role]) for role in ("ids", "rows", "vectors") if role in arrays}
    if lengths != {size}:
        raise CorruptIndexError(f"segment {number} has {sorted(lengths)} rows, expected {size}", where=str(folder))
    return Segment(
        number=number,
        base=base,
        ids=arrays["ids"],
        rows=arrays["rows"],
        vectors=arrays.get("vectors"),
        terms=arrays["terms"],
        bounds=arrays["bounds"],
        postings=arrays["postings"],
        ann=files.get("ann"),
        live=live,
    )


@dataclass(frozen=True, slots=True)
class SegmentData:
    """What a new segment will hold.

    ``postings`` yields, for runs of ``terms`` in order, how many postings each term has, and those
    postings; ``total`` is their number over all terms.
    """

    ids: Array
    rows: Rows
    vectors: Iterable[Vectors] | None
    dim: int
    terms: Sequence[bytes]
    postings: Iterator[tuple[Rows, Postings]]
    total: int


def write_segment(folder: Path, data: SegmentData) -> dict[str, StoredFile]:
    """Write a segment's files; the caller then syncs the folder and names them in the catalogue."""
    frequencies: list[Rows] = []

    def blocks() -> Iterator[Postings]:
        for counts, postings in data.postings:
            frequencies.append(counts)
            yield postings

    files = {
        "ids": write_array(folder, "|u1", data.ids.shape, [data.ids]),
        "rows": write_array(folder, "<i8", data.rows.shape, [data.rows]),
        "postings": write_array(folder, "<u4", (data.total, 2), blocks()),
    }
    if data.vectors is not None:
        files["vectors"] = write_array(folder, "<f4", (len(data.rows), data.dim), data.vectors)
    counts = np.concatenate([np.zeros(0, np.int64), *frequencies])
    # A term whose last passage was deleted has no postings: it leaves the dictionary.
    terms = [term for term, count in zip(data.terms, counts.tolist(), strict=True) if count]
    blob = b"".join(terms)
    bounds = np.zeros((2, len(terms) + 1), np.int64)
    bounds[0, 1:] = list(accumulate(map(len, terms)))
    bounds[1, 1:] = np.cumsum(counts[counts > 0])
    files["terms"] = write_array(folder, "|u1", (len(blob),), [np.frombuffer(blob, np.uint8)])
    files["bounds"] = write_array(folder, "<i8", bounds.shape, [bounds])
    return files
