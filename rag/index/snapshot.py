"""Reading an index: one commit, whole and unchanging for as long as the snapshot is open."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from rag.errors import CorruptIndexError, QueryError
from rag.index import catalogue, dense, store
from rag.index.ann import Ann
from rag.index.bm25 import Bm25
from rag.index.catalogue import NAME, NOTE, SEGMENTS, pack, storage_errors, unpack
from rag.index.files import Array
from rag.index.filter_sql import compile_filter
from rag.index.filters import parse
from rag.index.guards import check_analyzer, check_embedder
from rag.index.segments import Mask, Rows, Segment, spread
from rag.index.settings import DocumentSummary, IndexInfo, IndexSettings, Opening, Place, SourceState
from rag.types import Chunk, Document, Metadata, Vectors, content_hash

Ref: TypeAlias = int
Scores: TypeAlias = npt.NDArray[np.float64]
Terms: TypeAlias = Sequence[str] | Mapping[str, float]

CACHED_PASSAGES = 4096
CACHED_FILTERS = 32


class Ranking(NamedTuple):
    """Rows best first, ties by chunk id. ``refs`` are meaningful to the snapshot that gave them alone."""

    refs: Rows
    scores: Scores


class Passage(NamedTuple):
    """A chunk and its document's metadata."""

    chunk: Chunk
    metadata: Metadata


class Snapshot:
    """A commit of an index, for reading; a context manager. May be used from several threads.

    It maps every file when opened and holds one SQLite read transaction, so a writer that commits,
    deletes or compacts meanwhile changes nothing here.
    """

    def __init__(self, path: Path, *, fingerprint: str | None, embedder: str) -> None:
        """Use ``Snapshot.open``."""
        self.path = path
        self._lock = threading.RLock()
        self._watch: sqlite3.Connection | None = None
        with storage_errors(path):
            self._db = catalogue.connect(path, write=False)
        try:
            with storage_errors(path):
                self._segments = self._begin()
            meta = self._meta
            check_analyzer(meta, path)
            self.settings: IndexSettings = store.read_settings(meta)
            if fingerprint is not None:
                check_embedder(self.settings, fingerprint, embedder, path)
            self.generation = int(meta["generation"])
        except BaseException:
            self.close()
            raise
        self._size = sum(segment.size for segment in self._segments)
        self._bases = np.array([segment.base for segment in self._segments], np.int64)
        self._passage = lru_cache(CACHED_PASSAGES)(self._read_passage)
        self._places = lru_cache(CACHED_FILTERS)(self._read_places)
        self._select = lru_cache(CACHED_FILTERS)(self._read_selection)
        self._isolated = lru_cache(CACHED_FILTERS)(self._bm25_of)

    @classmethod
    def open(cls, path: Path | str, *, fingerprint: str | None = None, embedder: str = "") -> Snapshot:
        """Open the last commit.

        Give the ``fingerprint`` (and the name) of the embedder that will embed the questions; "" says there
        is none, None does not check. Raises NotAnIndexError, IndexFormatError, EmbedderMismatchError,
        CorruptIndexError, StorageError.
        """
        return cls(Path(path), fingerprint=fingerprint, embedder=embedder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_db"):  # it was opened
            self.close()

    def close(self) -> None:
        """Let go of the commit."""
        with self._lock:
            self._db.close()
            if self._watch is not None:
                self._watch.close()

    def is_current(self) -> bool:
        """False once a writer has committed something newer."""
        with self._lock, storage_errors(self.path):
            if self._watch is None:
                self._watch = catalogue.connect(self.path, write=False)
            row = self._watch.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()
            return int(row[0]) == self.generation

    # -- what is in it -----------------------------------------------------------------------------

    def __len__(self) -> int:
        """Live chunks."""
        return self._size if self._live is None else int(np.count_nonzero(self._live))

    def info(self) -> IndexInfo:
        """Counts, sizes and settings."""
        meta = self._meta
        documents, tokens = self._one("SELECT (SELECT count(*) FROM documents), (SELECT sum(tokens) FROM chunks)")
        files = self._one("SELECT coalesce(sum(size), 0) FROM files")[0]
        with storage_errors(self.path):
            size = (self.path / NAME).stat().st_size + int(files)
        return IndexInfo(
            path=str(self.path),
            format=self._format,
            analyzer=str(meta["analyzer"]),
            generation=self.generation,
            created=str(meta["created"]),
            modified=str(meta["modified"]),
            documents=documents,
            chunks=len(self),
            tokens=tokens or 0,
            languages=self._languages,
            segments=len(self._segments),
            dead=self._size - len(self),
            bytes=size,
            settings=self.settings,
        )

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of the live chunks, in the order of their codes."""
        return tuple(sorted(self._languages))

    def note(self, key: str) -> str:
        """What a writer noted under a key, "" if nothing."""
        return str(self._meta.get(NOTE + key, ""))

    def documents(self, where: str | None = None) -> Iterator[DocumentSummary]:
        """The documents that a filter admits, in the order of their uris. Raises FilterError."""
        condition, parameters = ("1", []) if where is None else compile_filter(parse(where))
        after = b""
        while True:  # by pages, so that no cursor stays open while the caller does something else
            with self._lock, storage_errors(self.path):
                page = list(store.summaries(self._db, f"{condition} AND d.uri > ?", [*parameters, after], 1000))
            yield from page
            if len(page) < 1000:
                return
            after = pack(page[-1].uri)

    def source(self, uri: str) -> SourceState | None:
        """What was last read from a file, by its uri; None where nothing was."""
        with self._lock, storage_errors(self.path):
            return next(iter(store.sources(self._db, "uri = ?", [pack(uri)])), None)

    def sources(self, under: str = "") -> list[SourceState]:
        """What was last read from the files whose uri begins with ``under``, in the order of their uris."""
        with self._lock, storage_errors(self.path):
            return store.sources(self._db, "uri >= ? AND uri < ?", [pack(under), pack(under) + b"\xff"])

    def document(self, key: str) -> Document:
        """A document by its id or its uri. Raises QueryError if there is none."""
        with self._lock, storage_errors(self.path):
            return store.read_document(self._db, self._find(key, "number")[0])

    def chunks_of(self, key: str, first: int = 0, last: int | None = None) -> list[Chunk]:
        """The chunks of a document, by its id or its uri, in order; of these ``[first:last]``.

        Raises QueryError if there is no such document.
        """
        with self._lock, storage_errors(self.path):
            number, chunks = self._find(key, "number, chunks")
            return [store.read_chunk(self._db, number, seq)[0] for seq in range(chunks)[first:last]]

    def places(self, key: str) -> tuple[Place, ...]:
        """Where the chunks of a document lie, in order. Raises QueryError if there is no such document."""
        return self._places(key)

    def excerpt(self, key: str, start: int, end: int) -> str:
        """``text[start:end]`` of a document, by its id or its uri. Raises QueryError if there is none."""
        with self._lock, storage_errors(self.path):
            return store.read_text(self._db, self._find(key, "number")[0], start, end)

    def passages(self, refs: Sequence[Ref]) -> list[Passage]:
        """The chunks of rows, and their documents' metadata, in the order of ``refs``."""
        return [self._passage(int(ref)) for ref in refs]

    def chunks(self, refs: Sequence[Ref]) -> list[Chunk]:
        """The chunks of rows, in the order of ``refs``."""
        return [passage.chunk for passage in self.passages(refs)]

    def openings(self, refs: Sequence[Ref], length: int) -> list[Opening]:
        """How the chunks of rows begin, to ``length`` characters, in the order of ``refs``; for very many at once."""
        rows = np.asarray(refs, np.int64)
        numbers = np.zeros((len(rows), 2), np.int64)
        for segment, own in spread(self._segments, rows):
            numbers[own] = segment.rows[rows[own] - segment.base, :2]
        keys = [(number, seq) for number, seq in numbers.tolist()]
        with self._lock, storage_errors(self.path):
            found = store.read_openings(self._db, keys, length)
        return [found[key] for key in keys]

    def vectors(self, refs: Sequence[Ref]) -> Vectors:
        """The vectors (n, dim) of rows. Raises QueryError in an index without an embedder."""
        self._need_vectors()
        rows = np.asarray(refs, np.int64)
        found = np.zeros((len(rows), self.settings.dim), np.float32)
        for segment, own in spread(self._segments, rows):
            if segment.vectors is not None:
                found[own] = segment.vectors[rows[own] - segment.base]
        return found

    def refs(self, chunk_ids: Sequence[str]) -> list[Ref]:
        """The rows of live chunks by their ids. Raises QueryError for an id that the index does not hold."""
        if not chunk_ids:
            return []
        ids, rows = self._by_id
        wanted = np.array([bytes.fromhex(chunk_id) for chunk_id in chunk_ids], "S16")
        places = np.searchsorted(ids, wanted)
        found = places < len(ids)
        found[found] = ids[places[found]] == wanted[found]
        if not found.all():
            missing = chunk_ids[int(np.argmin(found))]
            raise QueryError(f"the index holds no passage {missing}", where=str(self.path))
        refs: list[Ref] = rows[places].tolist()
        return refs

    # -- searching ---------------------------------------------------------------------------------

    def dense(self, vector: Vectors, k: int, where: str | None = None) -> Ranking:
        """The ``k`` rows nearest to a unit vector (dim,) by cosine, among those that ``where`` admits."""
        self._need_vectors()
        if vector.shape != (self.settings.dim,):
            raise QueryError(f"the question's vector has shape {vector.shape}, expected ({self.settings.dim},)")
        query = np.ascontiguousarray(vector, np.float32)
        rows = dense.candidates(self._segments, self._anns, query, k, self._mask(where))
        return self._best(rows, dense.exact(self._segments, query, rows), k)

    def sparse(self, terms: Terms, k: int, where: str | None = None, *, isolation: bool = False) -> Ranking:
        """The ``k`` best rows by BM25 that hold any of the terms, among those that ``where`` admits.

        A mapping gives the terms positive weights; in a sequence each counts as often as it stands there.
        With ``isolation`` document frequencies and lengths, too, are those of the admitted rows alone.
        """
        admitted = self._mask(where)
        bm25 = self._isolated(where) if isolation else self._isolated(None)
        scores, matched = bm25.scores(terms)
        rows = np.flatnonzero(matched if admitted is None else matched & admitted)
        found = scores[rows]
        if len(rows) > k:
            kept = found >= np.partition(found, len(found) - k)[len(found) - k]
            rows, found = rows[kept], found[kept]
        return self._best(rows, found, k)

    def dense_scores(self, vector: Vectors, refs: Rows) -> Scores:
        """The cosines of a unit vector (dim,) with rows."""
        self._need_vectors()
        return dense.exact(self._segments, np.ascontiguousarray(vector, np.float32), refs)

    def sparse_scores(self, terms: Terms, refs: Rows) -> Scores:
        """The BM25 scores of rows, 0 for a row that holds none of the terms."""
        scores: Scores = self._isolated(None).scores(terms)[0][refs]
        return scores

    def frequencies(self, terms: Sequence[str], where: str | None = None) -> tuple[int, list[int]]:
        """How many rows ``where`` admits, and how many of those hold each of the terms."""
        bm25 = self._isolated(where)
        return bm25.chunks, [bm25.frequency(term) for term in terms]

    def admitted(self, refs: Sequence[Ref], where: str | None = None) -> list[Ref]:
        """Those of the rows that are live and that ``where`` admits, in their order."""
        mask = self._mask(where)
        return list(refs) if mask is None else [ref for ref in refs if mask[ref]]

    def admits(self, key: str, where: str | None = None) -> bool:
        """Whether the index holds a document, by its id or its uri, that ``where`` admits. Raises FilterError."""
        condition, parameters = ("1", []) if where is None else compile_filter(parse(where))
        with self._lock, storage_errors(self.path):
            found = self._db.execute(
                f"SELECT 1 FROM documents d WHERE d.id IN (?, ?) AND ({condition})",  # noqa: S608
                [*_ids_of(key), *parameters],
            ).fetchone()
        return found is not None

    def titles(self) -> Iterator[tuple[str, range]]:
        """The title and the rows of each live document that has a title, in the order of the rows."""
        bases = {segment.number: segment.base for segment in self._segments}
        with self._lock, storage_errors(self.path):
            found = self._db.execute(
                "SELECT d.title, p.segment, p.first, p.rows FROM placements p JOIN documents d ON d.number = p.document"
                " WHERE NOT p.dead AND d.title != x'' ORDER BY p.segment, p.first"
            ).fetchall()
        for title, segment, first, rows in found:
            start = bases[segment] + first
            yield unpack(title), range(start, start + rows)

    def keys(self, refs: Sequence[Ref]) -> list[bytes]:
        """The chunk ids (16 bytes) of rows: what ties are broken by."""
        data = self._ids(np.array(refs, np.int64)).tobytes()
        return [data[start : start + 16] for start in range(0, len(data), 16)]

    # -- inside ------------------------------------------------------------------------------------

    def _begin(self) -> list[Segment]:
        """Start the read transaction and map its files, again if a writer removed one in between."""
        generation = -1
        while True:
            self._db.execute("BEGIN")
            self._format = catalogue.read_as_current(self._db)
            self._meta = store.read_meta(self._db)
            try:
                return store.load_segments(self._db, self.path)
            except FileNotFoundError as error:
                if int(self._meta["generation"]) == generation:
                    raise CorruptIndexError(
                        "a file of the index is missing",
                        where=str(error.filename),
                        hint="restore it or index again",
                    ) from error
            generation = int(self._meta["generation"])
            self._db.execute("ROLLBACK")

    def _find(self, key: str, columns: str) -> tuple[int, ...]:
        row: tuple[int, ...] | None = self._db.execute(
            f"SELECT {columns} FROM documents WHERE id IN (?, ?)",  # noqa: S608
            _ids_of(key),
        ).fetchone()
        if row is None:
            raise QueryError(f"the index holds no document {key!r}", where=str(self.path))
        return row

    def _one(self, sql: str) -> tuple[int, ...]:
        with self._lock, storage_errors(self.path):
            row: tuple[int, ...] = self._db.execute(sql).fetchone()
            return row

    @cached_property
    def _live(self) -> Mask | None:
        if all(segment.live is None for segment in self._segments):
            return None
        return np.concatenate([np.ones(s.size, np.bool_) if s.live is None else s.live for s in self._segments])

    @cached_property
    def _by_id(self) -> tuple[Array, Rows]:
        """Ids of the live chunks in order, and the row of each."""
        rows = np.arange(self._size) if self._live is None else np.flatnonzero(self._live)
        ids = self._ids(rows).view("S16").ravel()
        order = np.argsort(ids, kind="stable")
        return ids[order], rows[order]

    @cached_property
    def _languages(self) -> dict[str, int]:
        with self._lock, storage_errors(self.path):
            rows = self._db.execute("SELECT language, count(*) FROM chunks GROUP BY language").fetchall()
        return {unpack(language): count for language, count in rows}

    @cached_property
    def _lengths(self) -> Rows:
        return np.concatenate([np.zeros(0, np.int64), *(segment.rows[:, 2] for segment in self._segments)])

    @cached_property
    def _anns(self) -> list[Ann | None]:
        with storage_errors(self.path):
            folder = self.path / SEGMENTS
            return [None if s.ann is None else Ann(folder, s.ann, s.size) for s in self._segments]

    def _mask(self, where: str | None) -> Mask | None:
        return self._live if where is None else self._select(where)

    def _read_selection(self, where: str) -> Mask:
        condition, parameters = compile_filter(parse(where))
        bases = {segment.number: segment.base for segment in self._segments}
        with self._lock, storage_errors(self.path):
            rows = self._db.execute(
                "SELECT segment, first, rows FROM placements WHERE NOT dead"  # noqa: S608
                f" AND document IN (SELECT d.number FROM documents d WHERE {condition})",
                parameters,
            ).fetchall()
        return store.spans([(bases[segment] + first, length) for segment, first, length in rows], self._size)

    def _bm25_of(self, where: str | None) -> Bm25:
        return Bm25.over(self._segments, self.settings, self._lengths, self._mask(where))

    def _read_passage(self, ref: Ref) -> Passage:
        segment = self._segments[int(np.searchsorted(self._bases, ref, side="right")) - 1]
        number, seq, _ = segment.rows[ref - segment.base].tolist()
        with self._lock, storage_errors(self.path):
            chunk, metadata = store.read_chunk(self._db, number, seq)
        return Passage(chunk, store.load_metadata(metadata))

    def _read_places(self, key: str) -> tuple[Place, ...]:
        with self._lock, storage_errors(self.path):
            return store.read_places(self._db, self._find(key, "number")[0])

    def _ids(self, refs: Rows) -> npt.NDArray[np.uint8]:
        ids = np.zeros((len(refs), 16), np.uint8)
        for segment, own in spread(self._segments, refs):
            ids[own] = segment.ids[refs[own] - segment.base, 0]
        return ids

    def _best(self, rows: Rows, scores: Scores, k: int) -> Ranking:
        ids = self._ids(rows).view(">u8")
        order = np.lexsort((ids[:, 1], ids[:, 0], -scores))[:k]
        return Ranking(rows[order], scores[order])

    def _need_vectors(self) -> None:
        if not self.settings.dim:
            raise QueryError(
                "the index was built without an embedder, so it has no vectors",
                where=str(self.path),
                hint="search it with BM25, or index again with an embedder",
            )


def _ids_of(key: str) -> tuple[str, str]:
    """What the id may be of a document that is named by its uri or by its id."""
    return content_hash(key), key if key.isascii() else ""
