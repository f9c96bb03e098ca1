"""One question, one answer: retrieve, pack, generate, prove."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rag.chains.drafting import AnswerParts, Event, answer_from, begun, checked, last, search, traced
from rag.protocols import Embedder, Generator, Retriever
from rag.tracing import recording
from rag.types import Answer

if TYPE_CHECKING:
    from rag.grounding import Thresholds

__all__ = ["Event", "ask", "ask_stream", "one_shot"]


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
    return last(events)


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
    parts = AnswerParts(generator, embedder, max_answer_tokens, excerpt, fallback, thresholds)
    return one_shot(question, retriever=retriever, parts=parts, k=k, where=where)


def one_shot(
    question: str, *, retriever: Retriever, parts: AnswerParts, k: int = 5, where: str | None = None
) -> Iterator[Event]:
    """As ``ask_stream``, of parts made before."""
    return begun(_one_shot(checked(question, k), retriever, parts, k, where))


def _one_shot(question: str, retriever: Retriever, parts: AnswerParts, k: int, where: str | None) -> Iterator[Event]:
    """An empty piece once the passages are found, then the events, the Answer with the trace of it all."""
    with recording("ask") as run:
        hits = search(retriever, question, k, where)
        yield ""
        yield from traced(answer_from(question, hits, parts), run)
