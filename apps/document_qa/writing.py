"""An answer while it is written: its draft, how to stop it, and what is left of one that was broken off."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import streamlit as st
from escaping import plain
from library import Library
from visitor import Visitor

from rag.chains.drafting import Event
from rag.errors import RagError
from rag.types import Answer

USER, ASSISTANT = ":material/person:", ":material/find_in_page:"
_EVERY = 0.1  # seconds between updates of a draft
_START, _WRITING, _BROKEN = "start", "writing", "broken"  # in the state of a browser's session


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the turn in whose place it is asked; None for the next one."""

    question: str
    instead_of: int | None = None


def start(asked: Asked) -> None:
    """Answer a question in the next run."""
    st.session_state[_START] = asked
    st.session_state.pop("opened", None)


def started() -> Asked | None:
    """What was put up to be answered in this run, once."""
    found: Asked | None = st.session_state.pop(_START, None)
    return found


def notice_break(*, box: str) -> None:
    """See whether the last answer was broken off, by Stop or by another click; its question goes back into the box.

    To be called before the chat input of the key ``box`` is made.
    """
    left: Asked | None = st.session_state.pop(_WRITING, None)
    if left is not None:
        st.session_state[_BROKEN] = left
        if left.instead_of is None:
            st.session_state[box] = left.question


def show_break(who: Visitor) -> None:
    """The note of an answer that was broken off, until something else is asked."""
    left: Asked | None = st.session_state.get(_BROKEN)
    if left is not None:
        with st.container(border=True):
            st.info(who.say("ask.broken_off"), icon=":material/stop_circle:")
            st.text(left.question)
            _retry(who, left)


def write_answer(held: Library, who: Visitor, asked: Asked, events: Callable[[], Iterator[Event]]) -> None:
    """Write an answer on the page and keep its turn. Stop, or any other click, ends it and leaves no turn."""
    say = who.say
    st.session_state.pop(_BROKEN, None)
    st.session_state[_WRITING] = asked
    with st.chat_message("user", avatar=USER):
        st.text(asked.question)
    with st.chat_message("assistant", avatar=ASSISTANT):
        told, draft = st.empty(), st.empty()
        st.button(say("ask.stop"), icon=":material/stop:", key="stop")
        told.caption(say("ask.thinking"))
        while not held.answering.acquire(timeout=0.5):
            told.caption(say("ask.waiting"))  # here the page may end, if whoever asked has gone on
        try:
            _stream(events, draft.text, lambda: told.caption(say("ask.draft")))
        except RagError as error:
            st.session_state.pop(_WRITING, None)
            told.error(say("ask.model", error=plain(str(error))))
            _retry(who, asked)
            return
        finally:
            held.answering.release()
    st.session_state.pop(_WRITING, None)
    st.rerun()


def _retry(who: Visitor, asked: Asked) -> None:
    st.button(who.say("ask.retry"), icon=":material/refresh:", key="retry", on_click=start, args=(asked,))


def _stream(
    start_writing: Callable[[], Iterator[Event]], show: Callable[[str], object], began: Callable[[], object]
) -> None:
    written, shown = "", 0.0
    events = start_writing()
    try:
        for event in events:
            if isinstance(event, Answer):
                return
            if not written and event:
                began()
            written += event
            if not event or time.monotonic() - shown > _EVERY:  # the page may end where it is written to
                show(written)
                shown = time.monotonic()
    finally:  # also where the page has moved on: nobody waits for the rest
        if isinstance(events, Generator):
            events.close()
