"""The line between answers and refusals: by hand, against scipy, and that the promises hold in simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from rag.errors import EvaluationError
from rag.evaluation.calibration import (
    Trial,
    binomial_tail,
    control_all,
    control_answered,
    least_questions,
    table,
    trial,
)
from rag.evaluation.datasets import Question
from rag.types import Answer

TRIALS = st.lists(
    st.builds(
        lambda score, answered, wrong: Trial(score, answered, answered and wrong),
        st.floats(0, 1),
        st.booleans(),
        st.booleans(),
    ),
    min_size=19,
    max_size=60,
)


def _right(score: float) -> Trial:
    return Trial(score, answered=True, wrong=False)


def _wrong(score: float) -> Trial:
    return Trial(score, answered=True, wrong=True)


def test_the_line_by_hand() -> None:
    # n = 9 and 30%: (wrong + 1) / 10 <= .3 allows two wrong answers; the third stands at .5.
    wrong_at = {0.8, 0.6, 0.5}
    trials = [
        _wrong(score) if score in wrong_at else _right(score)
        for score in (0.9, 0.8, 0.7, 0.6, 0.55, 0.5, 0.4, 0.3, 0.2)
    ]
    point = control_all(trials, 0.3)
    assert (point.threshold, point.answered, point.wrong, point.questions) == (0.55, 5, 2, 9)


def test_where_the_surest_answer_is_wrong_nothing_is_answered() -> None:
    trials = [_wrong(0.9)] * 2 + [_right(0.5)] * 17
    point = control_all(trials, 0.1)
    assert (point.answered, point.wrong) == (0, 0)
    assert point.threshold > 0.9


@pytest.mark.parametrize(("max_wrong", "need"), [(0.05, 19), (0.1, 9), (0.01, 99), (0.3, 3)])
def test_too_few_questions_say_how_many_are_needed(max_wrong: float, need: int) -> None:
    assert least_questions(max_wrong) == need
    right = _right(0.5)
    with pytest.raises(EvaluationError, match=f"{need} are the least"):
        control_all([right] * (need - 1), max_wrong)
    assert control_all([right] * need, max_wrong).answered == need


@given(TRIALS)
def test_a_higher_line_never_gives_more_wrong_answers(trials: list[Trial]) -> None:
    points = table(trials, sorted({one.score for one in trials}))
    wrong = [point.wrong for point in points]
    assert wrong == sorted(wrong, reverse=True)


@given(TRIALS)
def test_the_chosen_line_obeys_the_bound_and_no_lower_one_does(trials: list[Trial]) -> None:
    point = control_all(trials, 0.2)
    n = len(trials)
    bound = n / (n + 1) * (point.wrong / n) + 1 / (n + 1)
    assert bound <= 0.2 + 1e-9
    lower = [one.score for one in trials if one.answered and one.score < point.threshold]
    if lower:
        (below,) = table(trials, [max(lower)])
        assert (below.wrong + 1) / (n + 1) > 0.2


@pytest.mark.parametrize(("wrong", "answered", "rate"), [(0, 90, 0.05), (3, 200, 0.05), (0, 0, 0.1), (40, 100, 0.4)])
def test_the_tail_equals_scipy(wrong: int, answered: int, rate: float) -> None:
    assert binomial_tail(wrong, answered, rate) == pytest.approx(binom.cdf(wrong, answered, rate))


def _draw(rng: np.random.Generator, n: int) -> list[Trial]:
    """The surer, the rarer wrong: P(wrong | score) = (1 - score) / 2."""
    scores = rng.uniform(size=n)
    return [_wrong(float(s)) if rng.uniform() < (1 - s) / 2 else _right(float(s)) for s in scores]


def test_conformal_risk_control_keeps_its_promise_in_expectation() -> None:
    rng = np.random.default_rng(0)
    lines = [control_all(_draw(rng, 100), 0.05).threshold for _ in range(150)]
    # P(score >= t and wrong) = (1 - t)^2 / 4
    risks = [(1 - min(line, 1)) ** 2 / 4 for line in lines]
    assert np.mean(risks) <= 0.05
    assert np.mean(risks) >= 0.03  # and wastes little


def test_learn_then_test_fails_no_more_often_than_delta() -> None:
    rng = np.random.default_rng(1)
    failed = 0
    for _ in range(40):
        line = control_answered(_draw(rng, 400), 0.2, delta=0.1).threshold
        failed += (1 - line) / 4 > 0.2  # the mean of (1 - score) / 2 above the line
    assert failed <= 4


def test_learn_then_test_says_what_it_lacks() -> None:
    with pytest.raises(EvaluationError, match="90 right answers in a row"):
        control_answered([_right(0.9)] * 50, 0.05)


def _answer(verdict: str, text: str) -> Answer:
    return Answer("q", text, verdict, (), text, (), score=0.7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("question", "verdict", "wrong"),
    [
        (Question("1", "q", ("22 hours",)), "supported", False),
        (Question("1", "q", ("17 hours",)), "supported", True),
        (Question("1", "q", ("17 hours",)), "not in the documents", False),
        (Question("1", "q", answerable=False), "partly", True),
        (Question("1", "q", answerable=False), "not in the documents", False),
    ],
)
def test_what_counts_as_wrong(question: Question, verdict: str, wrong: bool) -> None:
    assert trial(question, _answer(verdict, "It lasts 22 hours.")).wrong is wrong


def test_a_question_without_gold_cannot_be_judged() -> None:
    with pytest.raises(EvaluationError, match="no gold answer"):
        trial(Question("7", "q"), _answer("supported", "a"))
