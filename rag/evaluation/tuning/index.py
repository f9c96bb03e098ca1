"""Trial indexes: an index's documents cut anew, with the vectors that are known already.

The texts are those that the index holds, so no source file is read. A vector depends on a passage's content alone:
those of passages that the index or an earlier trial index of the same embedder holds are taken from there. With late
chunking it depends on the whole document, and each trial index embeds its own.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from rag.chains.stretches import Stretch, embed_stretches
from rag.embedders import LateEmbedder
from rag.errors import NotAnIndexError
from rag.index import IndexSettings, Snapshot, Writer, read_note
from rag.protocols import Embedder
from rag.recipe import Recipe, build_chunker
from rag.types import Chunk, Document, Vectors, content_hash

NOTE = "cut"
# Passages embedded at once, and passages of a commit: as in indexing files.
BATCH, COMMIT = 256, 1024

Watch: TypeAlias = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Cut:
    """What a way of cutting costs: passages, how many of them had to be embedded and in what time, bytes on disk."""

    passages: int
    embedded: int
    seconds: float
    bytes: int


class TrialIndexes:
    """A trial index for each way of cutting, kept in a folder. ``watch`` is told documents done, and in all."""

    def __init__(self, source: Snapshot, embedder: Embedder | None, folder: Path, *, watch: Watch) -> None:
        self.source = source
        self.embedder = embedder
        self.folder = folder
        self._watch = watch

    @contextmanager
    def open(self, recipe: Recipe) -> Iterator[Snapshot]:
        """The documents as the recipe cuts them, scored by its BM25. Raises ChunkError, StorageError."""
        with Snapshot.open(self.ready(recipe)) as snapshot:
            yield snapshot

    def ready(self, recipe: Recipe) -> Path:
        """Where the index that ``open`` opens is, made if there is none. Raises ChunkError, StorageError."""
        self.cut(recipe)
        path, settings = self._path(recipe), self._settings(recipe)
        with Snapshot.open(path) as snapshot:
            fits = snapshot.settings == settings
        if not fits:
            with Writer.open(path, settings) as writer:
                writer.commit()
        return path

    def cut(self, recipe: Recipe) -> Cut:
        """Make the trial index, or finish it, unless it is there. Raises as ``open``."""
        path = self._path(recipe)
        if known := _read_cut(path):
            return known
        started = time.monotonic()
        with ExitStack() as stack:
            others = (stack.enter_context(Snapshot.open(path)) for path in self._others(path))
            fingerprint = self.embedder.fingerprint if self.embedder else ""
            holders = [one for one in (self.source, *others) if one.settings.fingerprint == fingerprint]
            writer = stack.enter_context(Writer.open(path, self._settings(recipe)))
            embedded = _build(writer, self.source, recipe, self.embedder, holders, self._watch)
        with Snapshot.open(path) as snapshot:
            info = snapshot.info()
        cut = Cut(info.chunks, embedded, time.monotonic() - started, info.bytes)
        with Writer.open(path) as writer:
            writer.set_note(NOTE, json.dumps(asdict(cut)))
            writer.commit()
        return cut

    def _path(self, recipe: Recipe) -> Path:
        info = self.source.info()
        embedder = self.embedder.fingerprint if self.embedder else ""
        name = content_hash(info.created, str(info.generation), embedder, recipe.chunk_settings)
        return self.folder / f"cut-{name[:16]}"

    def _others(self, path: Path) -> list[Path]:
        return [other for other in sorted(self.folder.glob("cut-*")) if other != path and _read_cut(other)]

    def _settings(self, recipe: Recipe) -> IndexSettings:
        return IndexSettings(
            embedder=recipe.embedder.model if self.embedder else "",
            fingerprint=self.embedder.fingerprint if self.embedder else "",
            dim=self.embedder.dim if self.embedder else 0,
            variant=recipe.bm25.variant,
            k1=recipe.bm25.k1,
            b=recipe.bm25.b,
            ann_above=recipe.index.ann_above,
        )


def clear(folder: Path) -> None:
    """Remove what a search that is over has left in a folder, and the folder if that empties it."""
    for path in folder.glob("cut-*"):
        shutil.rmtree(path)
    for path in (*folder.glob("trials-*.log*"), folder / ".lock"):
        path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _read_cut(path: Path) -> Cut | None:
    """What was noted when the trial index was whole; None for one that is not."""
    try:
        note = read_note(path, NOTE)
    except NotAnIndexError:
        return None
    return Cut(**json.loads(note)) if note else None


def _build(
    writer: Writer,
    source: Snapshot,
    recipe: Recipe,
    embedder: Embedder | None,
    holders: Sequence[Snapshot],
    watch: Watch,
) -> int:
    """Put all documents, but those that an interrupted run has put; how many passages were embedded."""
    chunker = build_chunker(recipe, embedder)
    summaries = list(source.documents())
    pending: list[tuple[str, Document, list[Chunk]]] = []
    waiting = uncommitted = embedded = 0
    for number, summary in enumerate(summaries):
        watch(number, len(summaries))
        if writer.document_state(summary.uri):
            continue
        document = source.document(summary.uri)
        chunks = list(chunker.chunk(document))
        pending.append((summary.source, document, chunks))
        waiting += len(chunks)
        if waiting >= BATCH:
            embedded += _put(writer, pending, embedder, holders)
            uncommitted += waiting
            pending, waiting = [], 0
        if uncommitted >= COMMIT:
            writer.commit()
            uncommitted = 0
    embedded += _put(writer, pending, embedder, holders)
    writer.commit()
    watch(len(summaries), len(summaries))
    return embedded


def _put(
    writer: Writer,
    pending: Sequence[tuple[str, Document, Sequence[Chunk]]],
    embedder: Embedder | None,
    holders: Sequence[Snapshot],
) -> int:
    """Put documents with their passages; how many of these had to be embedded."""
    if embedder is None:
        for origin, document, chunks in pending:
            writer.put(document, chunks, None, source=origin, state=NOTE)
        return 0
    if isinstance(embedder, LateEmbedder):
        for origin, document, chunks in pending:
            none = np.zeros((0, embedder.dim), np.float32)
            rows = embed_stretches(embedder, [Stretch.around(document, chunks)]) if chunks else none
            writer.put(document, chunks, rows, source=origin, state=NOTE)
        return sum(len(chunks) for _, _, chunks in pending)
    contents = {chunk.content_id: chunk.content for _, _, chunks in pending for chunk in chunks}
    vectors = writer.known_vectors(contents)
    for holder in holders:
        for _, document, chunks in pending:
            if any(chunk.content_id not in vectors for chunk in chunks):
                vectors = _vectors_of(holder, document.uri) | vectors
    new = [content_id for content_id in contents if content_id not in vectors]
    if new:
        rows = embedder.embed_documents([contents[content_id] for content_id in new])
        vectors |= dict(zip(new, rows, strict=True))
    for origin, document, chunks in pending:
        own = np.stack([vectors[chunk.content_id] for chunk in chunks]) if chunks else np.zeros((0, embedder.dim))
        writer.put(document, chunks, own.astype(np.float32, copy=False), source=origin, state=NOTE)
    return len(new)


def _vectors_of(holder: Snapshot, uri: str) -> dict[str, Vectors]:
    """The vectors of a document's passages, by content id."""
    chunks = holder.chunks_of(uri)
    rows = holder.vectors(holder.refs([chunk.id for chunk in chunks]))
    return dict(zip((chunk.content_id for chunk in chunks), rows, strict=True))
