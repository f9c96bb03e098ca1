"""One question, one answer: retrieve, pack, generate, prove."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from rag.chains.tidy import tidy
from rag.errors import QueryError
from rag.generators import pack_context
from rag.generators.packing import PackedContext
from rag.protocols import Embedder, Generator, Retriever
from rag.tracing import isolated, recording, reply_tokens, step
from rag.types import Answer, Hit

if TYPE_CHECKING:
    from rag.grounding import Thresholds

Event: TypeAlias = str | Answer


def ask(
    question: str,
    *,
    retriever: Retriever,
    generator: Generator,
    embedder: Embedder | None = None,
    k: int = 5,
    where: str | None = None,
    max_answer_tokens: int = 256,
    excerpt: int = 0,
    fallback: Generator | None = None,
    thresholds: Thresholds | None = None,
) -> Answer:
    """Answer a question from the documents, with proof, or refuse.

    Args:
        question: What to answer; QueryError where it is blank.
        retriever: Finds the passages.
        generator: Writes the draft from them.
        embedder: Recognises paraphrases when the draft is checked, if given.
        k: Passages to answer from; QueryError below 1.
        where: Filter on metadata.
        max_answer_tokens: Length of the draft at most.
        excerpt: Show the generator only so many sentences, those nearest to the question; 0 for whole passages.
        fallback: Answers when nothing in the generator's draft can be proved, an ``ExtractiveGenerator`` say;
            such an answer is marked ``quoted``.
        thresholds: Where support and being about the question begin.

    Returns:
        The grounded answer; its verdict is "not in the documents" where nothing was found.
    """
    events = ask_stream(
        question,
        retriever=retriever,
        generator=generator,
        embedder=embedder,
        k=k,
        where=where,
        max_answer_tokens=max_answer_tokens,
        excerpt=excerpt,
        fallback=fallback,
        thresholds=thresholds,
    )
    *_, answer = events
    if not isinstance(answer, Answer):
        raise TypeError("ask_stream ended without an answer")
    return answer


def ask_stream(
    question: str,
    *,
    retriever: Retriever,
    generator: Generator,
    embedder: Embedder | None = None,
    k: int = 5,
    where: str | None = None,
    max_answer_tokens: int = 256,
    excerpt: int = 0,
    fallback: Generator | None = None,
    thresholds: Thresholds | None = None,
) -> Iterator[Event]:
    """As ``ask``, while it happens: pieces of the unchecked draft as str, and last the Answer, whose text may differ.

    Bad arguments raise on the call, not on the first ``next``.
    """
    question = question.strip()
    if not question:
        raise QueryError("the question is empty", hint="ask something, in a few words or a sentence")
    if k < 1:
        raise QueryError(f"k is {k}", where="k", hint="ask for at least one passage")
    if max_answer_tokens < 1:
        raise QueryError(
            f"max_answer_tokens is {max_answer_tokens}",
            where="max_answer_tokens",
            hint="allow at least one token",
        )
    events = isolated(
        _traced(question, retriever, k, where, generator, embedder, max_answer_tokens, excerpt, fallback, thresholds)
    )
    next(events)  # searches, so that a malformed filter raises here as well
    return events


def _traced(
    question: str,
    retriever: Retriever,
    k: int,
    where: str | None,
    generator: Generator,
    embedder: Embedder | None,
    max_answer_tokens: int,
    excerpt: int,
    fallback: Generator | None,
    thresholds: Thresholds | None,
) -> Iterator[Event]:
    """An empty piece once the passages are found, then the events, the Answer with the trace of it all."""
    with recording("ask") as run:
        with step("retrieve", question=question, k=k, where=where) as search:
            hits = retriever.retrieve(question, k, where=where)
            search.note(passages=tuple(hit.chunk.id for hit in hits))
        yield ""
        for event in _answer(question, hits, generator, embedder, max_answer_tokens, excerpt, fallback, thresholds):
            yield replace(event, trace=run.trace) if isinstance(event, Answer) else event


def _answer(
    question: str,
    hits: Sequence[Hit],
    generator: Generator,
    embedder: Embedder | None,
    max_answer_tokens: int,
    excerpt: int,
    fallback: Generator | None,
    thresholds: Thresholds | None,
) -> Iterator[Event]:
    from rag.grounding import Thresholds, ground  # a fifth of a second that indexing need not wait for

    thresholds = thresholds or Thresholds()
    if not hits:
        yield ground(question, "", (), thresholds=thresholds)
        return
    with step("generate") as written:
        packed = pack_context(question, hits, generator, max_answer_tokens=max_answer_tokens, excerpt=excerpt)
        pieces: list[str] = []
        for piece in generator.generate(packed.messages, max_tokens=max_answer_tokens):
            pieces.append(piece)
            yield piece
        draft = "".join(pieces)
        length = reply_tokens(generator, draft)
        written.note(draft=draft, passages=len(packed.used), dropped=len(packed.dropped))
        written.spend(generator.count_tokens(packed.messages), length)
    draft = tidy(draft, question, cut_off=length >= max_answer_tokens - 1)
    answer = _ground(question, draft, packed, embedder, thresholds)
    if answer.refused and fallback is not None:
        with step("quote") as quoting:
            packed = pack_context(question, hits, fallback, max_answer_tokens=max_answer_tokens)
            quotes = "".join(fallback.generate(packed.messages, max_tokens=max_answer_tokens))
            quoting.note(draft=quotes)
        quoted = _ground(question, quotes, packed, embedder, thresholds)
        if not quoted.refused:
            answer = replace(quoted, draft=draft, quoted=True)
    yield answer


def _ground(
    question: str, draft: str, packed: PackedContext, embedder: Embedder | None, thresholds: Thresholds
) -> Answer:
    from rag.grounding import ground

    with step("ground", draft=draft) as grounding:
        answer = ground(question, draft, packed.used, dropped=packed.dropped, embedder=embedder, thresholds=thresholds)
        grounding.note(verdict=answer.verdict, score=answer.score, sentences=len(answer.sentences))
    return answer
