"""Vectors that an index already holds, by content id, so that no content is embedded twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.index.files import Array
from rag.index.segments import Rows, Segment
from rag.index.staging import Staging
from rag.index.store import load_segments
from rag.types import Vectors


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A segment's content ids in order, and the row of each."""

    segment: Segment
    contents: Array
    rows: Rows


class KnownVectors:
    """Looks content ids up in what is staged and in the segments, deleted rows included."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path
        self._lookups: dict[int, _Lookup] = {}

    def find(self, staging: Staging, content_ids: Iterable[str]) -> dict[str, Vectors]:
        """The vectors (dim,) of those that are known."""
        found: dict[str, Vectors] = {}
        if not staging.dim:
            return found
        missing: list[str] = []
        for content_id in dict.fromkeys(content_ids):
            vector = staging.vector_of(bytes.fromhex(content_id))
            if vector is None:
                missing.append(content_id)
            else:
                found[content_id] = vector
        for lookup in self._current() if missing else []:
            wanted = np.array([bytes.fromhex(content_id) for content_id in missing], "S16")
            places = np.minimum(np.searchsorted(lookup.contents, wanted), len(lookup.contents) - 1)
            hits = lookup.contents[places] == wanted
            for content_id, place, hit in zip(missing, places.tolist(), hits.tolist(), strict=True):
                if hit and lookup.segment.vectors is not None:
                    found[content_id] = np.array(lookup.segment.vectors[lookup.rows[place]])
            missing = [content_id for content_id in missing if content_id not in found]
            if not missing:
                break
        return found

    def _current(self) -> list[_Lookup]:
        numbers = [number for (number,) in self._db.execute("SELECT number FROM segments ORDER BY number DESC")]
        new = [number for number in numbers if number not in self._lookups]
        for segment in load_segments(self._db, self._path, new) if new else []:
            contents = np.ascontiguousarray(segment.ids[:, 1]).view("S16").ravel()
            order = np.argsort(contents, kind="stable")
            self._lookups[segment.number] = _Lookup(segment, contents[order], order)
        self._lookups = {number: self._lookups[number] for number in numbers}
        return list(self._lookups.values())
