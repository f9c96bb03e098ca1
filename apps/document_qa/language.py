"""The language of the interface: chosen anywhere, remembered by this browser."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from visitor import LANGUAGE, Visitor
from words import LANGUAGES

_REMEMBER = st.components.v2.component(
    "ragstone_language",
    html="<div></div>",
    js=(Path(__file__).with_name("components") / "language.js").read_text("utf-8"),
)


def language_box(who: Visitor, *, key: str) -> None:
    """A box to choose the language in."""

    def choose() -> None:
        st.session_state["language"] = st.session_state[key]
        st.session_state["language chosen"] = True

    st.session_state.setdefault(key, who.language)
    st.selectbox(who.say("app.language"), list(LANGUAGES), format_func=LANGUAGES.__getitem__, key=key, on_change=choose)


def remember_language(who: Visitor) -> None:
    """Leave a language that was chosen with the browser, in a cookie, for its next visit."""
    if st.session_state.get("language chosen"):
        _REMEMBER(key="remember language", data={"name": LANGUAGE, "value": who.language})
