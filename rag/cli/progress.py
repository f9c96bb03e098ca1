"""Progress of long work, on stderr, where someone is watching."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from rag.chains.ingest import IndexProgress

EVERY = 5.0  # seconds between lines, at the least

__all__ = ["evaluating", "indexing", "pulling"]


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        passages = task.fields.get("passages", 0)
        rate = passages / task.elapsed if task.elapsed else 0.0
        return Text(f"{passages} passages, {rate:.0f}/s", style="cyan")


@contextmanager
def indexing() -> Iterator[Callable[[IndexProgress], None]]:
    """A bar over the bytes read, with passages per second and the time left."""
    console = Console(stderr=True)
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[files]}"),
        BarColumn(),
        _RateColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None, files="", passages=0)

        def update(progress: IndexProgress) -> None:
            bar.update(
                task,
                completed=progress.bytes,
                total=progress.bytes_total or None,
                description=progress.current[-48:],
                files=f"{progress.files}/{progress.files_total} files",
                passages=progress.passages,
            )

        yield update


@contextmanager
def pulling(*, quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """What is being fetched or checked, with a bar where the size is known."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None)

        def update(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield update


@contextmanager
def evaluating(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """What is being done and how far it is; where nobody watches, a line now and then."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield _tenths(sys.stderr if not quiet else None)
        return
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:.0f}%"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("", total=None)
        stage = ""

        def update(what: str, done: int, total: int) -> None:
            nonlocal stage
            if what != stage:
                stage = what
                bar.reset(task)
            bar.update(task, description=what, completed=done, total=total or None)

        yield update


def _tenths(out: TextIO | None) -> Callable[[str, int, int], None]:
    said: dict[str, int] = {}
    last = time.monotonic()

    def update(what: str, done: int, total: int) -> None:
        nonlocal last
        tenth = 10 * done // total if total else 0
        now = time.monotonic()
        if out is not None and tenth > said.get(what, 0) and now - last >= EVERY:
            said[what], last = tenth, now
            out.write(f"{what}: {done:,} of {total:,}\n")
            out.flush()

    return update
