"""One recipe over one data set: ask its questions, score what comes back, find what was lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rag.evaluation.answers.measures import aggregate, outcomes, score_answer
from rag.evaluation.answers.refusals import risk_coverage
from rag.evaluation.datasets import Dataset, Question
from rag.evaluation.experiment.asking import Ask, ask_all
from rag.evaluation.experiment.chosen import LOWER_IS_BETTER, Chosen, depth
from rag.evaluation.experiment.folder import EvaluationFolder
from rag.evaluation.experiment.judging import judge_all
from rag.evaluation.experiment.suite import Expectation
from rag.evaluation.misses.explain import explain_all
from rag.evaluation.ranking.judgements import Qrels, Run
from rag.evaluation.ranking.measures import precision_recall, score_run
from rag.evaluation.ranking.significance import bootstrap_interval
from rag.evaluation.results import Evaluation, MeasureResult, Provenance, QueryResult
from rag.evaluation.scores import MIN_COVERAGE, Score, mean
from rag.pipeline import Pipeline
from rag.recipe import GeneratorConfig

__all__ = ["Plan", "Progress", "evaluate", "run_of"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much is done."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to ask and to measure. ``judge`` is the generator that judges; ``expect`` is by measure."""

    asks: tuple[Ask, ...]
    measures: Chosen
    judge: GeneratorConfig
    seed: int = 0
    jobs: int = 1
    explain_misses: bool = False
    min_coverage: float = MIN_COVERAGE
    expect: Mapping[str, Expectation] = field(default_factory=dict)


def evaluate(
    pipeline: Pipeline,
    dataset: Dataset,
    plan: Plan,
    folder: EvaluationFolder,
    *,
    name: str,
    provenance: Provenance,
    progress: Progress,
) -> Evaluation:
    """Measure a data set that ``pipeline`` has indexed, going on where ``folder`` ends.

    Raises EvaluationError where question after question fails; what was finished is kept. Whether there is what the
    judge needs is for ``check_judge`` to find out before.
    """
    questions = {one.id: one for one in dataset.questions}
    answering = any(ask.answer for ask in plan.asks)
    results = ask_all(
        pipeline,
        plan.asks,
        key=dataset.key,
        depth=depth(plan.measures.retrieval),
        jobs=plan.jobs,
        finished=folder.finished,
        save=folder.save,
        progress=lambda done, total: progress("asking", done, total),
    )
    notes = _failed(results)
    measures: list[MeasureResult] = []
    qrels = _judgements(dataset, results)
    run = run_of(results)
    if any(result.id in dataset.qrels for result in results):
        per_query: Mapping[str, Mapping[str, float]] = {name: {} for name in plan.measures.retrieval}
        if qrels:
            # Questions that only have answers are no fault of the run.
            scored = score_run(qrels, {query: run[query] for query in qrels}, plan.measures.retrieval)
            per_query = scored.per_query
            notes += scored.notes
        results = [_with_retrieval(result, per_query, dataset.qrels) for result in results]
        measures += [_over(one, results, plan.seed) for one in plan.measures.retrieval]
    if answering:
        results = judge_all(
            pipeline, questions, results, plan.measures, plan.judge, jobs=plan.jobs, save=folder.save, progress=progress
        )
        results = _score_answers(pipeline, dataset, questions, results, plan.measures.answers, progress)
        measures += aggregate(results, questions, measures=plan.measures.answers, seed=plan.seed)
        measures += [_over(one, results, plan.seed) for one in (*plan.measures.judged, *plan.measures.ragas)]
    measures += [MeasureResult(name, mean([])) for name in plan.expect if name not in {one.name for one in measures}]
    measures = [_expecting(one, plan) for one in measures]
    found = outcomes(results, questions) if answering else ()
    return Evaluation(
        name=name,
        dataset=dataset.name,
        measures=tuple(measures),
        queries=tuple(_only(plan.measures.names, result) for result in results),
        provenance=provenance,
        precision_recall=precision_recall(qrels, run) if qrels else (),
        risk_coverage=risk_coverage(found),
        auroc=next((one.mean.value for one in measures if one.name == "AUROC"), None),
        misses=tuple(
            explain_all(pipeline, dataset, results, progress=lambda done, total: progress("explaining", done, total))
        )
        if plan.explain_misses
        else (),
        notes=tuple(notes),
        failures=tuple(_failures(measures)),
        gold={ask.id: questions.get(ask.id) or _judged_only(dataset, ask) for ask in plan.asks},
    )


def _judgements(dataset: Dataset, results: Sequence[QueryResult]) -> Qrels:
    """Those of the questions that were asked and did not fail."""
    return {one.id: dataset.qrels[one.id] for one in results if one.id in dataset.qrels and not one.error}


def run_of(results: Sequence[QueryResult]) -> Run:
    """The rankings as a run; questions that failed are not in it."""
    return {one.id: {hit.document: hit.score for hit in one.ranking} for one in results if not one.error}


def _with_retrieval(result: QueryResult, values: Mapping[str, Mapping[str, float]], qrels: Qrels) -> QueryResult:
    if result.id not in qrels:
        return result
    failed = Score.missing("failed", result.error) if result.error else None
    scores = {name: failed or Score(by_query[result.id]) for name, by_query in values.items()}
    return replace(result, scores={**result.scores, **scores})


def _only(names: Sequence[str], result: QueryResult) -> QueryResult:
    """Without scores that another time asked for; they stay in the folder."""
    return replace(result, scores={name: result.scores[name] for name in names if name in result.scores})


def _score_answers(
    pipeline: Pipeline,
    dataset: Dataset,
    questions: Mapping[str, Question],
    results: Sequence[QueryResult],
    measures: Sequence[str],
    progress: Progress,
) -> list[QueryResult]:
    snapshot, embedder = pipeline.snapshot, pipeline.embedder
    scored = []
    for number, result in enumerate(results):
        progress("scoring", number, len(results))
        scores = score_answer(
            questions[result.id],
            result.answer,
            source=lambda document: snapshot.document(document).text,
            key=dataset.key,
            embedder=embedder,
            measures=measures,
            error=result.error,
        )
        scored.append(replace(result, scores={**result.scores, **scores}))
    progress("scoring", len(results), len(results))
    return scored


def _over(name: str, results: Sequence[QueryResult], seed: int) -> MeasureResult:
    scores = [result.scores[name] for result in results if name in result.scores]
    values = [score.value for score in scores if score.value is not None]
    low, high = bootstrap_interval(values, seed=seed) if len(values) > 1 else (None, None)
    return MeasureResult(name, mean(scores), low, high, higher_is_better=name not in LOWER_IS_BETTER)


def _expecting(measure: MeasureResult, plan: Plan) -> MeasureResult:
    wanted = plan.expect.get(measure.name)
    if wanted is None:
        return replace(measure, min_coverage=plan.min_coverage)
    tolerance = wanted.tolerance if wanted.value is not None else None
    coverage = plan.min_coverage if wanted.coverage is None else wanted.coverage
    return replace(measure, expected=wanted.value, tolerance=tolerance, min_coverage=coverage)


def _failed(results: Sequence[QueryResult]) -> tuple[str, ...]:
    failed = [one for one in results if one.error]
    if not failed:
        return ()
    return (f"{len(failed)} of {len(results)} questions failed, the first ({failed[0].id}) with: {failed[0].error}",)


def _failures(measures: Sequence[MeasureResult]) -> list[str]:
    found = []
    for one in measures:
        if not one.is_covered:
            why = ", ".join(f"{count} {status}" for status, count in one.mean.statuses.items())
            found.append(
                f"{one.name} covers {one.mean.coverage:.1%} of its questions ({why}), less than {one.min_coverage:.0%}"
            )
        if not one.is_expected:
            got = "no value" if one.mean.value is None else f"{one.mean.value:.4f}"
            found.append(f"{one.name} is {got}, expected {one.expected:.4f} ± {one.tolerance:g}")
    return found


def _judged_only(dataset: Dataset, ask: Ask) -> Question:
    relevant = tuple(document for document, grade in dataset.qrels.get(ask.id, {}).items() if grade > 0)
    return Question(ask.id, ask.text, documents=relevant)
