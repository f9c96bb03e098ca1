"""Recipes measured on a test set: what was asked for and what came out are kept in a folder beside the index."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jobs import Job, begin
from pydantic import TypeAdapter, ValidationError
from recipes import kept_recipes, name_of
from settings import AppSettings
from testsets import QuestionSet, for_retrieval, with_gold

from rag.errors import EvaluationError
from rag.evaluation.datasets import Question, question_row
from rag.evaluation.experiment.folder import INDEX, write_atomically
from rag.evaluation.tuning.recipe import recipe_toml
from rag.pipeline import Pipeline
from rag.recipe import Recipe, load_recipe, recipe_names
from rag.types import content_hash

if TYPE_CHECKING:
    from rag.evaluation.experiment.reading import Results

MOST = 3  # recipes of an experiment
_ASKING = 0.9  # of a recipe's time, about
_ABOUT, _RECIPES, _RESULTS = "experiment.json", "recipes", "results"


@dataclass(frozen=True, slots=True)
class Experiment:
    """What was measured, and when (ISO 8601, UTC); ``finished`` is "" before that.

    Recipes are by name, the first is what the others are compared with. ``generation`` is the index's commit,
    ``left_out`` are questions of the test set that cannot be measured so, ``limit`` 0 for all others.
    """

    id: str
    testset: str
    recipes: tuple[str, ...]
    answers: bool
    limit: int
    left_out: int
    generation: int
    started: str
    finished: str = ""


@dataclass(frozen=True, slots=True)
class Measuring:
    """How far an experiment is: ``done`` of ``total`` of a recipe's stage, which has ``left`` seconds, if known."""

    recipe: int
    recipes: int
    stage: str
    done: int
    total: int
    left: float | None

    @property
    def share(self) -> float:
        """Of the whole, from 0 to 1."""
        part = self.done / self.total if self.total else 1.0
        own = {"checking": 0.0, "indexing": 0.0, "asking": _ASKING * part, "reporting": 1.0}
        return (self.recipe - 1 + own.get(self.stage, _ASKING + (1 - _ASKING) * part)) / self.recipes


@dataclass(slots=True)
class ExperimentJob(Job[Measuring, Experiment]):
    """An experiment being made."""

    id: str = ""


def recipe_files(settings: AppSettings) -> dict[str, Path | str]:
    """What ``load_recipe`` takes for each recipe by name: those that ship, and those that people have kept."""
    return {**{name: name for name in recipe_names()}, **kept_recipes(settings.recipes)}


def title_of(recipe: Recipe, settings: AppSettings) -> str:
    """The recipe's name; where it has none, one made of what it says."""
    return name_of(recipe, settings.recipes) or f"recipe-{content_hash(recipe.model_dump_json())[:6]}"


def folder_of(settings: AppSettings, experiment: str) -> Path:
    """Where all of an experiment is kept."""
    return settings.evaluations / experiment


def prepare(
    settings: AppSettings,
    chosen: QuestionSet,
    recipes: Mapping[str, Recipe],
    *,
    answers: bool,
    limit: int,
    generation: int,
) -> Experiment:
    """Keep what is asked for, so that it can go on when it was stopped: the same is the same experiment.

    Raises EvaluationError, also where no question of the set can be measured so.
    """
    questions = chosen.questions
    usable = with_gold(questions) if answers else for_retrieval(questions)
    if not usable:
        raise EvaluationError("no question of this test set has what it takes to measure this", where=chosen.name)
    rows = "".join(f"{_json(one)}\n" for one in usable)
    asked = [f"{name} {recipe.model_dump_json()}" for name, recipe in recipes.items()]
    identity = content_hash(chosen.name, rows, f"{answers} {limit} {generation}", *asked)[:16]
    folder = folder_of(settings, identity)
    if (folder / _ABOUT).exists():
        return read_experiment(folder)
    (folder / _RECIPES).mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, recipe in recipes.items():
        write_atomically(folder / _RECIPES / f"{name}.toml", recipe_toml(recipe))
    write_atomically(folder / f"{chosen.name}.jsonl", rows)
    experiment = Experiment(
        id=identity,
        testset=chosen.name,
        recipes=tuple(recipes),
        answers=answers,
        limit=limit,
        left_out=len(questions) - len(usable),
        generation=generation,
        started=_now(),
    )
    _write(folder, experiment)
    return experiment


def experiments(settings: AppSettings) -> list[Experiment]:
    """All that are kept and can be read, the last one first."""
    found = [one for one in _read_all(settings) if isinstance(one, Experiment)]
    return sorted(found, key=lambda one: one.finished or one.started, reverse=True)


def damaged_experiments(settings: AppSettings) -> list[EvaluationError]:
    """Why others cannot be read."""
    return [one for one in _read_all(settings) if isinstance(one, EvaluationError)]


def _read_all(settings: AppSettings) -> Iterator[Experiment | EvaluationError]:
    for path in sorted(settings.evaluations.glob(f"*/{_ABOUT}")):
        try:
            yield read_experiment(path.parent)
        except EvaluationError as error:
            yield error


def read_experiment(folder: Path) -> Experiment:
    """What was asked for in this folder. Raises EvaluationError."""
    try:
        return TypeAdapter(Experiment).validate_json((folder / _ABOUT).read_bytes())
    except (OSError, ValidationError) as error:
        raise EvaluationError("this is no experiment", where=str(folder), hint="remove the folder") from error


def results_of(settings: AppSettings, experiment: Experiment) -> dict[str, Results]:
    """The results of a finished experiment by recipe. Raises EvaluationError."""
    from rag.evaluation.experiment.reading import read_results

    folder = folder_of(settings, experiment.id) / _RESULTS
    return {name: read_results(folder / name) for name in experiment.recipes}


def results_folder(settings: AppSettings, experiment: Experiment, recipe: str) -> Path:
    """Where the files of a recipe's results are: report.html, run.trec and the others."""
    return folder_of(settings, experiment.id) / _RESULTS / recipe


def recipe_files_of(settings: AppSettings, experiment: Experiment) -> list[Path]:
    """The recipes as they were when the experiment was asked for, in its order."""
    return [folder_of(settings, experiment.id) / _RECIPES / f"{name}.toml" for name in experiment.recipes]


def questions_of(settings: AppSettings, experiment: Experiment) -> dict[str, Question]:
    """The questions as they were asked, with their gold, by id. Raises EvaluationError."""
    place = folder_of(settings, experiment.id) / f"{experiment.testset}.jsonl"
    return {one.id: one for one in QuestionSet(experiment.testset, place).questions}


def forget(settings: AppSettings, experiment: Experiment) -> None:
    """Remove an experiment with its results. Raises OSError."""
    shutil.rmtree(folder_of(settings, experiment.id))


def begin_experiment(settings: AppSettings, experiment: Experiment, job: ExperimentJob) -> ExperimentJob:
    """Start it, or go on with one that was stopped: finished questions are not asked again."""
    job.id = experiment.id

    def work(tell: Callable[[Measuring], None]) -> Experiment:
        from rag.evaluation.experiment.run import Request, run_experiment

        folder = folder_of(settings, experiment.id)
        files = recipe_files_of(settings, experiment)
        _check(settings.index, files, tell, answers=experiment.answers)
        results = folder / _RESULTS
        run_experiment(
            Request(
                target=folder / f"{experiment.testset}.jsonl",
                recipes=tuple(map(str, files)),
                index=settings.index,
                trial=True,
                answers=experiment.answers,
                explain_misses=True,
                limit=experiment.limit or None,
                out=results if len(files) > 1 else results / experiment.recipes[0],
                command="rag app",
            ),
            progress=_Clock(experiment.recipes, tell),
        )
        for name in experiment.recipes:
            shutil.rmtree(results / name / INDEX, ignore_errors=True)
        done = replace(experiment, finished=_now())
        _write(folder, done)
        return done

    begin(job, work)
    return job


def _check(index: Path, files: Sequence[Path], tell: Callable[[Measuring], None], *, answers: bool) -> None:
    """Make the parts of every recipe: better to fail before a long run than in its middle. Raises RagError."""
    for number, file in enumerate(files, 1):
        tell(Measuring(number, len(files), "checking", 0, 1, None))
        with Pipeline(index, load_recipe(file)) as pipeline:
            _ = pipeline.embedder, pipeline.reranker
            if answers or pipeline.recipe.queries.transform != "none":
                _ = pipeline.generator


@dataclass(slots=True)
class _Clock:
    """Turns what an experiment says into how far it is; the time left is by the rate of the stage so far."""

    recipes: Sequence[str]
    tell: Callable[[Measuring], None]
    stage: str = ""
    first: int = 0
    since: float = field(default_factory=time.monotonic)

    def __call__(self, what: str, done: int, total: int) -> None:
        """What is "RECIPE: stage", or a stage of the whole."""
        name, _, stage = what.rpartition(": ")
        if what != self.stage:
            self.stage, self.first, self.since = what, done, time.monotonic()
        rate = (done - self.first) / max(time.monotonic() - self.since, 1e-3)
        number = self.recipes.index(name) + 1 if name in self.recipes else len(self.recipes)
        self.tell(Measuring(number, len(self.recipes), stage, done, total, (total - done) / rate if rate else None))


def _json(question: Question) -> str:
    return json.dumps(question_row(question), ensure_ascii=False)


def _write(folder: Path, experiment: Experiment) -> None:
    text = TypeAdapter(Experiment).dump_json(experiment, indent=2).decode()
    write_atomically(folder / _ABOUT, f"{text}\n")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
