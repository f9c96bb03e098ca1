"""Questions over many passages ("list all", "compare"): an answer of each document, and one of them all.

Map: each document is asked by itself, and what it says is proved from it. Reduce: a generator writes the answer from
the words that were cited, never from what was written about them, and its sentences are proved anew from the passages
they stand in; whatever of the items it does not cite is set below it. So no item is lost, and every
citation is of a source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag import tracing
from rag.chains.drafting import AnswerParts, Event, answer_from, begun, checked, last, prove, search, traced
from rag.chains.merging import cited_hits, merge, proved, union
from rag.chains.reducing import reduced
from rag.protocols import Generator, Retriever
from rag.types import Answer, Hit

__all__ = ["ChainProgress", "Report", "by_document", "map_reduce", "task_free"]

# Passages of other documents that are read beside a document when what it says is proved: what a question is about
# may be told by all of them together. Reading more of them costs more and changes little.
BESIDE = 5

# Share of the best answer's score below which another document's is about something else.
ALIKE = 0.7

# What to do with the passages is not what they are about; at the start of a question alone, where it is no noun.
_TASK = re.compile(
    r"^\W*(?:please\s+|bitte\s+)?(?:(?:compare|contrast|list|enumerate|name|summari[sz]e|find|give|show|tell)"
    r"(?:\s+(?:me|us))?|vergleiche?n?|nennen?|liste|zähle|comparez?|listez?|énumère[rz]?|citez?|compara|lista|enumera|nombra|"
    r"confronta|elenca|liste|enumere)(?:\s+sie)?"
    r"(?:\s+(?:all|every|each|both|alle|jede[ns]?|tous|toutes|todos|todas|tutt[ei]))?(?:\s+(?:of|the|die|les|los|las))*\s+"
    r"|^\W*(?:请)?(?:比较|对比|列出|列举|列舉|比較)(?:所有|全部)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ChainProgress:
    """``done`` of ``total`` documents have been read."""

    stage: Literal["map", "reduce", "refine"]
    done: int
    total: int


Report: TypeAlias = Callable[[ChainProgress], None]


def map_reduce(
    question: str,
    *,
    retriever: Retriever,
    parts: AnswerParts,
    reducer: Generator | None = None,
    k: int = 24,
    where: str | None = None,
    progress: Report | None = None,
) -> Iterator[Event]:
    """Ask each document among the best ``k`` passages, and merge the answers.

    Events are each document's proved sentences as they come, then the pieces of the reducer's draft, and last the
    Answer. It is "supported" by construction, or refused where no document has an answer.

    Args:
        question: What to answer; QueryError where it is blank.
        retriever: Finds the passages.
        parts: Answers from one document; called once a document.
        reducer: Writes one answer from all that was quoted; called once. Without it the items are listed.
        k: Passages to read; QueryError below 1.
        where: Filter on metadata.
        progress: Called after each document.
    """
    return begun(_map_reduce(checked(question, k), retriever, parts, reducer, k, where, progress))


def task_free(question: str) -> str:
    """What a question is about, without the words that say what to do with it ("list all ...")."""
    return _TASK.sub("", question) or question


def by_document(hits: Sequence[Hit]) -> list[list[Hit]]:
    """The hits of each document, in rank order; documents in the order of their best."""
    groups: dict[str, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(hit.chunk.document_id, []).append(hit)
    return list(groups.values())


def _map_reduce(
    question: str,
    retriever: Retriever,
    parts: AnswerParts,
    reducer: Generator | None,
    k: int,
    where: str | None,
    progress: Report | None,
) -> Iterator[Event]:
    with tracing.recording("map-reduce") as run:
        hits = search(retriever, question, k, where)
        yield ""
        topic = task_free(question)
        groups = by_document(hits)
        answers: list[Answer] = []
        for done, group in enumerate(groups, 1):
            beside = [other[0] for other in groups if other is not group][:BESIDE]
            with tracing.step("map", document=group[0].chunk.uri, passages=len(group)) as taken:
                answer = last(
                    answer_from(topic, group, parts.down_to(parts.bounds.answerable / 2), evidence=[*group, *beside])
                )
                taken.note(verdict=answer.verdict, score=answer.score)
            answers.append(answer)
            if progress:
                progress(ChainProgress("map", done, len(groups)))
            yield "".join(f"{sentence.text}\n" for sentence in proved([answer]))
        yield from traced(_reduced(question, topic, hits, answers, parts, reducer), run)


def _reduced(
    question: str,
    topic: str,
    hits: Sequence[Hit],
    answers: Sequence[Answer],
    parts: AnswerParts,
    reducer: Generator | None,
) -> Iterator[Event]:
    found, score = _relevant(topic, answers, hits, parts)
    if not found:
        yield prove(question, "", hits, parts)
        return
    items = proved(found)
    cited = cited_hits(items, hits)
    sentences = yield from reduced(question, items, cited, parts.down_to(parts.bounds.answerable / 2), reducer)
    shown = union(cited, *(answer.hits for answer in answers))
    seen = {hit.chunk.id for hit in shown}
    yield merge(
        question,
        sentences,
        verdict="supported",
        hits=shown,
        dropped=[hit for hit in hits if hit.chunk.id not in seen],
        draft="\n".join(answer.draft for answer in found),
        quoted=all(answer.quoted for answer in found),
        score=score,
    )


def _relevant(
    topic: str, answers: Sequence[Answer], hits: Sequence[Hit], parts: AnswerParts
) -> tuple[list[Answer], float]:
    """The answers that are about the question, in their order, and how far they are so together.

    Where the question names something (a person, a year), an answer has to name some of it; and one that is far less
    about the question than the best is about something else. Of things compared, each document tells of one: such an
    answer, which alone is about half the question, is taken if those taken are more about the question with it.
    """
    named = _named(topic, answers, hits)
    best = max((answers[place].score for place in named), default=0.0)
    enough = max(parts.bounds.answerable, ALIKE * best)
    taken = {place for place in named if answers[place].score >= enough}
    score = max((answers[place].score for place in taken), default=0.0)
    for place in sorted(named - taken, key=lambda place: (-answers[place].score, place)):
        sentences = proved(answers[i] for i in sorted({*taken, place}))
        draft = "\n".join(sentence.text for sentence in sentences)
        together = prove(topic, draft, cited_hits(sentences, hits), parts.down_to(parts.bounds.answerable / 2))
        if together.score > score:
            taken.add(place)
            score = together.score
    return ([answers[place] for place in sorted(taken)] if score >= parts.bounds.answerable else []), score


def _named(topic: str, answers: Sequence[Answer], hits: Sequence[Hit]) -> set[int]:
    """The places of the answers that are none of refusals, and cite something of what the question names."""
    from rag.grounding import language_of, names_some

    language = language_of(hits)
    headers = {hit.chunk.id: hit.chunk.header for hit in hits}
    return {
        place
        for place, answer in enumerate(answers)
        if not answer.refused
        and names_some(topic, [(headers[one.chunk_id], one.quote) for one in answer.citations], language)
    }
