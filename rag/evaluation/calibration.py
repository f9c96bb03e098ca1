"""From which score on to answer, so that answers are wrong no more often than the user allows.

Two promises. ``control_all`` bounds the share of wrong answers among all questions by conformal risk control
(Angelopoulos, Bates, Fisch, Lei & Schuster, "Conformal Risk Control", ICLR 2024, theorem 1): in expectation over
calibration sets and the next question. ``control_answered`` bounds it among the questions that get an answer, with
probability 1 - delta over calibration sets, by fixed-sequence testing with several starts (Angelopoulos, Bates, Candès,
Jordan & Lei, "Learn then Test", 2021, algorithm 1) and exact binomial p-values. Both hold if the test set and the
questions to come are exchangeable, as a random sample of them is, and say nothing if they are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rag.errors import EvaluationError
from rag.evaluation.answers.text import contains
from rag.evaluation.datasets import Question
from rag.types import Answer

__all__ = ["Point", "Trial", "control_all", "control_answered", "least_questions", "table", "trial"]

# Lines that are tested: every hundredth; and ten of them are starts, each with a tenth of delta.
GRID = tuple(step / 100 for step in range(100, -1, -1))
STARTS = 10


@dataclass(frozen=True, slots=True)
class Trial:
    """A question of the test set, answered with no line drawn: its score, and whether what was said was wrong."""

    score: float
    answered: bool
    wrong: bool


@dataclass(frozen=True, slots=True)
class Point:
    """What a line does on the test set; counts of questions."""

    threshold: float
    answered: int
    wrong: int
    questions: int


def trial(question: Question, answer: Answer) -> Trial:
    """Wrong is an answer to a question that the documents do not answer, or one that holds no gold answer.

    Of quotations and answers in sentences a gold answer need only be a part. Raises EvaluationError for an answerable
    question without gold answers.
    """
    if question.answerable and not question.answers:
        raise EvaluationError(
            "the question has no gold answer, so that no answer to it can be told right from wrong",
            where=question.id,
            hint="give it answers, or mark it unanswerable",
        )
    said = " ".join(sentence.text for sentence in answer.sentences) or answer.text
    right = question.answerable and contains(said, question.answers) == 1
    return Trial(answer.score, not answer.refused, not answer.refused and not right)


def least_questions(max_wrong: float) -> int:
    """The smallest test set on which ``control_all`` may answer anything: 1/(n + 1) must be at most ``max_wrong``."""
    return math.ceil(1 / max_wrong - 1 - 1e-9)


def control_all(trials: Sequence[Trial], max_wrong: float) -> Point:
    """The lowest line at which n/(n+1)·R + 1/(n+1) <= ``max_wrong``, R the share of wrong answers among all questions.

    Raises EvaluationError where there are too few questions for that.
    """
    _check(max_wrong)
    need = least_questions(max_wrong)
    if len(trials) < need:
        raise EvaluationError(
            f"{len(trials)} questions cannot promise at most {max_wrong:.1%} wrong answers",
            where="testset",
            hint=f"{need} are the least, and several times as many serve better",
        )
    lines = sorted({one.score for one in trials if one.answered})
    best = _point(trials, math.nextafter(lines[-1], math.inf) if lines else 0.0)
    for line in reversed(lines):
        point = _point(trials, line)
        if (point.wrong + 1) / (len(trials) + 1) > max_wrong + 1e-12:
            break
        best = point
    return best


def control_answered(trials: Sequence[Trial], max_wrong: float, *, delta: float = 0.1) -> Point:
    """The lowest line at which, with confidence 1 - ``delta``, at most ``max_wrong`` of the answers are wrong.

    Raises EvaluationError where no line can be shown to do that, with the number of answers it would take at least.
    """
    _check(max_wrong)
    _check(delta)
    share = delta / STARTS
    passed: set[float] = set()
    for start in range(0, len(GRID) - 1, (len(GRID) - 1) // STARTS):
        for line in GRID[start:]:
            point = _point(trials, line)
            if binomial_tail(point.wrong, point.answered, max_wrong) > share:
                break
            passed.add(line)
    if not passed:
        need = math.ceil(math.log(share) / math.log(1 - max_wrong))
        answered = sum(one.answered for one in trials)
        raise EvaluationError(
            f"{answered} answers to {len(trials)} questions do not show that at most {max_wrong:.1%} of any are wrong",
            where="testset",
            hint=f"it takes {need} right answers in a row at least: ask more questions or allow more wrong answers",
        )
    return _point(trials, min(passed))


def binomial_tail(wrong: int, answered: int, rate: float) -> float:
    """P(Bin(answered, rate) <= wrong): the p-value of "at least ``rate`` of the answers are wrong"."""
    logs = (
        math.lgamma(answered + 1)
        - math.lgamma(k + 1)
        - math.lgamma(answered - k + 1)
        + k * math.log(rate)
        + (answered - k) * math.log1p(-rate)
        for k in range(wrong + 1)
    )
    return min(math.fsum(map(math.exp, logs)), 1.0)


def table(trials: Sequence[Trial], lines: Iterable[float]) -> list[Point]:
    """What lines do, in their order."""
    return [_point(trials, line) for line in lines]


def _point(trials: Sequence[Trial], line: float) -> Point:
    given = [one for one in trials if one.answered and one.score >= line]
    return Point(line, len(given), sum(one.wrong for one in given), len(trials))


def _check(share: float) -> None:
    if not 0 < share < 1:
        raise EvaluationError(f"{share} is no share between 0 and 1", hint="5% is 0.05")
