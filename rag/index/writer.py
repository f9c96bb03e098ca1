"""Writing to an index: stage any number of changes, then commit them together."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from rag import text as analysis
from rag.errors import EmbeddingError, NotAnIndexError, StorageError
from rag.index import catalogue, store
from rag.index.ann import build_ann
from rag.index.catalogue import NOTE, SEGMENTS, pack, storage_errors, unpack
from rag.index.files import StoredFile, remove_unnamed, sync_folder
from rag.index.guards import check_analyzer, check_embedder
from rag.index.known import KnownVectors
from rag.index.lock import WriterLock
from rag.index.merge import Load, due, merged
from rag.index.segments import SegmentData, write_segment
from rag.index.settings import DocumentState, IndexSettings, SourceState
from rag.index.staging import Staging
from rag.types import Chunk, Document, Vectors

FLUSH_ROWS = 20_000


class Writer:
    """The one writer of an index; a context manager that rolls back what was not committed.

    Everything happens inside one SQLite transaction from commit to commit, and segment files are
    written before it names them, so a reader sees either all of a commit or nothing. A StorageError
    (a full disk, say) rolls back to the last commit and leaves the writer usable.
    """

    def __init__(self, path: Path, settings: IndexSettings | None, *, create: bool, reembed: bool) -> None:
        """Use ``Writer.open``."""
        self.path = path
        self.settings = settings or IndexSettings()
        self._lock = _locked(path, create=create)
        try:
            with storage_errors(path):
                if create and catalogue.is_new(path):
                    catalogue.create(path, _first_facts(self.settings))
                self._db = catalogue.connect(path, write=True)
        except BaseException:
            self._lock.release()
            raise
        try:
            with storage_errors(path):
                self._db.execute("CREATE TEMP TABLE touched (document INTEGER PRIMARY KEY)")
                self._begin()
                self._agree(settings, reembed=reembed)
                self._clean()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(
        cls,
        path: Path | str,
        settings: IndexSettings | None = None,
        *,
        create: bool = True,
        reembed: bool = False,
    ) -> Writer:
        """Take the index for writing, making it if ``create`` and there is none.

        ``settings`` None keeps those of an existing index; a new ``variant``, ``k1``, ``b`` or
        ``ann_above`` takes effect with the next commit. ``reembed`` drops, with the first commit,
        all that an index of another embedder or analyzer holds.

        Raises IndexLockedError at once if another writer has it, EmbedderMismatchError,
        NotAnIndexError, IndexFormatError, CorruptIndexError, StorageError.
        """
        return cls(Path(path), settings, create=create and settings is not None, reembed=reembed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Roll back what was not committed and let the next writer in."""
        try:
            self._db.close()
        finally:
            self._lock.release()

    # -- what is held ------------------------------------------------------------------------------

    @property
    def generation(self) -> int:
        """The number of the last commit."""
        return self._generation

    def document_state(self, uri: str) -> DocumentState | None:
        """What is held (or staged) under a uri."""
        row = self._db.execute(
            "SELECT d.state, s.uri, d.chunks FROM documents d JOIN sources s ON s.number = d.source WHERE d.uri = ?",
            (pack(uri),),
        ).fetchone()
        return DocumentState(uri, row[0], unpack(row[1]), row[2]) if row else None

    def source_state(self, source: str) -> SourceState | None:
        """What was last recorded of a source."""
        return next(self._sources("uri = ?", (pack(source),)), None)

    def sources(self, under: str = "") -> Iterator[SourceState]:
        """The sources whose uri begins with ``under``, in the order of their uris."""
        condition, parameters = _prefix("uri", under)
        return self._sources(condition, parameters)

    def known_vectors(self, content_ids: Iterable[str]) -> dict[str, Vectors]:
        """Vectors (dim,) by ``Chunk.content_id``, of those the index holds: they need not be embedded again.

        Deleted passages that are not yet compacted, and staged ones, are included.
        """
        with storage_errors(self.path):
            return self._known.find(self._staging, content_ids)

    # -- staging -----------------------------------------------------------------------------------

    def begin_source(self, source: str) -> None:
        """Start to read a source: until ``finish_source``, what is put or kept counts as still in it."""
        with self._changing():
            number = self._source_number(source)
            self._db.execute("UPDATE sources SET complete = 0 WHERE number = ?", (number,))
            self._db.execute(
                "DELETE FROM touched WHERE document IN (SELECT number FROM documents WHERE source = ?)",
                (number,),
            )

    def put(
        self, document: Document, chunks: Sequence[Chunk], vectors: Vectors | None, *, source: str, state: str
    ) -> None:
        """Stage a document with its chunks, in place of any of the same uri.

        ``vectors`` (n, dim) are unit-length and in the order of the chunks; None without an embedder.
        ``state`` is the caller's hash of what the document and its chunks were made from. Raises
        EmbeddingError for vectors of the wrong shape or length, StorageError for a chunk that is not a
        slice of the document.
        """
        with self._changing():
            if len(self._staging) >= FLUSH_ROWS:
                self._flush()
            self._delete("uri = ?", (pack(document.uri),))
            number = store.insert_document(
                self._db, document, source=self._source_number(source), state=state, indexed=_now()
            )
            self._db.execute("INSERT INTO touched VALUES (?)", (number,))
            self._add(number, document, 0, chunks, vectors)

    def extend(self, document: Document, chunks: Sequence[Chunk], vectors: Vectors | None) -> None:
        """Stage more chunks of a document already put: a very long one need not be embedded at once."""
        with self._changing():
            row = self._db.execute("SELECT number, chunks FROM documents WHERE id = ?", (document.id,)).fetchone()
            if row is None:
                raise StorageError("the document was not put", where=document.uri)
            self._add(row[0], document, row[1], chunks, vectors)

    def keep(self, uri: str) -> None:
        """Count a document as still in its source, unchanged."""
        with storage_errors(self.path):
            self._db.execute("INSERT OR IGNORE INTO touched SELECT number FROM documents WHERE uri = ?", (pack(uri),))

    def finish_source(self, source: str, *, sha256: str, size: int, settings: str, complete: bool) -> int:
        """Record how a source was read; how many documents that removed.

        If it was read to its end (``complete``), its documents that were neither put nor kept since
        ``begin_source`` are removed.
        """
        with self._changing():
            number = self._source_number(source)
            self._db.execute(
                "UPDATE sources SET sha256 = ?, size = ?, settings = ?, complete = ? WHERE number = ?",
                (sha256, size, settings, int(complete), number),
            )
            if not complete:
                return 0
            return self._delete("source = ? AND number NOT IN (SELECT document FROM touched)", (number,))

    def note(self, key: str) -> str:
        """What was last noted under a key, "" if nothing."""
        return str(store.read_meta(self._db).get(NOTE + key, ""))

    def set_note(self, key: str, text: str) -> None:
        """Stage a text to be kept with the index, for the caller's own use."""
        if self.note(key) != text:
            with self._changing():
                store.write_meta(self._db, {NOTE + key: text})

    def delete(self, uris: Iterable[str]) -> int:
        """Remove documents by uri; how many there were. Their sources are read anew by the next indexing."""
        removed = 0
        with self._changing():
            for uri in uris:
                self._db.execute(
                    "UPDATE sources SET complete = 0 WHERE number IN (SELECT source FROM documents WHERE uri = ?)",
                    (pack(uri),),
                )
                removed += self._delete("uri = ?", (pack(uri),))
        return removed

    def delete_source(self, source: str) -> int:
        """Forget a source and remove its documents; how many there were."""
        with self._changing():
            return self._delete_sources("uri = ?", (pack(source),))

    def delete_under(self, prefix: str) -> int:
        """Remove documents, and forget sources, whose uri begins with ``prefix``; how many documents."""
        with self._changing():
            condition, parameters = _prefix("uri", prefix)
            removed = self._delete(condition, parameters)
            return removed + self._delete_sources(condition, parameters)

    # -- committing --------------------------------------------------------------------------------

    def commit(self) -> int:
        """Make all that is staged durable and visible at once; the generation, new if anything changed."""
        return self._commit(compact=False)

    def compact(self) -> int:
        """Commit, with all live passages in one segment and all space of deleted ones given back."""
        generation = self._commit(compact=True)
        with storage_errors(self.path):
            self._db.execute("ROLLBACK")
            try:
                self._db.execute("VACUUM")
                self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                self._begin()
        return generation

    def rollback(self) -> None:
        """Forget what is staged."""
        with storage_errors(self.path):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._begin()

    def _commit(self, *, compact: bool) -> int:
        with self._or_rollback():
            self._flush()
            if compact:
                self._compact()
            else:
                self._merge()
            if not self._dirty:
                return self._generation
            sync_folder(self.path / SEGMENTS)
            store.write_meta(self._db, {"generation": self._generation + 1, "modified": _now()})
            self._db.execute("DELETE FROM files WHERE sha256 NOT IN (SELECT sha256 FROM segment_files)")
            self._db.execute("COMMIT")
            self._begin()
        self._clean()
        return self._generation

    # -- inside ------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        catalogue.migrate(self._db)
        meta = store.read_meta(self._db)
        self._generation = int(meta["generation"])
        self.settings = store.read_settings(meta)
        self._staging = Staging(dim=self.settings.dim)
        self._known = KnownVectors(self._db, self.path)
        self._dirty = False

    def _agree(self, settings: IndexSettings | None, *, reembed: bool) -> None:
        """Make the given settings the index's own, if what it holds allows it."""
        meta = store.read_meta(self._db)
        if reembed:
            self._db.execute("DELETE FROM documents")
            self._db.execute("DELETE FROM sources")
            self._db.execute("DELETE FROM segments")
            store.write_meta(
                self._db,
                {"analyzer": analysis.ANALYZER_VERSION, **store.settings_meta(settings or self.settings)},
            )
            self._dirty = True
        else:
            check_analyzer(meta, self.path)
            if settings is not None:
                check_embedder(self.settings, settings.fingerprint, settings.embedder, self.path)
                if settings != self.settings:
                    store.write_meta(self._db, store.settings_meta(settings))
                    self._dirty = True
        self.settings = store.read_settings(store.read_meta(self._db))
        self._staging = Staging(dim=self.settings.dim)

    @contextmanager
    def _or_rollback(self) -> Iterator[None]:
        """Go back to the last commit on any failure."""
        try:
            with storage_errors(self.path):
                yield
        except BaseException:
            self.rollback()
            raise

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Undo a call that fails.

        After an error of the disk or of SQLite nothing staged can be relied on, so that goes back to
        the last commit; an interrupt or a bad argument undoes this call alone.
        """
        mark = self._staging.mark()
        try:
            with storage_errors(self.path):
                self._db.execute("SAVEPOINT change")
                try:
                    yield
                except (OSError, sqlite3.Error):
                    raise
                except BaseException:
                    self._staging.cut(mark)
                    self._db.execute("ROLLBACK TO change")
                    self._db.execute("RELEASE change")
                    raise
                self._db.execute("RELEASE change")
                self._dirty = True
        except StorageError as error:
            if isinstance(error.__cause__, OSError | sqlite3.Error):
                self.rollback()
            raise

    def _sources(self, condition: str, parameters: Sequence[object]) -> Iterator[SourceState]:
        with storage_errors(self.path):
            return iter(store.sources(self._db, condition, parameters))

    def _source_number(self, source: str) -> int:
        uri = pack(source)
        self._db.execute(
            "INSERT OR IGNORE INTO sources (uri, sha256, size, settings, complete) VALUES (?, '', 0, '', 0)",
            (uri,),
        )
        number: int = self._db.execute("SELECT number FROM sources WHERE uri = ?", (uri,)).fetchone()[0]
        return number

    def _add(
        self, number: int, document: Document, first: int, chunks: Sequence[Chunk], vectors: Vectors | None
    ) -> None:
        _check_chunks(document, chunks)
        checked = _check_vectors(vectors, len(chunks), self.settings.dim, document.uri)
        store.insert_chunks(self._db, number, document.title, first, chunks)
        for seq, chunk in enumerate(chunks, first):
            terms = analysis.terms(chunk.content, chunk.language)
            self._staging.add(number, seq, chunk.id, chunk.content_id, terms)
        if checked is not None:
            self._staging.add_vectors(checked)

    def _delete(self, condition: str, parameters: Sequence[object]) -> int:
        numbers = self._db.execute(f"SELECT number FROM documents WHERE {condition}", parameters).fetchall()  # noqa: S608
        self._db.executemany("UPDATE placements SET dead = 1 WHERE document = ?", numbers)
        self._db.executemany("DELETE FROM documents WHERE number = ?", numbers)
        return len(numbers)

    def _delete_sources(self, condition: str, parameters: Sequence[object]) -> int:
        removed = self._delete(f"source IN (SELECT number FROM sources WHERE {condition})", parameters)  # noqa: S608
        # A document of the source that another one has since put is that one's.
        self._db.execute(f"DELETE FROM sources WHERE {condition}", parameters)  # noqa: S608
        return removed

    def _flush(self) -> None:
        """Write what is staged as a segment."""
        if not len(self._staging):
            return
        staged = set(self._staging.documents)
        held = {n for (n,) in self._db.execute("SELECT number FROM documents WHERE number >= ?", (min(staged),))}
        data = self._staging.data(staged - held)
        if len(data.rows):
            self._write(data)
        self._staging = Staging(dim=self.settings.dim)

    def _write(self, data: SegmentData) -> None:
        files = write_segment(self.path / SEGMENTS, data)
        if len(data.rows) > self.settings.ann_above and self.settings.dim:
            files["ann"] = build_ann(self.path / SEGMENTS, files["vectors"])
        number = self._db.execute("INSERT INTO segments (rows) VALUES (?)", (len(data.rows),)).lastrowid
        self._db.executemany("INSERT OR IGNORE INTO files VALUES (?, ?)", ((f.sha256, f.size) for f in files.values()))
        self._db.executemany(
            "INSERT INTO segment_files VALUES (?, ?, ?)",
            ((number, role, f.sha256) for role, f in files.items()),
        )
        documents = data.rows[:, 0]
        first = np.flatnonzero(np.diff(documents, prepend=-1))
        length = np.diff(first, append=len(documents))
        self._db.executemany(
            "INSERT INTO placements (segment, document, first, rows) VALUES (?, ?, ?, ?)",
            zip(repeat(number), documents[first].tolist(), first.tolist(), length.tolist(), strict=False),
        )

    def _loads(self) -> list[Load]:
        rows = self._db.execute(
            "SELECT number, rows, rows -"
            " coalesce((SELECT sum(p.rows) FROM placements p WHERE segment = number AND dead), 0)"
            " FROM segments ORDER BY number"
        )
        return [Load(*row) for row in rows]

    def _merge(self) -> None:
        while groups := due(self._loads()):
            for group in groups:
                self._rewrite(group)

    def _compact(self) -> None:
        loads = self._loads()
        if len(loads) > 1 or any(load.live < load.rows for load in loads):
            self._rewrite([load.number for load in loads])

    def _rewrite(self, numbers: Sequence[int]) -> None:
        """Replace segments by one of their live rows."""
        segments = store.load_segments(self._db, self.path, numbers)
        data = merged(segments, self.settings.dim)
        if len(data.rows):
            self._write(data)
        self._db.executemany("DELETE FROM segments WHERE number = ?", ((number,) for number in numbers))
        self._dirty = True

    def _clean(self) -> None:
        named = {StoredFile(sha256, 0).name for (sha256,) in self._db.execute("SELECT sha256 FROM files")}
        remove_unnamed(self.path / SEGMENTS, named)


def _locked(path: Path, *, create: bool) -> WriterLock:
    with storage_errors(path):
        if create and catalogue.is_new(path):
            path.mkdir(parents=True, exist_ok=True)
        elif not (path / catalogue.NAME).is_file():
            what = "the folder holds other files and no index" if path.is_dir() else "there is no such folder"
            raise NotAnIndexError(what, where=str(path), hint="name an index, or a new or empty folder")
        return WriterLock(path)


def _check_chunks(document: Document, chunks: Sequence[Chunk]) -> None:
    identifier = document.id
    for chunk in chunks:
        if chunk.document_id != identifier or document.text[chunk.start : chunk.end] != chunk.text:
            raise StorageError(f"chunk {chunk.start}:{chunk.end} is not that slice of the document", where=document.uri)


def _check_vectors(vectors: Vectors | None, count: int, dim: int, uri: str) -> Vectors | None:
    if dim == 0:
        if vectors is not None:
            raise EmbeddingError("vectors were given to an index without an embedder", where=uri)
        return None
    if vectors is None or vectors.shape != (count, dim):
        shape = None if vectors is None else vectors.shape
        raise EmbeddingError(f"vectors have shape {shape}, expected {(count, dim)}", where=uri)
    if not np.allclose(np.linalg.norm(vectors.astype(np.float64), axis=1), 1.0, atol=1e-3):
        raise EmbeddingError("vectors are not of unit length", where=uri)
    return vectors.astype(np.float32, copy=False)


def _prefix(column: str, prefix: str) -> tuple[str, tuple[bytes, ...]]:
    """A condition for a blob that begins with a prefix. 0xFF occurs in no UTF-8."""
    return f"{column} >= ? AND {column} < ?", (pack(prefix), pack(prefix) + b"\xff")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _first_facts(settings: IndexSettings) -> dict[str, str | int | float]:
    facts = store.settings_meta(settings)
    facts.update(generation=0, analyzer=analysis.ANALYZER_VERSION, created=_now(), modified=_now())
    return facts
