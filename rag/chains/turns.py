"""Turns of a conversation: a tree, of which the way from the root to one turn is a branch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from rag.errors import ConversationError
from rag.types import Answer, Citation, Hit, Trace

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = [
    "Turn",
    "all_citations",
    "branch",
    "cited_hits",
    "documents_of",
    "dump_answer",
    "dump_trace",
    "latest_below",
    "load_answer",
    "load_trace",
    "renumbered",
    "siblings",
    "tips",
    "withheld",
]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer. ``number`` runs from 1 in a session, and never changes.

    ``parent`` is the turn it followed; turns with one parent are versions of each other. ``standalone`` is the question
    as it was answered, ``queries`` what was searched for, ``where`` the filter. ``asked`` is in seconds since 1970
    (UTC). ``heard`` are the numbers of the turns whose questions and answers it could draw on.
    """

    number: int
    parent: int | None
    question: str
    standalone: str
    queries: tuple[str, ...]
    where: str | None
    answer: Answer
    asked: float
    seconds: float
    heard: tuple[int, ...] = ()


def branch(turns: Mapping[int, Turn], tip: int | None) -> list[Turn]:
    """The turns from the first to ``tip``; none for None."""
    found: list[Turn] = []
    while tip is not None:
        found.append(turns[tip])
        tip = turns[tip].parent
    return found[::-1]


def tips(turns: Mapping[int, Turn]) -> list[Turn]:
    """The last turn of each branch."""
    parents = {turn.parent for turn in turns.values()}
    return [turn for number, turn in sorted(turns.items()) if number not in parents]


def siblings(turns: Mapping[int, Turn], number: int) -> list[int]:
    """The turns that are versions of one another with this one, itself among them, in the order they were asked."""
    return [turn.number for turn in turns.values() if turn.parent == turns[number].parent]


def latest_below(turns: Mapping[int, Turn], number: int) -> int:
    """The turn that was asked last of those after this one on its branches; itself where there is none."""
    below = {number}
    for turn in turns.values():  # a parent comes before its children
        if turn.parent in below:
            below.add(turn.number)
    return max(below)


def cited_hits(turns: Sequence[Turn]) -> list[Hit]:
    """The passages that the turns cite, the latest first, each once."""
    found: dict[str, Hit] = {}
    for turn in reversed(turns):
        cited = {citation.chunk_id for citation in turn.answer.citations}
        for hit in turn.answer.hits:
            if hit.chunk.id in cited:
                found.setdefault(hit.chunk.id, hit)
    return list(found.values())


def all_citations(answer: Answer) -> list[Citation]:
    """All citations of an answer, those of its conflicts after those of its sentences."""
    return [*answer.citations, *(citation for conflict in answer.conflicts for citation in conflict.citations)]


def documents_of(answer: Answer) -> frozenset[str]:
    """The ids of the documents that an answer was made from, or that it quotes."""
    hits = (*answer.hits, *answer.dropped)
    found = {one.chunk.document_id for hit in hits for one in (hit, *hit.duplicates)}
    return frozenset(found | {citation.document_id for citation in all_citations(answer)})


def withheld(turns: Mapping[int, Turn], admits: Callable[[str], bool]) -> frozenset[int]:
    """The turns that were made from a document that is not admitted, or could draw on such a turn.

    ``admits`` is asked for the id of a document.
    """
    known = {one: admits(one) for one in {one for turn in turns.values() for one in documents_of(turn.answer)}}
    hidden: set[int] = set()
    for number, turn in sorted(turns.items()):  # a turn draws on earlier ones alone
        if not hidden.isdisjoint(turn.heard) or not all(known[one] for one in documents_of(turn.answer)):
            hidden.add(number)
    return frozenset(hidden)


def renumbered(answer: Answer, numbers: Mapping[str, int]) -> Answer:
    """The answer with its sources numbered by chunk id."""

    def cite(citation: Citation) -> Citation:
        return replace(citation, number=numbers[citation.chunk_id])

    return replace(
        answer,
        sentences=tuple(
            replace(sentence, citations=tuple(map(cite, sentence.citations))) for sentence in answer.sentences
        ),
        conflicts=tuple(
            replace(conflict, citations=(cite(conflict.citations[0]), cite(conflict.citations[1])))
            for conflict in answer.conflicts
        ),
    )


def dump_trace(trace: Trace) -> str:
    """A trace as JSON."""
    return json.dumps(_trace_adapter().dump_python(trace, mode="python"))


def load_trace(text: str, *, where: str) -> Trace:
    """The trace that ``dump_trace`` wrote, equal to it. Raises ConversationError."""
    try:
        return _trace_adapter().validate_python(json.loads(text))
    except ValueError as error:
        raise _unreadable("trace", error, where) from error


def dump_answer(answer: Answer) -> str:
    """An answer as JSON with all that its citations need, without its trace."""
    return json.dumps(_adapter().dump_python(replace(answer, trace=None), mode="python"), allow_nan=False)


def load_answer(text: str, *, where: str) -> Answer:
    """The answer that ``dump_answer`` wrote, equal to it. Raises ConversationError."""
    try:
        return _adapter().validate_python(json.loads(text))
    except ValueError as error:  # pydantic's ValidationError is one
        raise _unreadable("answer", error, where) from error


def _unreadable(what: str, error: ValueError, where: str) -> ConversationError:
    return ConversationError(
        f"a stored {what} cannot be read: {str(error).splitlines()[0]}",
        where=where,
        hint="it was changed, or stored by a newer Ragstone",
    )


@cache
def _adapter() -> TypeAdapter[Answer]:
    from pydantic import TypeAdapter  # heavy, and needed only where a session is read or written

    return TypeAdapter(Answer)


@cache
def _trace_adapter() -> TypeAdapter[Trace]:
    from pydantic import TypeAdapter

    return TypeAdapter(Trace)
