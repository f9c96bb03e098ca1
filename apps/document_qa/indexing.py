"""Files into the index, as a job: each file is parsed in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from escaping import plain
from jobs import Job, begin, clock, watch
from visitor import Visitor

from rag.chains.ingest import IndexProgress, IndexReport
from rag.pipeline import Pipeline


@dataclass(slots=True)
class IndexJob(Job[IndexProgress, IndexReport]):
    """One run of indexing for somebody; ``names`` are those of uploaded files, by uri."""

    names: Mapping[str, str] = field(default_factory=dict)


def begin_indexing(pipeline: Pipeline, paths: Sequence[Path], job: IndexJob, *, sync: bool = False) -> IndexJob:
    """Start the job."""

    def work(tell: Callable[[IndexProgress], None]) -> IndexReport:
        return pipeline.add(*paths, sync=sync, isolated=True, progress=tell)

    begin(job, work)
    return job


def watch_indexing(job: IndexJob, who: Visitor) -> None:
    """Show how far the job is, until it is done; and to its owner, what it failed of."""

    def told(now: IndexProgress) -> tuple[float, str]:
        share = min(now.bytes / now.bytes_total, 1.0) if now.bytes_total else 1.0
        words = who.say(
            "documents.reading",
            files=now.files,
            total=now.files_total,
            passages=now.passages,
            rate=f"{now.passages / job.seconds:.0f}" if job.seconds > 1 else "…",
            left=clock(job.seconds * (1 - share) / share) if share > 0.02 else "…",
            current=plain(now.current) if job.owner == who.owner else "…",
        )
        return share, words

    watch(job, who, told, key="indexing")
