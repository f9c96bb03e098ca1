"""The corpus as a picture: each passage a point, near those that mean the like; topics, and where a question falls."""

from __future__ import annotations

import streamlit as st
from escaping import plain
from library import Library
from map_making import DrawnMap, begin_map, drawn_map, watch_map
from map_marks import marks_on
from map_view import Marks, show_map
from visitor import Visitor

from rag.index import Snapshot
from rag.maps import Topic

AT_ONCE = 5000  # passages whose map is made without being asked for: that takes seconds
_HEIGHT = 560  # pixels of what is read beside the map
_SHOWN = 160  # characters of a passage that was found


def map_page(held: Library, who: Visitor) -> None:
    """The page."""
    say = who.say
    st.title(say("app.map"))
    if held.empty:
        st.info(say("map.empty"))
        return
    snapshot, where = held.pipeline.snapshot, who.user.limited(None)
    if not snapshot.settings.dim:
        st.info(say("map.no_vectors"))
        return
    drawn = drawn_map(held.maps, held.settings.index, snapshot, where)
    if drawn is None:
        _make(held, who, snapshot, where)
    elif not len(drawn.corpus):
        st.info(say("map.empty"))
    else:
        _show(held, who, snapshot, drawn)


def _make(held: Library, who: Visitor, snapshot: Snapshot, where: str | None) -> None:
    """Make the map: at once where that is soon done, else when it is asked for."""
    maps, key = held.maps, where or ""
    job = maps.jobs.get(key)
    failed = job is not None and job.error is not None
    if not failed and sum(one.chunks for one in snapshot.documents(where)) <= AT_ONCE:
        begin_map(maps, held.settings.index, snapshot, where, who.owner)
    st.text(who.say("map.made"))
    job = maps.jobs.get(key)
    idle = job is None or not job.busy
    if idle and st.button(who.say("map.make"), type="primary", icon=":material/scatter_plot:"):
        begin_map(maps, held.settings.index, snapshot, where, who.owner)
        st.rerun()
    if job is not None:
        watch_map(job, who)


def _show(held: Library, who: Visitor, snapshot: Snapshot, drawn: DrawnMap) -> None:
    say, corpus = who.say, drawn.corpus
    names = [_name(who, number, topic) for number, topic in enumerate(corpus.topics)]
    st.caption(say("map.about", passages=len(corpus), documents=len(corpus.documents), topics=len(names)))
    if corpus.total > len(corpus):
        st.caption(say("map.drawn_by_chance", total=corpus.total))
    wanted = st.text_input(say("map.find"), key="map find").strip()
    marks = marks_on(held, who, snapshot, drawn.corpus, wanted)
    picture, beside = st.columns([2, 1], gap="medium")
    with picture:
        clicked = show_map(corpus, drawn.sent, marks, names, who)
    if clicked is not None:
        st.session_state["map opened"] = corpus.chunk_id(clicked)
    with beside, st.container(height=_HEIGHT):
        _read(who, snapshot, drawn, marks)
    # the legend names the largest; a browser that comes for the map does not wait for what draws tables
    topics = st.expander(say("map.topics"), key="map topics", on_change="rerun")
    if topics.open:
        rows = {
            say("map.topic"): names,
            say("documents.passages"): [topic.passages for topic in corpus.topics],
            say("app.documents"): [topic.documents for topic in corpus.topics],
        }
        topics.dataframe(rows, hide_index=True, width="stretch")


def _name(who: Visitor, number: int, topic: Topic) -> str:
    return ", ".join(topic.words) or who.say("map.nameless", number=number + 1)


def _read(who: Visitor, snapshot: Snapshot, drawn: DrawnMap, marks: Marks) -> None:
    """The passage that was opened, else the question and what it found."""
    say, corpus = who.say, drawn.corpus
    (opened,) = corpus.places([st.session_state["map opened"]]) if "map opened" in st.session_state else (None,)
    if opened is not None:
        if st.button(say("ask.close"), icon=":material/close:", key="close passage"):
            st.session_state.pop("map opened")
            st.rerun()
        (chunk,) = snapshot.chunks(snapshot.refs([corpus.chunk_id(opened)]))
        st.text(chunk.header or chunk.uri.rpartition("/")[2])
        st.text(chunk.text)
        return
    if not marks.question:
        st.text(say("map.click"))
        return
    st.text(f"{say('inside.question')}: {marks.question}")
    if not marks.hits:
        st.text(say("map.nothing"))
    ids = [corpus.chunk_id(spot) for spot, _ in marks.hits]
    for (_, rank), chunk in zip(marks.hits, snapshot.chunks(snapshot.refs(ids)), strict=True):
        told = plain(f"{rank}. {chunk.header or chunk.uri.rpartition('/')[2]}")
        if st.button(told, key=f"open {chunk.id}", type="tertiary"):
            st.session_state["map opened"] = chunk.id
            st.rerun()
        st.text(f"{chunk.text[:_SHOWN]}…" if len(chunk.text) > _SHOWN else chunk.text)
