"""Files into the index, with progress on the page."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from escaping import plain
from library import Library
from visitor import Visitor

from rag.chains.ingest import IndexProgress, IndexReport

_EVERY = 0.25  # seconds between updates of the page: reports come for every file and batch


def index_paths(held: Library, who: Visitor, paths: Sequence[Path], *, sync: bool = False) -> IndexReport:
    """Index files and folders; each is parsed in a process of its own. Raises StorageError, ModelError."""
    bar = st.progress(0.0, " ")
    started = time.monotonic()
    shown = 0.0

    def progress(now: IndexProgress) -> None:
        nonlocal shown
        seconds = time.monotonic() - started
        if seconds - shown < _EVERY and now.files < now.files_total:
            return
        shown = seconds
        share = min(now.bytes / now.bytes_total, 1.0) if now.bytes_total else 1.0
        told = who.say(
            "documents.reading",
            files=now.files,
            total=now.files_total,
            passages=now.passages,
            rate=f"{now.passages / seconds:.0f}" if seconds > 1 else "…",
            left=_clock(seconds * (1 - share) / share) if share > 0.02 else "…",
            current=now.current.replace("`", "'"),
        )
        bar.progress(share, plain(told))

    with held.changing:
        report = held.pipeline.add(*paths, sync=sync, isolated=True, progress=progress)
    bar.empty()
    return report


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
