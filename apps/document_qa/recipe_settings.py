"""The recipe editor: any recipe as TOML, checked key by key, used, and kept under a name."""

from __future__ import annotations

import streamlit as st
from adopting import differences, offer, propose
from credentials import check_keys
from escaping import plain
from library import Library
from recipes import forget_recipe, keep_recipe, kept_recipes
from visitor import Visitor

from rag.errors import RagError
from rag.evaluation.tuning.recipe import recipe_toml
from rag.recipe import find_problems, load_recipe, parse_recipe, recipe_names

_TEXT = "recipe text"


def recipe_settings(held: Library, who: Visitor) -> None:
    """The part of the page."""
    say = who.say
    if held.settings.users is not None:
        st.warning(say("preferences.powerful"))
    draft, made_for = st.session_state.get("recipe draft", ("", None))
    current = held.pipeline.recipe
    st.session_state.setdefault(_TEXT, draft if made_for == current else recipe_toml(current))
    _start_from(held, who)
    text = st.text_area(say("preferences.editor"), key=_TEXT, height=420)
    st.session_state["recipe draft"] = text, current  # the field's own value goes when another part is opened
    with st.container(horizontal=True):
        checks = st.button(say("preferences.check_recipe"), key="check recipe", icon=":material/fact_check:")
        uses = st.button(say("preferences.use"), key="use recipe", type="primary", disabled=held.busy)
    if (checks or uses) and _is_recipe(who, text):
        if uses:
            _propose(held, who, text)
        else:
            changed = differences(parse_recipe(text), held.pipeline.recipe)
            st.success(say("preferences.valid", count=len(changed)))
    offer(held, who, key="proposed recipe")
    _keep(held, who, text)


def _start_from(held: Library, who: Visitor) -> None:
    say = who.say
    kept = kept_recipes(held.settings.recipes)
    names = {"": say("preferences.in_use")}
    names |= {f"shipped {name}": say("preferences.shipped", name=name) for name in recipe_names()}
    names |= {f"kept {name}": say("preferences.kept", name=name) for name in kept}

    def load() -> None:
        kind, _, name = st.session_state["start from"].partition(" ")
        if kind == "kept":
            path = kept_recipes(held.settings.recipes).get(name)
            st.session_state[_TEXT] = path.read_text("utf-8", "replace") if path else ""
            st.session_state["recipe name"] = name
        else:
            st.session_state[_TEXT] = recipe_toml(load_recipe(name) if kind == "shipped" else held.pipeline.recipe)
        st.session_state.pop("proposed recipe", None)

    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            say("preferences.start_from"), list(names), format_func=names.__getitem__, key="start from"
        )
        st.button(say("preferences.load"), key="load recipe", on_click=load)
        kind, _, name = chosen.partition(" ")
        if kind == "kept":
            with st.popover(say("preferences.delete"), icon=":material/delete:"):
                st.text(say("preferences.delete_sure", name=name))
                if st.button(say("preferences.delete"), type="primary", key="delete recipe"):
                    forget_recipe(held.settings.recipes, name)
                    st.rerun()


def _is_recipe(who: Visitor, text: str) -> bool:
    say = who.say
    problems = find_problems(text)
    if not problems:
        return True
    st.session_state.pop("proposed recipe", None)
    st.error(say("preferences.problems", count=len(problems)), icon=":material/error:")
    for one in problems:
        st.text(say("preferences.problem", line=one.line, text=one.text) if one.line else one.text)
    return False


def _propose(held: Library, who: Visitor, text: str) -> None:
    try:
        with st.spinner(who.say("preferences.taking")):
            st.session_state["proposed recipe"] = propose(held, parse_recipe(text))
    except RagError as error:
        st.session_state.pop("proposed recipe", None)
        st.error(plain(str(error)), icon=":material/error:")


def _keep(held: Library, who: Visitor, text: str) -> None:
    say = who.say
    with st.form("keep recipe", border=False):
        name = st.text_input(say("preferences.name"), key="recipe name")
        saves = st.form_submit_button(say("preferences.save"), icon=":material/save:")
    if not saves or not _is_recipe(who, text):
        return
    try:
        check_keys(held.settings, held.pipeline.recipe, parse_recipe(text))
        place = keep_recipe(held.settings.recipes, name, text)
    except (RagError, OSError) as error:
        st.error(plain(str(error)), icon=":material/error:")
    else:
        st.success(say("preferences.saved", name=plain(place.stem)))
