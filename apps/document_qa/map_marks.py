"""Where a question falls on a map, and the passages that it found: of what is looked for, else of the last turn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st
from library import Library, conversations
from map_view import Marks
from talks import OPEN, known_talks
from visitor import Visitor

from rag.chains.turns import Turn, branch, withheld
from rag.index import Snapshot
from rag.maps import CorpusMap, place
from rag.types import Hit


def marks_on(held: Library, who: Visitor, snapshot: Snapshot, corpus: CorpusMap, wanted: str) -> Marks:
    """The marks of ``wanted``, or where that is "", of the last turn of the open conversation."""
    where = who.user.limited(None)
    turn = None if wanted else _last_turn(held, who, snapshot, where)
    if not wanted and turn is None:
        return Marks()
    of = (wanted, (st.session_state.get(OPEN), turn.number) if turn else None, corpus.state)
    kept: tuple[object, Marks] | None = st.session_state.get("map marks")
    if kept is not None and kept[0] == of:
        return kept[1]
    if turn is None:
        question, searched, hits = wanted, wanted, held.pipeline.search(wanted, where=where)
    else:
        question, searched, hits = (
            turn.question,
            turn.standalone or turn.question,
            [*turn.answer.hits, *turn.answer.dropped],
        )
    embedder = held.pipeline.embedder
    spot = place(corpus, snapshot, embedder.embed_queries([searched])[0], where) if embedder else None
    marks = Marks(question, spot, _found(corpus, hits))
    st.session_state["map marks"] = (of, marks)
    return marks


def _last_turn(held: Library, who: Visitor, snapshot: Snapshot, where: str | None) -> Turn | None:
    """The turn on which the open conversation stands, if this visitor may still see all that it rests on."""
    with conversations(who.owner) as store:
        name = st.session_state.get(OPEN, "")
        if name not in known_talks(held, store):
            return None
        session = store.find(name)
        turns = session.turns()
        path = branch(turns, session.head)
    hidden = withheld(turns, partial(snapshot.admits, where=where)) if where is not None else frozenset()
    return path[-1] if path and path[-1].number not in hidden else None


def _found(corpus: CorpusMap, hits: Sequence[Hit]) -> tuple[tuple[int, int], ...]:
    """The points of hits, each with its best rank."""
    found: dict[int, int] = {}
    for hit in hits:
        for spot in corpus.places(hit.chunk_ids):
            if spot is not None:
                found.setdefault(spot, hit.rank)
    return tuple(found.items())
