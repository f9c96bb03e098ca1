"""Scores that need a language model as judge, over all answers; each is kept as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

from rag.errors import EvaluationError
from rag.evaluation.chosen import Chosen
from rag.evaluation.datasets import Question
from rag.evaluation.judged import JUDGED_MEASURES, score_judged
from rag.evaluation.judges import Judge
from rag.evaluation.results import QueryResult
from rag.evaluation.scores import Score
from rag.pipeline import Pipeline
from rag.protocols import Generator
from rag.recipe import Recipe, build_generator

Save: TypeAlias = Callable[[QueryResult], None]


def judge_all(
    pipeline: Pipeline,
    questions: Mapping[str, Question],
    results: Sequence[QueryResult],
    measures: Chosen,
    recipe: Recipe,
    *,
    save: Save,
    progress: Callable[[str, int, int], None],
) -> list[QueryResult]:
    """The results with the scores of ``measures`` that the generator of ``recipe`` gives as judge.

    Those that a result has already are not asked for again. Raises EvaluationError where the recipe has no judge.
    """
    if not measures.judged:
        return list(results)
    scored = []
    with _judge(pipeline, recipe) as generator:
        judge = Judge(generator, timeout=recipe.generator.timeout)
        for number, result in enumerate(results):
            progress("judging", number, len(results))
            missing = [name for name in measures.judged if _is_open(name, result)]
            scores = _score(questions[result.id], result, judge, missing) if missing else {}
            scored.append(replace(result, scores={**result.scores, **scores}))
            if scores and not result.error:
                save(scored[-1])
    progress("judging", len(results), len(results))
    return scored


def _is_open(name: str, result: QueryResult) -> bool:
    """Whether a score is to be asked for: there is none, or one that another time may give."""
    score = result.scores.get(name)
    return score is None or score.status in {"timeout", "failed"}


def _score(question: Question, result: QueryResult, judge: Judge, names: Sequence[str]) -> dict[str, Score]:
    if result.answer is not None:
        return score_judged(question, result.answer, judge, measures=names)
    applying = [name for name in names if question.answers or not JUDGED_MEASURES[name].needs_gold]
    return {name: Score.missing("failed", result.error) for name in applying}


@contextmanager
def _judge(pipeline: Pipeline, recipe: Recipe) -> Iterator[Generator]:
    if recipe.generator.kind == "extractive":
        raise EvaluationError(
            "the recipe's generator quotes, and cannot judge",
            hint="name a recipe with a language model: --judge default",
        )
    if recipe.generator == pipeline.recipe.generator:
        yield pipeline.generator
        return
    generator = build_generator(recipe, None)
    try:
        yield generator
    finally:
        if hasattr(generator, "close"):
            generator.close()
