"""The searches of an answer: every arm's ranking side by side, what the fusion made of them, and who was moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

import streamlit as st
from inside_trace import Fused, Moved, Ranking, Search
from visitor import Visitor

from rag.errors import QueryError
from rag.index import Snapshot
from rag.types import Answer, Chunk

_SHOWN = 90  # characters of a passage in a table
_WIDE = 620  # pixels for passages
_ARMS = {"dense": "inside.arm_dense", "sparse": "inside.arm_sparse", "sentences": "inside.arm_sentences"}
_STEPS = {"rerank": "inside.reranked", "diversify": "inside.diversified"}

NameOf = Callable[[str], str]
"""A passage's id -> what it is called."""


def naming(snapshot: Snapshot, answer: Answer, who: Visitor) -> NameOf:
    """Names for the passages of the answer, and for others that the index holds and the user may see."""
    where = who.user.limited(None)
    hits = (*answer.hits, *answer.dropped)
    known = {one.chunk.id: _short(one.chunk) for hit in hits for one in (hit, *hit.duplicates)}

    def name(passage: str) -> str:
        if passage not in known:
            known[passage] = _look_up(snapshot, passage, where) or who.say("inside.unseen")
        return known[passage]

    return name


def show_search(search: Search, answer: Answer, name: NameOf, who: Visitor, *, key: str) -> None:
    """Show one search."""
    say = who.say
    st.text(search.query or say("inside.together"))
    if search.rankings:
        table = _side_by_side(search.rankings, name, who)
        wide = {
            column: st.column_config.TextColumn(width=_WIDE // len(search.rankings)) for column in list(table)[1::2]
        }
        st.dataframe(table, hide_index=True, width="stretch", column_config=wide, key=f"arms {key}")
    for number, fused in enumerate(search.fusions):
        weights = ", ".join(
            f"{arm_name(arm, who)} {weight:.2f}" for arm, weight in zip(fused.shares, fused.weights, strict=True)
        )
        st.caption(say("inside.fused_rrf" if fused.method == "rrf" else "inside.fused_convex", weights=weights))
        _show_fusion(fused, answer, name, who, key=f"fusion {key} {number}")
    for number, moved in enumerate(search.moves):
        st.caption(say(_STEPS[moved.step]))
        st.dataframe(moves(moved, name, who), hide_index=True, width="stretch", key=f"moves {key} {number}")


def arm_name(arm: str, who: Visitor) -> str:
    """An arm in words; "query 2" is what was found for the second query."""
    kind, _, number = arm.partition(" ")
    if kind == "query":
        return who.say("inside.arm_query", number=number)
    return who.say(_ARMS[arm]) if arm in _ARMS else arm


def _side_by_side(rankings: Sequence[Ranking], name: NameOf, who: Visitor) -> dict[str, list[object]]:
    longest = max(len(one.passages) for one in rankings)
    table: dict[str, list[object]] = {who.say("inside.rank"): list(range(1, longest + 1))}
    for number, ranking in enumerate(rankings):
        again = " " * number  # an arm may have searched twice, and columns need names of their own
        rows = list(zip_longest(range(longest), ranking.passages, ranking.scores))
        arm = f"{arm_name(ranking.arm, who)} ({ranking.found}){again}"
        table[arm] = [None if passage is None else name(passage) for _, passage, _ in rows]
        table[who.say("inside.score") + again] = [None if score is None else round(score, 4) for _, _, score in rows]
    return table


def _show_fusion(fused: Fused, answer: Answer, name: NameOf, who: Visitor, *, key: str) -> None:
    say = who.say
    found = {one for hit in (*answer.hits, *answer.dropped) for one in hit.chunk_ids}
    shares = {arm_name(arm, who): list(share) for arm, share in fused.shares.items()}
    table: dict[str, object] = {
        say("inside.rank"): list(range(1, len(fused.passages) + 1)),
        say("inside.passage"): [name(one) for one in fused.passages],
        say("inside.score"): [round(score, 4) for score in fused.scores],
        **shares,
        say("inside.went_on"): [one in found for one in fused.passages],
    }
    most = max((share for column in shares.values() for share in column), default=1.0) or 1.0
    look = {
        column: st.column_config.ProgressColumn(format="%.4f", min_value=0.0, max_value=most, width=130)
        for column in shares
    }
    wide = {say("inside.passage"): st.column_config.TextColumn(width=max(200, _WIDE - 130 * len(shares)))}
    st.dataframe(table, hide_index=True, width="stretch", column_config=wide | look, key=key)


def moves(moved: Moved, name: NameOf, who: Visitor) -> dict[str, list[object]]:
    """Columns: the passage, its rank before and after, how far it was moved, and its new score; the best first."""
    before = {one: rank for rank, one in enumerate(moved.before, 1)}
    say = who.say
    rows = list(zip_longest(moved.after, moved.scores))[: len(moved.after)]
    steps = [before.get(one, 0) - rank for rank, (one, _) in enumerate(rows, 1)]
    return {
        say("inside.passage"): [name(one) for one, _ in rows],
        say("inside.before"): [before.get(one) for one, _ in rows],
        say("inside.after"): list(range(1, len(rows) + 1)),
        say("inside.moved"): [f"▲ {step}" if step > 0 else f"▼ {-step}" if step < 0 else "=" for step in steps],
        say("inside.score"): [None if score is None else round(score, 4) for _, score in rows],
    }


def hits_table(answer: Answer, who: Visitor) -> dict[str, list[object]]:
    """Columns: the passage, its final rank and score, and its rank in every arm that found it."""
    say = who.say
    hits = sorted((*answer.hits, *answer.dropped), key=lambda hit: hit.rank)
    dropped = {hit.chunk.id for hit in answer.dropped}
    table: dict[str, list[object]] = {
        say("inside.rank"): [hit.rank for hit in hits],
        say("inside.passage"): [_short(hit.chunk) for hit in hits],
        say("inside.score"): [round(hit.score, 4) for hit in hits],
    }
    for arm in sorted({arm for hit in hits for arm in hit.arms}):
        table[arm_name(arm, who)] = [hit.arms[arm].rank if arm in hit.arms else None for hit in hits]
    table[say("inside.dropped")] = [hit.chunk.id in dropped for hit in hits]
    return table


def _look_up(snapshot: Snapshot, passage: str, where: str | None) -> str:
    try:
        refs = snapshot.admitted(snapshot.refs([passage]), where)
    except QueryError:  # the index has changed since
        return ""
    return "".join(_short(chunk) for chunk in snapshot.chunks(refs))


def _short(chunk: Chunk) -> str:
    text = " ".join(chunk.text.split())
    cut = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return f"{chunk.header}: {cut}" if chunk.header else cut
