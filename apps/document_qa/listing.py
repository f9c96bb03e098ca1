"""The documents of the index that a user may see: searched, filtered, sorted, chosen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st
from contents import kind_of
from escaping import plain
from library import Library
from visitor import Visitor

from rag.errors import FilterError
from rag.index import DocumentSummary
from rag.index.filters import metadata_keys, parse
from rag.types import content_hash


def list_documents(held: Library, who: Visitor, documents: Sequence[DocumentSummary]) -> list[DocumentSummary]:
    """Show those of the documents that are searched for; the ones that are chosen among them."""
    say = who.say
    st.subheader(say("documents.list"))
    left, right = st.columns(2)
    wanted = left.text_input(say("documents.search"), key="find", placeholder=say("documents.search_hint")).casefold()
    own = right.text_input(
        say("documents.filter"), key="filter", placeholder="language = 'en'", help=say("documents.filter_hint")
    )
    try:
        admitted = held.pipeline.snapshot.documents(who.user.limited(own)) if own.strip() else documents
    except FilterError as error:
        st.error(say("documents.bad_filter", error=plain(str(error))), icon=":material/filter_alt_off:")
        return []
    found = [one for one in admitted if all(word in _sought(one) for word in wanted.split())]
    st.caption(say("documents.holds", documents=f"{len(found):,}", passages=f"{sum(one.chunks for one in found):,}"))
    if not found:
        st.info(say("documents.none"))
        held_keys = frozenset().union(*(one.metadata for one in documents))
        if own.strip() and (unknown := metadata_keys(parse(own)) - held_keys):
            named = ", ".join(sorted(unknown))
            st.caption(say("documents.unknown_keys", keys=plain(named), known=plain(", ".join(sorted(held_keys)))))
        return []
    found.sort(key=lambda one: str(one.metadata.get("path", "")).casefold())  # of uploads, uris have no order
    return _choose(who, found)


def _sought(one: DocumentSummary) -> str:
    return f"{one.title}\n{one.metadata.get('path', '')}".casefold()


def _choose(who: Visitor, found: Sequence[DocumentSummary]) -> list[DocumentSummary]:
    say = who.say
    rows = {
        say("documents.title"): [one.title for one in found],
        say("documents.path"): [str(one.metadata.get("path", "")) for one in found],
        say("documents.kind"): [kind_of(one) for one in found],
        say("documents.language"): [one.language for one in found],
        say("documents.passages"): [one.chunks for one in found],
        say("documents.characters"): [one.characters for one in found],
        say("documents.when"): [datetime.fromisoformat(one.indexed) if one.indexed else None for one in found],
    }
    # what is chosen are rows: of another list they would be other documents
    listed = content_hash(*(one.id for one in found))
    table = st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        column_config={
            say("documents.title"): st.column_config.TextColumn(width="medium"),
            say("documents.path"): st.column_config.TextColumn(width=145),
            say("documents.when"): st.column_config.DatetimeColumn(width=130, format="YYYY-MM-DD HH:mm"),
        },
        on_select="rerun",
        selection_mode="multi-row",
        key=f"listed {listed}",
        alt=say("documents.list"),
    )
    chosen = [found[row] for row in table["selection"]["rows"] if row < len(found)]
    if not chosen:
        st.caption(say("documents.choose"))
    return chosen
