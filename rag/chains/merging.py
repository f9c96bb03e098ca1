"""Proved sentences of several answers -> one answer; citations are carried along, and numbered anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from rag.retrieval import fuse
from rag.types import Answer, Citation, Hit, Sentence, Verdict

__all__ = ["cited_hits", "covered", "fused", "merge", "proved", "quoted_hits", "union"]


def proved(answers: Iterable[Answer]) -> list[Sentence]:
    """The supported sentences in their order; one that is said more than once comes once, with all its citations."""
    found: dict[str, Sentence] = {}
    for answer in answers:
        for sentence in answer.sentences:
            if not sentence.supported:
                continue
            key = " ".join(sentence.text.casefold().split()).rstrip(".。!！ ")
            known = found.get(key)
            if known is None:
                found[key] = sentence
            else:
                more = [one for one in sentence.citations if not any(_same(one, old) for old in known.citations)]
                found[key] = replace(known, citations=(*known.citations, *more))
    return list(found.values())


def covered(sentence: Sentence, by: Iterable[Sentence]) -> bool:
    """Whether all that a sentence cites is cited, if only in part, by the others."""
    others = [citation for other in by for citation in other.citations]
    return all(any(_overlap(one, other) for other in others) for one in sentence.citations)


def merge(
    question: str,
    sentences: Sequence[Sentence],
    *,
    verdict: Verdict,
    hits: Sequence[Hit],
    dropped: Sequence[Hit] = (),
    notes: Sequence[str] = (),
    draft: str = "",
    quoted: bool = False,
    score: float = 0.0,
) -> Answer:
    """An answer of these sentences, a line each, and below them ``notes``, which nothing proves.

    ``text[start:end]`` is each sentence at its new place; sources are numbered in order of first use.
    """
    numbers: dict[str, int] = {}
    placed: list[Sentence] = []
    start = 0
    for sentence in sentences:
        cited = tuple(
            replace(one, number=numbers.setdefault(one.chunk_id, len(numbers) + 1)) for one in sentence.citations
        )
        end = start + len(sentence.text)
        placed.append(replace(sentence, start=start, end=end, citations=cited))
        start = end + 1
    text = "\n".join([*(sentence.text for sentence in placed), *notes])
    return Answer(
        question=question,
        text=text,
        verdict=verdict,
        sentences=tuple(placed),
        draft=draft,
        hits=tuple(hits),
        dropped=tuple(dropped),
        quoted=quoted,
        score=score,
    )


def union(*groups: Iterable[Hit]) -> list[Hit]:
    """The hits of all groups in their order, each passage once, ranks from 1."""
    found: dict[str, Hit] = {}
    for group in groups:
        for hit in group:
            found.setdefault(hit.chunk.id, hit)
    return [replace(hit, rank=rank) for rank, hit in enumerate(found.values(), 1)]


def fused(asked: Sequence[Hit], others: Sequence[Hit], name: str) -> list[Hit]:
    """What the question found and what another query found for it, fused by reciprocal ranks.

    A hit of the other query alone keeps of its scores only the place ``name``: that query repeats what was read before,
    and would flatter as scores of the question, by which grounding tells one that the documents do not answer.
    """
    own = {hit.chunk.id: hit for hit in asked}
    return [
        own.get(hit.chunk.id) or replace(hit, arms={name: hit.arms["other"]})
        for hit in fuse({"asked": asked, "other": others}, method="rrf")
    ]


def cited_hits(sentences: Iterable[Sentence], hits: Iterable[Hit]) -> list[Hit]:
    """The hits that the sentences cite, in the order of the hits."""
    cited = {citation.chunk_id for sentence in sentences for citation in sentence.citations}
    return [hit for hit in hits if hit.chunk.id in cited]


def quoted_hits(sentences: Iterable[Sentence], hits: Iterable[Hit]) -> list[Hit]:
    """The cited spans as hits of their own, in order of first use: the sources' words alone, nobody else's."""
    by_id = {hit.chunk.id: hit for hit in hits}
    spans: dict[tuple[str, int, int], Hit] = {}
    for sentence in sentences:
        for one in sentence.citations:
            hit = by_id[one.chunk_id]
            chunk = replace(hit.chunk, start=one.start, end=one.end, text=one.quote)
            spans.setdefault((one.document_id, one.start, one.end), replace(hit, chunk=chunk))
    return list(spans.values())


def _same(one: Citation, other: Citation) -> bool:
    return (one.chunk_id, one.start, one.end) == (other.chunk_id, other.start, other.end)


def _overlap(one: Citation, other: Citation) -> bool:
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end
