"""A conversation: questions, answers with their proof, and the source beside."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator, Iterator

import streamlit as st
from escaping import plain
from library import Library, conversations
from ratings import rate
from sources import TextView, view
from views import name_of, show_answer, show_source
from visitor import Visitor

from rag.chains.conversation import Conversation
from rag.chains.drafting import Event
from rag.chains.exporting import to_markdown
from rag.chains.sessions import SessionStore
from rag.chains.turns import Turn
from rag.errors import RagError
from rag.types import Answer, Citation

USER, ASSISTANT = ":material/person:", ":material/find_in_page:"
_EVERY = 0.1  # seconds between updates of a draft
Say = Callable[[], Iterator[Event]]


def ask_page(held: Library, who: Visitor) -> None:
    """The page."""
    with conversations(who.owner) as store:
        name = _session(held, store)
        conversation = held.pipeline.chat(store.open(name, str(held.settings.index.resolve())))
        path = conversation.path()
        _beside(who, store, name, path)
        opened = st.session_state.get("opened")
        talk, beside = st.columns([3, 2], gap="large") if opened else (st.container(), None)
        with talk:
            for turn in path:
                _show_turn(held, who, conversation, turn)
            place = st.container()
            if not path:
                _suggest(held, who)
        if beside is not None:
            with beside:
                _source(held, who, conversation)
        asked = st.chat_input(who.say("ask.placeholder"), key="question")
        number, question = st.session_state.pop("start", (None, asked or ""))
        if not question:
            return
        where = who.user.limited(None)  # that of now, also where a turn of another time is answered anew
        with place:
            with st.chat_message("user", avatar=USER):
                st.text(question)
            if number is None:
                _answer(held, who, lambda: conversation.say_stream(question, where=where))
            else:
                _answer(held, who, lambda: conversation.edit(number, question, where=where))


def _suggest(held: Library, who: Visitor) -> None:
    """What the sample documents answer, where they are all there is."""
    if not held.only_samples:
        return
    st.text(who.say("ask.suggestions"))
    for key in ("samples.question_1", "samples.question_2", "samples.question_3"):
        question = who.say(key)
        if st.button(plain(question), key=key):
            st.session_state["start"] = (None, question)
            st.rerun()


def _session(held: Library, store: SessionStore) -> str:
    """The conversation in the address, else a new one."""
    here = str(held.settings.index.resolve())
    known = {info.name for info in store.infos() if info.source == here}
    name = st.query_params.get("c", "")
    if name not in known and name != st.session_state.get("new"):
        name = time.strftime("%Y-%m-%d ") + secrets.token_hex(3)
        st.session_state["new"] = name
        st.query_params["c"] = name
    return name


def _beside(who: Visitor, store: SessionStore, name: str, path: list[Turn]) -> None:
    say = who.say
    with st.sidebar:
        st.subheader(say("ask.sessions"))
        if st.button(say("ask.new"), icon=":material/add:", width="stretch"):
            _go(None)
        for info in store.infos():
            if info.turns and st.button(
                plain(info.opening[:60]), key=f"session {info.name}", disabled=info.name == name, width="stretch"
            ):
                _go(info.name)
        if path:
            st.download_button(
                say("ask.export"), to_markdown(name, path), f"{name}.md", "text/markdown", icon=":material/download:"
            )
            if st.button(say("ask.delete"), icon=":material/delete:"):
                store.delete(name)
                _go(None)


def _go(name: str | None) -> None:
    st.session_state.pop("opened", None)
    if name is None:
        st.query_params.pop("c", None)
        st.session_state.pop("new", None)
    else:
        st.query_params["c"] = name
    st.rerun()


def _show_turn(held: Library, who: Visitor, conversation: Conversation, turn: Turn) -> None:
    say = who.say
    opened = st.session_state.get("opened")
    with st.chat_message("user", avatar=USER):
        st.text(turn.question)
    with st.chat_message("assistant", avatar=ASSISTANT):
        clicked = show_answer(
            turn.answer,
            who,
            key=f"answer {conversation.session.name} {turn.number}",
            opened=opened[1] if opened and opened[0] == turn.number else "",
        )
        if clicked and (turn.number, clicked) != opened:
            st.session_state["opened"] = (turn.number, clicked)
            st.rerun()
        if turn.answer.refused and turn.answer.hits:
            with st.expander(say("ask.nearest")):
                for hit in turn.answer.hits[:3]:
                    st.text(f"{hit.chunk.header}\n{hit.chunk.text}")
        _actions(held, who, turn)


def _actions(held: Library, who: Visitor, turn: Turn) -> None:
    say = who.say
    with st.container(horizontal=True):
        if st.button(say("ask.again"), key=f"again {turn.number}", icon=":material/refresh:"):
            _start(turn.number, turn.question)
        with st.popover(say("ask.edit"), icon=":material/edit:"), st.form(f"edit {turn.number}", border=False):
            question = st.text_area(say("ask.edit"), turn.question, label_visibility="collapsed")
            if st.form_submit_button(say("ask.edit_ask")) and question.strip():
                _start(turn.number, question)
        for rating, icon in (("good", ":material/thumb_up:"), ("bad", ":material/thumb_down:")):
            with st.popover(say(f"ask.{rating}"), icon=icon), st.form(f"{rating} {turn.number}", border=False):
                reason = st.text_input(say("ask.why"))
                if st.form_submit_button(say(f"ask.{rating}")):
                    file = held.settings.index.with_name(f"{held.settings.index.name}.questions.jsonl")
                    rate(file, turn.answer, "good" if rating == "good" else "bad", reason)
                    st.toast(say("ask.kept"))


def _start(number: int, question: str) -> None:
    """Answer a question in the place of a turn, in the next run."""
    st.session_state["start"] = (number, question)
    st.session_state.pop("opened", None)
    st.rerun()


def _answer(held: Library, who: Visitor, start: Say) -> None:
    """Write an answer on the page; Stop, or any other click, ends it and leaves no turn."""
    say = who.say
    with st.chat_message("assistant", avatar=ASSISTANT):
        told, draft = st.empty(), st.empty()
        st.button(say("ask.stop"), icon=":material/stop:", key="stop")
        told.caption(say("ask.thinking"))
        while not held.answering.acquire(timeout=0.5):
            told.caption(say("ask.waiting"))  # here the page may end, if whoever asked has gone on
        try:
            answer = _streamed(start, draft.text, lambda: told.caption(say("ask.draft")))
        except RagError as error:
            told.error(say("ask.model", error=plain(str(error))))
            return
        finally:
            held.answering.release()
    st.session_state["last"] = answer
    st.rerun()


def _streamed(start: Say, show: Callable[[str], object], began: Callable[[], object]) -> Answer | None:
    written, shown = "", 0.0
    events = start()
    try:
        for event in events:
            if isinstance(event, Answer):
                return event
            if not written and event:
                began()
            written += event
            if not event or time.monotonic() - shown > _EVERY:  # the page may end where it is written to
                show(written)
                shown = time.monotonic()
    finally:  # also where the page has moved on: nobody waits for the rest
        if isinstance(events, Generator):
            events.close()
    return None


def _source(held: Library, who: Visitor, conversation: Conversation) -> None:
    say = who.say
    number, place = st.session_state["opened"]
    citation = _citation(conversation, number, place)
    if citation is None:
        st.session_state.pop("opened")
        st.rerun()
    with st.container(horizontal=True):
        st.text(name_of(citation, who))
        if st.button(say("ask.close"), icon=":material/close:"):
            st.session_state.pop("opened")
            st.rerun()
    found = view(held.pipeline.snapshot, citation, who.user.limited(None))
    if found is None:
        st.caption(say("ask.gone"))
        found = TextView("", citation.quote, "")
    elif isinstance(found, TextView) and found.changed:
        st.caption(say("ask.changed"))
    show_source(found, who, key=f"source {number} {place}")


def _citation(conversation: Conversation, number: int, place: str) -> Citation | None:
    turn = next((turn for turn in conversation.path() if turn.number == number), None)
    row, _, column = place.partition(".")
    try:
        return turn.answer.sentences[int(row)].citations[int(column)] if turn else None
    except (IndexError, ValueError):  # the place comes from the browser
        return None
