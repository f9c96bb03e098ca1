"""An evaluation read back from the folder that it was written to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from rag.errors import EvaluationError
from rag.evaluation.experiment.folder import FINISHED, MISSES, SCORES, SUMMARY, read_finished
from rag.evaluation.experiment.summary import Summary
from rag.evaluation.results import Miss, QueryResult
from rag.evaluation.scores import Score

__all__ = ["Results", "read_results"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Results:
    """What ``write_results`` wrote: the summary, every question with its scores, and what failed ones lost."""

    summary: Summary
    queries: tuple[QueryResult, ...]
    misses: tuple[Miss, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    id: str
    question: str
    error: str = ""
    answer: str | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)


def read_results(folder: Path) -> Results:
    """The results in a folder. Raises EvaluationError where it does not hold those of a finished evaluation."""
    try:
        finished = read_finished(folder / FINISHED)
        return Results(
            summary=_parse(TypeAdapter(Summary), (folder / SUMMARY).read_text("utf-8"), folder / SUMMARY),
            queries=tuple(_query(row, finished) for row in _lines(TypeAdapter(_Row), folder / SCORES)),
            misses=tuple(_lines(TypeAdapter(Miss), folder / MISSES)),
        )
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"the results cannot be read: {error}", where=str(folder)) from error


def _query(row: _Row, finished: Mapping[str, QueryResult]) -> QueryResult:
    if row.error or row.id not in finished:
        return QueryResult(row.id, row.question, error=row.error, scores=row.scores)
    known = finished[row.id]
    return replace(known, scores=row.scores, answer=known.answer if row.answer is not None else None)


def _lines(kind: TypeAdapter[T], file: Path) -> Iterator[T]:
    for number, line in enumerate(file.read_text("utf-8").split("\n")[:-1], 1):
        yield _parse(kind, line, f"{file}:{number}")


def _parse(kind: TypeAdapter[T], text: str, where: object) -> T:
    try:
        return kind.validate_json(text)
    except ValidationError as error:
        raise EvaluationError("this is no result of an evaluation", where=str(where)) from error
