"""Where the time of an answer went: a bar for every step, those within others under them."""

from __future__ import annotations

import altair as alt
import streamlit as st
from inside_searches import arm_name
from visitor import Visitor

from rag.types import Metadata, Step, Trace

_NAMES = {
    "intent": "inside.step_intent",
    "standalone": "inside.step_standalone",
    "retrieve": "inside.step_retrieve",
    "search": "inside.step_search",
    "embed": "inside.step_embed",
    "rank": "inside.step_rank",
    "fusion": "inside.step_fusion",
    "rerank": "inside.step_rerank",
    "remember": "inside.step_remember",
    "generate": "inside.step_generate",
    "ground": "inside.step_ground",
    "quote": "inside.step_quote",
}


def flat(steps: tuple[Step, ...], depth: int = 0) -> list[tuple[int, Step]]:
    """All steps with their depth, outer before inner."""
    return [pair for step in steps for pair in [(depth, step), *flat(step.steps, depth + 1)]]


def step_name(step: Step, who: Visitor) -> str:
    """A step in words, with the arm it is of."""
    said = who.say(_NAMES[step.name]) if step.name in _NAMES else step.name
    return f"{said}: {arm_name(str(step.inputs['arm']), who)}" if "arm" in step.inputs else said


def show_times(trace: Trace, who: Visitor) -> None:
    """The bars, and below them all steps with what went in and out."""
    say = who.say
    st.text(say("inside.seconds", seconds=f"{trace.seconds:.2f}"))
    st.altair_chart(_bars(trace, who), width="stretch")
    with st.expander(say("inside.trace")):
        st.dataframe(_steps(trace, who), hide_index=True, width="stretch")


def _bars(trace: Trace, who: Visitor) -> alt.Chart:
    say = who.say
    unit, named = say("inside.milliseconds"), say("inside.step")
    rows = [
        {
            named: f"{place}. {'· ' * depth}{step_name(step, who)}",
            "from": 1000 * step.started,
            "to": 1000 * (step.started + max(step.seconds, trace.seconds / 500)),  # a bar that can be seen
            "depth": depth,
            unit: round(1000 * step.seconds, 1),
        }
        for place, (depth, step) in enumerate(flat(trace.steps), 1)
    ]
    chart: alt.Chart = (
        alt.Chart({"values": rows})
        .mark_bar()
        .encode(
            x=alt.X("from:Q", title=unit),
            x2="to:Q",
            y=alt.Y(f"{named}:N", sort=None, title=None, axis=alt.Axis(labelLimit=220, labelOverlap=False)),
            opacity=alt.Opacity("depth:Q", legend=None, scale=alt.Scale(domain=[0, 4], range=[1, 0.4])),
            tooltip=[f"{named}:N", f"{unit}:Q"],
        )
        .properties(height=22 * len(rows) + 50)
    )
    return chart


def _steps(trace: Trace, who: Visitor) -> dict[str, list[object]]:
    say = who.say
    found = flat(trace.steps)
    return {
        say("inside.step"): ["· " * depth + step_name(step, who) for depth, step in found],
        say("inside.milliseconds"): [round(1000 * step.seconds, 1) for _, step in found],
        say("inside.step_in"): [_line(step.inputs) for _, step in found],
        say("inside.step_out"): [_line(step.outputs) or step.error for _, step in found],
    }


def _line(notes: Metadata) -> str:
    """Notes on a line; of passages, whose ids say nothing, how many."""
    told = {key: len(value) if isinstance(value, tuple) and len(value) > 3 else value for key, value in notes.items()}
    return ", ".join(f"{key}={value!r}" for key, value in told.items())[:300]
