"""Why questions failed: for each, the stage of the pipeline that lost its gold, with the evidence for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from rag.errors import EvaluationError
from rag.evaluation.datasets import Dataset, Question
from rag.evaluation.misses.gold import Gold, find_documents, find_gold, places_in
from rag.evaluation.misses.lost_in_answer import answered, is_wrong, not_shown, wrongly_answered
from rag.evaluation.misses.lost_in_retrieval import Loss, not_loaded, not_retrieved, quoted, split
from rag.evaluation.misses.trace import trace
from rag.evaluation.results import Miss, QueryResult, Stage
from rag.index import Snapshot
from rag.pipeline import Pipeline
from rag.recipe import build_stages
from rag.retrieval import RetrievalStages
from rag.types import Hit

__all__ = ["STAGES", "StageSummary", "explain", "explain_all", "summarise"]

STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True, slots=True)
class StageSummary:
    """How much a stage lost: the misses it caused, of so many questions, and the first of them."""

    stage: Stage
    misses: int
    questions: int
    examples: tuple[Miss, ...]


def summarise(misses: Iterable[Miss], *, examples: int = 3) -> list[StageSummary]:
    """The stages that lost something, in the order of the pipeline."""
    by_stage: dict[Stage, list[Miss]] = {stage: [] for stage in STAGES}
    for miss in misses:
        by_stage[miss.stage].append(miss)
    return [
        StageSummary(stage, len(own), len({miss.query for miss in own}), tuple(own[:examples]))
        for stage, own in by_stage.items()
        if own
    ]


def explain(pipeline: Pipeline, dataset: Dataset, result: QueryResult) -> list[Miss]:
    """Why a question failed; [] where it did not. See ``explain_all``."""
    return explain_all(pipeline, dataset, [result])


def explain_all(
    pipeline: Pipeline,
    dataset: Dataset,
    results: Sequence[QueryResult],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Miss]:
    """Why questions failed, in the order of ``results``.

    With an answer, a question fails if the answer holds no gold answer, refuses wrongly or should have refused.
    Without one, it fails if a passage with the gold of one of its documents is missing from the first k hits (the
    recipe's k). Each lost document is a miss of its own. Where there are judgements alone, without a question that
    names its documents, it fails if no document of grade 1 or more is among those hits, and its miss is that of the
    document that came furthest. A result with an ``error`` has no miss: it was not asked.

    ``progress`` gets how many results are done, of how many. Raises EvaluationError if the hits of an
    answer are not those that the index gives now.
    """
    questions = {question.id: question for question in dataset.questions}
    wanted = {result.id: _documents(dataset, result.id, questions.get(result.id)) for result in results}
    snapshot = pipeline.snapshot
    desk = _Desk(
        pipeline,
        snapshot,
        build_stages(pipeline.recipe, snapshot, pipeline.embedder, pipeline.reranker, pipeline.transform),
        find_documents(snapshot, dataset.key, {one for documents in wanted.values() for one in documents}),
        pipeline.info().documents,
    )
    misses: list[Miss] = []
    for done, result in enumerate(results, 1):
        misses += _explain(desk, questions.get(result.id), wanted[result.id], result)
        if progress:
            progress(done, len(results))
    return misses


def _documents(dataset: Dataset, query: str, question: Question | None) -> tuple[str, ...]:
    """The ids of the documents that hold the gold: the question's own, else those judged relevant."""
    if question and (question.documents or not question.answerable):
        return question.documents
    return tuple(document for document, grade in dataset.qrels.get(query, {}).items() if grade >= 1)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What every question is examined with; ``uris`` are the gold documents' in the index, of ``documents`` in all."""

    pipeline: Pipeline
    snapshot: Snapshot
    stages: RetrievalStages
    uris: Mapping[str, tuple[str, ...]]
    documents: int


@dataclass(frozen=True, slots=True)
class _Lost:
    """A gold document, the stage that lost it, and the rank it had in the last step that had it."""

    gold: Gold
    loss: Loss
    rank: float = math.inf


def _explain(desk: _Desk, question: Question | None, documents: Sequence[str], result: QueryResult) -> list[Miss]:
    answer, recipe = result.answer, desk.pipeline.recipe
    if result.error:
        return []
    if question and not question.answerable:
        return [_miss(result.id, wrongly_answered(answer, recipe))] if answer and not answer.refused else []
    asked = question or Question(result.id, result.question)
    if answer is None:
        hits = desk.stages.final.retrieve(result.question, recipe.retrieval.k)
    elif is_wrong(asked, answer):
        hits = sorted((*answer.hits, *answer.dropped), key=lambda hit: hit.rank)
    else:
        return []
    golds = [_find(desk, asked, document) for document in documents]
    lost = _find_lost(desk, golds, hits, result)
    if not asked.documents and lost:  # any of those judged relevant would have done
        lost = [max(lost, key=_progress)] if len(lost) == len(documents) else []
    if lost or answer is None:
        note = _shown_elsewhere(golds, lost) if answer else ""
        return [_miss(result.id, one.loss, one.gold, note) for one in lost]
    answering = next((gold for gold, _ in golds if gold.spans), golds[0][0] if golds else None)
    return [_miss(result.id, answered(asked, answer, answering, recipe, desk.pipeline.embedder), answering)]


def _find(desk: _Desk, question: Question, document: str) -> tuple[Gold, Loss | None]:
    """The gold in a document, and what was lost of it before any search."""
    uris = desk.uris.get(document, ())
    try:
        gold = find_gold(desk.snapshot, question, document, uris)
    except EvaluationError as error:
        return Gold(document, document), Loss("not loaded", str(error))
    if not uris:
        return gold, not_loaded(gold, desk.documents)
    return gold, None if gold.holders else split(gold, desk.pipeline.recipe)


def _find_lost(
    desk: _Desk, golds: Sequence[tuple[Gold, Loss | None]], hits: Sequence[Hit], result: QueryResult
) -> list[_Lost]:
    """Of the golds those that never reached the reader: the generator, or without an answer the list of hits."""
    recipe = desk.pipeline.recipe
    shown = {gold.document for gold, _ in golds if any(places_in(gold, hit) is not None for hit in hits)}
    unfound = [gold for gold, loss in golds if not loss and gold.document not in shown]
    traced = None
    if unfound:
        wanted = {chunk for gold in unfound for chunk in gold.holders}
        config = recipe.retrieval
        traced = trace(desk.stages, desk.snapshot, result.question, k=config.k, depth=config.depth, wanted=wanted)
    lost = []
    for gold, loss in golds:
        if loss and gold.document not in shown:
            lost.append(_Lost(gold, loss))
        elif traced and gold.document not in shown:
            if (place := traced.steps[-1].best(gold.holders)) and place.rank <= recipe.retrieval.k:
                raise EvaluationError(
                    f"the answer to question {result.id!r} was made from other hits than its search gives now",
                    where=str(desk.pipeline.path),
                    hint="the index has changed since: evaluate again, into a new folder",
                )
            lost.append(_Lost(gold, not_retrieved(gold, traced, recipe), traced.rank(gold.holders)))
        elif result.answer and (loss := not_shown(gold, result.answer, hits, recipe)):
            lost.append(_Lost(gold, loss))
    return lost


def _shown_elsewhere(golds: Sequence[tuple[Gold, Loss | None]], lost: Sequence[_Lost]) -> str:
    """That the generator was shown the answer all the same, in another of the question's documents."""
    gone = {one.gold.document for one in lost}
    shown = next((gold for gold, _ in golds if gold.spans and gold.document not in gone), None)
    return f". The answer itself was shown to the generator, from {quoted(shown.title)}" if shown else ""


def _progress(lost: _Lost) -> tuple[int, float]:
    return STAGES.index(lost.loss.stage), -lost.rank


def _miss(query: str, loss: Loss, gold: Gold | None = None, note: str = "") -> Miss:
    span = gold.spans[0] if gold and gold.spans else None
    return Miss(
        query=query,
        stage=loss.stage,
        detail=loss.detail + note,
        document=gold.document if gold else "",
        start=span.start if span else 0,
        end=span.end if span else 0,
    )
