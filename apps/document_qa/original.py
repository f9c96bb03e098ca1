"""The file that a document came from, to those who may see all that came from it."""

from __future__ import annotations

import hashlib

import streamlit as st
from visitor import Visitor

from rag.errors import LoadError
from rag.index import DocumentSummary, Snapshot
from rag.loaders import uri_path

MOST = 200 << 20  # bytes, all of which are held while they are offered


def offer_original(snapshot: Snapshot, who: Visitor, one: DocumentSummary) -> None:
    """A button that downloads the file, where it is as it was when it was indexed."""
    data = original(snapshot, one, who.user.limited(None))
    if data is None:
        st.caption(who.say("preview.no_original"))
    else:
        st.download_button(
            who.say("preview.download"),
            data,
            uri_path(one.source).name,
            "application/octet-stream",
            icon=":material/download:",
            key=f"download {one.id}",
        )


def original(snapshot: Snapshot, one: DocumentSummary, where: str | None) -> bytes | None:
    """The bytes of the document's file; None where it is gone, changed or too large, or ``where`` hides some of it."""
    state = snapshot.source(one.source)
    if (
        state is None
        or state.size > MOST
        # of a file that was not read to its end, or lost a document since, the index does not know all
        or (where is not None and not state.complete)
        or sum(each.source == one.source for each in snapshot.documents(where)) < state.documents
    ):
        return None
    try:
        data = uri_path(one.source).read_bytes()
    except (OSError, LoadError):
        return None
    return data if hashlib.sha256(data).hexdigest() == state.sha256 else None
