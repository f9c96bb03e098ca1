"""A conversation: each question is understood from the turns before it, answered with proof, and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from rag.chains.drafting import AnswerParts, Event, answer_from, begun, checked, last, search, traced
from rag.chains.memory import Exchange, Memory, Window
from rag.chains.sessions import Session
from rag.chains.telling import telling_conflicts
from rag.chains.turns import Turn, branch, cited_hits, tips, withheld
from rag.chains.unsearched import Intents, without_search
from rag.errors import ConversationError, QueryError
from rag.grounding import Preference
from rag.index import Snapshot
from rag.protocols import QueryTransform, Retriever
from rag.queries.standalone import resolved
from rag.retrieval.multi_query import MultiQueryRetriever
from rag.tracing import recording, step
from rag.types import Answer, Hit, Message

__all__ = ["Admits", "Conversation", "Current", "fused", "history_of", "still_held"]

# The question's own share beside its rewrites, which carry what it is about: chosen on the articles of the development
# half of eval/data/followups.jsonl, where .2 to .33 came to the same.
_RAW_WEIGHT = 0.25
_DEPTH = 100

Current = Callable[[Sequence[Hit], str | None], list[Hit]]
"""Passages found before, and a filter -> those that the index still holds and that the filter admits."""


class Admits(Protocol):
    """A document's id and a filter -> whether the index holds it and the filter admits it."""

    def __call__(self, document: str, /, *, where: str) -> bool:
        """Raises FilterError."""
        ...


@dataclass(frozen=True, slots=True)
class Conversation:
    """Questions and answers that build on each other, over the parts of one answer.

    Attributes:
        session: Where turns are kept. A turn is stored before its answer is returned.
        retriever: Finds the passages, for the question and for its rewrites.
        parts: What writes and proves an answer.
        rewrite: Makes queries of a follow-up; None searches for the question as it is.
        memory: What the generator is shown of the turns before.
        current: Which passages cited before may be evidence again; None takes none of them.
        admits: Whether the index holds a document that a filter admits; None hides no turn for a filter.
        intents: Tells what needs no search; None searches for everything.
        preference: Which of documents that disagree is believed; None leaves it unsaid that they do.
        k: Passages to find.
        carried: Passages cited before that are evidence again, at most; the latest first.
    """

    session: Session
    retriever: Retriever
    parts: AnswerParts
    rewrite: QueryTransform | None = None
    memory: Memory = field(default_factory=Window)
    current: Current | None = None
    admits: Admits | None = None
    intents: Intents | None = None
    preference: Preference | None = None
    k: int = 5
    carried: int = 2

    def say(self, question: str, k: int | None = None, *, where: str | None = None) -> Answer:
        """Answer a question as the next turn. Raises QueryError, GenerationError, ConversationError."""
        return last(self.say_stream(question, k, where=where))

    def say_stream(self, question: str, k: int | None = None, *, where: str | None = None) -> Iterator[Event]:
        """As ``say``, while it happens: pieces of the unchecked draft, and last the Answer, once it is stored.

        What is wrong with the question raises on the call. One that is not read to its end leaves no turn.
        """
        return self._begin(question, self.session.head, k, where)

    def edit(self, number: int, question: str, k: int | None = None, *, where: str | None = None) -> Iterator[Event]:
        """Ask another question in the place of a turn, as a branch beside it."""
        return self._begin(question, self.turn(number).parent, k, where)

    def regenerate(self, number: int | None = None, k: int | None = None) -> Iterator[Event]:
        """Answer a turn's question anew (the last one's by default), as a branch beside it.

        With a sampler at temperature 0 the answer differs only where the index or the recipe does.
        """
        path = self.path()
        if number is None and not path:
            raise ConversationError("there is no answer to give anew", hint="ask something first")
        turn = path[-1] if number is None else self.turn(number)
        return self._begin(turn.question, turn.parent, k, turn.where)

    def switch(self, number: int) -> None:
        """Go on from a turn, the last one of a branch or not. Raises ConversationError."""
        self.session.switch(number)

    def turn(self, number: int) -> Turn:
        """The turn of that number. Raises ConversationError."""
        turns = self.session.turns()
        if number not in turns:
            known = f"turns 1 to {max(turns)}" if turns else "none yet"
            raise ConversationError(f"there is no turn {number}", where=f"session {self.session.name!r}", hint=known)
        return turns[number]

    def path(self) -> list[Turn]:
        """The turns of this branch, oldest first."""
        return branch(self.session.turns(), self.session.head)

    def tips(self) -> list[Turn]:
        """The last turn of every branch."""
        return tips(self.session.turns())

    def hidden(self, turns: Mapping[int, Turn], where: str | None) -> frozenset[int]:
        """The turns that a reader under this filter is not shown: no answer is told of them either.

        Those that stand on a document that the filter does not admit or the index has lost, or drew on one that does.
        Without a filter none is hidden. Raises FilterError.
        """
        if where is None or self.admits is None:
            return frozenset()
        return withheld(turns, partial(self.admits, where=where))

    def _begin(self, question: str, parent: int | None, k: int | None, where: str | None) -> Iterator[Event]:
        wanted = self.k if k is None else k
        question = checked(question.encode("utf-8", "replace").decode("utf-8"), wanted)
        return begun(self._answer(question, parent, wanted, where))

    def _answer(self, question: str, parent: int | None, k: int, where: str | None) -> Iterator[Event]:
        asked, clock = time.time(), time.perf_counter()
        with recording("chat") as run:
            turns = self.session.turns()
            hidden = self.hidden(turns, where)
            # thanks or a sum between two questions are not what the second one is about
            path = [turn for turn in branch(turns, parent) if turn.queries and turn.number not in hidden]
            history = history_of(path)
            unsearched = None if self.intents is None else without_search(question, self.intents)
            standalone, queries = question, [] if unsearched else [question]
            if self.rewrite is not None and not unsearched:
                queries = self.rewrite(question, history)
                standalone = resolved(question, history)
            hits = self._find(question, queries, path, k, where) if queries else []
            yield ""
            events = iter([unsearched]) if unsearched else self._read(standalone, hits, path, queries[-1])
            for event in traced(events, run):
                if not isinstance(event, Answer):
                    yield event
                    continue
                trace = event.trace
                yield ""  # whoever ends it here, while it was being proved, has no turn of it
                kept = self.session.append(
                    Turn(
                        number=0,
                        parent=parent,
                        question=question,
                        standalone=standalone,
                        queries=tuple(queries),
                        where=where,
                        answer=replace(event, question=question),
                        asked=asked,
                        seconds=time.perf_counter() - clock,
                        heard=tuple(turn.number for turn in path),
                    ),
                    trace,
                )
                yield replace(kept.answer, trace=trace)

    def _read(self, standalone: str, hits: Sequence[Hit], path: Sequence[Turn], focus: str) -> Iterator[Event]:
        exchanges = [_exchange(turn) for turn in path]
        with step("remember", turns=len(exchanges)) as remembering:
            remembered = self.memory(exchanges)
            remembering.note(messages=len(remembered))
        events = answer_from(standalone, hits, self.parts, history=remembered, focus=focus)
        return events if self.preference is None else telling_conflicts(events, self.preference)

    def _find(
        self, question: str, queries: Sequence[str], path: Sequence[Turn], k: int, where: str | None
    ) -> list[Hit]:
        """The best passages for the queries, and after them those cited before, the latest first."""
        hits = search(fused(self.retriever, queries), question, k, where)
        if self.current is None or not self.carried:
            return hits
        found = {hit.chunk.id for hit in hits}
        before = [hit for hit in cited_hits(path) if hit.chunk.id not in found]
        again = self.current(before, where)[: self.carried]
        # their places in the arms were for another question, and would flatter as scores of this one
        kept = (replace(hit, score=0.0, rank=len(hits) + place, arms={}) for place, hit in enumerate(again, 1))
        return [*hits, *kept]


def fused(retriever: Retriever, queries: Sequence[str]) -> MultiQueryRetriever:
    """A retriever that searches for all of the queries, of which the first is the question itself."""

    def known(query: str, history: Sequence[Message] = ()) -> list[str]:  # noqa: ARG001  a QueryTransform
        return list(queries)

    return MultiQueryRetriever(retriever, known, raw_weight=_RAW_WEIGHT, depth=_DEPTH)


def still_held(snapshot: Snapshot, hits: Sequence[Hit], where: str | None) -> list[Hit]:
    """Those of the hits whose passages the index still holds, as they were, and that ``where`` admits."""
    kept: list[Hit] = []
    for hit in hits:
        try:
            refs = snapshot.refs(list(hit.within) or [hit.chunk.id])
        except QueryError:  # an id is a hash of the content: it is gone, or has changed
            continue
        if snapshot.admitted(refs, where):
            kept.append(hit)
    return kept


def history_of(path: Sequence[Turn]) -> list[Message]:
    """The turns as messages for a rewriter; a refusal says nothing about what was meant."""
    return [
        message
        for turn in path
        for message in (
            Message("user", turn.question),
            Message("assistant", "" if turn.answer.refused else turn.answer.text),
        )
    ]


def _exchange(turn: Turn) -> Exchange:
    from rag.grounding.phrases import phrases_for, question_language

    if not turn.answer.refused:
        return Exchange(turn.question, turn.answer.text)
    # without the passages it lists, which a small model would take for an answer
    return Exchange(turn.question, phrases_for(question_language(turn.question)).refusal)
