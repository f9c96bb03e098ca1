"""Models on this machine: which there are, which the recipe uses, and fetching or checking one, as a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jobs import Job, begin

from rag.errors import ModelError
from rag.models import find, pull, resolve, verify
from rag.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Step:
    """How far a job is, in bytes.

    ``source`` is where files are fetched from, "" while they are checked; ``total`` is 0 where it is not known.
    """

    source: str
    done: int
    total: int


@dataclass(slots=True)
class ModelJob(Job[Step, Path]):
    """Fetching a registered model, or reading all of its bytes to compare their SHA-256."""

    model: str = ""
    kind: Literal["pull", "check"] = "pull"


def begin_model_job(job: ModelJob) -> ModelJob:
    """Start the job."""

    def work(tell: Callable[[Step], None]) -> Path:
        def progress(what: str, done: int, total: int) -> None:
            fetching = what.startswith("fetching ")
            tell(Step(what.partition(" from ")[2] if fetching else "", done, total))

        return (pull if job.kind == "pull" else verify)(job.model, progress=progress)

    begin(job, work)
    return job


def models_of(recipe: Recipe) -> dict[str, str]:
    """The models that a recipe reads from files, by its key: names of the registry, of the hub, or paths."""
    named = {}
    if recipe.embedder.backend not in {"openai", "none"}:
        named["embedder.model"] = recipe.embedder.model
    if recipe.generator.kind == "llama.cpp":
        named["generator.model"] = recipe.generator.model
    if recipe.reranker.model:
        named["reranker.model"] = recipe.reranker.model
    if recipe.grounding.nli_model:
        named["grounding.nli_model"] = recipe.grounding.nli_model
    return named


def registered_of(recipe: Recipe) -> set[str]:
    """The names in the registry of the models that a recipe reads."""
    return {model.name for name in models_of(recipe).values() if (model := find(name))}


def others_of(recipe: Recipe) -> dict[str, tuple[str, bool]]:
    """(name, whether it is on this machine) of the models that a recipe reads and the registry does not know."""
    return {key: (name, _is_here(name)) for key, name in models_of(recipe).items() if find(name) is None}


def _is_here(name: str) -> bool:
    try:
        resolve(name)
    except ModelError:
        return False
    return True
