"""The test set to measure by: one that is there, made of the documents, or uploaded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

import streamlit as st
from escaping import plain
from jobs import clock, watch
from library import Library
from testsets import (
    RATED,
    Made,
    MakingJob,
    QuestionSet,
    begin_making,
    for_retrieval,
    free_place,
    sets_of,
    take_in,
    with_gold,
)
from uploads import Upload, problem
from visitor import Visitor

from rag.errors import EvaluationError
from rag.evaluation.datasets import Question
from rag.recipe import GeneratorConfig

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

_MOST = 500  # questions of a set made here


def choose_set(held: Library, who: Visitor) -> tuple[QuestionSet | None, DeltaGenerator]:
    """Show the test sets, and ways to others.

    The one that is chosen, None where there is none yet; and the place for ``watch_making``, which waits for its end.
    """
    say = who.say
    st.subheader(say("evaluate.testset"))
    sets = sets_of(held.settings)
    if (wanted := st.session_state.pop("show set", None)) in sets:
        st.session_state["set"] = wanted
    chosen = None
    if sets:
        name = st.selectbox(
            say("evaluate.choose"), list(sets), format_func=lambda one: title_of_set(one, who), key="set"
        )
        chosen = sets[name]
        _show(held, who, chosen)
    else:
        st.caption(say("evaluate.no_sets"))
    left, right = st.columns(2)
    with left, st.expander(say("evaluate.make"), icon=":material/auto_awesome:", expanded=not sets):
        _make(held, who)
    with right, st.expander(say("evaluate.upload"), icon=":material/upload:"):
        _upload(held, who)
    return chosen, st.container()


def title_of_set(name: str, who: Visitor) -> str:
    """A test set's name."""
    return who.say("evaluate.rated") if name == RATED else name


def document_name(uri: str) -> str:
    """What is shown of a document's uri: its file's name, and the record in it."""
    return unquote(uri.rpartition("/")[2])


def _show(held: Library, who: Visitor, chosen: QuestionSet) -> None:
    say = who.say
    questions = chosen.questions
    ranked, known = len(for_retrieval(questions)), len(with_gold(questions))
    st.caption(say("evaluate.holds", questions=len(questions), ranked=ranked, known=known))
    with st.expander(say("evaluate.questions"), icon=":material/list:"):
        st.dataframe(table_of(questions, who), hide_index=True, width="stretch")
    with st.container(horizontal=True):
        st.download_button(
            say("evaluate.download_set"),
            chosen.path.read_bytes(),
            f"{chosen.name}.jsonl",
            "application/jsonl",
            on_click="ignore",
            icon=":material/download:",
        )
        if chosen.name == RATED:  # they are kept by those who rate
            return
        with st.popover(say("evaluate.delete_set"), icon=":material/delete:", disabled=held.measuring):
            st.text(say("evaluate.delete_set_sure"))
            if st.button(say("evaluate.delete_set"), type="primary", key="delete set"):
                chosen.path.unlink(missing_ok=True)
                st.session_state.pop("set", None)
                st.rerun()


def table_of(questions: tuple[Question, ...], who: Visitor) -> dict[str, list[object]]:
    """Columns: the question, its gold answers, whether it has one, and the documents that hold it."""
    say = who.say
    return {
        say("evaluate.question"): [one.text for one in questions],
        say("evaluate.gold"): [" | ".join(one.answers) for one in questions],
        say("evaluate.answerable"): [one.answerable for one in questions],
        say("evaluate.documents"): [", ".join(map(document_name, one.documents)) for one in questions],
    }


def _make(held: Library, who: Visitor) -> None:
    say = who.say
    with st.form("make", border=False):
        name = st.text_input(say("evaluate.name"), f"{datetime.now(UTC):%Y-%m-%d}", max_chars=60)
        wanted = st.number_input(say("evaluate.how_many"), min_value=1, max_value=_MOST, value=20)
        st.caption(say("evaluate.made_by", model=plain(_writer(held).model)))
        if st.form_submit_button(say("evaluate.make_it"), disabled=held.measuring):
            _begin(held, MakingJob(who.owner, path=free_place(held.settings, name), wanted=int(wanted)))


def _writer(held: Library) -> GeneratorConfig:
    """What writes questions: the generator in use, else, where that only quotes, the default."""
    own = held.pipeline.recipe.generator
    return GeneratorConfig() if own.kind == "extractive" else own


def _begin(held: Library, job: MakingJob) -> None:
    held.making = begin_making(held.settings.index, held.pipeline.recipe, job, _writer(held))


def watch_making(held: Library, who: Visitor) -> None:
    """How far a test set is that is being made; when it is done, what it came to."""
    say, job = who.say, held.making
    if job is None:
        return
    watch(job, who, lambda now: _told(now, job, who), key="making")
    if job.owner != who.owner:
        return
    made = job.result
    if made is not None:
        _announce(job.path.stem)
        st.success(say("evaluate.made", made=made.made, unanswerable=made.unanswerable, seconds=f"{made.seconds:.0f}"))
        if not made.complete:
            st.warning(say("evaluate.too_few", wanted=made.wanted))
    elif job.path.exists() and st.button(
        say("evaluate.go_on"), key="go on making", icon=":material/play_arrow:", disabled=held.measuring
    ):
        _begin(held, MakingJob(who.owner, path=job.path, wanted=job.wanted))
        st.rerun()


def _announce(name: str) -> None:
    """Choose the new set, once."""
    if st.session_state.get("announced") != name:
        st.session_state["announced"] = st.session_state["show set"] = name
        st.rerun()


def _told(now: Made, job: MakingJob, who: Visitor) -> tuple[float, str]:
    left = clock(job.seconds * (now.wanted - now.done) / now.done) if now.done else "…"
    return now.done / now.wanted, who.say(
        "evaluate.making", done=now.done, wanted=now.wanted, tried=now.tried, left=left
    )


def _upload(held: Library, who: Visitor) -> None:
    say = who.say
    with st.form("upload set", clear_on_submit=True, border=False):
        sent = st.file_uploader(say("evaluate.upload_hint"), type=["jsonl"], key="set file")
        if not st.form_submit_button(say("evaluate.upload_it")) or sent is None:
            return
    upload = Upload(sent.name, sent.getvalue())
    if (why := problem(upload, held.settings.upload_mb)) is not None:
        st.error(plain(f"{upload.name}: {say(why, limit=held.settings.upload_mb)}"), icon=":material/error:")
        return
    try:
        st.session_state["show set"] = take_in(upload, held.settings).name
    except (EvaluationError, OSError) as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.rerun()
