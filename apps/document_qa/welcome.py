"""The first page of an app without documents."""

from __future__ import annotations

import streamlit as st
from documents import adding
from indexing import IndexJob, begin_indexing
from library import SAMPLES, Library
from results import show_indexing
from visitor import Visitor


def welcome_page(held: Library, who: Visitor) -> None:
    """Samples in one click, or one's own documents."""
    say = who.say
    st.title(say("welcome.title"))
    st.text(say("welcome.text"))
    if not who.user.manages:
        st.info(say("welcome.nobody"))
        return
    if SAMPLES.is_dir() and st.button(say("welcome.try"), type="primary", disabled=held.busy):
        held.job = begin_indexing(held.pipeline, [SAMPLES], IndexJob(who.owner))
        st.rerun()
    running, look = adding(held, who)
    look()
    with running:
        show_indexing(held, who)
    if not held.empty:
        st.rerun()
