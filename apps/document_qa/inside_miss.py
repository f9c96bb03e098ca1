"""Why a passage that the reader expected is not in an answer: which step lost it, and what would change that."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import streamlit as st
from escaping import plain
from labels import told_apart
from library import Library
from visitor import Visitor

from rag.chains.turns import Turn
from rag.errors import RagError
from rag.evaluation.datasets import Span
from rag.evaluation.misses.gold import occurrences
from rag.evaluation.misses.passage import Fate, Outcome, explain_passage
from rag.index import Snapshot
from rag.retrieval import SparseRetriever
from rag.types import Chunk

_FOUND = 10  # passages offered for words, of a whole index
_LISTED = 50  # documents offered for a part of a title
_SHOWN = 100  # characters of a passage
_TOLD: dict[Outcome, tuple[str, str]] = {
    "not loaded": ("inside.miss_not_loaded", "inside.mend_not_loaded"),
    "outside the filter": ("inside.miss_filter", "inside.mend_filter"),
    "split by a chunk boundary": ("inside.miss_split", "inside.mend_split"),
    "missed by both": ("inside.miss_both", "inside.mend_both"),
    "missed by dense": ("inside.miss_dense", "inside.mend_dense"),
    "missed by sparse": ("inside.miss_sparse", "inside.mend_sparse"),
    "lost in fusion": ("inside.miss_fusion", "inside.mend_fusion"),
    "lost by feedback": ("inside.miss_feedback", "inside.mend_feedback"),
    "lost by a hop": ("inside.miss_hop", "inside.mend_hop"),
    "lost by the reranker": ("inside.miss_reranker", "inside.mend_reranker"),
    "below the cut": ("inside.miss_cut", "inside.mend_cut"),
    "cut by the context budget": ("inside.miss_budget", "inside.mend_budget"),
    "not cited": ("inside.miss_uncited", "inside.mend_uncited"),
    "cited": ("inside.miss_cited", "inside.mend_cited"),
}
_STEPS = {
    "dense": "inside.arm_dense",
    "sparse": "inside.arm_sparse",
    "sentences": "inside.arm_sentences",
    "fusion": "inside.step_fusion",
    "reranker": "inside.step_rerank",
    "queries": "inside.together",
    "follow-up": "inside.together",
}


@dataclass(frozen=True, slots=True)
class Expected:
    """A passage, or words of one, that somebody may have expected: where it is, and how it is offered."""

    span: Span
    label: str


def explain_miss(held: Library, who: Visitor, turn: Turn) -> None:
    """Name a passage, and see what became of it in the search for this turn's answer."""
    say = who.say
    st.text(say("inside.miss_intro"))
    where = who.user.limited(None)
    snapshot = held.pipeline.snapshot
    left, right = st.columns(2)
    words = left.text_input(say("inside.miss_words"), key="miss words").strip()
    title = right.text_input(say("inside.miss_title"), key="miss title").strip()
    if not words and not title:
        return
    offered = by_words(snapshot, words, where) if words else _by_title(who, snapshot, title, where)
    if not offered:
        st.info(say("inside.miss_nowhere"))
        return
    labels = told_apart(one.label for one in offered)
    chosen = offered[
        st.selectbox(
            say("inside.miss_which"), range(len(offered)), format_func=labels.__getitem__, key=f"miss {words} {title}"
        )
    ]
    if st.button(say("inside.miss_explain"), type="primary", key="explain"):
        st.session_state["fate"] = (turn.asked, chosen.span, _explained(held, who, turn, chosen.span))
    asked, span, fate = st.session_state.get("fate", (0.0, None, None))
    if isinstance(fate, Fate) and (asked, span) == (turn.asked, chosen.span):
        _show(fate, who)


def by_words(snapshot: Snapshot, words: str, where: str | None) -> list[Expected]:
    """Passages that hold the words as they are, each such place; else those that hold most of them."""
    hits = SparseRetriever(snapshot).retrieve(words, _FOUND, where=where)
    exact = [
        Expected(Span(hit.chunk.uri, hit.chunk.start + start, hit.chunk.start + end), label_of(hit.chunk))
        for hit in hits
        for start, end in occurrences(words, hit.chunk.text)[:1]
    ]
    return exact or [_whole(hit.chunk) for hit in hits]


def _by_title(who: Visitor, snapshot: Snapshot, title: str, where: str | None) -> list[Expected]:
    wanted = title.casefold()
    matching = (
        one for one in snapshot.documents(where) if wanted in f"{one.title}\n{one.metadata.get('path', '')}".casefold()
    )
    found = list(islice(matching, _LISTED))
    if not found:
        return []
    names = told_apart(one.title or one.uri for one in found)
    document = found[
        st.selectbox(
            who.say("inside.miss_document"),
            range(len(found)),
            format_func=names.__getitem__,
            key=f"miss document {title}",
        )
    ]
    return [_whole(chunk) for chunk in snapshot.chunks_of(document.id)]


def _whole(chunk: Chunk) -> Expected:
    return Expected(Span(chunk.uri, chunk.start, chunk.end), label_of(chunk))


def label_of(chunk: Chunk) -> str:
    """A passage on a line: what it is under, and how it begins."""
    text = " ".join(chunk.text.split())
    cut = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return f"{chunk.header}: {cut}" if chunk.header else cut


def _explained(held: Library, who: Visitor, turn: Turn, span: Span) -> Fate | None:
    where = who.user.limited(turn.where)
    with st.spinner(who.say("inside.miss_working")), held.answering:
        try:
            return explain_passage(held.pipeline, turn.answer, span, queries=turn.queries, where=where)
        except RagError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return None


def _show(fate: Fate, who: Visitor) -> None:
    say = who.say
    told, mend = _TOLD[fate.outcome]
    (st.success if fate.outcome == "cited" else st.warning)(say(told))
    if fate.rank is not None:
        st.text(say("inside.miss_rank", rank=fate.rank))
    st.text(say(mend))
    places = [(way, place) for way in fate.ways for place in (*way.arms, *way.steps)]
    if places:
        table = {
            say("inside.query"): [way.query for way, _ in places],
            say("inside.step"): [say(_STEPS[one.step]) if one.step in _STEPS else one.step for _, one in places],
            say("inside.rank"): [one.rank for _, one in places],
            say("inside.score"): [None if one.score is None else round(one.score, 4) for _, one in places],
            say("inside.first"): [one.cut for _, one in places],
            say("inside.went_on"): [one.kept for _, one in places],
        }
        st.dataframe(table, hide_index=True, width="stretch", key="ways")
    with st.expander(say("inside.miss_detail")):
        st.text(fate.detail)
