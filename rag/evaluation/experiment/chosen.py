"""Which measures: one list of names for those of retrieval, answers, judges and Ragas."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import EvaluationError
from rag.evaluation.answers.measures import ANSWER_MEASURES
from rag.evaluation.judges.measures import JUDGED_MEASURES
from rag.evaluation.judges.ragas_adapter import RAGAS_MEASURES
from rag.evaluation.ranking.measures import parse_measures

__all__ = ["LOWER_IS_BETTER", "RETRIEVAL", "Chosen", "choose_measures", "depth"]

RETRIEVAL = ("nDCG@10", "AP", "RR", "R@10", "R@100", "Judged@10")
LOWER_IS_BETTER = frozenset(
    name
    for measures in (ANSWER_MEASURES, RAGAS_MEASURES)
    for name, measure in measures.items()
    if not measure.higher_is_better
)
DEPTH = 100


@dataclass(frozen=True, slots=True)
class Chosen:
    """Names of measures, by what it takes to compute them."""

    retrieval: tuple[str, ...] = RETRIEVAL
    answers: tuple[str, ...] = ()
    judged: tuple[str, ...] = ()
    ragas: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.retrieval, *self.answers, *self.judged, *self.ragas)


def choose_measures(names: Sequence[str], *, answers: bool) -> Chosen:
    """Sort names by kind.

    Where no measure of retrieval is named, there are the usual ones; where ``answers`` and none of the measures that
    need no judge is named, all of these. Raises EvaluationError for an unknown name, and for one of answers where
    there are none.
    """
    of_answers = (*ANSWER_MEASURES, *JUDGED_MEASURES, *RAGAS_MEASURES)
    by_case = {name.lower(): name for name in of_answers}
    asked = [by_case.get(name.lower(), name) for name in names]
    if wrong := [name for name in asked if name in of_answers and not answers]:
        raise EvaluationError(f"{wrong[0]} is a measure of answers", hint="add --answers")
    chosen = [name for name in asked if name in of_answers]
    others = [name for name in asked if name not in of_answers]
    return Chosen(
        retrieval=_retrieval(others, by_case) if others else RETRIEVAL,
        answers=tuple(name for name in chosen if name in ANSWER_MEASURES)
        or (tuple(ANSWER_MEASURES) if answers else ()),
        judged=tuple(name for name in chosen if name in JUDGED_MEASURES),
        ragas=tuple(name for name in chosen if name in RAGAS_MEASURES),
    )


def depth(measures: Sequence[str]) -> int:
    """How many passages a query's ranking needs: as deep as the deepest cutoff, and 100 for those without."""
    return max([DEPTH, *(int(cutoff) for name in measures for cutoff in re.findall(r"@(\d+)$", name))])


def _retrieval(names: Sequence[str], by_case: dict[str, str]) -> tuple[str, ...]:
    try:
        return parse_measures(" ".join(names))
    except EvaluationError as error:
        near = [by_case[name] for one in names for name in difflib.get_close_matches(one.lower(), by_case, 1, 0.8)]
        if not near:
            raise
        raise EvaluationError(error.message, hint=f"did you mean {near[0]}?") from error
