"""Files -> index: walk, load, chunk, embed what is new, commit in batches.

A file whose bytes and settings are unchanged is not even parsed, and a passage whose content is
unchanged is never embedded again. Every commit holds whole documents, so an interrupted run resumes
where its last commit was. A file or record that cannot be read is reported and skipped; what the
index holds of it stays.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, islice
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from rag.chains.ingest_records import FileResult, IndexProgress, IndexReport, Skipped
from rag.chains.stretches import Stretch, embed_stretches
from rag.embedders import LateEmbedder
from rag.errors import ChunkError, LoadError
from rag.index import Writer
from rag.loaders import SourceFile, load_bytes, read_file, uri_prefix, walk
from rag.protocols import Chunker, Embedder
from rag.text import detect_language
from rag.types import Chunk, Document, Vectors, content_hash

__all__ = ["FileResult", "IndexProgress", "IndexReport", "Skipped", "file_settings", "index_files", "selected"]

# Bumped when the same bytes come to other documents: files are then read anew.
INGEST_VERSION = "1"
# Passages embedded at once, while the next are read and cut: enough to be sorted by length.
BATCH = 256
# Passages of a commit, about a quarter of a minute on a laptop: little is lost to an interruption. Where a model
# cuts or describes passages they are slower, and seconds decide.
COMMIT = 1024
COMMIT_SECONDS = 30.0
WATCH_SECONDS = 0.5  # between reports on one long file

Load: TypeAlias = Callable[..., Iterable[Document | LoadError]]
"""As ``load_bytes``: (data, *, uri, name) -> documents and bad records."""
Step: TypeAlias = Callable[[dict[str, Vectors]], object]


def file_settings(settings: str, shown: str) -> str:
    """The hash of all but its bytes that a file's documents come of: how it is cut, and how it is shown."""
    return content_hash(content_hash(INGEST_VERSION, settings), shown)


def index_files(
    paths: Sequence[Path],
    *,
    writer: Writer,
    chunker: Chunker,
    embedder: Embedder | None,
    settings: str = "",
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    sync: bool = False,
    apart: Sequence[Path] = (),
    at_once: bool = False,
    reread: bool = False,
    names: Mapping[str, str] | None = None,
    load: Load = load_bytes,
    progress: Callable[[IndexProgress], None] | None = None,
    told: Callable[[FileResult], None] | None = None,
) -> IndexReport:
    """Bring the index up to date with files and folders.

    With a LateEmbedder, a passage's vector is made of its document, not of its content alone: no vector is then
    taken from another passage, and all of a document that has changed is embedded anew.
    ``settings`` is anything that decides how files are cut: files indexed under other settings are
    cut anew. With ``sync``, documents under the given folders whose file has gone, or is no longer
    selected by the globs, leave the index; nothing leaves because a file or folder cannot be read.
    Folders that are ``apart`` are no part of those that hold them: nothing in them is read, and nothing leaves.
    ``load`` parses a file's bytes. With ``at_once`` there is one commit, at the end: readers never see a part of
    the work, and an interruption leaves the index as it was. With ``reread``, files are parsed and cut also where
    nothing about them has changed. ``names`` says what a file is shown as, by uri, where that is not its path from the
    folder. ``told`` hears what became of each file once that is committed, so also where the run ends before its end.
    """
    started = time.monotonic()
    found, unlisted = selected(paths, include, exclude, names or {}, apart=[writer.path, *apart])
    with ThreadPoolExecutor(1, "embedding") as executor:
        run = _Run(writer, chunker, embedder, settings, executor, at_once=at_once, reread=reread, load=load, told=told)
        for error in unlisted:
            run.skip_file(error)
        size = run.read_all(found, progress)
        run.finish()
        if sync:
            closed = [*(error.where for error in unlisted), *map(uri_prefix, apart)]
            for folder in (path for path in paths if path.is_dir()):
                run.remove_missing(uri_prefix(folder), {file.uri for file in found}, closed)
        report = run.done(files=len(found), started=started)
    if progress:
        progress(IndexProgress(len(found), len(found), size, size, report.passages, ""))
    return report


def selected(
    paths: Sequence[Path],
    include: Sequence[str],
    exclude: Sequence[str],
    names: Mapping[str, str] = MappingProxyType({}),
    *,
    apart: Sequence[Path],
) -> tuple[list[SourceFile], list[LoadError]]:
    """The files to read, each once and as ``names`` has it shown, none of them ``apart``; and what cannot be listed."""
    others = [Path(os.path.abspath(folder)) for folder in apart]  # noqa: PTH100  as walk does
    found: dict[str, SourceFile] = {}
    unlisted: list[LoadError] = []
    for item in walk(paths, include=include, exclude=exclude):
        if isinstance(item, LoadError):
            unlisted.append(item)
        elif not any(map(item.path.is_relative_to, others)):
            found.setdefault(item.uri, replace(item, relative=names.get(item.uri, item.relative)))
    return list(found.values()), unlisted


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # reading it will say why
        return 0


@dataclass(frozen=True, slots=True)
class _Batch:
    """Steps whose passages are being embedded: ``new`` are, ``held`` are the vectors known before."""

    steps: list[Step]
    passages: int
    held: dict[str, Vectors]
    new: list[str]
    future: Future[Vectors] | None

    def vectors(self) -> dict[str, Vectors]:
        """By content id; waits for the embedder and raises what it raised."""
        if self.future is None:
            return self.held
        return self.held | dict(zip(self.new, self.future.result(), strict=True))


class _Run:
    """One run's pending work: steps on the writer that wait for their passages' vectors."""

    def __init__(
        self,
        writer: Writer,
        chunker: Chunker,
        embedder: Embedder | None,
        settings: str,
        executor: Executor,
        *,
        at_once: bool,
        reread: bool,
        load: Load,
        told: Callable[[FileResult], None] | None,
    ) -> None:
        self.writer = writer
        self.chunker = chunker
        self.embedder = embedder
        self.settings = settings
        self.at_once = at_once
        self.reread = reread
        self.load = load
        self.told = told
        self.late = embedder if isinstance(embedder, LateEmbedder) else None
        self.report = IndexReport()
        self.cut = 0
        self.skipped: list[Skipped] = []
        self._executor = executor
        self._embedding: _Batch | None = None
        self._steps: list[Step] = []
        self._pending: list[tuple[str, Chunk]] = []  # each with the key under which its vector comes
        self._stretches: list[Stretch] = []
        self._keys = count()
        self._results: list[FileResult] = []  # not yet committed
        self._staged = 0
        self._in_part = False  # whether a document is staged that may have more passages
        self._committed = self._watched = time.monotonic()

    def skip(self, error: LoadError | ChunkError) -> None:
        """Report a file or record that is left out."""
        reason = f"{error.message} ({error.hint})" if error.hint else error.message
        self.skipped.append(Skipped(error.where, reason))

    def skip_file(self, error: LoadError, path: str = "") -> None:
        """Report a file of which nothing can be read, shown as ``path``."""
        self.skip(error)
        self._tell(FileResult(error.where, path or error.where, skipped=(self.skipped[-1],)))

    def _tell(self, *results: FileResult) -> None:
        if self.told:
            for result in results:
                self.told(result)

    def read_all(self, files: Sequence[SourceFile], progress: Callable[[IndexProgress], None] | None) -> int:
        """Stage the files; their bytes. What ``progress`` raises ends the run there.

        All documents that were whole by then are committed.
        """
        sizes = [_size(file.path) for file in files]
        done, total = 0, sum(sizes)
        for number, (file, size) in enumerate(zip(files, sizes, strict=True)):

            def watch(number: int = number, done: int = done, current: str = file.relative) -> None:
                if not progress:
                    return
                try:
                    progress(IndexProgress(number, len(files), done, total, self.cut, current))
                except BaseException:
                    if not self.at_once and not self._in_part:
                        self.finish()
                    raise

            watch()
            self.read(file, watch)
            done += size
        return total

    def read(self, file: SourceFile, watch: Callable[[], None]) -> None:
        """Stage one file, unless it is unchanged; ``watch`` is called now and then where that takes long."""
        try:
            data = read_file(file)
        except LoadError as error:
            self.skip_file(error, file.relative)
            return
        sha256 = hashlib.sha256(data).hexdigest()
        held = self.writer.source_state(file.uri)
        settings = file_settings(self.settings, file.relative)
        unchanged = held and held.complete and (held.sha256, held.settings) == (sha256, settings)
        if held and unchanged and not self.reread:
            self.report.unchanged += held.documents
            self._tell(FileResult(file.uri, file.relative, unchanged=held.documents))
            return
        skipped = len(self.skipped)
        before = replace(self.report)
        self._steps.append(lambda _: self.writer.begin_source(file.uri))
        try:
            for item in self.load(data, uri=file.uri, name=file.path.name):
                if isinstance(item, LoadError):
                    self.skip(item)
                else:
                    self._document(file, item, settings, watch)
        except LoadError as error:
            self.skip(error)
        result = FileResult(
            file.uri,
            file.relative,
            added=self.report.added - before.added,
            updated=self.report.updated - before.updated,
            unchanged=self.report.unchanged - before.unchanged,
            skipped=tuple(self.skipped[skipped:]),
        )
        self._steps.append(lambda _: self._finish(result, sha256, len(data), settings))

    def _document(self, file: SourceFile, document: Document, settings: str, watch: Callable[[], None]) -> None:
        document = replace(
            document,
            metadata={**document.metadata, "path": file.relative},
            language=document.language or detect_language(document.text),
        )
        state = content_hash(settings, document.title, document.text, repr(sorted(document.metadata.items())))
        held = self.writer.document_state(document.uri)
        if held and held.state == state and not self.reread:
            self.report.unchanged += 1
            self._steps.append(lambda _: self.writer.keep(document.uri))
            return
        try:
            parts = iter(_batched(self._counted(self.chunker.chunk(document), watch), BATCH))
            first = next(parts, [])
        except ChunkError as error:
            self.skip(error)
            return
        if len(first) == BATCH:
            # It is staged in parts: what goes before is committed, lest it be lost where the run ends among them.
            self.finish()
        self._in_part = True
        self._stage(partial(self.writer.put, source=file.uri, state=state), document, first)
        for part in parts:
            self._embed()
            self._stage(self.writer.extend, document, part)
        self._in_part = False
        if held:
            self.report.updated += 1
        else:
            self.report.added += 1
        slow = self._staged and time.monotonic() - self._committed > COMMIT_SECONDS
        if self._staged >= COMMIT or slow:
            self.flush()
        elif len(self._pending) >= BATCH:
            self._embed()

    def _counted(self, chunks: Iterable[Chunk], watch: Callable[[], None]) -> Iterator[Chunk]:
        for chunk in chunks:
            self.cut += 1
            if time.monotonic() - self._watched > WATCH_SECONDS:
                watch()
                self._watched = time.monotonic()
            yield chunk

    def _stage(
        self,
        call: Callable[[Document, Sequence[Chunk], Vectors | None], object],
        document: Document,
        chunks: list[Chunk],
    ) -> None:
        # A vector of late chunking is of this passage alone, whatever other passage has the same content.
        keys = [str(next(self._keys)) if self.late else chunk.content_id for chunk in chunks]

        def step(known: dict[str, Vectors]) -> None:
            vectors = None
            if self.embedder:
                rows = [known[key] for key in keys]
                vectors = np.stack(rows) if rows else np.zeros((0, self.embedder.dim), np.float32)
            call(document, chunks, vectors)

        self._steps.append(step)
        self._pending.extend(zip(keys, chunks, strict=True))
        if self.late and chunks:
            self._stretches.append(Stretch.around(document, chunks))
        self._staged += len(chunks)

    def _finish(self, result: FileResult, sha256: str, size: int, settings: str) -> None:
        removed = self.writer.finish_source(
            result.uri, sha256=sha256, size=size, settings=settings, complete=not result.skipped
        )
        self.report.removed += removed
        self._results.append(replace(result, removed=removed))

    def _commit(self) -> int:
        generation = self.writer.commit()
        self._tell(*self._results)
        self._results = []
        return generation

    def _embed(self) -> None:
        """Hand what is pending to the embedder, and meanwhile stage what it was given before."""
        before, self._embedding = self._embedding, None
        known = before.vectors() if before else {}
        held: dict[str, Vectors] = {}
        new: list[str] = []
        future: Future[Vectors] | None = None
        if self.late and self._pending:
            new = [key for key, _ in self._pending]
            future = self._executor.submit(embed_stretches, self.late, self._stretches)
        elif self.embedder:
            contents = {key: chunk.content for key, chunk in self._pending}
            held = self.writer.known_vectors(contents.keys() - known.keys())
            held |= {key: known[key] for key in contents.keys() & known.keys()}
            if new := [key for key in contents if key not in held]:
                future = self._executor.submit(self.embedder.embed_documents, [contents[key] for key in new])
        self._embedding = _Batch(self._steps, len(self._pending), held, new, future)
        self._steps, self._pending, self._stretches = [], [], []
        if before:
            self._stage_batch(before, known)

    def _stage_batch(self, batch: _Batch, known: dict[str, Vectors]) -> None:
        for step in batch.steps:
            step(known)
        self.report.passages += batch.passages
        self.report.embedded += len(batch.new)

    def flush(self) -> None:
        """Embed what is pending, to be committed when it is staged; called only between documents."""
        if not self.at_once:
            self._steps.append(lambda _: self._commit())
        self._embed()
        self._staged = 0
        self._committed = time.monotonic()

    def finish(self) -> None:
        """Embed and stage all that is left."""
        self.flush()
        last, self._embedding = self._embedding, None
        if last:
            self._stage_batch(last, last.vectors())

    def remove_missing(self, prefix: str, seen: Container[str], closed: Sequence[str]) -> None:
        """Take out the sources below ``prefix`` that were not seen, but none below what is ``closed``."""
        gone = [
            held.source
            for held in self.writer.sources(prefix)
            if held.source not in seen and not held.source.startswith(tuple(closed))
        ]
        for source in gone:
            removed = self.writer.delete_source(source)
            self.report.removed += removed
            self._results.append(FileResult(source, source, removed=removed))

    def done(self, *, files: int, started: float) -> IndexReport:
        """Commit, and report."""
        self.report.generation = self._commit()
        self.report.files = files
        self.report.skipped = tuple(self.skipped)
        self.report.seconds = time.monotonic() - started
        return self.report


def _batched(chunks: Iterable[Chunk], size: int) -> Iterator[list[Chunk]]:
    iterator = iter(chunks)
    while batch := list(islice(iterator, size)):
        yield batch
