"""The models of the registry: where they are, whether they are whole, and fetching those that are not there."""

from __future__ import annotations

import streamlit as st
from about import size
from escaping import plain
from jobs import watch
from library import Library
from model_files import ModelJob, Step, begin_model_job, others_of, registered_of
from visitor import Visitor

from rag.errors import RagError
from rag.models import ModelStatus, list_models

_KINDS = {
    "embedder": "preferences.embedder",
    "generator": "preferences.generator_model",
    "reranker": "preferences.reranker",
}
_STATES = {
    "installed": "preferences.installed",
    "missing": "preferences.missing",
    "damaged": "preferences.damaged",
}


def model_settings(held: Library, who: Visitor) -> None:
    """The part of the page."""
    say = who.say
    used = registered_of(held.pipeline.recipe)
    for model in list_models():
        _show(held, who, model, used=model.name in used)
    others = others_of(held.pipeline.recipe)
    if others:
        st.subheader(say("preferences.other_models"))
        for key, (name, here) in others.items():
            state = say("preferences.installed") if here else say("preferences.missing")
            st.text(f"{key}: {name} ({state})")


def _show(held: Library, who: Visitor, model: ModelStatus, *, used: bool) -> None:
    say = who.say
    with st.container(border=True):
        st.markdown(f"**{plain(model.name)}**")
        facts = [say(_KINDS[model.kind]), size(model.size), model.licence, say(_STATES[model.state])]
        facts += [say("preferences.used")] if used else []
        st.caption(plain(" · ".join(facts)))
        st.text(str(model.path))
        if model.reason:
            st.warning(plain(model.reason))
        job = held.models if held.models is not None and held.models.model == model.name else None
        found_wrong = job is not None and job.kind == "check" and isinstance(job.error, RagError)
        busy = held.models is not None and held.models.busy
        with st.container(horizontal=True):
            if model.state == "installed" and st.button(
                say("preferences.check"), key=f"check {model.name}", icon=":material/fact_check:", disabled=busy
            ):
                job = held.models = begin_model_job(ModelJob(who.owner, model=model.name, kind="check"))
            if (model.state != "installed" or found_wrong) and st.button(
                say("preferences.pull"), key=f"pull {model.name}", icon=":material/download:", disabled=busy
            ):
                job = held.models = begin_model_job(ModelJob(who.owner, model=model.name, kind="pull"))
        if job is not None:
            _watch(job, who, model)


def _watch(job: ModelJob, who: Visitor, model: ModelStatus) -> None:
    say = who.say

    def told(now: Step) -> tuple[float, str]:
        share = min(now.done / (now.total or model.size), 1.0)
        done, total = size(now.done), size(now.total or model.size)
        if now.source:
            words = "preferences.fetching" if now.total else "preferences.fetching_packed"
            return share, say(words, done=done, total=total, source=plain(now.source))
        return share, say("preferences.checking", done=done, total=total)

    watch(job, who, told, key=f"model {model.name}", stopped="preferences.stopped")
    if job.result is not None and job.owner == who.owner:
        st.success(say("preferences.right") if job.kind == "check" else say("preferences.pulled"))
