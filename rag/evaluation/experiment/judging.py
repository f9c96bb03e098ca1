"""Scores that need a language model as judge, over all answers; each is kept as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

from rag.errors import EvaluationError
from rag.evaluation.datasets import Question
from rag.evaluation.experiment.chosen import Chosen
from rag.evaluation.judges.judge import Judge
from rag.evaluation.judges.measures import JUDGED_MEASURES, score_judged
from rag.evaluation.judges.ragas_adapter import RAGAS_MEASURES, score_rows
from rag.evaluation.judges.ragas_endpoint import endpoint_of
from rag.evaluation.judges.ragas_import import load_ragas
from rag.evaluation.results import QueryResult
from rag.evaluation.scores import Score
from rag.pipeline import Pipeline
from rag.protocols import Generator
from rag.recipe import GeneratorConfig, build_generator

Scores: TypeAlias = Mapping[str, Score]
Keep: TypeAlias = Callable[[QueryResult, Scores], None]


def check_judge(measures: Chosen, config: GeneratorConfig, *, embeds: bool) -> None:
    """Find out before a long run whether there is what its judge needs; ``embeds``: there is an embedder.

    Raises EvaluationError, MissingExtraError.
    """
    if config.kind == "extractive" and (measures.judged or any(RAGAS_MEASURES[name].asks for name in measures.ragas)):
        raise EvaluationError(
            "the recipe's generator quotes, and cannot judge",
            hint="name a recipe with a language model: --judge default",
        )
    if measures.ragas:
        load_ragas()
    if not embeds and (blind := next((name for name in measures.ragas if RAGAS_MEASURES[name].embeds), None)):
        raise EvaluationError(
            f"{blind} needs an embedder, and the recipe has none", hint="leave it out with --measures"
        )


def judge_all(
    pipeline: Pipeline,
    questions: Mapping[str, Question],
    results: Sequence[QueryResult],
    measures: Chosen,
    config: GeneratorConfig,
    *,
    jobs: int,
    save: Callable[[QueryResult], None],
    progress: Callable[[str, int, int], None],
) -> list[QueryResult]:
    """The results with the scores of ``measures`` that the generator of ``config`` gives as judge.

    Those that a result has already are not asked for again. Raises EvaluationError, ModelError.
    """
    scored = {result.id: result for result in results}

    def keep(result: QueryResult, found: Scores) -> None:
        scored[result.id] = replace(scored[result.id], scores={**scored[result.id].scores, **found})
        if found and not result.error:
            save(scored[result.id])

    if measures.judged:
        with _judge(pipeline, config) as generator:
            _ask_judge(generator, config, questions, results, measures.judged, keep, progress)
    if measures.ragas:
        # What is missing differs where another time asked for other measures, or was stopped.
        missing = {result.id: tuple(name for name in measures.ragas if _is_open(name, result)) for result in results}
        for names in dict.fromkeys(filter(None, missing.values())):
            those = [result for result in results if missing[result.id] == names]
            _ask_ragas(pipeline, questions, those, names, config, jobs, keep, progress)
    return list(scored.values())


def _ask_judge(
    generator: Generator,
    config: GeneratorConfig,
    questions: Mapping[str, Question],
    results: Sequence[QueryResult],
    names: Sequence[str],
    keep: Keep,
    progress: Callable[[str, int, int], None],
) -> None:
    judge = Judge(generator, timeout=config.timeout)
    for number, result in enumerate(results):
        progress("judging", number, len(results))
        missing = [name for name in names if _is_open(name, result)]
        question = questions[result.id]
        if missing and result.answer is not None:
            keep(result, score_judged(question, result.answer, judge, measures=missing))
        elif missing:
            applying = [name for name in missing if question.answers or not JUDGED_MEASURES[name].needs_gold]
            keep(result, dict.fromkeys(applying, Score.missing("failed", result.error)))
    progress("judging", len(results), len(results))


def _ask_ragas(
    pipeline: Pipeline,
    questions: Mapping[str, Question],
    results: Sequence[QueryResult],
    names: Sequence[str],
    config: GeneratorConfig,
    jobs: int,
    keep: Keep,
    progress: Callable[[str, int, int], None],
) -> None:
    done = 0

    def on_row(number: int, found: Scores) -> None:
        nonlocal done
        done += 1
        keep(results[number], found)
        progress("asking Ragas", done, len(results))

    rows = [(questions[result.id], result.answer) for result in results]
    if not any(RAGAS_MEASURES[name].asks for name in names):
        score_rows(rows, names, embedder=pipeline.embedder, on_row=on_row)
        return
    with _judge(pipeline, config) as generator:
        endpoint = endpoint_of(config, generator, concurrency=jobs)
        score_rows(rows, names, endpoint=endpoint, embedder=pipeline.embedder, on_row=on_row)


def _is_open(name: str, result: QueryResult) -> bool:
    """Whether a score is to be asked for: there is none, or one that another time may give."""
    score = result.scores.get(name)
    return score is None or score.status in {"timeout", "failed"}


@contextmanager
def _judge(pipeline: Pipeline, config: GeneratorConfig) -> Iterator[Generator]:
    if config == pipeline.recipe.generator:
        yield pipeline.generator
        return
    generator = build_generator(pipeline.recipe.model_copy(update={"generator": config}), None)
    try:
        yield generator
    finally:
        if hasattr(generator, "close"):
            generator.close()
