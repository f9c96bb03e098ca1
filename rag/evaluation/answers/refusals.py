"""Whether refusing was right, and how well the verdict's score tells questions with an answer from those without.

The score is ``Answer.score``: how far the answer is about the question, from 0 to 1. A refused question has one too;
what would have been shown, had the threshold been lower, is its draft.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rag.evaluation.results import RiskPoint
from rag.evaluation.scores import Score

__all__ = ["Outcome", "aurc", "auroc", "auroc_interval", "refusal_scores", "risk_coverage"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A question that was answered or refused.

    ``correct``: whether the answer (the draft, where it was refused) is right; None where it is not known,
    as for an answerable question without gold answers.
    """

    answerable: bool
    refused: bool
    score: float
    correct: bool | None


def refusal_scores(*, answerable: bool, refused: bool) -> dict[str, float]:
    """What one question adds to the three rates, each the mean over the questions that have a value for it.

    "refusal_precision": of the refused, the share that have no answer; "refusal_recall": of those without an answer,
    the share refused; "over_refusal": of those with an answer, the share refused. So where nothing was refused,
    precision is a mean of nothing: it has no value.
    """
    scores = {"over_refusal": float(refused)} if answerable else {"refusal_recall": float(refused)}
    return scores | ({"refusal_precision": float(not answerable)} if refused else {})


def auroc(outcomes: Iterable[Outcome]) -> Score:
    """The chance that an answerable question scores above an unanswerable one, ties counting half.

    It equals the area under the ROC curve (Hanley & McNeil 1982). Without questions of both kinds there is none:
    status "no_claims".
    """
    answerable, unanswerable = _by_score(outcomes)
    if not answerable.sum() or not unanswerable.sum():
        return Score.missing("no_claims", "needs questions with an answer and questions without")
    return Score(float(_area(answerable, unanswerable)))


def auroc_interval(outcomes: Iterable[Outcome], *, seed: int, samples: int = 2000) -> tuple[float, float] | None:
    """95% percentile bootstrap interval of ``auroc``, drawn within each kind of question; None where it has none."""
    answerable, unanswerable = _by_score(outcomes)
    m, n = int(answerable.sum()), int(unanswerable.sum())
    if not m or not n:
        return None
    rng = np.random.default_rng(seed)
    areas = _area(rng.multinomial(m, answerable / m, samples), rng.multinomial(n, unanswerable / n, samples))
    low, high = np.quantile(areas, (0.025, 0.975))
    return float(low), float(high)


def risk_coverage(outcomes: Iterable[Outcome]) -> tuple[RiskPoint, ...]:
    """The risk–coverage curve, a point at each distinct score, highest first (El-Yaniv & Wiener 2010).

    At a threshold all questions with at least that score count as answered. An unanswerable one that is answered is
    wrong; an answerable one is right if its answer is. Questions of which that is not known are left out.
    """
    known = [outcome for outcome in outcomes if outcome.correct is not None]
    total = Counter(outcome.score for outcome in known)
    wrong = Counter(outcome.score for outcome in known if not outcome.correct)
    points: list[RiskPoint] = []
    answered = mistaken = 0
    for score in sorted(total, reverse=True):
        answered += total[score]
        mistaken += wrong[score]
        points.append(RiskPoint(score, answered / len(known), mistaken / answered))
    return tuple(points)


def aurc(points: Sequence[RiskPoint]) -> Score:
    """Area under the risk–coverage curve: the mean over the questions of the risk at their own score.

    Lower is better. Defined by Geifman, Uziel & El-Yaniv (ICLR 2019); questions of one score share its risk here.
    Status "no_claims" where there is no point.
    """
    if not points:
        return Score.missing("no_claims", "no question has a known outcome")
    edges = pairwise([0.0, *(point.coverage for point in points)])
    return Score(sum((end - start) * point.risk for (start, end), point in zip(edges, points, strict=True)))


def _by_score(outcomes: Iterable[Outcome]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How many answerable and unanswerable questions have each distinct score, lowest score first."""
    counts = {True: Counter[float](), False: Counter[float]()}
    for outcome in outcomes:
        counts[outcome.answerable][outcome.score] += 1
    grid = sorted(counts[True] | counts[False])
    answerable, unanswerable = (np.array([counts[kind][score] for score in grid], np.int64) for kind in (True, False))
    return answerable, unanswerable


def _area(answerable: npt.NDArray[np.int64], unanswerable: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """AUROC from counts by score, shape (..., scores)."""
    below = np.cumsum(unanswerable, axis=-1) - unanswerable
    wins = (answerable * (below + unanswerable / 2)).sum(axis=-1)
    area: npt.NDArray[np.float64] = wins / (answerable.sum(axis=-1) * unanswerable.sum(axis=-1))
    return area
