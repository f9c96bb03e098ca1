"""Proved sentences -> one answer, written by a generator from what they quote, and proved anew."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from rag import protocols
from rag.chains.drafting import AnswerParts, answer_from
from rag.chains.merging import covered, proved, quoted_hits
from rag.tracing import step
from rag.types import Answer, Hit, Sentence

__all__ = ["reduced"]


def reduced(
    question: str,
    items: Sequence[Sentence],
    hits: Sequence[Hit],
    parts: AnswerParts,
    reducer: protocols.Generator | None,
) -> Generator[str, None, list[Sentence]]:
    """Yields pieces of the reducer's draft, and returns what of it is proved, then the items that it does not cite.

    The reducer reads the words that the items cite, as many as its context holds, never the items themselves, which a
    generator may have written; its sentences are proved from ``hits``, the passages of those words. So whatever
    it does, no item's source is lost, and nothing is cited but sources. Without a reducer, or with one item alone, the
    items come back as they are.
    """
    if reducer is None or len(items) < 2:
        return list(items)
    with step("reduce", items=len(items)) as taken:
        plain = replace(parts, generator=reducer, fallback=None, excerpt=0)
        written: list[Sentence] = []
        for event in answer_from(question, quoted_hits(items, hits), plain, evidence=hits):
            if isinstance(event, Answer):
                written = proved([event])
            else:
                yield event
        rest = [item for item in items if not covered(item, written)]
        taken.note(written=len(written), kept=len(rest))
    return [*written, *rest]
