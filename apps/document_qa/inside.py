"""How the last answer came about: what was searched for, who found what, what the model was shown, where time went."""

from __future__ import annotations

import altair as alt
import streamlit as st
from escaping import plain
from library import Library
from visitor import Visitor

from rag.types import Answer, Hit, Step, Trace


def inside_page(held: Library, who: Visitor) -> None:  # noqa: ARG001  all pages are called alike
    """The page."""
    say = who.say
    st.title(say("app.inside"))
    answer: Answer | None = st.session_state.get("last")
    if answer is None or answer.trace is None:
        st.info(say("inside.none"))
        return
    st.text(f"{say('inside.question')}: {answer.question}")
    queries = _queries(answer.trace)
    if queries:
        st.subheader(say("inside.queries"))
        st.dataframe({say("inside.queries"): queries}, hide_index=True, width="stretch")
    st.subheader(say("inside.rankings"))
    st.dataframe(rankings(answer, who), hide_index=True, width="stretch")
    st.subheader(say("inside.context"))
    found = len(answer.hits) + len(answer.dropped)
    trace = answer.trace
    st.text(
        say("inside.shown", shown=len(answer.hits), found=found, read=trace.prompt_tokens, written=trace.output_tokens)
    )
    for hit in answer.hits:
        with st.expander(plain(f"{hit.rank}. {hit.chunk.header or hit.chunk.uri}")):
            st.text(hit.chunk.text)
    st.subheader(say("inside.time"))
    st.altair_chart(_times(trace, who), width="stretch")
    with st.expander(say("inside.trace")):
        st.dataframe(_steps(trace, who), hide_index=True, width="stretch")


def _queries(trace: Trace) -> list[str]:
    found: dict[str, None] = {}
    for step in trace.walk():
        for name in ("query", "queries", "standalone"):
            for side in (step.inputs, step.outputs):
                value = side.get(name)
                for text in value if isinstance(value, tuple) else (value,):
                    if isinstance(text, str) and text:
                        found[text] = None
    return list(found)


def rankings(answer: Answer, who: Visitor) -> dict[str, list[object]]:
    """Columns: the passage, its final rank and score, and its rank in every arm that found it."""
    say = who.say
    hits: list[Hit] = [*answer.hits, *answer.dropped]
    arms = sorted({arm for hit in hits for arm in hit.arms})
    table: dict[str, list[object]] = {
        say("inside.rank"): [hit.rank for hit in hits],
        say("inside.passage"): [hit.chunk.text[:160] for hit in hits],
        say("inside.score"): [round(hit.score, 4) for hit in hits],
    }
    for arm in arms:
        table[arm] = [hit.arms[arm].rank if arm in hit.arms else None for hit in hits]
    table[say("inside.dropped")] = [hit in answer.dropped for hit in hits]
    return table


def _flat(steps: tuple[Step, ...], depth: int = 0) -> list[tuple[int, Step]]:
    return [pair for step in steps for pair in [(depth, step), *_flat(step.steps, depth + 1)]]


def _times(trace: Trace, who: Visitor) -> alt.Chart:
    say = who.say
    rows = [
        {
            say("inside.step"): f"{place}. {step.name}",
            "from": 1000 * step.started,
            "to": 1000 * (step.started + step.seconds),
            say("inside.milliseconds"): round(1000 * step.seconds, 1),
        }
        for place, step in enumerate(trace.steps, 1)
    ]
    chart: alt.Chart = (
        alt.Chart({"values": rows})
        .mark_bar()
        .encode(
            x=alt.X("from:Q", title=say("inside.milliseconds")),
            x2="to:Q",
            y=alt.Y(f"{say('inside.step')}:N", sort=None, title=None),
            tooltip=[f"{say('inside.step')}:N", f"{say('inside.milliseconds')}:Q"],
        )
    )
    return chart


def _steps(trace: Trace, who: Visitor) -> dict[str, list[object]]:
    say = who.say
    flat = _flat(trace.steps)
    return {
        say("inside.step"): ["  " * depth + step.name for depth, step in flat],
        say("inside.milliseconds"): [round(1000 * step.seconds, 1) for _, step in flat],
        "in": [_line(step.inputs) for _, step in flat],
        "out": [_line(step.outputs) or step.error for _, step in flat],
    }


def _line(values: object) -> str:
    pairs = values.items() if hasattr(values, "items") else ()
    return ", ".join(f"{key}={value!r}" for key, value in pairs)[:300]
