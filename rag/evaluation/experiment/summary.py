"""An evaluation without its questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.evaluation.report.display import percentile
from rag.evaluation.results import Comparison, Evaluation, MeasureResult, Provenance, Stage
from rag.evaluation.scores import Status

__all__ = ["Compared", "Latency", "MeasureSummary", "Summary", "summarise"]


@dataclass(frozen=True, slots=True)
class MeasureSummary:
    """A measure's mean, its 95% interval, and how many of the questions it applies to have a value."""

    name: str
    mean: float | None
    low: float | None
    high: float | None
    scored: int
    total: int
    coverage: float
    covered: bool
    statuses: Mapping[Status, int]
    expected: float | None
    tolerance: float | None
    as_expected: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """A comparison, and what may be said of it at its alpha after Holm's correction."""

    verdict: str
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds a question took: median, 95th percentile and most."""

    p50: float
    p95: float
    most: float


@dataclass(frozen=True, slots=True)
class Summary:
    """An evaluation without its questions."""

    name: str
    dataset: str
    questions: int
    failed: int
    measures: tuple[MeasureSummary, ...]
    comparisons: tuple[Compared, ...]
    auroc: float | None
    misses: Mapping[Stage, int]
    retrieval_latency: Latency | None
    answer_latency: Latency | None
    notes: tuple[str, ...]
    failures: tuple[str, ...]
    passed: bool
    provenance: Provenance
    folder: str


def summarise(evaluation: Evaluation, folder: Path) -> Summary:
    """The summary, with ``folder`` as where the rest is."""
    queries = evaluation.queries
    return Summary(
        name=evaluation.name,
        dataset=evaluation.dataset,
        questions=len(queries),
        failed=sum(bool(query.error) for query in queries),
        measures=tuple(_measure(one) for one in evaluation.measures),
        comparisons=tuple(Compared(one.verdict, one) for one in evaluation.comparisons),
        auroc=evaluation.auroc,
        misses=dict(Counter(miss.stage for miss in evaluation.misses)),
        retrieval_latency=_latency([one.retrieval_seconds for one in queries if one.retrieval_seconds is not None]),
        answer_latency=_latency([one.answer_seconds for one in queries if one.answer_seconds is not None]),
        notes=evaluation.notes,
        failures=evaluation.failures,
        passed=not evaluation.failures,
        provenance=evaluation.provenance,
        folder=str(folder),
    )


def _measure(one: MeasureResult) -> MeasureSummary:
    return MeasureSummary(
        name=one.name,
        mean=one.mean.value,
        low=one.low,
        high=one.high,
        scored=one.mean.scored,
        total=one.mean.total,
        coverage=one.mean.coverage,
        covered=one.is_covered,
        statuses=one.mean.statuses,
        expected=one.expected,
        tolerance=one.tolerance,
        as_expected=one.is_expected,
    )


def _latency(seconds: list[float]) -> Latency | None:
    if not seconds:
        return None
    return Latency(percentile(seconds, 50), percentile(seconds, 95), max(seconds))
