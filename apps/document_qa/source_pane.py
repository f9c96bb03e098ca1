"""The source of a citation, beside the conversation."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from library import Library
from sources import TextView, view
from views import name_of, show_source
from visitor import Visitor

from rag.chains.turns import Turn
from rag.types import Citation

_OPENED = "opened"


def opened() -> tuple[int, str] | None:
    """The turn and the place in its answer of the citation that is open."""
    found: tuple[int, str] | None = st.session_state.get(_OPENED)
    return found


def open_source(turn: int, place: str) -> None:
    """Open another, in a run of its own."""
    st.session_state[_OPENED] = (turn, place)
    st.rerun()


def show_opened(held: Library, who: Visitor, path: Sequence[Turn]) -> None:
    """Show the citation that is open, of a turn that may be shown."""
    number, place = opened() or (0, "")
    citation = citation_at(path, number, place)
    if citation is None:
        _close()
        return
    say = who.say
    with st.container(horizontal=True):
        st.text(name_of(citation, who))
        if st.button(say("ask.close"), icon=":material/close:"):
            _close()
    found = view(held.pipeline.snapshot, citation, who.user.limited(None))
    if found is None:
        st.caption(say("ask.gone"))
        found = TextView("", citation.quote, "")
    elif isinstance(found, TextView) and found.changed:
        st.caption(say("ask.changed"))
    show_source(found, who, key=f"source {number} {place}")


def citation_at(path: Sequence[Turn], number: int, place: str) -> Citation | None:
    """The citation of a turn at a place such as "0.1", the second of its first sentence; None where there is none."""
    turn = next((turn for turn in path if turn.number == number), None)
    row, _, column = place.partition(".")
    if turn is None or not (row.isdecimal() and column.isdecimal()):  # the place comes from the browser
        return None
    sentences = turn.answer.sentences[int(row) : int(row) + 1]
    return next((one for sentence in sentences for one in sentence.citations[int(column) : int(column) + 1]), None)


def _close() -> None:
    st.session_state.pop(_OPENED, None)
    st.rerun()
