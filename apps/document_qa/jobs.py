"""Long work beside the pages: it goes on whatever is clicked, and any page can watch or stop it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import streamlit as st
from escaping import plain
from visitor import Visitor

from rag.errors import RagError

_EVERY = 0.25  # seconds between updates of a page

Progress = TypeVar("Progress")
Result = TypeVar("Result")


class Stopped(Exception):  # noqa: N818  nothing went wrong
    """Somebody has stopped the job; raised within it, where it tells its progress."""


@dataclass(slots=True)
class Job(Generic[Progress, Result]):
    """Work for somebody: how far it is, and when ``done`` its result or what it failed of."""

    owner: str
    started: float = field(default_factory=time.monotonic)
    progress: Progress | None = None
    result: Result | None = None
    error: BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def busy(self) -> bool:
        """Whether it is still going on."""
        return not self.done.is_set()

    @property
    def stopped(self) -> bool:
        """Whether it ended because somebody stopped it."""
        return isinstance(self.error, Stopped)

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.started

    def tell(self, progress: Progress) -> None:
        """Called by the work: how far it is. Raises Stopped where it should end."""
        self.progress = progress
        if self.stop.is_set():
            raise Stopped


def begin(job: Job[Progress, Result], work: Callable[[Callable[[Progress], None]], Result]) -> None:
    """Do the work in a thread of its own. It is given ``job.tell``."""

    def run() -> None:
        try:
            job.result = work(job.tell)
        except BaseException as error:
            job.error = error
            if not isinstance(error, RagError | Stopped):
                raise  # to the log; a RagError is told on the page
        finally:
            job.done.set()

    threading.Thread(target=run, name="job", daemon=True).start()


def watch(
    job: Job[Progress, Result],
    who: Visitor,
    told: Callable[[Progress], tuple[float, str]],
    *,
    key: str,
    stopped: str = "app.stopped",
) -> None:
    """Show how far the job is until it is done, with a button that stops it; and to its owner, what it failed of.

    ``told`` makes of a progress the share that is done, from 0 to 1, and the words for it, as Markdown. ``stopped`` are
    the words for a job that somebody has stopped.
    """
    mine = job.owner == who.owner
    if job.busy:
        bar = st.progress(0.0, " ")
        if mine and st.button(
            who.say("app.stop"), icon=":material/stop:", key=f"stop {key}", disabled=job.stop.is_set()
        ):
            job.stop.set()
        while not job.done.wait(_EVERY):
            if job.progress is not None:
                bar.progress(*told(job.progress))
        st.rerun()  # the page was drawn while the job went on
    if not mine or job.error is None:
        return
    if isinstance(job.error, RagError):
        st.error(plain(str(job.error)), icon=":material/error:")
    elif job.stopped:
        st.info(who.say(stopped))
    else:
        st.error(who.say("app.error", kind=type(job.error).__name__), icon=":material/error:")


def clock(seconds: float) -> str:
    """Minutes and seconds, as "1:05"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
