"""Tests of significance against scipy, exact enumeration, hand-worked values and simulation."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rag.errors import EvaluationError
from rag.evaluation.ranking.significance import bootstrap_interval, compare, holm, randomization_p, t_test_p, unpaired

VALUES = st.floats(0, 1, allow_nan=False)


def _scores(values: list[float] | np.ndarray) -> dict[str, dict[str, float]]:
    return {"AP": {f"q{number}": float(value) for number, value in enumerate(values)}}


def _null_pairs(kind: str, pairs: int, queries: int) -> tuple[np.ndarray, np.ndarray]:
    """Two systems of one and the same quality, over queries of different difficulty."""
    rng = np.random.default_rng(20)
    shape = (pairs, queries)
    if kind == "smooth":
        ease = rng.random((pairs, queries))
        return np.clip(ease + rng.normal(0, 0.2, shape), 0, 1), np.clip(ease + rng.normal(0, 0.2, shape), 0, 1)
    levels = np.array([0, 0, 0, 1 / 3, 0.5, 1])
    return rng.choice(levels, shape), rng.choice(levels, shape)


@pytest.mark.parametrize("kind", ["smooth", "a few levels"])
def test_both_tests_give_false_alarms_as_often_as_promised(kind: str) -> None:
    left, right = _null_pairs(kind, pairs=2000, queries=50)
    for p in (t_test_p(right - left), randomization_p(right - left)):
        assert p.shape == (2000,)
        assert 0.04 <= (p <= 0.05).mean() <= 0.06


def test_after_correction_any_false_alarm_among_five_is_as_rare() -> None:
    left, right = _null_pairs("smooth", pairs=2000, queries=50)
    p = randomization_p(right - left).reshape(400, 5)
    assert np.mean([min(holm(list(row))) <= 0.05 for row in p]) <= 0.075


@settings(deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=60))
def test_the_t_test_is_scipys(pairs: list[tuple[float, float]]) -> None:
    left, right = np.array(pairs).T
    differences = right - left
    spread = differences.std(ddof=1)
    [p] = t_test_p(differences[None, :])
    if spread <= 1e-9:
        assert p in {0.0, 1.0} or 0 <= p <= 1
        return
    assert p == pytest.approx(stats.ttest_rel(right, left).pvalue, rel=1e-9, abs=1e-15)


def test_compare_reports_scipys_t_test() -> None:
    rng = np.random.default_rng(1)
    left, right = rng.random((2, 80))
    [found] = compare({"new": _scores(right)}, _scores(left))
    assert found.p_t == pytest.approx(stats.ttest_rel(right, left).pvalue, rel=1e-12)


def test_a_rerun_differs_in_nothing() -> None:
    values = _scores([0.1, 0.5, 0.7])
    [found] = compare({"again": values}, values)
    assert (found.p_t, found.p_randomization, found.p_corrected) == (1.0, 1.0, 1.0)
    assert (found.difference, found.low, found.high, found.effect_size) == (0.0, 0.0, 0.0, None)
    assert (found.wins, found.ties, found.losses) == (0, 3, 0)
    assert found.verdict == "no significant difference"


def test_rounding_is_no_difference() -> None:
    left = [0.1 * n for n in range(1, 40)]
    right = [value * (1 + 2e-16) + 1e-17 for value in left]
    assert left != right
    [found] = compare({"again": _scores(right)}, _scores(left))
    assert (found.ties, found.p_t, found.p_randomization, found.difference) == (39, 1.0, 1.0, 0.0)


def test_the_same_gain_for_every_query_is_found() -> None:
    left = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
    [found] = compare({"new": _scores([value + 0.1 for value in left])}, _scores(left))
    assert found.effect_size is None
    assert found.p_t == 0.0
    assert found.p_randomization == pytest.approx(2 / 2**8, abs=0.003)
    assert found.verdict == "better"


def test_one_query_proves_nothing() -> None:
    [found] = compare({"new": _scores([1.0])}, _scores([0.0]))
    assert (found.n, found.p_t, found.p_randomization, found.effect_size) == (1, 1.0, 1.0, None)
    assert (found.low, found.high) == (1.0, 1.0)


@pytest.mark.parametrize(
    "differences", [[0.1, 0.2, 0.3], [0.3, -0.1, 0.2, 0.2, 0.0, 0.4, -0.3, 0.1], [0.5, 0.5, -0.5, 1.0, 0.0]]
)
def test_the_randomisation_test_agrees_with_every_sign_flip_there_is(differences: list[float]) -> None:
    """In tenths, so that sums which are equal are equal; in floats .1 + .2 - .3 is not 0."""
    tenths = [round(10 * one) for one in differences]
    flips = [
        abs(sum(sign * one for sign, one in zip(signs, tenths, strict=True))) >= abs(sum(tenths))
        for signs in itertools.product((1, -1), repeat=len(tenths))
    ]
    [p] = randomization_p(np.array([differences]), samples=40_000)
    assert p == pytest.approx(fmean(flips), abs=0.01)


def test_the_randomisation_p_is_never_0_and_counts_the_observed() -> None:
    [found] = compare({"new": _scores([1.0] * 60)}, _scores([0.0] * 60))
    assert found.p_randomization == 1 / 10_001


def test_everything_random_is_drawn_from_the_seed() -> None:
    rng = np.random.default_rng(5)
    left, right = rng.random((2, 40))
    systems = {"new": _scores(right), "other": _scores(right / 2)}
    first, again = compare(systems, _scores(left), seed=3), compare(systems, _scores(left), seed=3)
    assert first == again
    another = compare(systems, _scores(left), seed=4)
    assert [one.p_randomization for one in first] != [one.p_randomization for one in another]
    [alone] = compare({"new": _scores(right)}, _scores(left), seed=3)
    assert alone.p_randomization == first[0].p_randomization, "the other systems change the correction alone"
    shuffled = {"AP": dict(reversed(_scores(right)["AP"].items()))}
    assert compare({"new": shuffled}, _scores(left), seed=3) == (alone,), "nor does the order of the queries"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=2, max_size=30))
def test_turning_a_comparison_round_turns_its_sign(pairs: list[tuple[float, float]]) -> None:
    left, right = ([pair[side] for pair in pairs] for side in (0, 1))
    [there] = compare({"b": _scores(right)}, _scores(left), baseline="a")
    [back] = compare({"a": _scores(left)}, _scores(right), baseline="b")
    assert there.difference == -back.difference
    assert (there.wins, there.ties, there.losses) == (back.losses, back.ties, back.wins)
    assert (there.p_t, there.p_randomization) == (back.p_t, back.p_randomization)
    assert 0 < there.p_randomization <= 1
    assert 0 <= there.p_t <= 1
    assert there.low <= there.difference + 1e-12
    assert there.difference <= there.high + 1e-12


def test_figures_worked_by_hand() -> None:
    left, right = [0.0, 0.5, 0.5, 1.0], [0.5, 0.5, 1.0, 0.8]
    [found] = compare({"new": _scores(right)}, _scores(left), baseline="old", alpha=0.1)
    assert (found.measure, found.baseline, found.system, found.n, found.alpha) == ("AP", "old", "new", 4, 0.1)
    assert (found.baseline_mean, found.system_mean) == (0.5, 0.7)
    assert found.difference == pytest.approx(0.2)
    assert found.effect_size == pytest.approx(0.2 / stdev([0.5, 0.0, 0.5, -0.2]))
    assert (found.wins, found.ties, found.losses) == (2, 1, 1)


def test_where_lower_is_better_fewer_errors_win() -> None:
    left, right = {"error rate": {"a": 0.5, "b": 0.5}}, {"error rate": {"a": 0.1, "b": 0.9}}
    right["error rate"] |= {f"q{n}": 0.0 for n in range(30)}
    left["error rate"] |= {f"q{n}": 1.0 for n in range(30)}
    [found] = compare({"new": right}, left, lower_is_better={"error rate"})
    assert (found.wins, found.losses, found.higher_is_better, found.verdict) == (31, 1, False, "better")


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_between_the_raw_value_and_bonferronis(p_values: list[float]) -> None:
    corrected = holm(p_values)
    for raw, one in zip(p_values, corrected, strict=True):
        assert raw <= one <= min(1.0, raw * len(p_values)) or one == max(corrected)
        assert one <= 1
    by_raw = [one for _, one in sorted(zip(p_values, corrected, strict=True))]
    assert by_raw == sorted(by_raw)


def test_the_correction_is_over_all_comparisons_made_together() -> None:
    rng = np.random.default_rng(9)
    base = rng.random(60)
    systems = {f"s{number}": _scores(base + rng.normal(gain, 0.3, 60)) for number, gain in enumerate((0.0, 0.08, 0.15))}
    found = compare(systems, _scores(base))
    assert [one.p_corrected for one in found] == holm([one.p_randomization for one in found])
    raw, corrected = (
        [one.system for one in found if getattr(one, p) <= 0.05] for p in ("p_randomization", "p_corrected")
    )
    assert set(corrected) <= set(raw)


def test_only_what_both_have_is_compared_and_the_rest_is_told() -> None:
    base = {"AP": {"a": 0.1, "b": 0.2, "c": 0.3}, "RR": {"a": 1.0}}
    new = {"AP": {"b": 0.4, "c": 0.5, "d": 0.9}, "P@5": {"a": 0.0}}
    [found] = compare({"new": new}, base, baseline="old")
    assert (found.n, found.baseline_mean, found.system_mean) == (2, 0.25, 0.45)
    assert unpaired({"new": new}, base, baseline="old") == (
        "AP: 2 queries that only one of old and new has a value for are left out; 2 are compared",
        "RR is not compared: new has no values for it",
        "P@5 is not compared: old has no values for it",
    )
    assert unpaired({"same": base}, base) == ()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_the_interval_is_scipys_bca_bootstrap(share: float) -> None:
    rng = np.random.default_rng(4)
    values = rng.beta(0.5, 0.8, size=70) * (rng.random(70) >= share)
    low, high = bootstrap_interval(list(values), samples=20_000)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=1).confidence_interval
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.004)
    assert low < values.mean() < high
    assert bootstrap_interval(list(values), samples=20_000) == (low, high)


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    drawn = rng.choice([0.0, 0.2, 0.5, 1.0], p=[0.5, 0.1, 0.2, 0.2], size=(1500, 60))
    true = 0.02 + 0.1 + 0.2
    intervals = [bootstrap_interval(list(row), samples=500, seed=seed) for seed, row in enumerate(drawn)]
    assert 0.93 <= fmean(low <= true <= high for low, high in intervals) <= 0.97


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=20))
def test_an_interval_stays_within_the_values(values: list[float]) -> None:
    low, high = bootstrap_interval(values, samples=200)
    assert min(values) - 1e-12 <= low <= high <= max(values) + 1e-12


def test_memory_stays_bounded() -> None:
    rng = np.random.default_rng(0)
    values = rng.random(20_000)
    tracemalloc.start()
    bootstrap_interval(list(values), samples=1000)
    randomization_p(values[None, :] - 0.5, samples=1000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 120e6, "20 million draws at 8 bytes would be 160 MB"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"alpha": 1.0}, "alpha is 1.0"),
        ({"samples": 9_999}, "9999 samples are too few"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        compare({"new": _scores([1.0])}, _scores([1.0]), **arguments)  # type: ignore[arg-type]


def test_values_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(EvaluationError, match="old and new share no query with a value of AP"):
        compare({"new": {"AP": {"x": 1.0}}}, {"AP": {"y": 1.0}}, baseline="old")
    with pytest.raises(EvaluationError, match="nan is no score"):
        compare({"new": _scores([math.nan])}, _scores([1.0]))
    with pytest.raises(EvaluationError, match="inf is no score"):
        bootstrap_interval([1.0, math.inf])
    with pytest.raises(EvaluationError, match="there are no values"):
        bootstrap_interval([])
