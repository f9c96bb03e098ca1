"""The documents of the index: add, watch, list, read, delete."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from adding import add_documents
from chosen import act_on
from contents import show_contents
from library import Library
from listing import list_documents
from results import show_indexing
from streamlit.delta_generator import DeltaGenerator
from visitor import Visitor
from watched import may_watch, watched_folders


def documents_page(held: Library, who: Visitor) -> None:
    """The page."""
    st.title(who.say("app.documents"))
    running, look = adding(held, who)
    if not held.empty:
        documents = list(held.pipeline.snapshot.documents(who.user.limited(None)))
        show_contents(held, who, documents)
        chosen = list_documents(held, who, documents)
        if chosen:
            act_on(held, who, chosen)
    look()
    with running:  # last, because it does not return while files are indexed
        show_indexing(held, who)


def adding(held: Library, who: Visitor) -> tuple[DeltaGenerator, Callable[[], None]]:
    """What adds documents, for those who may; the place for how far that is, and what to call last on the page."""
    if not who.user.manages:
        st.caption(who.say("documents.reader"))
        return st.container(), lambda: None
    add_documents(held, who)
    running = st.container()
    return running, watched_folders(held, who) if may_watch(who) else lambda: None
