"""What a system is compared with: a TREC run, or an earlier evaluation."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from rag.errors import EvaluationError
from rag.evaluation.experiment.folder import SCORES
from rag.evaluation.ranking.judgements import Qrels, read_run
from rag.evaluation.ranking.measures import score_run
from rag.evaluation.ranking.significance import merits
from rag.evaluation.results import QueryResult

KINDS = "a baseline is a TREC run, or a folder that `rag eval` wrote"

Values: TypeAlias = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A system's name, and its value by measure and question."""

    name: str
    values: Values


def read_baseline(path: Path, asked: Collection[str], qrels: Qrels, measures: Sequence[str]) -> Baseline:
    """The scores in an evaluation's folder (or its scores.jsonl), or those of a TREC run by ``measures``.

    Raises EvaluationError, also where it has none of the questions that are asked.
    """
    folder = path if path.is_dir() else path.parent
    if path.is_dir() or path.suffix in {".jsonl", ".json"}:
        values = merits(_read_scores(folder / SCORES))
        if not any(query in asked for by_query in values.values() for query in by_query):
            raise EvaluationError(
                "the baseline has a score of none of these questions",
                where=str(path),
                hint="was it made of this data set?",
            )
        return Baseline(folder.resolve().name, values)
    run = read_run(path)
    if not set(qrels) & set(run):
        raise EvaluationError(
            "the run has none of the judged queries", where=str(path), hint="was it made of this data set?"
        )
    return Baseline(path.stem, merits(score_run(qrels, run, measures).per_query))


def values_of(queries: Sequence[QueryResult]) -> Values:
    """The scores that have a value and can be compared, by measure and question."""
    values: dict[str, dict[str, float]] = {}
    for query in queries:
        for name, score in query.scores.items():
            if score.value is not None:
                values.setdefault(name, {})[query.id] = score.value
    return merits(values)


def _read_scores(path: Path) -> Values:
    values: dict[str, dict[str, float]] = {}
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(
            f"the baseline's scores cannot be read: {error}",
            where=str(path),
            hint=KINDS,
        ) from error
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line, parse_constant=_refuse)
            for name, score in row["scores"].items():
                if "value" in score:
                    values.setdefault(name, {})[row["id"]] = float(score["value"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EvaluationError("this is no line of scores", where=f"{path}:{number}", hint=KINDS) from error
    return values


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no score")
