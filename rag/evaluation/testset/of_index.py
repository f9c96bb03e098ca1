"""A test set of an index's documents, with its embedder and the generator of its recipe or of another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rag.errors import RecipeError
from rag.evaluation.testset.make import Making, Plan, Progress, make_testset
from rag.pipeline import Pipeline
from rag.recipe import GeneratorConfig

__all__ = ["testset_of"]


def testset_of(
    pipeline: Pipeline,
    path: Path,
    *,
    plan: Plan,
    generator: GeneratorConfig | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Making:
    """Make a test set in ``path``, or go on with the one there, as ``make_testset`` does.

    ``generator`` takes the place of the pipeline's. Raises RecipeError for one that only quotes, and what
    ``make_testset`` raises.
    """
    config = generator or pipeline.recipe.generator
    if config.kind == "extractive":
        raise RecipeError(
            "the extractive generator quotes sentences and writes no questions",
            where="generator.kind",
            hint="give a recipe with a language model: --recipe default",
        )
    snapshot = pipeline.snapshot
    pipeline.recipe = pipeline.recipe.model_copy(update={"generator": config})
    return make_testset(
        snapshot,
        path,
        generator=pipeline.generator,
        generator_name=f"{config.kind} {config.model}",
        embedder=pipeline.embedder,
        plan=plan,
        progress=progress,
    )
