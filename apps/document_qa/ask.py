"""A conversation: questions, answers with their proof, and the source beside."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import takewhile

import streamlit as st
from library import Library, conversations
from source_pane import opened, show_opened
from suggestions import suggest
from talks import open_talk, talks_beside
from turn_view import show_hidden, show_turn
from visitor import Visitor
from writing import Asked, notice_break, show_break, start, started, write_answer

from rag.chains.drafting import Event
from rag.chains.sessions import Session
from rag.chains.turns import branch, latest_below, siblings

_BOX = "question"


def ask_page(held: Library, who: Visitor) -> None:
    """The page."""
    notice_break(box=_BOX)
    where = who.user.limited(None)  # that of now, also where a turn of another time is answered anew
    with conversations(who.owner) as store:
        name = open_talk(held, store)
        session = store.open(name, str(held.settings.index.resolve()))
        talk = held.pipeline.chat(session)
        turns = talk.session.turns()
        path = branch(turns, talk.session.head)
        hidden = talk.hidden(turns, where)
        readable = [turn for turn in path if turn.number not in hidden]
        talks_beside(held, who, store, name, readable)

        def switch(number: int) -> None:
            with conversations(who.owner) as again:
                again.find(name).switch(latest_below(turns, number))

        typed = st.chat_input(who.say("ask.placeholder"), key=_BOX)
        asked = started() or (Asked(typed) if typed else None)
        kept = list(takewhile(lambda turn: asked is None or turn.number != asked.instead_of, path))
        left, beside = st.columns(2, gap="medium") if opened() else (st.container(), None)
        with left:
            for turn in kept:
                versions = siblings(turns, turn.number)
                if turn.number in hidden:
                    show_hidden(who, turn, versions, switch)
                else:
                    show_turn(held, who, name, turn, versions, switch)
            place, below = st.container(), st.empty()
            for _ in path[len(kept) :]:  # what is asked anew takes its own place, not one below what it replaces
                st.empty()
                st.empty()
        if beside is not None:
            with beside:
                show_opened(held, who, readable)
        if asked is None and not path:
            with below.container():
                suggest(held, who, start)
        with place:
            if asked is None:
                show_break(who)
            else:
                write_answer(held, who, asked, partial(_answer, held, session, asked, where))


def _answer(held: Library, session: Session, asked: Asked, where: str | None) -> Iterator[Event]:
    """By the pipeline of the moment: another may be taken into use while a question waits for its turn."""
    talk = held.pipeline.chat(session)
    if asked.instead_of is None:
        return talk.say_stream(asked.question, where=where)
    return talk.edit(asked.instead_of, asked.question, where=where)
