"""Conversations kept in one SQLite file: crash-safe, shared by processes, readable by their owner alone.

A turn is written once and never changed; only the session's ``head`` (the turn to go on from) moves. So two
processes that go on from the same turn make two branches, and neither loses anything.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from rag.chains.session_schema import bring_up_to_date
from rag.chains.turns import (
    Turn,
    all_citations,
    branch,
    dump_answer,
    dump_trace,
    load_answer,
    load_trace,
    renumbered,
)
from rag.errors import ConversationError
from rag.types import Trace

__all__ = ["Session", "SessionInfo", "SessionStore", "sessions_path"]

_BUSY = 30.0  # seconds to wait for another process's turn to be written
_SEPARATOR = "\x1e"


def sessions_path() -> Path:
    """The file of sessions: RAGSTONE_SESSIONS, or ``sessions.sqlite`` in the user's data folder."""
    if given := os.environ.get("RAGSTONE_SESSIONS"):
        return Path(given)
    from platformdirs import user_data_path

    return user_data_path("ragstone") / "sessions.sqlite"


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session; ``source`` is the index it is about, times are in seconds since 1970 (UTC)."""

    name: str
    source: str
    created: float
    changed: float
    turns: int
    opening: str


class SessionStore:
    """The sessions of one file. A context manager; to be used by one thread."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the file at ``path``, ``sessions_path()`` if None, and make it if there is none.

        Its mode is 0600, whatever the umask; one that others could read is closed to them. Raises ConversationError.
        """
        self.path = path or sessions_path()
        self._make()
        with self._guarded():
            self._db = sqlite3.connect(self.path, timeout=_BUSY, isolation_level=None)
            try:
                self._prepare()
            except BaseException:
                self._db.close()
                raise

    @classmethod
    def in_memory(cls) -> Self:
        """A store that is gone when it is closed, and never was on a disk."""
        store = cls.__new__(cls)
        store.path = Path(":memory:")
        store._db = sqlite3.connect(":memory:", isolation_level=None)
        store._prepare()
        return store

    def _make(self) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # SQLite gives its side files the mode of the file itself, which therefore has to be right before
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            if self.path.stat().st_mode & 0o077:
                self.path.chmod(0o600)
        except OSError as error:
            raise ConversationError(
                f"sessions cannot be kept: {error.strerror or error}",
                where=str(self.path),
                hint="name another file by RAGSTONE_SESSIONS",
            ) from error

    def _prepare(self) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            self._db.execute(f"PRAGMA {pragma}")
        with self._writing():
            bring_up_to_date(self._db, where=str(self.path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def names(self) -> list[str]:
        """The names of all sessions."""
        with self._guarded():
            return [str(row[0]) for row in self._db.execute("SELECT name FROM sessions ORDER BY name")]

    def infos(self) -> list[SessionInfo]:
        """All sessions, the latest first."""
        query = (
            "SELECT name, source, created, coalesce(max(asked), created), count(number), "
            "coalesce((SELECT question FROM turns WHERE session = id ORDER BY number LIMIT 1), '') "
            "FROM sessions LEFT JOIN turns ON session = id GROUP BY id ORDER BY 4 DESC, name"
        )
        with self._guarded():
            return [SessionInfo(*row) for row in self._db.execute(query)]

    def open(self, name: str, source: str) -> Session:
        """The session of that name, made if there is none. Raises ConversationError where it is about another index."""
        if not name.strip() or any(not character.isprintable() for character in name):
            raise ConversationError(f"{name!r} is no name for a session", hint="take a word or two")
        with self._guarded(), self._writing():
            self._db.execute(
                "INSERT OR IGNORE INTO sessions (name, source, created) VALUES (?, ?, ?)", (name, source, time.time())
            )
            key, about = self._db.execute("SELECT id, source FROM sessions WHERE name = ?", (name,)).fetchone()
        if about != source:
            raise ConversationError(
                f"session {name!r} is about another index: {about}",
                where=str(self.path),
                hint=f"name that index (--index), or take another name; sessions: {', '.join(self.names())}",
            )
        return Session(self, int(key), name)

    def find(self, name: str) -> Session:
        """The session of that name, whatever it is about. Raises ConversationError."""
        with self._guarded():
            row = self._db.execute("SELECT id FROM sessions WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise self._missing(name)
        return Session(self, int(row[0]), name)

    def delete(self, name: str) -> None:
        """Remove a session and its turns, also from the file's free space and its log. Raises ConversationError."""
        with self._guarded():
            with self._writing():
                removed = self._db.execute("DELETE FROM sessions WHERE name = ?", (name,)).rowcount
            if not removed:
                raise self._missing(name)
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _missing(self, name: str) -> ConversationError:
        known = ", ".join(self.names()) or "none yet"
        return ConversationError(f"there is no session {name!r}", where=str(self.path), hint=f"sessions: {known}")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ConversationError(
                f"the sessions cannot be used: {error}",
                where=str(self.path),
                hint="if the file is damaged, move it away; if the disk is full, free some space",
            ) from error

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """A transaction that begins by taking the write lock, so that what is read in it stays true until COMMIT."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk has rolled it back already
                self._db.execute("ROLLBACK")
            raise


class Session:
    """One conversation of a store."""

    def __init__(self, store: SessionStore, key: int, name: str) -> None:
        self._store = store
        self._key = key
        self.name = name

    def turns(self) -> dict[int, Turn]:
        """All turns by number, those of other processes among them. Raises ConversationError."""
        with self._store._guarded():
            rows = self._store._db.execute(
                "SELECT number, parent, question, standalone, queries, filter, answer, asked, seconds, heard "
                "FROM turns WHERE session = ? ORDER BY number",
                (self._key,),
            ).fetchall()
        turns: dict[int, Turn] = {}
        for number, parent, question, standalone, joined, where, text, asked, seconds, told in rows:
            queries = tuple(filter(None, joined.split(_SEPARATOR)))
            answer = load_answer(text, where=self._place(number))
            heard = tuple([one.number for one in branch(turns, parent)] if told is None else map(int, told.split()))
            turns[number] = Turn(number, parent, question, standalone, queries, where, answer, asked, seconds, heard)
        return turns

    def trace(self, number: int) -> Trace | None:
        """How the answer of a turn came about; None where that was not kept. Raises ConversationError."""
        query = "SELECT trace FROM traces WHERE session = ? AND turn = ?"
        with self._store._guarded():
            row = self._store._db.execute(query, (self._key, number)).fetchone()
        return load_trace(row[0], where=self._place(number)) if row else None

    @property
    def head(self) -> int | None:
        """The turn to go on from; None before the first. Raises ConversationError for a session that is gone."""
        with self._store._guarded():
            row = self._store._db.execute("SELECT head FROM sessions WHERE id = ?", (self._key,)).fetchone()
        if row is None:
            raise self._store._missing(self.name)
        return None if row[0] is None else int(row[0])

    def switch(self, number: int | None) -> None:
        """Go on from another turn; from before the first one with None. Raises ConversationError."""
        with self._store._guarded(), self._store._writing():
            if number is not None and not self._holds(number):
                raise ConversationError(f"there is no turn {number}", where=f"session {self.name!r}")
            self._store._db.execute("UPDATE sessions SET head = ? WHERE id = ?", (number, self._key))

    def append(self, turn: Turn, trace: Trace | None = None) -> Turn:
        """Keep a turn, with the trace of its answer, and go on from it; on return it is on the disk.

        Its number is the next one. Its sources get the numbers that the session knows them by, new ones the next, in
        the order of the answer's sentences: a number means one passage, on every branch. Raises ConversationError.
        """
        db = self._store._db
        with self._store._guarded(), self._store._writing():
            if db.execute("SELECT 1 FROM sessions WHERE id = ?", (self._key,)).fetchone() is None:
                raise self._store._missing(self.name)
            if turn.parent is not None and not self._holds(turn.parent):
                raise ConversationError(f"there is no turn {turn.parent}", where=f"session {self.name!r}")
            (last,) = db.execute(
                "SELECT coalesce(max(number), 0) FROM turns WHERE session = ?", (self._key,)
            ).fetchone()
            kept = replace(turn, number=last + 1, answer=renumbered(turn.answer, self._sources(turn)))
            db.execute(
                "INSERT INTO turns (session, number, parent, asked, seconds, question, standalone, queries, filter, "
                "answer, heard) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self._key,
                    kept.number,
                    kept.parent,
                    kept.asked,
                    kept.seconds,
                    kept.question,
                    kept.standalone,
                    _SEPARATOR.join(kept.queries),
                    kept.where,
                    dump_answer(kept.answer),
                    " ".join(map(str, kept.heard)),
                ),
            )
            if trace is not None:
                kept_trace = (self._key, kept.number, dump_trace(trace))
                db.execute("INSERT INTO traces (session, turn, trace) VALUES (?, ?, ?)", kept_trace)
            db.execute("UPDATE sessions SET head = ? WHERE id = ?", (kept.number, self._key))
        return kept

    def _place(self, number: int) -> str:
        return f"{self._store.path}, session {self.name!r}, turn {number}"

    def _holds(self, number: int) -> bool:
        query = "SELECT 1 FROM turns WHERE session = ? AND number = ?"
        return self._store._db.execute(query, (self._key, number)).fetchone() is not None

    def _sources(self, turn: Turn) -> dict[str, int]:
        """Numbers of the passages that a turn cites, by chunk id; new ones are given out."""
        db = self._store._db
        known = dict(db.execute("SELECT chunk, number FROM sources WHERE session = ?", (self._key,)).fetchall())
        for citation in all_citations(turn.answer):
            if citation.chunk_id not in known:
                known[citation.chunk_id] = len(known) + 1
                db.execute(
                    "INSERT INTO sources (session, number, chunk) VALUES (?, ?, ?)",
                    (self._key, known[citation.chunk_id], citation.chunk_id),
                )
        return known
