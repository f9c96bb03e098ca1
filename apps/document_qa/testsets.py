"""Test sets beside the index: of rated answers, made of the documents, and uploaded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jobs import Job, begin
from settings import AppSettings
from uploads import Upload, keep, safe_name

from rag.errors import EvaluationError
from rag.evaluation.datasets import Question, read_questions
from rag.evaluation.testset.making import Making
from rag.pipeline import Pipeline
from rag.recipe import GeneratorConfig, Recipe

RATED = "rated"
UNANSWERABLE = 0.2  # share of the questions of a set made here that the documents do not answer


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A test set: a file of questions, as `rag testset` writes them."""

    name: str
    path: Path

    @property
    def questions(self) -> tuple[Question, ...]:
        """What it holds. Raises EvaluationError, naming the line."""
        return read_questions(self.path)


def sets_of(settings: AppSettings) -> dict[str, QuestionSet]:
    """The test sets by name: that of rated answers first, if there is one."""
    kept = {path.stem: path for path in settings.testsets.glob("*.jsonl") if not path.name.startswith(".")}
    found = {name: QuestionSet(name, kept[name]) for name in sorted(kept)}
    if not settings.rated.exists():
        return found
    return {RATED: QuestionSet(RATED, settings.rated)} | found


def with_gold(questions: Sequence[Question]) -> list[Question]:
    """Those of which is known what is right: a bad rating leaves that to be filled in."""
    return [one for one in questions if one.answers or one.documents or one.spans or not one.answerable]


def for_retrieval(questions: Sequence[Question]) -> list[Question]:
    """Those that a ranking can be measured by: the documents that hold the answer are known."""
    return [one for one in questions if one.answerable and one.documents]


def free_place(settings: AppSettings, name: str) -> Path:
    """Where a new test set of about this name may be kept: no other is there."""
    stem = Path(safe_name(f"{name.strip()}.jsonl")).stem
    taken = {RATED, *(path.stem.casefold() for path in settings.testsets.glob("*.jsonl"))}
    names = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return settings.testsets / f"{next(one for one in names if one.casefold() not in taken)}.jsonl"


def take_in(upload: Upload, settings: AppSettings) -> QuestionSet:
    """Keep an uploaded test set beside the others. Raises EvaluationError, naming its line and key; OSError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "set.jsonl"
        file.write_bytes(upload.data)
        try:
            questions = read_questions(file)
        except EvaluationError as error:
            where = error.where.replace(str(file), upload.name)
            raise EvaluationError(error.message.replace(str(file), upload.name), where=where) from error
    if not questions:
        raise EvaluationError("it has no question", where=upload.name, hint="a JSON object a line: _id, question, ...")
    place = free_place(settings, Path(upload.name.replace("\\", "/")).stem)
    keep(upload, place)
    return QuestionSet(place.stem, place)


@dataclass(frozen=True, slots=True)
class Made:
    """How far the making of a test set is: ``done`` of ``wanted`` questions, from ``tried`` facts."""

    done: int
    wanted: int
    tried: int


@dataclass(slots=True)
class MakingJob(Job[Made, Making]):
    """A test set of ``wanted`` questions being made in ``path``."""

    path: Path = Path()
    wanted: int = 0


def begin_making(index: Path, recipe: Recipe, job: MakingJob, writer: GeneratorConfig) -> MakingJob:
    """Start the job, or go on with one that was stopped: what it made is kept. ``writer`` writes the questions."""

    def work(tell: Callable[[Made], None]) -> Making:
        from rag.evaluation.testset.make import Plan
        from rag.evaluation.testset.of_index import testset_of

        tell(Made(0, job.wanted, 0))
        with Pipeline(index, recipe) as pipeline:
            return testset_of(
                pipeline,
                job.path,
                plan=Plan(job.wanted, UNANSWERABLE),
                generator=writer,
                progress=lambda now: tell(Made(now.done, now.wanted, now.tried)),
            )

    begin(job, work)
    return job
