"""A score is a value or the reason why there is none; a mean says how much of the data it covers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Self, TypeAlias

from rag.errors import EvaluationError

Status: TypeAlias = Literal["refused", "no_claims", "parse_error", "timeout", "failed"]

MIN_COVERAGE = 0.95


@dataclass(frozen=True, slots=True)
class Score:
    """Either a finite ``value`` or a ``status``, with the reason in ``detail``.

    "refused": there is no answer to score; "no_claims": the answer says nothing that could be checked;
    "parse_error": a judge's reply could not be read; "timeout": a judge did not reply in time;
    "failed": anything else that kept it from being scored.
    """

    value: float | None = None
    status: Status | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        if (self.value is None) == (self.status is None):
            raise EvaluationError("a score has either a value or a status")
        if self.value is not None and not math.isfinite(self.value):
            raise EvaluationError(f"a score of {self.value} is no score", hint="give it a status instead")

    @classmethod
    def missing(cls, status: Status, detail: str = "") -> Self:
        """No value, and why."""
        return cls(None, status, detail)


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of those scores that have a value: ``scored`` of ``total``; None where none has.

    ``statuses`` counts the others by reason.
    """

    value: float | None
    scored: int
    total: int
    statuses: Mapping[Status, int] = field(default_factory=dict)

    @property
    def coverage(self) -> float:
        """Share of the scores that have a value; 1 where there are none at all."""
        return self.scored / self.total if self.total else 1.0

    def is_covered(self, at_least: float = MIN_COVERAGE) -> bool:
        """Whether the mean stands for the data: below it, what was left out may decide it."""
        return self.coverage >= at_least


def mean(scores: Iterable[Score]) -> Mean:
    """Mean of the values, with what was left out of it."""
    values: list[float] = []
    statuses: Counter[Status] = Counter()
    for score in scores:
        if score.value is not None:
            values.append(score.value)
        elif score.status is not None:
            statuses[score.status] += 1
    value = math.fsum(values) / len(values) if values else None
    return Mean(value, len(values), len(values) + statuses.total(), dict(sorted(statuses.items())))
