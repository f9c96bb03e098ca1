"""What can be done with documents that are chosen in the list: read, index again, delete."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from again import index_again
from folders import read_folders
from labels import told_apart
from library import Library
from preview import show_document
from uploads import drop
from visitor import Visitor

from rag.errors import LoadError
from rag.index import DocumentSummary
from rag.loaders import uri_path


def act_on(held: Library, who: Visitor, chosen: Sequence[DocumentSummary]) -> None:
    """Buttons for all of the chosen documents, and a preview of one."""
    say = who.say
    if who.user.manages:
        with st.container(horizontal=True):
            if st.button(
                say("documents.again", count=len(chosen)),
                icon=":material/refresh:",
                help=say("documents.again_hint"),
                disabled=held.busy,
                key="again",
            ):
                index_again(held, who, chosen)
                st.rerun()
            with st.popover(say("documents.delete", count=len(chosen)), icon=":material/delete:"):
                st.text(say("documents.sure", count=len(chosen)))
                if _comes_back(held, chosen):
                    st.text(say("documents.comes_back"))
                if st.button(say("documents.delete_now"), type="primary", key="delete", disabled=held.busy):
                    count = delete_documents(held, chosen)
                    st.toast(say("documents.deleted", count=count))
                    st.rerun()
    shown = chosen[0]
    if len(chosen) > 1:
        names = told_apart(one.title or one.uri for one in chosen)
        shown = chosen[
            st.selectbox(say("documents.read"), range(len(chosen)), format_func=names.__getitem__, key="reading")
        ]
    show_document(held, who, shown)


def delete_documents(held: Library, chosen: Sequence[DocumentSummary]) -> int:
    """Take documents out of the index, and uploads of which nothing is left from the disk; how many there were."""
    count = held.pipeline.delete(*(one.uri for one in chosen))
    for source in dict.fromkeys(one.source for one in chosen):
        state = held.pipeline.snapshot.source(source)
        if state is None or state.documents == 0:
            try:
                drop(uri_path(source), held.settings.uploads)
            except LoadError:  # it came from no file
                continue
    return count


def _comes_back(held: Library, chosen: Sequence[DocumentSummary]) -> bool:
    prefixes = tuple(one.prefix for one in read_folders(held.settings.folders))
    return bool(prefixes) and any(one.source.startswith(prefixes) for one in chosen)
