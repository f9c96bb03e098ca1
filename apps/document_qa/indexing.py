"""Files into the index, beside the pages: a job goes on whatever is clicked, and any page can watch it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st
from escaping import plain
from visitor import Visitor

from rag.chains.ingest import IndexProgress, IndexReport
from rag.errors import RagError
from rag.pipeline import Pipeline

_EVERY = 0.25  # seconds between updates of a page


@dataclass(slots=True)
class Job:
    """One run of indexing for somebody; ``names`` are those of uploaded files, by uri."""

    owner: str
    names: Mapping[str, str] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    progress: IndexProgress | None = None
    report: IndexReport | None = None
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)


def begin(pipeline: Pipeline, paths: Sequence[Path], job: Job, *, sync: bool = False) -> Job:
    """Start the job in a thread of its own; each file is parsed in a process of its own."""

    def progress(now: IndexProgress) -> None:
        job.progress = now

    def work() -> None:
        try:
            job.report = pipeline.add(*paths, sync=sync, isolated=True, progress=progress)
        except BaseException as error:
            job.error = error
            if not isinstance(error, RagError):
                raise  # to the log; a RagError is told on the page
        finally:
            job.done.set()

    threading.Thread(target=work, name="indexing", daemon=True).start()
    return job


def watch(job: Job, who: Visitor) -> None:
    """Show how far the job is, until it is done; and to its owner, what it failed of."""
    if not job.done.is_set():
        bar = st.progress(0.0, " ")
        while not job.done.wait(_EVERY):
            if job.progress:
                share, told = _told(job, job.progress, who)
                bar.progress(share, told)
        bar.empty()
    if job.error is not None and job.owner == who.owner:
        known = isinstance(job.error, RagError)
        st.error(plain(str(job.error)) if known else who.say("app.error", kind=type(job.error).__name__))


def _told(job: Job, now: IndexProgress, who: Visitor) -> tuple[float, str]:
    seconds = time.monotonic() - job.started
    share = min(now.bytes / now.bytes_total, 1.0) if now.bytes_total else 1.0
    return share, who.say(
        "documents.reading",
        files=now.files,
        total=now.files_total,
        passages=now.passages,
        rate=f"{now.passages / seconds:.0f}" if seconds > 1 else "…",
        left=_clock(seconds * (1 - share) / share) if share > 0.02 else "…",
        current=plain(now.current) if job.owner == who.owner else "…",
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
