"""What to advise: a recipe that is measurably better, else the cheaper of those that differ by nothing measurable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal, TypeAlias

from rag.evaluation.results import Comparison
from rag.evaluation.tuning.index import Cut
from rag.evaluation.tuning.recipe import Changes, describe
from rag.recipe import Recipe

Advice: TypeAlias = Literal["better", "cheaper", "keep"]
# A recipe is cheaper only if its median time is lower by more than this share and by so many seconds: less is the
# machine's noise, or nothing that anyone would notice.
NOISE, NOTICEABLE = 0.1, 0.001


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recipe that was confirmed on the held-out questions, or the current one (no ``changes``, no ``comparison``).

    ``tuning`` and ``held_out`` are mean scores, ``seconds`` the median for one question, all stages included.
    """

    name: str
    recipe: Recipe
    changes: Changes
    tuning: float
    held_out: float
    seconds: float
    cut: Cut
    comparison: Comparison | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, in one word and in plain ones."""

    advice: Advice
    chosen: Candidate
    text: str
    others: tuple[Candidate, ...] = field(default=())


def decide(
    current: Candidate, candidates: Sequence[Candidate], *, measure: str, count: int, margin: float, detectable: float
) -> Decision:
    """The significantly better one, the best of several; else a cheaper one that is no worse; else the current one.

    No worse: the 95% interval of its difference lies above −``margin``, as in a test of non-inferiority. That no
    difference was found would say it of every recipe, if only the questions are few.
    """
    asked = f"on {count} held-out questions"
    better = [one for one in candidates if one.comparison and one.comparison.verdict == "better"]
    if better:
        best = max(better, key=lambda one: (one.held_out, -one.seconds))
        return Decision("better", best, _better(best, current, measure, asked), tuple(candidates))
    cheaper = [
        one
        for one in candidates
        if one.comparison
        and one.comparison.verdict != "worse"
        and _most_lost(one.comparison) <= margin
        and one.seconds < current.seconds - max(NOISE * current.seconds, NOTICEABLE)
    ]
    would = f"a difference of {detectable:.3f} or more would probably have shown"
    if cheaper:
        best = min(cheaper, key=lambda one: one.seconds)
        text = (
            f"No measurable difference: keep the cheaper one, {best.name} ({describe(best.changes)}). "
            f"{_figures(best, current, measure)} {asked}; it loses {_lost(best):.3f} at most, within the "
            f"margin of {margin:g}, and takes {_ms(best)} a question against {_ms(current)}; {would}."
        )
        return Decision("cheaper", best, text, tuple(candidates))
    if not candidates:
        text = f"No measurable difference: keep the current recipe. No other scored higher or costs less; {would}."
    else:
        nearest = max(candidates, key=lambda one: one.held_out)
        text = (
            f"No measurable difference: keep the current recipe. The best other, {nearest.name} "
            f"({describe(nearest.changes)}), has {_figures(nearest, current, measure)} {asked}, at {_ms(nearest)} a "
            f"question against {_ms(current)}; {would}."
        )
    return Decision("keep", current, text, tuple(candidates))


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The places of the (quality, seconds) pairs that no other pair is both better and quicker than, by seconds."""
    kept: list[int] = []
    best = float("-inf")
    for index in sorted(range(len(points)), key=lambda index: (points[index][1], -points[index][0])):
        if points[index][0] > best:
            best = points[index][0]
            kept.append(index)
    return kept


def middle(seconds: Sequence[float]) -> float:
    """Their median."""
    return float(median(seconds))


def _better(best: Candidate, current: Candidate, measure: str, asked: str) -> str:
    return (
        f"Measurably better: {best.name} ({describe(best.changes)}). {_figures(best, current, measure)} {asked}, "
        f"at {_ms(best)} a question against {_ms(current)}."
    )


def _figures(one: Candidate, current: Candidate, measure: str) -> str:
    comparison = one.comparison
    if comparison is None:
        return ""
    return (
        f"{measure} {one.held_out:.3f} against {current.held_out:.3f} ({comparison.difference:+.3f}, 95% interval "
        f"{comparison.low:+.3f} to {comparison.high:+.3f}, corrected p = {comparison.p_corrected:.2g})"
    )


def _lost(one: Candidate) -> float:
    return _most_lost(one.comparison) if one.comparison else 0.0


def _most_lost(comparison: Comparison) -> float:
    """What the system may lose at most, by the 95% interval of its difference.

    Where no question of n was lost, a bootstrap knows of no loss, but up to 3/n of all questions may be (Hanley &
    Lippman-Hand, "If Nothing Goes Wrong, Is Everything All Right?", JAMA 1983).
    """
    seen = max(0.0, -comparison.low)
    return seen if comparison.losses else max(seen, 3 / comparison.n)


def _ms(one: Candidate) -> str:
    return f"{one.seconds * 1000:.3g} ms"
