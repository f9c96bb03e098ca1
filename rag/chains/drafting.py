"""Passages -> a draft -> an answer with proof: what all chains share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

from rag.chains.tidy import tidy
from rag.errors import QueryError
from rag.generators import pack_context
from rag.generators.packing import PackedContext, token_shares
from rag.protocols import Embedder, Generator, Retriever, Verifier
from rag.tracing import Recording, isolated, reply_tokens, step
from rag.types import Answer, Hit, Message, Value

if TYPE_CHECKING:
    from rag.grounding import Thresholds
    from rag.grounding.confidence import Estimate
    from rag.grounding.opinions import Opinion

Event: TypeAlias = str | Answer


class Chain(Protocol):
    """A question -> pieces of unchecked text, and last the Answer; ``k`` None is the chain's own."""

    def __call__(self, question: str, k: int | None = None, *, where: str | None = None) -> Iterator[Event]:
        """Raises QueryError on the call, not on the first ``next``."""
        ...


@dataclass(frozen=True, slots=True)
class AnswerParts:
    """What makes an answer of passages; arguments of ``ask`` of the same names, and two of ``ground``.

    ``opinion`` says how sure it is of a generator's draft, in the place of ``confidence``.
    """

    generator: Generator
    embedder: Embedder | None = None
    max_answer_tokens: int = 256
    excerpt: int = 0
    fallback: Generator | None = None
    thresholds: Thresholds | None = None
    verifier: Verifier | None = None
    confidence: Estimate | None = None
    opinion: Opinion | None = None

    def __post_init__(self) -> None:
        if self.max_answer_tokens < 1:
            raise QueryError(
                f"max_answer_tokens is {self.max_answer_tokens}",
                where="max_answer_tokens",
                hint="allow at least one token",
            )

    @property
    def bounds(self) -> Thresholds:
        """The thresholds, or the usual ones."""
        from rag.grounding import Thresholds  # a fifth of a second that indexing need not wait for

        return self.thresholds or Thresholds()

    def down_to(self, line: float) -> AnswerParts:
        """The parts for a piece of an answer, which is given from another line on, and judged by rules alone."""
        return replace(self, thresholds=replace(self.bounds, answerable=line), confidence=None, opinion=None)


def checked(question: str, k: int) -> str:
    """The question, trimmed. Raises QueryError for a blank one and for ``k`` below 1."""
    question = question.strip()
    if not question:
        raise QueryError("the question is empty", hint="ask something, in a few words or a sentence")
    if k < 1:
        raise QueryError(f"k is {k}", where="k", hint="ask for at least one passage")
    return question


def begun(events: Iterator[Event]) -> Iterator[Event]:
    """The events after the first, an empty piece that comes once the index has been searched.

    So what is wrong with a question or a filter raises here, where the chain is called. Steps that the chain holds
    open between its events stay apart from the caller's.
    """
    events = isolated(events)
    next(events)
    return events


def traced(events: Iterator[Event], run: Recording) -> Iterator[Event]:
    """The events, an Answer with the trace of the run so far."""
    for event in events:
        yield replace(event, trace=run.trace) if isinstance(event, Answer) else event


def search(retriever: Retriever, query: str, k: int, where: str | None) -> list[Hit]:
    """A search, as a step."""
    with step("retrieve", question=query, k=k, where=where) as taken:
        hits = retriever.retrieve(query, k, where=where)
        taken.note(passages=tuple(hit.chunk.id for hit in hits))
    return hits


def answer_from(
    question: str,
    hits: Sequence[Hit],
    parts: AnswerParts,
    *,
    evidence: Sequence[Hit] = (),
    focus: str = "",
    history: Sequence[Message] = (),
) -> Iterator[Event]:
    """Pieces of a draft from ``hits``, and last the Answer that can be proved from them.

    ``evidence`` is what the draft is proved from, if not from the hits that the generator was shown; ``focus`` is what
    excerpts are chosen by, if not by the question; ``history`` are messages that the generator reads before it.
    """
    if not hits:
        from rag.grounding import ground

        yield ground(question, "", (), thresholds=parts.bounds)
        return
    with step("generate") as written:
        packed = pack_context(
            question,
            hits,
            parts.generator,
            max_answer_tokens=parts.max_answer_tokens,
            history=history,
            excerpt=parts.excerpt,
            focus=focus,
        )
        pieces: list[str] = []
        for piece in parts.generator.generate(packed.messages, max_tokens=parts.max_answer_tokens):
            pieces.append(piece)
            yield piece
        draft = "".join(pieces)
        length = reply_tokens(parts.generator, draft)
        written.note(draft=draft, passages=len(packed.used), dropped=len(packed.dropped))
        written.note(**_packing(question, packed, parts))
        written.spend(packed.prompt_tokens, length)
    if parts.opinion is not None:
        parts = replace(parts, confidence=_opinion(parts.opinion, question, draft, packed, hits, parts, focus))
    draft = tidy(draft, question, cut_off=length >= parts.max_answer_tokens - 1)
    answer = _prove(question, draft, packed, parts, evidence)
    yield quote(answer, hits, parts, evidence=evidence) if answer.refused else answer


def quote(refused: Answer, hits: Sequence[Hit], parts: AnswerParts, *, evidence: Sequence[Hit] = ()) -> Answer:
    """What the fallback quotes in place of a draft that was refused; the refusal where that proves no better."""
    if parts.fallback is None:
        return refused
    with step("quote") as quoting:
        packed = pack_context(refused.question, hits, parts.fallback, max_answer_tokens=parts.max_answer_tokens)
        quotes = "".join(parts.fallback.generate(packed.messages, max_tokens=parts.max_answer_tokens))
        quoting.note(draft=quotes)
    quoted = _prove(refused.question, quotes, packed, parts, evidence)
    return refused if quoted.refused else replace(quoted, draft=refused.draft, quoted=True)


def _packing(question: str, packed: PackedContext, parts: AnswerParts) -> dict[str, Value]:
    """What a trace tells of a prompt: its messages, the passages in it as they were shown, and who has its tokens."""
    shares = token_shares(question, packed, parts.generator)
    return {
        "shown": tuple(hit.chunk.id for hit in packed.used),
        "excerpts": packed.shown,
        "roles": tuple(message.role for message in packed.messages),
        "prompt": tuple(message.content for message in packed.messages),
        "passage_tokens": shares.passages,
        "history_tokens": shares.history,
        "question_tokens": shares.question,
        "instruction_tokens": shares.instructions,
        "context_size": parts.generator.context_size,
        "answer_tokens": parts.max_answer_tokens,
    }


def last(events: Iterator[Event]) -> Answer:
    """The Answer that the events end with."""
    *_, answer = events
    if not isinstance(answer, Answer):
        raise TypeError("the events ended without an answer")
    return answer


def _opinion(
    opinion: Opinion,
    question: str,
    draft: str,
    packed: PackedContext,
    hits: Sequence[Hit],
    parts: AnswerParts,
    focus: str,
) -> Estimate:
    from rag.grounding.opinions import Drafted

    limit, excerpt = parts.max_answer_tokens, parts.excerpt
    return opinion(Drafted(question, draft, packed.messages, tuple(hits), limit, excerpt, focus))


def _prove(question: str, draft: str, packed: PackedContext, parts: AnswerParts, evidence: Sequence[Hit]) -> Answer:
    answer = prove(question, draft, evidence or packed.used, parts, dropped=packed.dropped)
    return replace(answer, hits=packed.used)


def prove(question: str, draft: str, hits: Sequence[Hit], parts: AnswerParts, *, dropped: Sequence[Hit] = ()) -> Answer:
    """What can be proved of a draft from the hits, as a step; ``dropped`` are carried along."""
    from rag.grounding import ground

    with step("ground", draft=draft) as grounding:
        answer = ground(
            question,
            draft,
            hits,
            dropped=dropped,
            embedder=parts.embedder,
            verifier=parts.verifier,
            thresholds=parts.bounds,
            confidence=parts.confidence,
        )
        grounding.note(verdict=answer.verdict, score=answer.score, sentences=len(answer.sentences))
    return answer
