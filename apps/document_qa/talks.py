"""The conversations of a visitor: which one is open, the others, and the open one as a file."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

import streamlit as st
from escaping import plain
from labels import shortened
from library import Library
from visitor import Visitor

from rag.chains.exporting import ExportWords, to_markdown
from rag.chains.exporting_pdf import to_pdf
from rag.chains.sessions import SessionStore
from rag.chains.turns import Turn

OPEN = "talk"
"""The name of the open conversation, in the state of a browser's session; the address has it as ``c``."""


def open_talk(held: Library, store: SessionStore) -> str:
    """The conversation in the address, else the one that was open last, else a new one."""
    name = st.query_params.get("c", "") or st.session_state.get(OPEN, "")
    if name not in known_talks(held, store) and name != st.session_state.get("new"):
        name = time.strftime("%Y-%m-%d ") + secrets.token_hex(3)
        st.session_state["new"] = name
    st.session_state[OPEN] = st.query_params["c"] = name
    return name


def known_talks(held: Library, store: SessionStore) -> list[str]:
    """The visitor's conversations on this index that have turns."""
    here = str(held.settings.index.resolve())
    return [info.name for info in store.infos() if info.source == here and info.turns]


def talks_beside(held: Library, who: Visitor, store: SessionStore, name: str, path: Sequence[Turn]) -> None:
    """The list in the sidebar, and what can be done with the open one. ``path`` are its turns that may be shown."""
    say = who.say
    known = known_talks(held, store)
    with st.sidebar:
        st.subheader(say("ask.sessions"))
        if st.button(say("ask.new"), icon=":material/add:", width="stretch"):
            go_to(None)
        for info in store.infos():
            if info.name in known and st.button(
                plain(shortened(info.opening, 60)),
                key=f"session {info.name}",
                disabled=info.name == name,
                width="stretch",
            ):
                go_to(info.name)
        if name in known:
            _files(who, name, path)
            if st.button(say("ask.delete"), icon=":material/delete:"):
                store.delete(name)
                go_to(None)


def _files(who: Visitor, name: str, path: Sequence[Turn]) -> None:
    say = who.say
    words = export_words(who)
    title = say("export.title", date=time.strftime("%Y-%m-%d", time.gmtime(path[0].asked))) if path else name
    st.download_button(
        say("ask.export"),
        lambda: to_markdown(title, path, words),
        f"{name}.md",
        "text/markdown",
        icon=":material/download:",
        on_click="ignore",
    )
    st.download_button(
        say("ask.export_pdf"),
        lambda: to_pdf(title, path, words),
        f"{name}.pdf",
        "application/pdf",
        icon=":material/picture_as_pdf:",
        on_click="ignore",
    )


def export_words(who: Visitor) -> ExportWords:
    """What an export says, in the visitor's language."""
    say = who.say
    return ExportWords(
        sources=say("export.sources"),
        page=f"{say('export.page')} ",
        turn=f"{say('export.turn')} ",
        supported=say("ask.supported"),
        partly=say("ask.partly"),
        refused=say("ask.refused"),
        undrawn=say("export.undrawn"),
    )


def go_to(name: str | None) -> None:
    """Open another conversation; a new one with None."""
    for key in ("opened", "new", OPEN, "broken"):
        st.session_state.pop(key, None)
    if name is None:
        st.query_params.pop("c", None)
    else:
        st.query_params["c"] = name
    st.rerun()
