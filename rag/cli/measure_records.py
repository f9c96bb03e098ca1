"""What ``rag measure --json`` and ``rag compare --json`` print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rag.evaluation.experiment.summary import Compared

__all__ = ["CompareRecord", "MeanRecord", "MeasureRecord", "SystemRecord"]


@dataclass(frozen=True, slots=True)
class MeanRecord:
    """A measure's mean over every judged query, and its 95% bootstrap interval."""

    measure: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MeasureRecord:
    """What a run scores; ``per_query``, by measure and query, only where it was asked for."""

    qrels: str
    run: str
    queries: int
    measures: tuple[MeanRecord, ...]
    notes: tuple[str, ...]
    per_query: Mapping[str, Mapping[str, float]] | None


@dataclass(frozen=True, slots=True)
class SystemRecord:
    """A run under its name in the comparison, and its means."""

    name: str
    run: str
    measures: tuple[MeanRecord, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CompareRecord:
    """Several runs against the first of ``systems``."""

    qrels: str
    queries: int
    systems: tuple[SystemRecord, ...]
    comparisons: tuple[Compared, ...]
    alpha: float
    samples: int
    seed: int
    notes: tuple[str, ...]
