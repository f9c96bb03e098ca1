"""What writes the answers: quotes alone, a model on this machine, or an API, with its key."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st
from adopting import Proposal, offer, propose
from credentials import check_keys, is_address, is_open, is_variable
from escaping import plain
from jobs import watch
from library import Library, exchange
from trying import TrialJob, begin_trial
from visitor import Visitor, visitor

from rag.errors import CredentialError, RagError
from rag.keys import address_of, forget_key, has_key, hold_key
from rag.models import list_models
from rag.pipeline import Pipeline
from rag.recipe import GeneratorConfig, Recipe

_KINDS = {
    "extractive": "preferences.quotes",
    "llama.cpp": "preferences.local",
    "openai": "preferences.api",
}


def generator_settings(held: Library, who: Visitor) -> None:
    """The part of the page."""
    say = who.say
    current = held.pipeline.recipe.generator
    kinds = list(_KINDS)
    kind = st.radio(
        say("preferences.writes"),
        kinds,
        index=kinds.index(current.kind),
        format_func=lambda one: say(_KINDS[one]),
        key="generator kind",
    )
    chosen: dict[str, Callable[[Library, Visitor], GeneratorConfig | None]] = {
        "extractive": lambda held, _: _with(held, kind="extractive"),
        "llama.cpp": _local,
        "openai": _api,
    }
    config = chosen[kind](held, who)
    with st.container(horizontal=True):
        tries = st.button(
            say("preferences.try"), key="try generator", icon=":material/play_arrow:", disabled=config is None
        )
        uses = st.button(
            say("preferences.use"), key="use generator", type="primary", disabled=config is None or held.busy
        )
    proposed: Proposal | None = st.session_state.get("proposed generator")
    if proposed is not None and proposed.recipe.generator != config:  # something else has been chosen since
        del st.session_state["proposed generator"]
    if config is not None and (tries or uses):
        recipe = held.pipeline.recipe.model_copy(update={"generator": config, "description": ""})
        _act(held, who, recipe, use=uses)
    trial: TrialJob | None = st.session_state.get("trial")
    if trial is not None:
        _watch(trial, who)
    offer(held, who, key="proposed generator")


def _act(held: Library, who: Visitor, recipe: Recipe, *, use: bool) -> None:
    try:
        if use:
            with st.spinner(who.say("preferences.taking")):
                st.session_state["proposed generator"] = propose(held, recipe)
        else:
            check_keys(held.settings, held.pipeline.recipe, recipe)
            question, passage = who.say("preferences.trial_question"), who.say("preferences.trial_passage")
            st.session_state["trial"] = begin_trial(
                TrialJob(who.owner), recipe, held.pipeline.embedder, question, passage
            )
    except RagError as error:
        st.error(plain(str(error)), icon=":material/error:")


def _with(held: Library, **changed: object) -> GeneratorConfig:
    """The generator in use with other values; what is no setting of the new kind stays."""
    config: GeneratorConfig = held.pipeline.recipe.generator.model_copy(update=changed)
    return config


def _context(held: Library, who: Visitor) -> int:
    return int(
        st.number_input(
            who.say("preferences.context"),
            min_value=256,
            value=held.pipeline.recipe.generator.context_size,
            step=256,
            key="context size",
            help=who.say("preferences.context_hint"),
        )
    )


def _local(held: Library, who: Visitor) -> GeneratorConfig | None:
    say = who.say
    current = held.pipeline.recipe.generator
    here = [model.name for model in list_models() if model.kind == "generator"]
    options = list(dict.fromkeys([*([current.model] if current.kind == "llama.cpp" else []), *here]))
    model = st.selectbox(
        say("preferences.gguf"),
        options,
        accept_new_options=True,
        key="local model",
        help=say("preferences.gguf_hint"),
    )
    context = _context(held, who)
    return _with(held, kind="llama.cpp", model=model.strip(), context_size=context) if model else None


def _api(held: Library, who: Visitor) -> GeneratorConfig | None:
    say = who.say
    current = held.pipeline.recipe.generator
    base_url = st.text_input(
        say("preferences.address"),
        current.base_url,
        key="api address",
        placeholder=address_of(""),
        help=say("preferences.address_hint"),
    ).strip()
    model = st.text_input(
        say("preferences.model"), current.model if current.kind == "openai" else "", key="api model"
    ).strip()
    variable = st.text_input(
        say("preferences.variable"), current.api_key_env, key="api variable", help=say("preferences.variable_hint")
    ).strip()
    context = _context(held, who)
    if base_url and not is_address(base_url):
        st.error(say("preferences.no_address"))
        return None
    if not is_variable(variable):
        st.error(say("preferences.no_variable"))
        return None
    _key(held, who, base_url)
    if not model:
        return None
    return _with(held, kind="openai", base_url=base_url, model=model, api_key_env=variable, context_size=context)


def _key(held: Library, who: Visitor, base_url: str) -> None:
    """Take a key for the address, and keep it out of the session: the field is emptied before the page is drawn."""
    say = who.say
    address = address_of(base_url)
    field = "api key"

    def hold() -> None:
        key = str(st.session_state.pop(field, ""))
        visitor()  # a callback runs before the page sees whether the session has ended
        try:
            hold_key(base_url, key)
        except CredentialError as error:
            st.session_state["key refused"] = str(error)
        else:
            _renew(held)

    def forget() -> None:
        visitor()
        forget_key(base_url)
        _renew(held)

    with st.form("key", clear_on_submit=True):
        st.text_input(
            say("preferences.key", address=plain(address)),
            type="password",
            key=field,
            autocomplete="off",
            help=say("preferences.key_hint"),
        )
        st.form_submit_button(say("preferences.hold"), on_click=hold)
    if refused := st.session_state.pop("key refused", ""):
        st.error(plain(refused), icon=":material/error:")
    if has_key(base_url):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(say("preferences.held", address=plain(address)))
            st.button(say("preferences.forget"), key="forget key", icon=":material/key_off:", on_click=forget)
    if is_open(base_url):
        st.warning(say("preferences.open", address=plain(address)))


def _renew(held: Library) -> None:
    """Let go of clients that hold another key, or one that is forgotten."""
    exchange(held, Pipeline(held.settings.index, held.pipeline.recipe))


def _watch(trial: TrialJob, who: Visitor) -> None:
    say = who.say
    watch(
        trial,
        who,
        lambda written: (0.0, say("preferences.trying", count=written)),
        key="trial",
        stopped="preferences.stopped",
    )
    if trial.result is None:
        return
    found = trial.result
    with st.container(border=True):
        st.text(f"{say('preferences.trial_passage')}\n{say('preferences.trial_question')}")
        st.text(found.text or say("preferences.nothing"))
        st.caption(
            say(
                "preferences.timing",
                loading=f"{found.loading:.1f}",
                first=f"{found.first:.2f}",
                seconds=f"{found.seconds:.2f}",
            )
        )
