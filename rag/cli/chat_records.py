"""What ``rag chat --json`` prints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.types import Conflict, Sentence, Verdict

if TYPE_CHECKING:
    from rag.chains.exporting import Source
    from rag.chains.sessions import SessionInfo
    from rag.chains.turns import Turn

__all__ = ["SessionRecord", "SessionsRecord", "SourceRecord", "StoredSession", "TurnRecord", "turn_record"]


@dataclass(frozen=True, slots=True)
class TurnRecord:
    """A turn of a conversation.

    ``parent`` is the turn it follows, None for the first; ``standalone`` is the question as it was answered,
    ``queries`` what was searched for. ``number`` of a citation means the same passage in the whole session.
    ``asked`` is in seconds since 1970 (UTC).
    """

    number: int
    parent: int | None
    question: str
    standalone: str
    queries: tuple[str, ...]
    where: str | None
    verdict: Verdict
    score: float
    text: str
    sentences: tuple[Sentence, ...]
    quoted: bool
    conflicts: tuple[Conflict, ...]
    asked: float
    seconds: float


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A passage that a session cites, by its number there."""

    number: int
    uri: str
    title: str
    headings: tuple[str, ...]
    pages: tuple[int, ...]
    quotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """What ``rag chat --session NAME --export --json`` prints: all turns; ``head`` is the one to go on from."""

    name: str
    head: int | None
    turns: tuple[TurnRecord, ...]
    sources: tuple[SourceRecord, ...]


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session; ``index`` is what it is about, ``opening`` its first question; times in seconds since 1970 (UTC)."""

    name: str
    index: str
    created: float
    changed: float
    turns: int
    opening: str


@dataclass(frozen=True, slots=True)
class SessionsRecord:
    """What ``rag chat --list --json`` prints, the latest first."""

    sessions: tuple[StoredSession, ...]


def turn_record(turn: Turn) -> TurnRecord:
    """A turn as it is printed."""
    answer = turn.answer
    return TurnRecord(
        number=turn.number,
        parent=turn.parent,
        question=turn.question,
        standalone=turn.standalone,
        queries=turn.queries,
        where=turn.where,
        verdict=answer.verdict,
        score=answer.score,
        text=answer.text,
        sentences=answer.sentences,
        quoted=answer.quoted,
        conflicts=answer.conflicts,
        asked=turn.asked,
        seconds=turn.seconds,
    )


def source_records(sources: Iterable[Source]) -> tuple[SourceRecord, ...]:
    """Sources as they are printed."""
    return tuple(
        SourceRecord(each.number, each.uri, each.title, each.headings, each.pages, each.quotes) for each in sources
    )


def sessions_record(infos: Iterable[SessionInfo]) -> SessionsRecord:
    """Sessions as they are printed."""
    return SessionsRecord(
        tuple(
            StoredSession(info.name, info.source, info.created, info.changed, info.turns, info.opening)
            for info in infos
        )
    )
