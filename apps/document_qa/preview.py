"""A document to read: the pages of a PDF as they look, the text by pages, how it was cut, and what is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

import streamlit as st
from contents import kind_of, size_of
from escaping import plain
from library import Library
from original import offer_original
from sources import page_of
from views import Piece, show_source, show_text
from visitor import Visitor

from rag.errors import LoadError
from rag.index import DocumentSummary, Place, Snapshot

LENGTH = 10_000  # characters of text shown at once


def show_document(held: Library, who: Visitor, one: DocumentSummary) -> None:
    """Show it, in the way that is chosen."""
    say = who.say
    snapshot = held.pipeline.snapshot
    st.subheader(plain(one.title or one.uri), anchor=False)
    ways = {"text": say("preview.text"), "passages": say("preview.passages"), "details": say("preview.details")}
    if one.media_type == "application/pdf":
        ways = {"pages": say("preview.pages"), **ways}
    way = st.radio(
        say("preview.as"),
        list(ways),
        horizontal=True,
        format_func=ways.__getitem__,
        key=f"way {one.media_type == 'application/pdf'}",
        label_visibility="collapsed",
    )
    if way == "pages":
        _pages(snapshot, who, one)
    elif way == "details":
        _details(snapshot, who, one)
        offer_original(snapshot, who, one)
    else:
        _text(snapshot, who, one, cut=way == "passages")


def _pages(snapshot: Snapshot, who: Visitor, one: DocumentSummary) -> None:
    document = snapshot.document(one.id)
    number = _turn(who, len(document.pages), key=f"page {one.id}")
    try:
        show_source(page_of(snapshot, document, number), who, key=f"picture {one.id}")
    except (OSError, LoadError):
        st.caption(who.say("preview.undrawn"))


def _text(snapshot: Snapshot, who: Visitor, one: DocumentSummary, *, cut: bool) -> None:
    number = _turn(who, max(1, ceil(one.characters / LENGTH)), key=f"text {one.id}")
    start, end = (number - 1) * LENGTH, min(number * LENGTH, one.characters)
    text = snapshot.excerpt(one.id, start, end)
    pieces = cut_at(text, start, snapshot.places(one.id)) if cut else [Piece(text)]
    if cut:
        st.caption(who.say("preview.cut", passages=one.chunks))
    show_text(pieces, who, language=one.language, key=f"words {one.id} {cut}")


def _turn(who: Visitor, count: int, *, key: str) -> int:
    """Which of the pages is chosen, from 1 on, with buttons for the next and the one before."""
    say = who.say
    if count <= 1:
        return 1
    st.session_state[key] = min(max(1, st.session_state.get(key, 1)), count)

    def turn(by: int) -> None:
        st.session_state[key] += by

    now: int = st.session_state[key]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.button(
            say("preview.before"),
            icon=":material/chevron_left:",
            on_click=turn,
            args=[-1],
            disabled=now <= 1,
            key=f"before {key}",
        )
        st.number_input(say("preview.page_of", count=count), 1, count, key=key, width=120)
        st.button(
            say("preview.after"),
            icon=":material/chevron_right:",
            on_click=turn,
            args=[1],
            disabled=now >= count,
            key=f"after {key}",
        )
    return now


def cut_at(text: str, start: int, places: Sequence[Place]) -> list[Piece]:
    """A stretch of a document, which begins at ``start``, divided where passages begin or end."""
    end = start + len(text)
    inside = [(number, one) for number, one in enumerate(places, 1) if one.start < end and one.end > start]
    cuts = {start, end}
    for _, one in inside:
        cuts |= {max(one.start, start), min(one.end, end)}
    edges = sorted(cuts)
    return [
        Piece(
            text[left - start : right - start],
            tuple(f"{number} · {one.tokens}" for number, one in inside if one.start == left),
            sum(one.start < right and one.end > left for _, one in inside),
        )
        for left, right in pairwise(edges)
    ]


def _details(snapshot: Snapshot, who: Visitor, one: DocumentSummary) -> None:
    say = who.say
    state = snapshot.source(one.source)
    facts: list[tuple[str, object]] = [
        (say("documents.title"), one.title),
        (say("documents.kind"), kind_of(one)),
        (say("documents.language"), one.language),
        (say("documents.passages"), one.chunks),
        (say("documents.characters"), one.characters),
        (say("documents.when"), one.indexed.replace("T", " ")[:16]),
        (say("preview.size"), size_of(state.size) if state else ""),
        ("SHA-256", state.sha256 if state else ""),
        *one.metadata.items(),
    ]
    rows = {
        say("preview.name"): [name for name, _ in facts],
        say("preview.value"): [_shown(value) for _, value in facts],
    }
    st.dataframe(rows, hide_index=True, width="stretch", height="content")


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
