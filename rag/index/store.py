"""Rows of the catalogue <-> records: documents, chunks, metadata, settings, segments."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import get_args

import numpy as np

from rag.errors import StorageError
from rag.index.catalogue import PART, SEGMENTS, pack, unpack
from rag.index.files import StoredFile
from rag.index.segments import Mask, Segment, open_segment
from rag.index.settings import DocumentSummary, IndexSettings, Opening, Place, SourceState
from rag.types import Block, Chunk, Document, Metadata, Page, Scalar, Value

SUMMARY = (
    "SELECT d.id, d.uri, d.title, d.media_type, d.language, d.characters, d.chunks, s.uri, d.metadata, d.indexed "
    "FROM documents d JOIN sources s ON s.number = d.source"
)


def read_meta(connection: sqlite3.Connection) -> dict[str, str | int | float]:
    """The index's own facts by key."""
    return dict(connection.execute("SELECT key, value FROM meta"))


def write_meta(connection: sqlite3.Connection, values: Mapping[str, str | int | float]) -> None:
    """Set facts of the index."""
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())


def read_settings(meta: Mapping[str, str | int | float]) -> IndexSettings:
    """The settings among the index's facts."""
    return IndexSettings(
        embedder=str(meta["embedder"]),
        fingerprint=str(meta["fingerprint"]),
        dim=int(meta["dim"]),
        variant="okapi" if meta["variant"] == "okapi" else "lucene",
        k1=float(meta["k1"]),
        b=float(meta["b"]),
        ann_above=int(meta["ann_above"]),
    )


def settings_meta(settings: IndexSettings) -> dict[str, str | int | float]:
    """Settings as facts of the index."""
    return {
        "embedder": settings.embedder,
        "fingerprint": settings.fingerprint,
        "dim": settings.dim,
        "variant": settings.variant,
        "k1": float(settings.k1),
        "b": float(settings.b),
        "ann_above": settings.ann_above,
    }


def insert_document(
    connection: sqlite3.Connection, document: Document, *, source: int, state: str, indexed: str = ""
) -> int:
    """Add a document without chunks; its number. ``indexed`` is the time, in ISO 8601."""
    metadata = dump_metadata(document)
    number = connection.execute(
        "INSERT INTO documents"
        " (id, uri, title, media_type, language, metadata, source, state, characters, chunks, indexed) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
        (
            document.id,
            pack(document.uri),
            pack(document.title),
            pack(document.media_type),
            pack(document.language),
            metadata,
            source,
            state,
            len(document.text),
            indexed,
        ),
    ).lastrowid
    if number is None:
        raise AssertionError("an insert gave no row number")
    connection.executemany("INSERT INTO metadata VALUES (?, ?, ?, ?, ?)", _metadata_rows(number, document.metadata))
    connection.executemany(
        "INSERT INTO texts VALUES (?, ?, ?)",
        (
            (number, part, pack(document.text[start : start + PART]))
            for part, start in enumerate(range(0, len(document.text), PART))
        ),
    )
    blocks = json.dumps([(b.kind, b.start, b.end, b.level) for b in document.blocks])
    connection.execute("INSERT INTO structure VALUES (?, ?, ?)", (number, blocks, _dump_pages(document.pages)))
    return number


def insert_chunks(connection: sqlite3.Connection, number: int, title: str, first: int, chunks: Sequence[Chunk]) -> None:
    """Add chunks of a document from place ``first`` on; the document's own title is not stored again."""
    connection.executemany(
        "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                number,
                seq,
                chunk.start,
                chunk.end,
                chunk.tokens,
                pack(chunk.language),
                None if chunk.title == title else pack(chunk.title),
                json.dumps(chunk.headings) if chunk.headings else "[]",
                _dump_pages(chunk.pages),
                pack(chunk.context) if chunk.context else None,
            )
            for seq, chunk in enumerate(chunks, first)
        ),
    )
    connection.execute("UPDATE documents SET chunks = chunks + ? WHERE number = ?", (len(chunks), number))


def read_document(connection: sqlite3.Connection, number: int) -> Document:
    """A document as it was put."""
    uri, title, media_type, language, metadata, blocks, pages = connection.execute(
        "SELECT uri, title, media_type, language, metadata, blocks, pages "
        "FROM documents JOIN structure ON document = number WHERE number = ?",
        (number,),
    ).fetchone()
    return Document(
        uri=unpack(uri),
        text=read_text(connection, number, 0, None),
        title=unpack(title),
        media_type=unpack(media_type),
        metadata=load_metadata(metadata),
        blocks=tuple(Block(*values) for values in json.loads(blocks)),
        pages=_load_pages(pages),
        language=unpack(language),
    )


def read_text(connection: sqlite3.Connection, number: int, start: int, stop: int | None) -> str:
    """``text[start:stop]`` of a document, reading no more than the parts that hold it."""
    first = start // PART
    if stop is None:
        rows = connection.execute(
            "SELECT text FROM texts WHERE document = ? AND part >= ? ORDER BY part", (number, first)
        )
        return "".join(unpack(text) for (text,) in rows)[start - first * PART :]
    rows = connection.execute(
        "SELECT text FROM texts WHERE document = ? AND part BETWEEN ? AND ? ORDER BY part",
        (number, first, max(first, (stop - 1) // PART)),
    )
    return "".join(unpack(text) for (text,) in rows)[start - first * PART : stop - first * PART]


def read_chunk(connection: sqlite3.Connection, number: int, seq: int) -> tuple[Chunk, str]:
    """A chunk of a document, and the document's metadata as stored."""
    row = connection.execute(
        "SELECT c.start, c.stop, c.tokens, c.language, c.title, c.headings, c.pages, c.context,"
        " d.id, d.uri, d.title, d.metadata "
        "FROM chunks c JOIN documents d ON d.number = c.document WHERE c.document = ? AND c.seq = ?",
        (number, seq),
    ).fetchone()
    start, stop, tokens, language, own_title, headings, pages, context, document_id, uri, title, metadata = row
    chunk = Chunk(
        document_id=document_id,
        uri=unpack(uri),
        start=start,
        end=stop,
        text=read_text(connection, number, start, stop),
        title=unpack(title if own_title is None else own_title),
        headings=tuple(json.loads(headings)) if headings != "[]" else (),
        pages=_load_pages(pages),
        language=unpack(language),
        tokens=tokens,
        context=unpack(context) if context is not None else "",
    )
    return chunk, metadata


def read_openings(
    connection: sqlite3.Connection, keys: Sequence[tuple[int, int]], length: int
) -> dict[tuple[int, int], Opening]:
    """The first ``length`` characters of chunks by document and place, each document read once."""
    wanted, numbers = set(keys), json.dumps(sorted({number for number, _ in keys}))
    held, text = -1, ""
    found: dict[tuple[int, int], Opening] = {}
    rows = connection.execute(
        "SELECT c.document, c.seq, c.start, c.stop, d.uri, coalesce(c.title, d.title)"
        " FROM chunks c JOIN documents d ON d.number = c.document"
        " WHERE c.document IN (SELECT value FROM json_each(?)) ORDER BY c.document",
        (numbers,),
    )
    for number, seq, start, stop, uri, title in rows:
        if number != held:
            held, text = number, read_text(connection, number, 0, None)
        if (number, seq) in wanted:
            found[number, seq] = Opening(unpack(uri), unpack(title), text[start : min(stop, start + length)])
    return found


def read_places(connection: sqlite3.Connection, number: int) -> tuple[Place, ...]:
    """Where the chunks of a document lie, in order."""
    rows = connection.execute(
        "SELECT start, stop, tokens, headings FROM chunks WHERE document = ? ORDER BY seq", (number,)
    )
    return tuple(Place(start, stop, tokens, tuple(json.loads(headings))) for start, stop, tokens, headings in rows)


def summaries(
    connection: sqlite3.Connection, sql: str, parameters: Sequence[object], limit: int
) -> Iterator[DocumentSummary]:
    """The first documents of a condition on ``d``, in the order of their uris."""
    rows = connection.execute(f"{SUMMARY} WHERE {sql} ORDER BY d.uri LIMIT {limit}", parameters)
    for identifier, uri, title, media_type, language, characters, chunks, source, metadata, indexed in rows:
        yield DocumentSummary(
            id=identifier,
            uri=unpack(uri),
            title=unpack(title),
            media_type=unpack(media_type),
            language=unpack(language),
            characters=characters,
            chunks=chunks,
            source=unpack(source),
            metadata=load_metadata(metadata),
            indexed=indexed,
        )


def sources(connection: sqlite3.Connection, sql: str, parameters: Sequence[object]) -> list[SourceState]:
    """The sources of a condition, in the order of their uris."""
    rows = connection.execute(
        f"SELECT uri, sha256, size, settings, complete,"  # noqa: S608
        " (SELECT count(*) FROM documents WHERE source = sources.number)"
        f" FROM sources WHERE {sql} ORDER BY uri",
        parameters,
    )
    return [
        SourceState(unpack(uri), sha256, size, settings, bool(done), documents)
        for uri, sha256, size, settings, done, documents in rows
    ]


def load_segments(connection: sqlite3.Connection, path: Path, numbers: Iterable[int] | None = None) -> list[Segment]:
    """Map the segments, or those named. Raises FileNotFoundError, CorruptIndexError."""
    files: dict[int, dict[str, StoredFile]] = {}
    for number, role, sha256, size in connection.execute(
        "SELECT segment, role, sha256, size FROM segment_files JOIN files USING (sha256)"
    ):
        files.setdefault(number, {})[role] = StoredFile(sha256, size)
    wanted = None if numbers is None else set(numbers)
    segments: list[Segment] = []
    base = 0
    for number, rows in connection.execute("SELECT number, rows FROM segments ORDER BY number").fetchall():
        if wanted is None or number in wanted:
            live = _live(connection, number, rows)
            segments.append(
                open_segment(path / SEGMENTS, number, base=base, size=rows, files=files.get(number, {}), live=live)
            )
            base += rows
    return segments


def _live(connection: sqlite3.Connection, segment: int, rows: int) -> Mask | None:
    dead = connection.execute("SELECT first, rows FROM placements WHERE segment = ? AND dead", (segment,)).fetchall()
    return ~spans(dead, rows) if dead else None


def spans(ranges: Sequence[tuple[int, int]], size: int) -> Mask:
    """A mask of ``size`` that is True within each (first, length)."""
    steps = np.zeros(size + 1, np.int64)
    if ranges:
        first, length = np.array(ranges, np.int64).T
        np.add.at(steps, first, 1)
        np.add.at(steps, first + length, -1)
    mask: Mask = np.cumsum(steps[:-1]) > 0
    return mask


def kind_and_value(scalar: Scalar) -> tuple[str, bytes | int | float | None]:
    """How a metadata value is stored: its kind (s, n, b or 0), and what SQLite compares as Python does.

    An integer beyond 64 bits is compared as the nearest float, NaN as nothing at all.
    """
    if scalar is None:
        return "0", None
    if isinstance(scalar, bool):
        return "b", int(scalar)
    if isinstance(scalar, str):
        return "s", pack(scalar)
    if isinstance(scalar, int) and not -(2**63) <= scalar < 2**63:
        return "n", _nearest(scalar)
    return "n", scalar


def _nearest(number: int) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.copysign(math.inf, number)


def _metadata_rows(
    number: int, metadata: Metadata
) -> Iterator[tuple[int, bytes, int, str, bytes | int | float | None]]:
    for key, value in metadata.items():
        for position, scalar in enumerate(value if isinstance(value, tuple) else (value,)):
            yield (number, pack(key), position, *kind_and_value(scalar))


def dump_metadata(document: Document) -> str:
    """Metadata as JSON, tuples as arrays. Raises StorageError for a value of another type."""
    for key, value in document.metadata.items():
        for scalar in value if isinstance(value, tuple) else (value,):
            if not isinstance(scalar, (*(t for t in get_args(Scalar) if t is not type(None)), type(None))):
                raise StorageError(
                    f"metadata {key!r} holds a {type(scalar).__name__}",
                    where=document.uri,
                    hint="use str, int, float, bool, None, or a tuple of these",
                )
    return json.dumps(dict(document.metadata))


def load_metadata(text: str) -> Metadata:
    """Metadata as it was put."""
    loaded: dict[str, Scalar | list[Scalar]] = json.loads(text)
    values: dict[str, Value] = {k: tuple(v) if isinstance(v, list) else v for k, v in loaded.items()}
    return values


def _dump_pages(pages: Sequence[Page]) -> str:
    return json.dumps([(p.number, p.start, p.end) for p in pages]) if pages else "[]"


def _load_pages(text: str) -> tuple[Page, ...]:
    return tuple(Page(*values) for values in json.loads(text)) if text != "[]" else ()
