"""Two halves of a test set that share no gold document, and what can be told with so many questions."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import NormalDist

from rag.errors import EvaluationError
from rag.evaluation.tuning.score import Case

POWER = 0.8
# Spread of a difference between two recipes, question by question, where nothing was measured yet.
USUAL_DEVIATION = 0.3


def split(cases: Sequence[Case], *, share: float, seed: int) -> tuple[list[Case], list[Case]]:
    """``share`` of the cases to tune by, and the rest to confirm by; each in a random order that ``seed`` decides.

    Questions about one document go to the same half: a recipe that suits a document by chance must not be
    confirmed by it. Raises EvaluationError where that leaves a half empty.
    """
    groups = _by_document(cases)
    shuffle = random.Random(seed)  # noqa: S311  a sample, not a secret
    shuffle.shuffle(groups)
    wanted = round(share * len(cases))
    first: list[Case] = []
    second: list[Case] = []
    for group in groups:
        # A large group goes where it fits better; the order is random, so that is no choice by content.
        fits = len(first) + len(group) <= wanted or len(first) + len(group) - wanted < wanted - len(first)
        (first if fits else second).extend(group)
    if not first or not second:
        raise EvaluationError(
            f"the {len(cases)} questions cannot be split: "
            + ("all are about the same documents" if len(groups) == 1 else "one of the halves would be empty"),
            hint="a test set needs questions about more documents",
        )
    shuffle.shuffle(first)
    shuffle.shuffle(second)
    return first, second


def _by_document(cases: Sequence[Case]) -> list[list[Case]]:
    """Groups that share no document, in the order of their first case: the connected components."""
    parent = list(range(len(cases)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = index = parent[parent[index]]
        return index

    first_with: dict[str, int] = {}
    for index, case in enumerate(cases):
        for document in sorted(case.documents):
            other = first_with.setdefault(document, index)
            low, high = sorted((root(other), root(index)))
            parent[high] = low
    groups: dict[int, list[Case]] = {}
    for index, case in enumerate(cases):
        groups.setdefault(root(index), []).append(case)
    return list(groups.values())


def detectable(deviation: float, count: int, *, alpha: float, comparisons: int = 1) -> float:
    """The mean difference that ``count`` questions show with a power of 80%, if differences spread by ``deviation``.

    The normal approximation for a paired test (Cohen, "Statistical Power Analysis for the Behavioral Sciences",
    1988, section 2.3.5), at Holm's first and strictest step.
    """
    normal = NormalDist()
    return (normal.inv_cdf(1 - alpha / comparisons / 2) + normal.inv_cdf(POWER)) * deviation / math.sqrt(count)


def check_enough(count: int, *, alpha: float, comparisons: int) -> None:
    """Raise EvaluationError where even a recipe that wins every held-out question could not be called better.

    Of n questions all won, a two-sided sign-flip test gives p = 2 / 2^n.
    """
    needed = math.ceil(1 + math.log2(comparisons / alpha))
    if count < needed:
        raise EvaluationError(
            f"{count} questions are left to confirm by, too few to tell anything: even a recipe that won all of them "
            f"would give p = {2 / 2**count:.3g}, and {needed} are needed",
            hint=f"with {needed * 10} a difference of about "
            f"{detectable(USUAL_DEVIATION, needed * 10, alpha=alpha, comparisons=comparisons):.2f} would show; "
            "make a larger test set",
        )
