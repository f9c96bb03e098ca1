"""The tables of conversations, and how those of an earlier format become those of this one."""

from __future__ import annotations

import sqlite3

from rag.errors import ConversationError

__all__ = ["FORMAT", "bring_up_to_date"]

FORMAT = 2
_FIRST = """
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, source TEXT NOT NULL, created REAL NOT NULL, head INTEGER);
CREATE TABLE turns (
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, number INTEGER NOT NULL, parent INTEGER,
    asked REAL NOT NULL, seconds REAL NOT NULL, question TEXT NOT NULL, standalone TEXT NOT NULL, queries TEXT NOT NULL,
    filter TEXT, answer TEXT NOT NULL,
    PRIMARY KEY (session, number), FOREIGN KEY (session, parent) REFERENCES turns (session, number));
CREATE TABLE sources (
    session INTEGER NOT NULL REFERENCES sessions ON DELETE CASCADE, number INTEGER NOT NULL, chunk TEXT NOT NULL,
    PRIMARY KEY (session, number), UNIQUE (session, chunk));
"""
# Of a turn of the first format it is not known what it was told of: its ``heard`` is NULL, which stands for all.
_SECOND = """
ALTER TABLE turns ADD COLUMN heard TEXT;
CREATE TABLE traces (
    session INTEGER NOT NULL, turn INTEGER NOT NULL, trace TEXT NOT NULL, PRIMARY KEY (session, turn),
    FOREIGN KEY (session, turn) REFERENCES turns (session, number) ON DELETE CASCADE);
"""


def bring_up_to_date(db: sqlite3.Connection, *, where: str) -> None:
    """Make what is missing of the tables, within the transaction under way. Raises ConversationError."""
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > FORMAT:
        raise ConversationError(
            f"the sessions are of format {found}, and this Ragstone knows {FORMAT}",
            where=where,
            hint="update Ragstone, or name another file by RAGSTONE_SESSIONS",
        )
    for script in (_FIRST, _SECOND)[found:]:
        for statement in script.strip().split(";")[:-1]:
            db.execute(statement)
    if found < FORMAT:
        db.execute(f"PRAGMA user_version={FORMAT}")
