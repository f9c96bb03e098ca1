"""Refusal rates, AUROC and the risk–coverage curve: by hand and against scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from rag.evaluation.answers.refusals import Outcome, aurc, auroc, auroc_interval, refusal_scores, risk_coverage
from rag.evaluation.results import RiskPoint
from rag.evaluation.scores import Score, mean

ANSWERABLE, UNANSWERABLE = True, False
REFUSED, ANSWERED = True, False
RIGHT, WRONG = True, False

OUTCOMES = [
    Outcome(ANSWERABLE, ANSWERED, 0.9, RIGHT),
    Outcome(ANSWERABLE, ANSWERED, 0.8, WRONG),
    Outcome(UNANSWERABLE, ANSWERED, 0.8, WRONG),
    Outcome(ANSWERABLE, ANSWERED, 0.7, RIGHT),
    Outcome(ANSWERABLE, REFUSED, 0.4, RIGHT),
    Outcome(UNANSWERABLE, REFUSED, 0.3, WRONG),
    Outcome(UNANSWERABLE, REFUSED, 0.0, WRONG),
    Outcome(ANSWERABLE, REFUSED, 0.0, WRONG),
]


def _rate(name: str, outcomes: Sequence[Outcome]) -> float | None:
    each = [refusal_scores(answerable=one.answerable, refused=one.refused) for one in outcomes]
    return mean(Score(scores[name]) for scores in each if name in scores).value


def test_rates_by_hand() -> None:
    assert _rate("refusal_precision", OUTCOMES) == 2 / 4
    assert _rate("refusal_recall", OUTCOMES) == 2 / 3
    assert _rate("over_refusal", OUTCOMES) == 2 / 5


def test_precision_has_no_value_where_nothing_is_refused() -> None:
    answered = [one for one in OUTCOMES if not one.refused]
    assert _rate("refusal_precision", answered) is None
    assert _rate("refusal_recall", answered) == 0
    assert _rate("over_refusal", answered) == 0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_rates_are_those_of_scikit_learn(pairs: list[tuple[bool, bool]]) -> None:
    outcomes = [Outcome(answerable, refused, 0.5, None) for answerable, refused in pairs]
    empty = [not answerable for answerable, _ in pairs]
    refused = [refused for _, refused in pairs]
    expected = {
        "refusal_precision": precision_score(empty, refused, zero_division=math.nan),
        "refusal_recall": recall_score(empty, refused, zero_division=math.nan),
    }
    for name, value in expected.items():
        rate = _rate(name, outcomes)
        assert math.isnan(value) if rate is None else rate == pytest.approx(value, abs=1e-12)


def test_auroc_by_hand() -> None:
    # answerable .9 .8 .7 .4 .0 against .8 .3 .0: wins 3 + 2.5 + 2 + 2 + .5 of 15
    assert auroc(OUTCOMES).value == pytest.approx(10 / 15, abs=1e-12)


@pytest.mark.parametrize("kind", [True, False])
def test_auroc_needs_both_kinds(kind: bool) -> None:
    outcomes = [one for one in OUTCOMES if one.answerable is kind]
    assert auroc(outcomes).status == "no_claims"
    assert auroc([]).status == "no_claims"
    assert auroc_interval(outcomes, seed=0) is None


@given(
    st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 1.0]), min_size=1, max_size=30),
    st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]), min_size=1, max_size=30),
)
def test_auroc_is_that_of_scikit_learn(right: list[float], wrong: list[float]) -> None:
    outcomes = [Outcome(ANSWERABLE, ANSWERED, s, None) for s in right] + [
        Outcome(UNANSWERABLE, ANSWERED, s, None) for s in wrong
    ]
    expected = roc_auc_score([1] * len(right) + [0] * len(wrong), right + wrong)
    value = auroc(outcomes).value
    assert value == pytest.approx(expected, abs=1e-12)
    interval = auroc_interval(outcomes, seed=3, samples=50)
    assert interval is not None
    assert 0 <= interval[0] <= interval[1] <= 1


def test_auroc_interval_covers_the_truth_as_often_as_it_says() -> None:
    import numpy as np

    rng = np.random.default_rng(5)
    truth = 0.5 * math.erfc(-1 / 2)  # two normals one standard deviation apart: Φ(1/√2)
    hits = 0
    for trial in range(200):
        outcomes = [Outcome(ANSWERABLE, ANSWERED, s, None) for s in rng.normal(1, 1, 40).tolist()]
        outcomes += [Outcome(UNANSWERABLE, ANSWERED, s, None) for s in rng.normal(0, 1, 40).tolist()]
        interval = auroc_interval(outcomes, seed=trial, samples=500)
        assert interval is not None
        hits += interval[0] <= truth <= interval[1]
    assert 0.88 <= hits / 200 <= 0.99


def test_auroc_interval_is_repeatable() -> None:
    assert auroc_interval(OUTCOMES, seed=1) == auroc_interval(OUTCOMES, seed=1)
    assert auroc_interval(OUTCOMES, seed=1) != auroc_interval(OUTCOMES, seed=2)


def test_risk_coverage_by_hand() -> None:
    assert risk_coverage(OUTCOMES) == (
        RiskPoint(0.9, 1 / 8, 0),
        RiskPoint(0.8, 3 / 8, 2 / 3),
        RiskPoint(0.7, 4 / 8, 2 / 4),
        RiskPoint(0.4, 5 / 8, 2 / 5),  # refused, but its draft is right
        RiskPoint(0.3, 6 / 8, 3 / 6),
        RiskPoint(0.0, 1, 5 / 8),
    )


def test_questions_of_unknown_outcome_are_not_on_the_curve() -> None:
    assert risk_coverage([*OUTCOMES, Outcome(ANSWERABLE, ANSWERED, 0.95, None)]) == risk_coverage(OUTCOMES)
    assert risk_coverage([]) == ()


def test_aurc_by_hand() -> None:
    expected = (1 * 0 + 2 * 2 / 3 + 1 * 2 / 4 + 1 * 2 / 5 + 1 * 3 / 6 + 2 * 5 / 8) / 8
    assert aurc(risk_coverage(OUTCOMES)).value == pytest.approx(expected, abs=1e-12)
    assert aurc(()).status == "no_claims"


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_aurc_without_ties_is_the_mean_of_the_running_error(correct: list[bool]) -> None:
    outcomes = [Outcome(ANSWERABLE, ANSWERED, 1 - i / 100, right) for i, right in enumerate(correct)]
    running = [sum(not right for right in correct[: i + 1]) / (i + 1) for i in range(len(correct))]
    points = risk_coverage(outcomes)
    assert [point.risk for point in points] == running
    assert aurc(points).value == pytest.approx(sum(running) / len(running), abs=1e-12)
