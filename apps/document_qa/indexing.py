"""Files into the index, as a job: each file is parsed in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from escaping import plain
from jobs import Job, begin, clock, watch
from visitor import Visitor

from rag.chains.ingest import FileResult, IndexProgress, IndexReport
from rag.loaders import file_uri
from rag.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """What is to be indexed, and how, as ``Pipeline.add`` takes it."""

    paths: tuple[Path, ...] = ()
    sync: bool = False
    reread: bool = False
    reembed: bool = False
    exclude: tuple[str, ...] = ()
    apart: tuple[Path, ...] = ()


@dataclass(slots=True)
class IndexJob(Job[IndexProgress, IndexReport]):
    """One run of indexing for somebody.

    ``names`` are what files are shown as and ``notes`` what there is to say of them, by uri; ``refused`` never came to
    be indexed. ``results`` are of the files whose documents are in the index by now.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    refused: Sequence[tuple[str, str]] = ()
    request: IndexRequest = IndexRequest()
    results: list[FileResult] = field(default_factory=list)
    then: Callable[[], object] = lambda: None


def begin_indexing(
    pipeline: Pipeline,
    paths: Sequence[Path],
    job: IndexJob,
    *,
    sync: bool = False,
    reread: bool = False,
    reembed: bool = False,
    exclude: Sequence[str] = (),
    apart: Sequence[Path] = (),
) -> IndexJob:
    """Start the job; when it has come to its end, ``job.then`` is called."""
    job.request = IndexRequest(tuple(paths), sync, reread, reembed, tuple(exclude), tuple(apart))

    def work(tell: Callable[[IndexProgress], None]) -> IndexReport:
        report = pipeline.add(
            *paths,
            exclude=exclude,
            apart=apart,
            sync=sync,
            reread=reread,
            reembed=reembed,
            isolated=True,
            names=job.names,
            progress=tell,
            told=job.results.append,
        )
        job.then()
        return report

    begin(job, work)
    return job


def go_on(pipeline: Pipeline, job: IndexJob) -> IndexJob:
    """A job that does what is left of one that was stopped, or failed."""
    wanted = job.request
    done = {one.uri for one in job.results}
    left = [path for path in wanted.paths if wanted.sync or file_uri(path) not in done]
    new = IndexJob(job.owner, names=job.names, notes=job.notes, refused=job.refused, then=job.then)
    if not wanted.sync:
        new.results = list(job.results)
    return begin_indexing(
        pipeline,
        left,
        new,
        sync=wanted.sync,
        reread=wanted.reread,
        reembed=wanted.reembed,
        exclude=wanted.exclude,
        apart=wanted.apart,
    )


def watch_indexing(job: IndexJob, who: Visitor) -> None:
    """Show how far the job is, until it is done; to its owner, also with which files, and what it failed of."""

    def told(now: IndexProgress) -> tuple[float, str]:
        share = min(now.bytes / now.bytes_total, 1.0) if now.bytes_total else 1.0
        if job.owner != who.owner:
            return share, who.say("documents.others")
        words = who.say(
            "documents.reading",
            files=now.files,
            total=now.files_total,
            passages=now.passages,
            rate=f"{now.passages / job.seconds:.0f}" if job.seconds > 1 else "…",
            left=clock(job.seconds * (1 - share) / share) if share > 0.02 else "…",
            current=plain(now.current),
        )
        return share, words

    watch(job, who, told, key="indexing")
