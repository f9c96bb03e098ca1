"""What the model was shown, to the letter and to the token, and what it wrote."""

from __future__ import annotations

import altair as alt
import streamlit as st
from escaping import plain
from inside_searches import NameOf
from inside_trace import Prompt
from visitor import Visitor

from rag.types import Answer

_UNBOUNDED = 1_000_000  # a context that no model bounds, as that of quoting: it would leave nothing of a bar to see


def show_prompt(prompt: Prompt, answer: Answer, name: NameOf, who: Visitor) -> None:
    """Show the budget, each passage as it was shown, and the prompt as a whole."""
    say = who.say
    st.text(
        say(
            "inside.shown",
            shown=len(prompt.passages),
            found=len(answer.hits) + len(answer.dropped) if not answer.quoted else len(prompt.passages),
            read=f"{prompt.total:,}",
            context=f"{prompt.context:,}" if prompt.context < _UNBOUNDED else "∞",
        )
    )
    st.altair_chart(_budget(prompt, who), width="stretch")
    whole = {hit.chunk.id: hit.chunk.text for hit in (*answer.hits, *answer.dropped)}
    parts = zip(prompt.passages, prompt.excerpts, prompt.tokens, strict=True)
    for number, (passage, excerpt, tokens) in enumerate(parts, 1):
        with st.expander(plain(say("inside.part", number=number, tokens=tokens, name=name(passage)))):
            st.text(excerpt)
            if whole.get(passage, excerpt) != excerpt:
                st.caption(say("inside.whole"))
                st.text(whole[passage])
    for hit in answer.dropped:
        st.text(say("inside.left_out", name=name(hit.chunk.id)))
    with st.expander(say("inside.messages")):
        for role, text in prompt.messages:
            st.caption(plain(role))
            st.text(text)


def show_draft(answer: Answer, who: Visitor) -> None:
    """Show what the generator wrote, and what became of it."""
    say = who.say
    st.text(answer.draft.strip() or say("inside.no_draft"))
    if answer.quoted:
        st.caption(say("ask.quoted"))
    verdicts = {"supported": "ask.supported", "partly": "ask.partly", "not in the documents": "ask.refused"}
    st.caption(say("inside.verdict", verdict=say(verdicts[answer.verdict]), score=f"{answer.score:.2f}"))


def budget_rows(prompt: Prompt, who: Visitor) -> list[tuple[str, int]]:
    """What the context's tokens go to, in the order of the prompt; parts of nothing are left out."""
    say = who.say
    rows = [
        (say("inside.instructions"), prompt.instructions),
        (say("inside.history"), prompt.history),
        *((say("inside.passage_number", number=number), size) for number, size in enumerate(prompt.tokens, 1)),
        (say("inside.question"), prompt.question),
        (say("inside.answer_room"), prompt.answer),
    ]
    if prompt.context < _UNBOUNDED:
        rows.append((say("inside.free"), prompt.free))
    return [(part, size) for part, size in rows if size > 0]


def _budget(prompt: Prompt, who: Visitor) -> alt.LayerChart:
    say = who.say
    part, tokens = say("inside.part_of"), say("inside.tokens")
    rows = [{part: name, tokens: size} for name, size in budget_rows(prompt, who)]
    bars = (
        alt.Chart({"values": rows})
        .mark_bar()
        .encode(
            x=alt.X(f"{tokens}:Q", title=tokens),
            y=alt.Y(f"{part}:N", sort=None, title=None, axis=alt.Axis(labelLimit=220, labelOverlap=False)),
            tooltip=[f"{part}:N", f"{tokens}:Q"],
        )
    )
    chart: alt.LayerChart = (bars + bars.mark_text(align="left", dx=4).encode(text=f"{tokens}:Q")).properties(
        height=26 * len(rows) + 50
    )
    return chart
