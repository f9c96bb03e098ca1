"""How an answer came about: what was searched for, who found what, what the model was shown, where time went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from inside_miss import explain_miss
from inside_prompt import show_draft, show_prompt
from inside_searches import hits_table, naming, show_search
from inside_times import show_times
from inside_trace import prompt_of, queries_of, searches_of
from labels import shortened
from library import Library, conversations
from talks import OPEN, known_talks
from visitor import Visitor

from rag.chains.turns import Turn, branch
from rag.types import Trace


def inside_page(held: Library, who: Visitor) -> None:
    """The page: an answer of the open conversation, chosen here or by a link beside it."""
    say = who.say
    st.title(say("app.inside"))
    with conversations(who.owner) as store:
        name = st.query_params.get("c", "") or st.session_state.get(OPEN, "")
        if name not in known_talks(held, store):
            st.info(say("inside.none"))
            return
        talk = held.pipeline.chat(store.find(name))
        turns = talk.session.turns()
        hidden = talk.hidden(turns, who.user.limited(None))
        path = [turn for turn in branch(turns, talk.session.head) if turn.number not in hidden]
        readable = {number: turn for number, turn in turns.items() if number not in hidden}
        chosen = _choose(who, name, path, readable)
        trace = talk.session.trace(chosen.number) if chosen else None
    if chosen is None:
        st.info(say("inside.none"))
        return
    st.session_state[OPEN] = st.query_params["c"] = name
    _show(held, who, chosen, trace)


def _choose(who: Visitor, name: str, path: Sequence[Turn], readable: Mapping[int, Turn]) -> Turn | None:
    """The turn that the address names, or another that is chosen; the last of the path if none is."""
    named = st.query_params.get("turn", "")
    wanted = readable.get(int(named)) if named.isdecimal() else None
    offered = list({turn.number: turn for turn in [*path, *([wanted] if wanted else [])]}.values())
    if not offered:
        return None
    first = next((place for place, turn in enumerate(offered) if turn == wanted), len(offered) - 1)
    chosen: Turn = st.selectbox(
        who.say("inside.answer_to"),
        offered,
        index=first,
        format_func=lambda turn: shortened(f"{turn.number}. {' '.join(turn.question.split())}", 100),
        key=f"looked at {name} {named}",
    )
    st.query_params["turn"] = str(chosen.number)
    return chosen


def _show(held: Library, who: Visitor, turn: Turn, trace: Trace | None) -> None:
    say = who.say
    answer = turn.answer
    queries = queries_of(trace) if trace else list(turn.queries)
    if queries:
        st.subheader(say("inside.queries"))
        st.dataframe({say("inside.query"): queries}, hide_index=True, width="stretch", key="queries")
    st.subheader(say("inside.rankings"))
    if trace is None:
        st.caption(say("inside.untraced"))
    searches = searches_of(trace) if trace else []
    name = naming(held.pipeline.snapshot, answer, who)
    for number, search in enumerate(searches):
        with st.container(border=True):
            show_search(search, answer, name, who, key=str(number))
    if answer.hits or answer.dropped:
        st.caption(say("inside.hits"))
        st.dataframe(hits_table(answer, who), hide_index=True, width="stretch", key="hits")
    elif not searches:
        st.text(say("inside.unsearched"))
    prompt = prompt_of(trace) if trace else None
    if prompt is not None:
        st.subheader(say("inside.context"))
        show_prompt(prompt, answer, name, who)
    st.subheader(say("inside.written"))
    show_draft(answer, who)
    if turn.queries:
        st.subheader(say("inside.miss"))
        explain_miss(held, who, turn)
    if trace is not None:
        st.subheader(say("inside.time"))
        show_times(trace, who)
