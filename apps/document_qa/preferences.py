"""Settings: models, the generator and its key, recipes, the language, and what this app is."""

from __future__ import annotations

import streamlit as st
from about import about, manages_all
from adopting import tell_rebuild
from generator_settings import generator_settings
from language import language_box
from library import Library
from model_settings import model_settings
from recipe_settings import recipe_settings
from visitor import Visitor


def settings_page(held: Library, who: Visitor) -> None:
    """The page; whoever may not change the index, or not see all of it, finds the language and the version alone."""
    say = who.say
    st.title(say("app.settings"))
    language_box(who, key=f"language here {who.language}")
    if not manages_all(who.user):
        st.caption(say("preferences.reader"))
        about(held, who)
        return
    above = st.container()
    parts = {
        "preferences.models": model_settings,
        "preferences.generator": generator_settings,
        "preferences.recipe": recipe_settings,
        "preferences.about": about,
    }
    # only what is open is drawn: a job that is watched there holds up nothing else
    tabs = st.tabs([say(name) for name in parts], key="settings part", on_change="rerun")
    for tab, part in zip(tabs, parts.values(), strict=True):
        if tab.open:
            with tab:
                part(held, who)
    with above:  # and last: the page is drawn to its end before a job is watched
        tell_rebuild(held, who)
