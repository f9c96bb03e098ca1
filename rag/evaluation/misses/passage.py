"""What became of one passage that a reader expected in an answer: the step that lost it, or that it was cited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from rag.chains.conversation import fused
from rag.errors import EvaluationError
from rag.evaluation.datasets import Question, Span
from rag.evaluation.misses.gold import Gold, find_gold, places_in
from rag.evaluation.misses.lost_in_answer import not_shown
from rag.evaluation.misses.lost_in_retrieval import Loss, not_loaded, not_retrieved, quoted, split
from rag.evaluation.misses.trace import Step, Trace, trace
from rag.evaluation.results import Stage
from rag.index import Snapshot
from rag.pipeline import Pipeline
from rag.recipe import build_stages
from rag.types import Answer

__all__ = ["Fate", "Outcome", "Place", "Way", "explain_passage"]

Outcome: TypeAlias = Stage | Literal["outside the filter", "not cited", "cited"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step placed the passage, if it did; of its ranking the first ``cut`` went on."""

    step: str
    rank: int | None
    score: float | None
    cut: int

    @property
    def kept(self) -> bool:
        """Whether the passage went on from here."""
        return self.rank is not None and self.rank <= self.cut


@dataclass(frozen=True, slots=True)
class Way:
    """The passage's places in the search for one query: in every arm, and in the steps after them."""

    query: str
    arms: tuple[Place, ...]
    steps: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Fate:
    """The step that lost the passage, or that none did, with the evidence in words.

    ``rank`` is the passage's among the hits of the answer, if it is one of them; else ``ways`` tell how far it came.
    """

    outcome: Outcome
    detail: str
    rank: int | None = None
    ways: tuple[Way, ...] = ()


def explain_passage(
    pipeline: Pipeline, answer: Answer, wanted: Span, *, queries: Sequence[str] = (), where: str | None = None
) -> Fate:
    """Why ``wanted`` is not cited in an answer, or that it is.

    Args:
        pipeline: What answered.
        answer: The answer, to its question.
        wanted: Characters of a document (its uri). A whole passage of the index counts as found where any sentence of
            it is shown; of less, all of it has to be.
        queries: What was searched for, the question first; the question alone if not given.
        where: The filter of the search.

    Raises EvaluationError where the answer's hits are not those that its search gives now, QueryError, FilterError,
    and what the recipe's models raise.
    """
    snapshot, recipe = pipeline.snapshot, pipeline.recipe
    searched = list(dict.fromkeys([answer.question, *queries]))
    if not snapshot.admits(wanted.document, where):
        gold = Gold(wanted.document, wanted.document)
        if snapshot.admits(wanted.document):
            return Fate("outside the filter", f"{quoted(gold.title)} is kept out by the filter {where}")
        return _fate(not_loaded(gold, pipeline.info().documents))
    gold = _gold(snapshot, wanted)
    if not gold.holders:
        return _fate(split(gold, recipe))
    hits = sorted((*answer.hits, *answer.dropped), key=lambda hit: hit.rank)
    rank = next((hit.rank for hit in hits if places_in(gold, hit) is not None), None)
    if rank is not None:
        if loss := not_shown(gold, replace(answer, question=searched[-1]), hits, recipe):
            return replace(_fate(loss), rank=rank)
        return _shown(answer, gold, wanted, rank)
    traces = _traces(pipeline, snapshot, searched, gold, where)
    last = traces[0].steps[-1].best(gold.holders)
    if last and last.rank <= recipe.retrieval.k:
        raise EvaluationError(
            "the answer was made from other hits than its search gives now",
            where=str(pipeline.path),
            hint="the index or the recipe has changed since: ask again",
        )
    ways = tuple(_way(query, one, gold) for query, one in zip(searched, traces, strict=True))
    return replace(_fate(not_retrieved(gold, traces[0], recipe)), ways=ways)


def _fate(loss: Loss) -> Fate:
    return Fate(loss.stage, loss.detail)


def _gold(snapshot: Snapshot, wanted: Span) -> Gold:
    question = Question("", "", documents=(wanted.document,), spans=(wanted,))
    gold = find_gold(snapshot, question, wanted.document, [wanted.document])
    whole = next((one for one in gold.chunks if (one.start, one.end) == (wanted.start, wanted.end)), None)
    # any sentence of a whole passage will do: an excerpt hardly ever shows all of one
    return gold if whole is None else replace(gold, spans=(), chunks=(), holders={whole.id: ()})


def _shown(answer: Answer, gold: Gold, wanted: Span, rank: int) -> Fate:
    cited = [one for one in answer.citations if one.uri == wanted.document]
    place = f"{quoted(gold.title)} is hit {rank}, and the generator was shown it"
    if any(one.start < wanted.end and wanted.start < one.end for one in cited):
        return Fate("cited", f"{place}; the answer cites it", rank)
    why = "the answer is a refusal" if answer.refused else "none of the sentences it wrote was proved from it"
    return Fate("not cited", f"{place}; {why}", rank)


def _traces(
    pipeline: Pipeline, snapshot: Snapshot, queries: Sequence[str], gold: Gold, where: str | None
) -> list[Trace]:
    """The way through the whole search, as that of the first query; then those through the searches for the others."""
    config = pipeline.recipe.retrieval
    stages = build_stages(pipeline.recipe, snapshot, pipeline.embedder, pipeline.reranker, pipeline.transform)
    together = fused(stages.final, queries)
    whole = replace(stages, follow_up=together) if len(queries) > 1 else stages

    def follow(query: str) -> Trace:
        first = query == queries[0]
        k = config.k if first else max(config.k, together.depth)
        found, depth = whole if first else stages, config.depth
        return trace(found, snapshot, query, k=k, depth=depth, wanted=list(gold.holders), where=where)

    return [follow(query) for query in queries]


def _way(query: str, traced: Trace, gold: Gold) -> Way:
    def place(step: Step) -> Place:
        at = step.best(gold.holders)
        return Place(step.name, at.rank if at else None, at.score if at else None, step.cut)

    arms = {arm.name for arm in traced.arms}
    steps = (step for step in traced.steps if step.name not in arms)
    return Way(query, tuple(map(place, traced.arms)), tuple(map(place, steps)))
