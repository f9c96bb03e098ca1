"""Turns whose documents a filter does not admit: not shown, and not remembered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag.chains.conversation import Conversation
from rag.chains.session_schema import FORMAT
from rag.chains.sessions import SessionStore
from rag.chains.turns import Turn, documents_of, latest_below, siblings, withheld
from rag.errors import ConversationError
from rag.grounding import ground
from rag.pipeline import Pipeline
from rag.types import Answer, Hit, content_hash

RECIPE = """
[embedder]
backend = "none"
[retrieval]
arms = ["sparse"]
[generator]
kind = "extractive"
"""
NEWS = {
    "castle.txt": "Trim Castle was built in 1174. The keep of Trim Castle is 25 metres high.",
    "ferry.txt": "The ferry to Aran leaves at noon. A ticket for the ferry costs 12 euros.",
}


def turn(number: int, parent: int | None, answer: Answer, heard: tuple[int, ...] = ()) -> Turn:
    return Turn(number, parent, "Why?", "Why?", ("Why?",), None, answer, 1.0, 0.5, heard)


@pytest.fixture
def answer(passage: Callable[..., Hit]) -> Callable[..., Answer]:
    def make(*titles: str) -> Answer:
        hits = [passage(title, f"The {title} is blue.", rank=rank) for rank, title in enumerate(titles, 1)]
        return ground("What is blue?", " ".join(hit.chunk.text for hit in hits), hits)

    return make


def test_an_answer_s_documents_are_those_of_its_hits_dropped_duplicates_and_citations(
    passage: Callable[..., Hit], answer: Callable[..., Answer]
) -> None:
    hit = replace(passage("a", "x"), duplicates=(passage("b", "x"),))
    made = replace(answer("kite"), hits=(hit,), dropped=(passage("c", "x"),))
    assert documents_of(made) == {content_hash(f"file:///{name}") for name in ("a", "b", "c", "kite")}


def test_what_drew_on_a_withheld_turn_is_withheld_and_its_neighbours_are_not(answer: Callable[..., Answer]) -> None:
    turns = {
        1: turn(1, None, answer("kite")),
        2: turn(2, 1, answer("ferry"), (1,)),
        3: turn(3, 2, answer("ferry"), (1, 2)),
        4: turn(4, 2, answer("ferry"), (2,)),
        5: turn(5, None, answer("ferry")),
        6: turn(6, 1, answer("ferry"), ()),  # asked when 1 was withheld already
    }
    kite = content_hash("file:///kite")
    assert withheld(turns, lambda document: document != kite) == {1, 2, 3, 4}
    assert withheld(turns, lambda document: True) == frozenset()
    ferry = content_hash("file:///ferry")
    assert withheld(turns, lambda document: document != ferry) == {2, 3, 4, 5, 6}


def test_siblings_and_the_latest_turn_of_a_branch(answer: Callable[..., Answer]) -> None:
    parents = {1: None, 2: 1, 3: 1, 4: 2, 5: 4, 6: None, 7: 3}
    turns = {number: turn(number, parent, answer("kite")) for number, parent in parents.items()}
    assert siblings(turns, 2) == [2, 3]
    assert siblings(turns, 6) == [1, 6]
    assert [latest_below(turns, number) for number in (1, 2, 3, 5, 6)] == [7, 5, 7, 5, 6]


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    (tmp_path / "recipe.toml").write_text(RECIPE)
    (tmp_path / "files").mkdir()
    for name, text in NEWS.items():
        (tmp_path / "files" / name).write_text(text)
    with Pipeline(tmp_path / "index", tmp_path / "recipe.toml") as opened:
        opened.add(tmp_path / "files")
        yield opened


@pytest.fixture
def talk(pipeline: Pipeline) -> Iterator[Conversation]:
    with SessionStore.in_memory() as store:
        yield pipeline.chat(store.open("test", "/index"))


def test_a_snapshot_says_which_document_a_filter_admits(pipeline: Pipeline) -> None:
    snapshot = pipeline.snapshot
    (castle, ferry) = snapshot.documents()
    narrow = f"path = '{castle.metadata['path']}'"
    assert [snapshot.admits(one.id, narrow) for one in (castle, ferry)] == [True, False]
    assert [snapshot.admits(one.uri) for one in (castle, ferry)] == [True, True]
    assert not snapshot.admits("file:///none")


def test_a_narrowed_filter_hides_the_old_turn_and_the_next_answer_is_not_told_of_it(
    pipeline: Pipeline, talk: Conversation
) -> None:
    (castle, ferry) = pipeline.snapshot.documents()
    narrow = f"path = '{ferry.metadata['path']}'"
    talk.say("When was Trim Castle built?")
    talk.say("When does the ferry to Aran leave?")
    turns = talk.session.turns()
    assert turns[2].heard == (1,)
    assert talk.hidden(turns, None) == frozenset()
    assert talk.hidden(turns, f"path = '{castle.metadata['path']}' or {narrow}") == frozenset()
    assert talk.hidden(turns, narrow) == {1, 2}  # the second could draw on the first
    answer = talk.say("How high is its keep?", where=narrow)
    latest = talk.path()[-1]
    assert latest.heard == ()
    assert latest.queries == ("How high is its keep?",)  # nothing of the castle has come into it
    assert "Trim" not in answer.text
    assert latest.number not in talk.hidden(talk.session.turns(), narrow)


def test_a_deleted_document_cannot_be_checked_against_a_filter(pipeline: Pipeline, talk: Conversation) -> None:
    talk.say("When was Trim Castle built?")
    (castle, _) = pipeline.snapshot.documents()
    wide = "path != 'nothing'"
    assert talk.hidden(talk.session.turns(), wide) == frozenset()
    pipeline.delete(castle.uri)
    assert talk.hidden(talk.session.turns(), wide) == {1}
    assert talk.hidden(talk.session.turns(), None) == frozenset()


def test_a_trace_comes_back_as_it_was_and_goes_with_its_session(pipeline: Pipeline, tmp_path: Path) -> None:
    with SessionStore(tmp_path / "s.sqlite") as store:
        talk = pipeline.chat(store.open("one", "/index"))
        answer = talk.say("When was Trim Castle built?")
        assert talk.session.trace(1) == answer.trace
        assert talk.session.trace(2) is None
        names = {step.name for step in answer.trace.walk()} if answer.trace else set()
        assert {"retrieve", "rank", "generate", "ground"} <= names
        store.delete("one")
    with sqlite3.connect(tmp_path / "s.sqlite") as db:
        assert db.execute("SELECT count(*) FROM traces").fetchone() == (0,)
    db.close()


def test_a_damaged_trace_is_named(pipeline: Pipeline, tmp_path: Path) -> None:
    with SessionStore(tmp_path / "s.sqlite") as store:
        talk = pipeline.chat(store.open("one", "/index"))
        talk.say("When was Trim Castle built?")
        with sqlite3.connect(tmp_path / "s.sqlite") as db:
            db.execute("UPDATE traces SET trace = '[]'")
        db.close()
        with pytest.raises(ConversationError, match=r"session 'one', turn 1: a stored trace"):
            talk.session.trace(1)


def test_sessions_of_the_first_format_are_brought_up_to_date(tmp_path: Path, answer: Callable[..., Answer]) -> None:
    path = tmp_path / "s.sqlite"
    with SessionStore(path) as store:
        session = store.open("one", "/index")
        for parent in (None, 1, 2):
            session.append(turn(0, parent, answer("kite"), (7,)))
    with sqlite3.connect(path) as db:  # as the first format had it
        db.execute("DROP TABLE traces")
        db.execute("ALTER TABLE turns DROP COLUMN heard")
        db.execute("PRAGMA user_version=1")
    db.close()
    assert FORMAT == 2
    with SessionStore(path) as store:
        session = store.find("one")
        assert [one.heard for one in session.turns().values()] == [(), (1,), (1, 2)]  # unknown: all before
        assert session.trace(1) is None
        session.append(turn(0, 3, answer("kite"), (3,)))
        assert session.turns()[4].heard == (3,)
