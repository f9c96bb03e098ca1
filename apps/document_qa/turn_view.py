"""A turn of a conversation: the question and its versions, the answer with its proof, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st
from inside import inside_page
from library import Library
from ratings import rate
from source_pane import open_source, opened
from views import show_answer
from visitor import Visitor
from writing import ASSISTANT, USER, Asked, start

from rag.chains.turns import Turn

Switch = Callable[[int], None]
"""Go on from the version of a question that has this number."""


def show_turn(held: Library, who: Visitor, talk: str, turn: Turn, versions: list[int], switch: Switch) -> None:
    """Show a turn that may be shown. ``versions`` are the turns that ask in its place, itself among them."""
    say = who.say
    _question(who, turn, versions, switch)
    place = opened()
    with st.chat_message("assistant", avatar=ASSISTANT):
        clicked = show_answer(
            turn.answer,
            who,
            key=f"answer {talk} {turn.number}",
            opened=place[1] if place and place[0] == turn.number else "",
        )
        if clicked and (turn.number, clicked) != place:
            open_source(turn.number, clicked)
        if turn.answer.refused and (found := (*turn.answer.hits, *turn.answer.dropped)):
            with st.expander(say("ask.nearest")):
                for hit in found[:3]:  # those that its text names
                    st.container(border=True).text(f"{hit.chunk.header}\n{hit.chunk.text}")
        with st.container(horizontal=True, vertical_alignment="center"):
            _ask_again(who, turn)
            _thumbs(held, who, turn)
            page = st.Page(partial(inside_page, held, who), title=say("app.inside"), url_path="inside")
            st.page_link(
                page,
                label=say("ask.inside"),
                icon=":material/search:",
                query_params={"c": talk, "turn": str(turn.number)},
            )


def show_hidden(who: Visitor, turn: Turn, versions: list[int], switch: Switch) -> None:
    """Show the question of a turn whose answer may not be shown any more."""
    _question(who, turn, versions, switch)
    with st.chat_message("assistant", avatar=ASSISTANT):
        st.info(who.say("ask.withheld"), icon=":material/visibility_off:")
        with st.container(horizontal=True):
            _ask_again(who, turn)


def _question(who: Visitor, turn: Turn, versions: list[int], switch: Switch) -> None:
    with st.chat_message("user", avatar=USER):
        st.text(turn.question)
        if len(versions) < 2:
            return
        at = versions.index(turn.number)
        with st.container(horizontal=True, vertical_alignment="center"):
            for said, icon, to in (
                ("ask.version_before", ":material/chevron_left:", at - 1),
                ("ask.version_after", ":material/chevron_right:", at + 1),
            ):
                if to > at:
                    st.text(f"{at + 1} / {len(versions)}", width="content")
                st.button(
                    who.say(said),
                    icon=icon,
                    type="tertiary",
                    key=f"{said} {turn.number}",
                    disabled=not 0 <= to < len(versions),
                    on_click=switch,
                    args=(versions[to % len(versions)],),
                )


def _ask_again(who: Visitor, turn: Turn) -> None:
    say = who.say
    if st.button(say("ask.again"), key=f"again {turn.number}", icon=":material/refresh:"):
        start(Asked(turn.question, turn.number))
        st.rerun()
    with st.popover(say("ask.edit"), icon=":material/edit:"), st.form(f"edit {turn.number}", border=False):
        question = st.text_area(say("ask.edit"), turn.question, label_visibility="collapsed")
        if st.form_submit_button(say("ask.edit_ask")) and question.strip():
            start(Asked(question, turn.number))
            st.rerun()


def _thumbs(held: Library, who: Visitor, turn: Turn) -> None:
    say = who.say
    for rating, icon in (("good", ":material/thumb_up:"), ("bad", ":material/thumb_down:")):
        with st.popover(say(f"ask.{rating}"), icon=icon), st.form(f"{rating} {turn.number}", border=False):
            reason = st.text_input(say("ask.why"))
            if st.form_submit_button(say(f"ask.{rating}")):
                rate(held.settings.rated, turn.answer, "good" if rating == "good" else "bad", reason)
                st.toast(say("ask.kept"))
