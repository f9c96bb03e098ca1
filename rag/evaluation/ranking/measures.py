"""Measures of rankings: trec_eval's own numbers, by ir_measures on pytrec_eval, under one policy.

Order is by score as a 32-bit float, ties by document id, both descending (trec_eval). Every judged query counts: one
without results, or without a relevant document, with 0. A document that is not judged is not relevant. Queries that
are not judged are left out. What of this happened is in ``RunScores.notes``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.errors import EvaluationError
from rag.evaluation.ranking.judgements import MAX_GRADE, Qrels, Run, ranking
from rag.evaluation.ranking.names import PROVIDER, measure_of, parse_measures, with_judged
from rag.evaluation.scores import Mean, Score, mean

__all__ = ["RunScores", "parse_measures", "precision_recall", "score_run", "with_judged"]

RECALL_LEVELS = tuple(level / 10 for level in range(11))


@dataclass(frozen=True, slots=True)
class RunScores:
    """What a run scores: ``per_query`` has a value by measure for every judged query.

    ``without_results`` are judged queries that the run has nothing for, ``without_relevant`` those that have no
    document of grade 1 or more (both count 0), ``not_judged`` queries of the run without judgements (left out).
    """

    per_query: Mapping[str, Mapping[str, float]]
    without_results: tuple[str, ...] = ()
    without_relevant: tuple[str, ...] = ()
    not_judged: tuple[str, ...] = ()

    def mean(self, measure: str) -> Mean:
        """The mean over every judged query."""
        return mean(Score(value) for value in self.per_query[measure].values())

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know to trust the means, a sentence each."""
        told = (
            ("judged {} without results, counted as 0", self.without_results),
            ("judged {} without a relevant document, counted as 0", self.without_relevant),
            ("{} of the run without judgements, left out", self.not_judged),
        )
        return tuple(
            f"{len(queries)} {what.format('query' if len(queries) == 1 else 'queries')}: {_listed(queries)}"
            for what, queries in told
            if queries
        )


def score_run(qrels: Qrels, run: Run, measures: Sequence[str]) -> RunScores:
    """Score a run by measures named as ``parse_measures`` names them.

    Raises EvaluationError where there are no judgements, no query of the run is judged, a score is not finite, or a
    grade is out of range; MissingExtraError.
    """
    if not qrels:
        raise EvaluationError("there are no judgements")
    not_judged = tuple(query for query in run if query not in qrels)
    if run and len(not_judged) == len(run):
        raise EvaluationError(
            f"no query of the run is judged: it has {_listed(not_judged)}; judged are {_listed(tuple(qrels))}",
            hint="are judgements and run of one data set?",
        )
    queries = tuple(qrels)
    # What trec_eval's C sees are numbers in place of ids (it stops at a NUL, and crashes at a lone surrogate) and
    # ranks in place of scores, so that each provider of ir_measures, with whatever rule for ties, sees one order.
    grades: dict[str, dict[str, int]] = {}
    ranked: dict[str, dict[str, float]] = {}
    for number, query in enumerate(queries):
        order = _order(run.get(query, {}), query)
        names = {document: str(index) for index, document in enumerate((*order, *qrels[query]))}
        grades[str(number)] = _grades(qrels[query], names, query)
        if order:
            ranked[str(number)] = {names[document]: float(len(order) - rank) for rank, document in enumerate(order)}
    values = {name: _values(name, grades, ranked) for name in measures}
    return RunScores(
        per_query={
            name: {query: by_number[str(number)] for number, query in enumerate(queries)}
            for name, by_number in values.items()
        },
        without_results=tuple(query for query in queries if not run.get(query)),
        without_relevant=tuple(query for query in queries if max(qrels[query].values(), default=0) < 1),
        not_judged=not_judged,
    )


def precision_recall(qrels: Qrels, run: Run) -> tuple[tuple[float, float], ...]:
    """(recall, precision) at recall 0, .1, ..., 1: trec_eval's interpolated precision, averaged over the queries."""
    names = [f"IPrec@{level}" for level in RECALL_LEVELS]
    scores = score_run(qrels, run, names)
    return tuple(
        (level, math.fsum(scores.per_query[name].values()) / len(qrels))
        for level, name in zip(RECALL_LEVELS, names, strict=True)
    )


def _order(scores: Mapping[str, float], query: str) -> list[str]:
    try:
        return ranking(scores)
    except EvaluationError as error:
        raise EvaluationError(f"query {query!r}: {error}") from error


def _grades(judged: Mapping[str, int], names: Mapping[str, str], query: str) -> dict[str, int]:
    """Grades by a document's number; what is below 0 is -1, which trec_eval takes as not relevant and not judged."""
    for document, grade in judged.items():
        if grade % 1 or abs(grade) > MAX_GRADE:
            raise EvaluationError(
                f"query {query!r}, document {document!r}: the grade {grade} is no integer from -{MAX_GRADE} to "
                f"{MAX_GRADE}"
            )
    grades = {names[document]: max(int(grade), -1) for document, grade in judged.items()}
    # trec_eval reads outside its memory where no grade of a query is 0 or more. A document that is neither
    # relevant nor found changes no value there.
    return grades if max(grades.values(), default=-1) >= 0 else {**grades, "": 0}


def _values(name: str, grades: dict[str, dict[str, int]], ranked: dict[str, dict[str, float]]) -> dict[str, float]:
    # One measure at a time: ir_measures lets two of them that share a name in trec_eval (nDCG@10 with gains and
    # without) overwrite each other.
    measure = measure_of(name)
    evaluator = PROVIDER.evaluator([measure], grades)
    values = {metric.query_id: float(metric.value) for metric in evaluator.iter_calc(ranked)}
    if bad := next((query for query, value in values.items() if not math.isfinite(value)), None):
        raise EvaluationError(f"{name} is {values[bad]} for a query", hint="this is a fault of the measure's provider")
    return values


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
