"""Sessions on the disk: nothing acknowledged is lost, numbers mean one thing, nobody else reads them."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rag.chains.sessions import Session, SessionStore, sessions_path
from rag.chains.turns import Turn, branch, cited_hits, dump_answer, load_answer, tips
from rag.errors import ConversationError
from rag.grounding import Preference, ground, render, report_conflicts
from rag.types import Answer, Hit, Page

MakeHit = Callable[..., Hit]


def turn(answer: Answer, parent: int | None = None, question: str = "Why?") -> Turn:
    return Turn(0, parent, question, question, (question, "so?"), "year > 1", answer, 1.5, 0.5)


@pytest.fixture
def answer(passage: MakeHit) -> Callable[..., Answer]:
    def make(*titles: str) -> Answer:
        hits = [passage(title, f"The {title} is blue.", rank=rank) for rank, title in enumerate(titles, 1)]
        made = ground("What is blue?", " ".join(hit.chunk.text for hit in hits), hits)
        assert [citation.title for citation in made.citations] == list(titles)
        return made

    return make


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SessionStore]:
    with SessionStore(tmp_path / "deep" / "s.sqlite") as opened:
        yield opened


@pytest.fixture
def session(store: SessionStore) -> Session:
    return store.open("one", "/index")


def test_a_turn_comes_back_as_it_was(store: SessionStore, session: Session, answer: Callable[..., Answer]) -> None:
    kept = session.append(turn(answer("kite", "ferry")))
    again = store.find("one").turns()
    assert again == {1: kept}
    assert (kept.number, session.head) == (1, 1)
    assert render(again[1].answer) == render(kept.answer)
    assert again[1].answer.hits[0].chunk.id == kept.answer.hits[0].chunk.id


def test_every_kind_of_field_survives(passage: MakeHit) -> None:
    hit = passage("kité 凧", "Blau \u2028 ist\ttrüb\n日本")
    chunk = replace(hit.chunk, headings=("A", "B"), pages=(Page(1, 0, 4), Page(2, 4, 9)))
    hit = replace(hit, chunk=chunk, metadata={"n": 1, "x": 1.0, "b": True, "no": None, "tags": ("a", 2), "s": "1"})
    given = replace(ground("Wie?", "", [hit]), dropped=(hit,))
    again = load_answer(dump_answer(given), where="here")
    assert again == given
    metadata = again.hits[0].metadata
    assert {key: type(value) for key, value in metadata.items()} == {
        "n": int,
        "x": float,
        "b": bool,
        "no": type(None),
        "tags": tuple,
        "s": str,
    }


def test_a_number_means_one_passage_on_every_branch(session: Session, answer: Callable[..., Answer]) -> None:
    numbers = lambda kept: [citation.number for citation in kept.answer.citations]  # noqa: E731
    assert numbers(session.append(turn(answer("kite", "ferry")))) == [1, 2]
    assert numbers(session.append(turn(answer("ferry", "boat"), 1))) == [2, 3]
    assert numbers(session.append(turn(answer("tram"), 1))) == [4]  # beside turn 2
    assert numbers(session.append(turn(answer("boat", "kite"), 3))) == [3, 1]


def test_the_numbers_of_a_conflict_are_those_of_the_session(
    session: Session, answer: Callable[..., Answer], passage: MakeHit
) -> None:
    session.append(turn(answer("kite")))
    hits = [
        passage("Trim Castle", "Trim Castle has 25 rooms."),
        passage("Castles", "Trim Castle has 40 rooms.", rank=2),
    ]
    said = ground("How many rooms does Trim Castle have?", "Trim Castle has 25 rooms.", hits)
    told = report_conflicts(said, Preference("none", "date", ()))
    kept = session.append(turn(told, 1)).answer
    known = {citation.chunk_id: citation.number for citation in kept.citations}
    assert sorted(known.values()) == [2, 3]
    assert [[known[one.chunk_id] for one in conflict.citations] for conflict in kept.conflicts] == [[2, 3]]
    assert [[one.number for one in conflict.citations] for conflict in kept.conflicts] == [[2, 3]]


def test_a_full_disk_is_told_and_does_no_harm(
    store: SessionStore, session: Session, answer: Callable[..., Answer]
) -> None:
    session.append(turn(answer("kite")))
    store._db.execute("PRAGMA max_page_count=12")
    with pytest.raises(ConversationError, match="disk is full"):
        session.append(turn(answer("ferry"), 1, question="x" * 200_000))
    store._db.execute("PRAGMA max_page_count=1000000")
    assert session.append(turn(answer("boat"), 1)).number == 2


def test_turns_make_a_tree(session: Session, answer: Callable[..., Answer]) -> None:
    for parent in (None, 1, 1, 3, None):
        session.append(turn(answer("kite"), parent))
    turns = session.turns()
    assert [each.number for each in branch(turns, 4)] == [1, 3, 4]
    assert [each.number for each in tips(turns)] == [2, 4, 5]
    assert session.head == 5
    session.switch(2)
    assert session.head == 2
    with pytest.raises(ConversationError, match="no turn 9"):
        session.switch(9)
    with pytest.raises(ConversationError, match="no turn 9"):
        session.append(turn(answer("kite"), 9))
    assert len(session.turns()) == 5


def test_cited_passages_come_latest_first_and_once(session: Session, answer: Callable[..., Answer]) -> None:
    session.append(turn(answer("kite", "ferry")))
    session.append(turn(answer("ferry", "boat"), 1))
    assert [hit.chunk.title for hit in cited_hits(branch(session.turns(), 2))] == ["ferry", "boat", "kite"]


def test_sessions_are_listed_found_and_deleted(store: SessionStore, answer: Callable[..., Answer]) -> None:
    store.open("two", "/index").append(turn(answer("kite"), question="First?"))
    store.open("three", "/index")
    info = {each.name: each for each in store.infos()}
    assert (info["two"].turns, info["two"].opening, info["two"].source) == (1, "First?", "/index")
    assert (info["three"].turns, info["three"].opening) == (0, "")
    store.delete("two")
    assert store.names() == ["three"]
    with pytest.raises(ConversationError, match="sessions: three"):
        store.find("two")
    with pytest.raises(ConversationError, match="no session"):
        store.delete("two")


def test_what_is_deleted_is_gone_from_the_disk(tmp_path: Path, answer: Callable[..., Answer]) -> None:
    with SessionStore(tmp_path / "s.sqlite") as store:
        store.open("x", "/i").append(turn(answer("kite"), question="my secret question"))
        assert any(b"my secret question" in file.read_bytes() for file in tmp_path.iterdir())
        store.delete("x")
        assert not any(b"my secret question" in file.read_bytes() for file in tmp_path.iterdir())


def test_a_session_gone_meanwhile_takes_no_turn(
    store: SessionStore, session: Session, answer: Callable[..., Answer]
) -> None:
    store.delete("one")
    with pytest.raises(ConversationError, match="no session 'one'"):
        session.append(turn(answer("kite")))
    with pytest.raises(ConversationError, match="no session 'one'"):
        _ = session.head


def test_a_session_is_about_one_index(store: SessionStore, session: Session) -> None:
    assert store.open("one", "/index").turns() == {}
    with pytest.raises(ConversationError, match="about another index: /index"):
        store.open("one", "/other")
    for name in ("", " ", "a\nb", "\x1b[2J"):
        with pytest.raises(ConversationError, match="no name"):
            store.open(name, "/index")


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_nobody_else_can_read_it(tmp_path: Path, answer: Callable[..., Answer]) -> None:
    path = tmp_path / "s.sqlite"
    before = os.umask(0)
    try:
        path.touch(0o666)
        with SessionStore(path) as store:
            store.open("x", "/i").append(turn(answer("kite")))
            files = list(tmp_path.iterdir())
            assert len(files) == 3  # with the log and its index
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    finally:
        os.umask(before)


def test_files_that_are_no_sessions_are_errors(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"not a database, but long enough to be looked at" * 30)
    with pytest.raises(ConversationError, match="cannot be used"):
        SessionStore(garbage)
    with pytest.raises(ConversationError, match="cannot be kept"):
        SessionStore(tmp_path)
    newer = tmp_path / "newer"
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(ConversationError, match="format 99"):
        SessionStore(newer)


def test_a_damaged_answer_is_named(store: SessionStore, session: Session, answer: Callable[..., Answer]) -> None:
    session.append(turn(answer("kite")))
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE turns SET answer = '{}'")
    db.close()
    with pytest.raises(ConversationError, match="session 'one', turn 1"):
        session.turns()


def test_the_file_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAGSTONE_SESSIONS", str(tmp_path / "mine"))
    assert sessions_path() == tmp_path / "mine"
    monkeypatch.delenv("RAGSTONE_SESSIONS")
    assert sessions_path().name == "sessions.sqlite"


def test_a_store_in_memory_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[..., Answer]
) -> None:
    monkeypatch.chdir(tmp_path)
    with SessionStore.in_memory() as store:
        assert store.open("x", "/i").append(turn(answer("kite"))).number == 1
    assert not list(tmp_path.iterdir())


WRITER = """
import sys
from pathlib import Path
from rag.chains.sessions import SessionStore
from rag.chains.turns import Turn
from rag.grounding import ground
from rag.types import Chunk, Hit

with SessionStore(Path(sys.argv[1])) as store:
    session = store.open("shared", "/index")
    for number in range(int(sys.argv[3])):
        text = f"The {sys.argv[2]} number {number} is blue."
        chunk = Chunk("d", f"file:///{sys.argv[2]}", 0, len(text), text, language="en")
        answer = ground("What is blue?", text, [Hit(chunk, 1.0, 1)])
        kept = session.append(Turn(0, session.head, text, text, (text,), None, answer, 0.0, 0.0))
        print(kept.number, flush=True)
"""


def _start(path: Path, name: str, turns: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), name, str(turns)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_lose_no_turn_and_share_no_number(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    writers = [_start(path, name, 12) for name in ("kite", "ferry")]
    outputs = [writer.communicate(timeout=60)[0] for writer in writers]
    numbers = [int(line) for output in outputs for line in output.split()]
    assert sorted(numbers) == list(range(1, 25))
    with SessionStore(path) as store:
        turns = store.find("shared").turns()
    assert {each.question for each in turns.values()} == {
        f"The {name} number {number} is blue." for name in ("kite", "ferry") for number in range(12)
    }
    cited = [citation for each in turns.values() for citation in each.answer.citations]
    assert len({citation.number for citation in cited}) == len({citation.chunk_id for citation in cited}) == 24


def test_a_kill_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with _start(path, "kite", 10_000) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(5)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout]
    with SessionStore(path) as store:
        session = store.find("shared")
        turns = session.turns()
        assert set(acknowledged) <= set(turns)
        assert list(turns) == list(range(1, len(turns) + 1))
        assert session.head == len(turns)
        assert session.append(turn(turns[1].answer, session.head)).number == len(turns) + 1
