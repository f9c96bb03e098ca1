"""Whether a difference between systems is more than chance: paired tests, intervals, correction for many comparisons.

The t-test and the randomisation test are those that agree best with each other and with repeated evaluation on IR data
(Smucker, Allan & Carterette, CIKM 2007; Urbano, Lima & Hanjalic, SIGIR 2019). Everything drawn at random is drawn from
a seed, so that the same scores give the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rag.errors import EvaluationError, MissingExtraError
from rag.evaluation.results import Comparison

__all__ = ["PerQuery", "bootstrap_interval", "compare", "holm", "merits", "randomization_p", "t_test_p", "unpaired"]

PerQuery: TypeAlias = Mapping[str, Mapping[str, float]]
"""Values by measure and query."""
Floats: TypeAlias = NDArray[np.float64]

MIN_SAMPLES = 10_000
EQUAL = 1e-12  # relative; below it a difference is rounding
BLOCK = 4_000_000  # numbers held at once, whatever the number of samples


def compare(
    systems: Mapping[str, PerQuery],
    baseline_scores: PerQuery,
    *,
    baseline: str = "baseline",
    alpha: float = 0.05,
    samples: int = MIN_SAMPLES,
    seed: int = 0,
    lower_is_better: Collection[str] = (),
) -> tuple[Comparison, ...]:
    """Compare each system with the baseline, by every measure that both have, over the queries that both have.

    Holm's correction is over all of these comparisons. What is left out since only one side has it is told by
    ``unpaired``. Measures in ``lower_is_better`` are rates of error. ``samples`` are those of the randomisation
    test and of the bootstrap.

    Raises EvaluationError where two systems share no query, a value is not finite, or an argument is out of range.
    """
    if not 0 < alpha < 1:
        raise EvaluationError(f"alpha is {alpha}", hint="a share of false alarms between 0 and 1, such as 0.05")
    if samples < MIN_SAMPLES:
        raise EvaluationError(f"{samples} samples are too few for a p-value", hint=f"at least {MIN_SAMPLES}")
    found = [
        _compare(
            measure,
            (baseline, values),
            (name, scores[measure]),
            alpha=alpha,
            samples=samples,
            seed=seed,
            higher_is_better=measure not in lower_is_better,
        )
        for measure, values in baseline_scores.items()
        for name, scores in systems.items()
        if measure in scores
    ]
    corrected = holm([one.p_randomization for one in found])
    return tuple(replace(one, p_corrected=p) for one, p in zip(found, corrected, strict=True))


def merits(scores: PerQuery) -> PerQuery:
    """The scores without Judged@k: how much was judged is no merit of a system."""
    return {name: values for name, values in scores.items() if not name.startswith("Judged")}


def unpaired(
    systems: Mapping[str, PerQuery], baseline_scores: PerQuery, *, baseline: str = "baseline"
) -> tuple[str, ...]:
    """What ``compare`` leaves out, a sentence each: queries and measures that only one of the two has."""
    notes = []
    for name, scores in systems.items():
        for measure in dict.fromkeys((*baseline_scores, *scores)):
            left, right = baseline_scores.get(measure), scores.get(measure)
            if left is None or right is None:
                notes.append(f"{measure} is not compared: {baseline if left is None else name} has no values for it")
            elif both := set(left) ^ set(right):
                notes.append(
                    f"{measure}: {len(both)} queries that only one of {baseline} and {name} has a value for are left "
                    f"out; {len(set(left) & set(right))} are compared"
                )
    return tuple(dict.fromkeys(notes))


def bootstrap_interval(
    values: Sequence[float], *, seed: int = 0, samples: int = MIN_SAMPLES, confidence: float = 0.95
) -> tuple[float, float]:
    """A BCa bootstrap interval of the mean (Efron 1987; Efron & Tibshirani 1993, chapter 14).

    Queries are drawn with replacement. Differences are skewed and mostly 0: where one query in 14 differs, BCa covers
    the true mean in 92% of simulated samples of 50 queries and 95% of 100, the percentile interval in 88% and 93%.

    Raises EvaluationError without values, or with one that is not finite.
    """
    array = _array(values)
    if not array.size:
        raise EvaluationError("there are no values, so their mean has no interval")
    if samples < 1 or not 0 < confidence < 1:
        raise EvaluationError(f"{samples} samples and confidence {confidence} give no interval")
    if np.ptp(array) == 0:
        return float(array[0]), float(array[0])
    generator = np.random.default_rng(seed)
    means = np.concatenate(
        [
            array[generator.integers(array.size, size=(rows, array.size), dtype=np.int32)].mean(axis=1)
            for rows in _blocks(samples, array.size)
        ]
    )
    low, high = np.quantile(means, _bca_levels(array, means, confidence))
    return float(low), float(high)


def t_test_p(differences: Floats) -> Floats:
    """Two-sided p-values of Student's paired t-test; a row is one comparison's differences by query.

    A row whose differences are all 0, or of a single query, has 1: it says nothing against equality. One whose
    differences are all equal and not 0 has 0.
    """
    try:
        from scipy.special import stdtr  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError("scipy is not installed", hint="pip install 'ragstone[eval]'") from error
    count = differences.shape[-1]
    if count < 2:
        return np.ones(differences.shape[:-1])
    average = differences.mean(axis=-1)
    spread = _deviation(differences) / math.sqrt(count)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(average == 0, 0.0, np.abs(average) / spread)
    p: Floats = 2 * stdtr(count - 1, -statistic)
    return p


def randomization_p(differences: Floats, *, seed: int = 0, samples: int = MIN_SAMPLES) -> Floats:
    """Two-sided p-values of Fisher's randomisation test; a row is one comparison's differences by query.

    If systems are exchangeable, so are the signs of the differences: p = (c + 1) / (B + 1) for c of B random sign
    flips whose sum is at least as far from 0 as the one observed (Phipson & Smyth 2010: never 0). Rows share the flips.
    """
    rows: Floats = np.atleast_2d(differences)
    rows = rows[:, (rows != 0).any(axis=0)]  # a tie has no sign to flip
    total = rows.sum(axis=1)
    # Sums in another order differ in their last bits, which must not decide whether one is "at least as far".
    least = np.abs(total) - EQUAL * np.abs(rows).sum(axis=1)
    generator = np.random.default_rng(seed)
    counts = np.zeros(len(rows), np.int64)
    width = rows.shape[1]
    for block in _blocks(samples, max(width, len(rows))):
        flips = np.unpackbits(generator.integers(256, size=(block, -(-width // 8)), dtype=np.uint8), axis=1)
        sums = total - 2.0 * (flips[:, :width].astype(np.float64) @ rows.T)
        counts += (np.abs(sums) >= least).sum(axis=0)
    p: Floats = ((counts + 1) / (samples + 1)).reshape(differences.shape[:-1])
    return p


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values after Holm's step-down correction, in the order given.

    It keeps the chance of any false alarm among them at alpha, and is never weaker than Bonferroni's (Holm 1979).
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected


def _compare(
    measure: str,
    baseline: tuple[str, Mapping[str, float]],
    system: tuple[str, Mapping[str, float]],
    *,
    alpha: float,
    samples: int,
    seed: int,
    higher_is_better: bool,
) -> Comparison:
    before, after = baseline[1], system[1]
    queries = sorted(set(before) & set(after))
    if not queries:
        raise EvaluationError(
            f"{baseline[0]} and {system[0]} share no query with a value of {measure}",
            hint="are both of one data set?",
        )
    left, right = _array([before[query] for query in queries]), _array([after[query] for query in queries])
    differences = right - left
    differences[np.abs(differences) <= EQUAL * np.maximum(np.abs(left), np.abs(right))] = 0.0
    average, spread = float(differences.mean()), float(_deviation(differences))
    low, high = bootstrap_interval(differences.tolist(), seed=seed, samples=samples)
    up, down = int((differences > 0).sum()), int((differences < 0).sum())
    return Comparison(
        measure=measure,
        baseline=baseline[0],
        system=system[0],
        n=len(queries),
        baseline_mean=float(left.mean()),
        system_mean=float(right.mean()),
        difference=average,
        low=low,
        high=high,
        effect_size=average / spread if spread else None,
        wins=up if higher_is_better else down,
        ties=len(queries) - up - down,
        losses=down if higher_is_better else up,
        p_t=float(t_test_p(differences)),
        p_randomization=float(randomization_p(differences, seed=seed, samples=samples)),
        p_corrected=1.0,
        alpha=alpha,
        higher_is_better=higher_is_better,
    )


def _bca_levels(values: Floats, means: Floats, confidence: float) -> list[float]:
    """The quantiles of the bootstrapped means that bound the interval (Efron & Tibshirani 1993, eq. 14.10)."""
    normal = NormalDist()
    average, least = values.mean(), 0.5 / len(means)
    slack = EQUAL * np.abs(values).max()
    below = ((means < average - slack).mean() + (means <= average + slack).mean()) / 2
    bias = normal.inv_cdf(float(np.clip(below, least, 1 - least)))
    apart = values - average
    apart /= np.abs(apart).max()  # powers of small numbers would be 0
    # Eq. 14.15: leaving one value out moves the mean by its distance from it.
    acceleration = float((apart**3).sum() / (6 * (apart**2).sum() ** 1.5))
    ends = (bias + normal.inv_cdf((1 - confidence) / 2), bias + normal.inv_cdf((1 + confidence) / 2))
    return [normal.cdf(bias + end / (1 - acceleration * end)) for end in ends]


def _deviation(differences: Floats) -> Floats:
    """The sample's standard deviation by row; 0 where the values are equal but for rounding, or there is one."""
    if differences.shape[-1] < 2:
        return np.zeros(differences.shape[:-1])
    spread: Floats = differences.std(axis=-1, ddof=1)
    return np.where(spread > EQUAL * np.abs(differences).max(axis=-1), spread, 0.0)


def _array(values: Sequence[float]) -> Floats:
    array = np.asarray(values, np.float64)
    if not np.isfinite(array).all():
        raise EvaluationError(f"{array[~np.isfinite(array)][0]} is no score that can be compared")
    return array


def _blocks(samples: int, width: int) -> list[int]:
    """Rows at a time, so that a block of that many numbers stays small."""
    rows = max(1, BLOCK // max(1, width))
    return [min(rows, samples - start) for start in range(0, samples, rows)]
