"""Questions to begin a conversation with: prepared ones for the samples, and those of the user's own documents."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from escaping import plain
from library import Library
from visitor import Visitor
from writing import Asked

from rag.evaluation.testset.suggest import suggest_questions
from rag.index import Snapshot

_SAMPLES = ("samples.question_1", "samples.question_2", "samples.question_3")


def suggest(held: Library, who: Visitor, ask: Callable[[Asked], None]) -> None:
    """Buttons that ask; none where there is nothing good to ask."""
    if held.only_samples:
        questions = [who.say(key) for key in _SAMPLES]
    else:
        snapshot = held.pipeline.snapshot
        questions = _of_documents(snapshot, str(snapshot.path), snapshot.generation, who.user.limited(None))
    if not questions:
        return
    st.text(who.say("ask.suggestions"))
    for number, question in enumerate(questions):
        st.button(plain(question), key=f"suggestion {number}", on_click=ask, args=(Asked(question),))


@st.cache_data(max_entries=64, show_spinner=False)
def _of_documents(_snapshot: Snapshot, path: str, generation: int, where: str | None) -> list[str]:  # noqa: ARG001
    """Made once for each commit and filter."""
    return suggest_questions(_snapshot, where=where)
