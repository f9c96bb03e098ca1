"""Checking all that an index promises: every file's hash, the catalogue, and that both agree."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rag.errors import CorruptIndexError
from rag.index import catalogue, store
from rag.index.catalogue import SEGMENTS, storage_errors, unpack
from rag.index.files import StoredFile, hash_file
from rag.index.segments import Segment

NORM_TOLERANCE = 1e-3


def verify(path: Path | str) -> list[str]:
    """All problems found in the last commit, each naming what it is about; empty if there are none.

    Raises NotAnIndexError, IndexFormatError, and StorageError where the index cannot be read at all.
    """
    folder = Path(path)
    with storage_errors(folder):
        db = catalogue.connect(folder, write=False)
        try:
            db.execute("BEGIN")
            catalogue.read_as_current(db)
            problems = list(_catalogue(db))
            if problems:  # what a damaged catalogue says of the files proves nothing
                return problems
            problems = list(_files(db, folder))
            return problems or [*_counts(db), *_segments(db, folder), *_texts(db)]
        finally:
            db.close()


def _catalogue(db: sqlite3.Connection) -> Iterator[str]:
    try:
        for (line,) in db.execute("PRAGMA integrity_check").fetchall():
            if line != "ok":
                yield f"{catalogue.NAME}: {line}"
        for table, _, parent, _ in db.execute("PRAGMA foreign_key_check").fetchall():
            yield f"{catalogue.NAME}: a row of {table} refers to a row of {parent} that is not there"
    except sqlite3.DatabaseError as error:
        yield f"{catalogue.NAME}: {error}"


def _files(db: sqlite3.Connection, folder: Path) -> Iterator[str]:
    for sha256, size in db.execute("SELECT sha256, size FROM files ORDER BY sha256"):
        stored = StoredFile(sha256, size)
        file = folder / SEGMENTS / stored.name
        if not file.is_file():
            yield f"{SEGMENTS}/{stored.name}: the file is missing"
        elif file.stat().st_size != size:
            yield f"{SEGMENTS}/{stored.name}: has {file.stat().st_size} bytes, {size} were written"
        elif hash_file(file) != sha256:
            yield f"{SEGMENTS}/{stored.name}: its bytes have changed since they were written"


def _counts(db: sqlite3.Connection) -> Iterator[str]:
    for uri, expected, chunks, rows in db.execute(
        "SELECT uri, chunks, (SELECT count(*) FROM chunks WHERE document = number),"
        " (SELECT coalesce(sum(rows), 0) FROM placements WHERE document = number AND NOT dead) FROM documents"
    ):
        if not expected == chunks == rows:
            yield f"{unpack(uri)}: {expected} passages put, {chunks} in the catalogue, {rows} in segments"
    for (number,) in db.execute(
        "SELECT DISTINCT document FROM placements WHERE NOT dead AND document NOT IN (SELECT number FROM documents)"
    ):
        yield f"document {number} is deleted, but its passages are not"


def _segments(db: sqlite3.Connection, folder: Path) -> Iterator[str]:
    try:
        segments = store.load_segments(db, folder)
    except CorruptIndexError as error:
        yield str(error)
        return
    for segment in segments:
        problems = [*_segment(segment)] or [*_passages(db, segment)]
        yield from (f"segment {segment.number}: {problem}" for problem in problems)


def _segment(segment: Segment) -> Iterator[str]:
    postings = segment.postings
    if segment.bounds[0, -1] != len(segment.terms) or segment.bounds[1, -1] != len(postings):
        yield "the dictionary does not agree with its terms or postings"
    elif (words := segment.dictionary()) != sorted(set(words)):
        yield "the dictionary is not sorted"
    if len(postings) and int(postings[:, 0].max()) >= segment.size:
        yield "a posting names a row that is not there"
        return
    lengths = np.zeros(segment.size, np.int64)
    np.add.at(lengths, postings[:, 0], postings[:, 1])
    if not np.array_equal(lengths, segment.rows[:, 2]):
        yield "lengths do not agree with the postings"
    if segment.vectors is not None and len(segment.vectors):
        norms = np.linalg.norm(segment.vectors, axis=1)
        if not np.allclose(norms, 1.0, atol=NORM_TOLERANCE):
            yield "a vector is not of unit length"


def _passages(db: sqlite3.Connection, segment: Segment) -> Iterator[str]:
    """Each live row is a passage of its document, and its ids are the hashes of what is in the catalogue."""
    placements = db.execute(
        "SELECT document, first, rows FROM placements WHERE segment = ? AND NOT dead", (segment.number,)
    ).fetchall()
    for document, first, rows in placements:
        for row in range(first, first + rows):
            number, seq, _ = segment.rows[row].tolist()
            if number != document:
                yield f"row {row} is of document {number}, expected {document}"
                continue
            if db.execute("SELECT 1 FROM chunks WHERE document = ? AND seq = ?", (number, seq)).fetchone() is None:
                yield f"row {row} is passage {seq} of document {number}, which the catalogue lacks"
                continue
            chunk, _ = store.read_chunk(db, number, seq)
            chunk_id, content_id = (part.tobytes().hex() for part in segment.ids[row])
            if (chunk.id, chunk.content_id) != (chunk_id, content_id):
                yield f"the text of {chunk.uri} {chunk.start}:{chunk.end} is not what was indexed"


def _texts(db: sqlite3.Connection) -> Iterator[str]:
    for number, uri, characters in db.execute("SELECT number, uri, characters FROM documents").fetchall():
        held = len(store.read_text(db, number, 0, None))
        if held != characters:
            yield f"{unpack(uri)}: has {held} characters, {characters} were put"
