"""Whether a recipe is good, and whether another is better: measured on a test set, beside the other pages."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st
from choosing import choose_set, watch_making
from credentials import check_keys
from escaping import plain
from experiments import (
    MOST,
    Experiment,
    ExperimentJob,
    Measuring,
    begin_experiment,
    damaged_experiments,
    experiments,
    forget,
    prepare,
    recipe_files,
    recipe_files_of,
    title_of,
)
from findings import show_results
from jobs import clock, watch
from labels import told_apart
from library import Library
from testsets import RATED, QuestionSet
from visitor import Visitor

from rag.errors import RagError
from rag.evaluation.experiment.trial import Part, departures
from rag.recipe import Recipe, load_recipe

_PARTS: dict[Part, str] = {
    "embedder": "evaluate.embedder",
    "chunker": "evaluate.chunker",
    "bm25": "evaluate.bm25",
}
_STAGES = {
    "checking": "evaluate.checking",
    "indexing": "evaluate.indexing",
    "asking": "evaluate.asking",
    "scoring": "evaluate.scoring",
    "explaining": "evaluate.explaining",
    "reporting": "evaluate.reporting",
}


def evaluate_page(held: Library, who: Visitor) -> None:
    """The page. It shows what the whole index holds, so it is for those alone who may see all of it."""
    say = who.say
    st.title(say("app.evaluate"))
    if not who.user.manages or who.user.where:
        st.info(say("evaluate.nobody"))
        return
    if held.empty:
        st.info(say("evaluate.no_documents"))
        return
    chosen, making = choose_set(held, who)
    if chosen is not None:
        _run(held, who, chosen)
    going_on = st.container()
    _past(held, who)
    with making:  # last, because it waits for the job's end
        watch_making(held, who)
    if held.evaluation is not None:
        with going_on:
            watch(held.evaluation, who, lambda now: _told(now, who), key="evaluation")


def _run(held: Library, who: Visitor, chosen: QuestionSet) -> None:
    say = who.say
    st.subheader(say("evaluate.recipes"))
    files = recipe_files(held.settings)
    own = title_of(held.pipeline.recipe, held.settings)
    names = [own, *(name for name in files if name != own)]
    wanted = st.multiselect(
        say("evaluate.which", most=MOST),
        names,
        default=[own],
        max_selections=MOST,
        format_func=lambda name: say("evaluate.own", name=name) if name == own else name,
        key="recipes",
    )
    answers = st.radio(
        say("evaluate.how"),
        [False, True],
        format_func=lambda answers: say("evaluate.with_answers" if answers else "evaluate.retrieval_only"),
        captions=[say("evaluate.quick"), say("evaluate.slow")],
        horizontal=True,
        key="answers",
    )
    limit = st.number_input(say("evaluate.limit"), min_value=0, value=0, key="limit", help=say("evaluate.limit_hint"))
    try:
        recipes = {name: held.pipeline.recipe if name == own else load_recipe(files[name]) for name in wanted}
    except RagError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    for name, recipe in recipes.items():
        if name != own and (apart := departures(held.pipeline.snapshot, recipe)):
            parts = say("evaluate.and").join(say(_PARTS[part]) for part in apart)
            st.caption(say("evaluate.trial", name=plain(name), parts=parts))
    if st.button(
        say("evaluate.run"),
        type="primary",
        icon=":material/play_arrow:",
        disabled=held.measuring or held.busy or not wanted,
        help=say("evaluate.wait_for_index") if held.busy else None,
    ):
        try:
            experiment = prepare(
                held.settings,
                chosen,
                recipes,
                answers=answers,
                limit=int(limit),
                generation=held.pipeline.snapshot.generation,
            )
            if experiment.finished:
                st.toast(say("evaluate.known"))
            else:
                _begin(held, who, experiment, recipes.values())
        except RagError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        st.session_state["show"] = experiment.id
        st.rerun()


def _begin(held: Library, who: Visitor, experiment: Experiment, recipes: Iterable[Recipe]) -> None:
    for recipe in recipes:
        check_keys(held.settings, held.pipeline.recipe, recipe)
    held.evaluation = begin_experiment(held.settings, experiment, ExperimentJob(who.owner))


def _told(now: Measuring, who: Visitor) -> tuple[float, str]:
    words = who.say(
        _STAGES[now.stage],
        recipe=now.recipe,
        recipes=now.recipes,
        done=now.done,
        total=now.total,
        left="…" if now.left is None else clock(now.left),
    )
    return now.share, words


def _past(held: Library, who: Visitor) -> None:
    """The experiments that are kept, one of them opened."""
    say = who.say
    st.subheader(say("evaluate.results"))
    for error in damaged_experiments(held.settings):
        st.warning(say("evaluate.damaged", error=plain(str(error))), icon=":material/broken_image:")
    kept = {one.id: one for one in experiments(held.settings)}
    if not kept:
        st.caption(say("evaluate.no_results"))
        return
    if (wanted := st.session_state.pop("show", None)) in kept:
        st.session_state["experiment"] = wanted
    lines = dict(zip(kept, told_apart(line_of(one, who) for one in kept.values()), strict=True))
    chosen = st.selectbox(say("evaluate.past"), list(kept), format_func=lines.__getitem__, key="experiment")
    experiment = kept[chosen]
    going_on = held.evaluation is not None and held.evaluation.busy and held.evaluation.id == experiment.id
    if experiment.finished:
        show_results(held, who, experiment)
    elif going_on:
        st.caption(say("evaluate.going_on"))
    else:
        _unfinished(held, who, experiment)
    with st.popover(say("evaluate.forget"), icon=":material/delete:", disabled=going_on):
        st.text(say("evaluate.forget_sure"))
        if st.button(say("evaluate.forget"), type="primary", key="forget experiment"):
            forget(held.settings, experiment)
            st.session_state.pop("experiment", None)
            st.rerun()


def line_of(experiment: Experiment, who: Visitor) -> str:
    """An experiment in a line: when, on what, which recipes, how."""
    say = who.say
    when = (experiment.finished or experiment.started)[:16].replace("T", " ")
    how = say("evaluate.with_answers" if experiment.answers else "evaluate.retrieval_only")
    name = say("evaluate.rated") if experiment.testset == RATED else experiment.testset
    parts = [f"{when} UTC", name, " / ".join(experiment.recipes), how]
    return " · ".join(parts if experiment.finished else [*parts, say("evaluate.unfinished")])


def _unfinished(held: Library, who: Visitor, experiment: Experiment) -> None:
    say = who.say
    if experiment.generation != held.pipeline.snapshot.generation:
        st.info(say("evaluate.stale"))
        return
    st.info(say("evaluate.stopped"))
    if st.button(say("evaluate.go_on"), type="primary", icon=":material/play_arrow:", disabled=held.measuring):
        _begin(held, who, experiment, map(load_recipe, recipe_files_of(held.settings, experiment)))
        st.rerun()
