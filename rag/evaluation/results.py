"""What an evaluation came to: plain records, which the command prints and the report draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rag.evaluation.datasets import Question
from rag.evaluation.scores import MIN_COVERAGE, Mean, Score
from rag.types import Answer

__all__ = [
    "Comparison",
    "Evaluation",
    "MeasureResult",
    "Miss",
    "Provenance",
    "QueryResult",
    "Retrieved",
    "RiskPoint",
    "Stage",
]

Stage: TypeAlias = Literal[
    "not loaded",
    "split by a chunk boundary",
    "missed by dense",
    "missed by sparse",
    "missed by both",
    "lost in fusion",
    "lost by feedback",
    "lost by a hop",
    "lost by the reranker",
    "below the cut",
    "cut by the context budget",
    "generated wrong",
    "wrongly refused",
    "wrongly answered",
]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """A document in a ranking: its id in the data set, and the score of its best passage."""

    document: str
    score: float


@dataclass(frozen=True, slots=True)
class Miss:
    """Where a failed question's gold was lost, and the evidence for it; offsets are those of the gold span."""

    query: str
    stage: Stage
    detail: str
    document: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class QueryResult:
    """One question: what was found and answered, the seconds it took, and its score by each measure.

    ``depth`` is how many passages the search was asked for. ``error`` is what went wrong with the question; such a one
    has nothing else, and its scores say "failed".
    """

    id: str
    question: str
    ranking: tuple[Retrieved, ...] = ()
    retrieval_seconds: float | None = None
    answer: Answer | None = None
    answer_seconds: float | None = None
    error: str = ""
    scores: Mapping[str, Score] = field(default_factory=dict)
    depth: int = 0


@dataclass(frozen=True, slots=True)
class MeasureResult:
    """A measure over all questions that it applies to; ``low`` and ``high`` bound its mean by a 95% bootstrap interval.

    ``expected`` within ``tolerance`` is what a suite demands; ``higher_is_better`` is False for rates of error.
    """

    name: str
    mean: Mean
    low: float | None = None
    high: float | None = None
    expected: float | None = None
    tolerance: float | None = None
    min_coverage: float = MIN_COVERAGE
    higher_is_better: bool = True

    @property
    def is_covered(self) -> bool:
        """Whether enough of the questions have a value."""
        return self.mean.is_covered(self.min_coverage)

    @property
    def is_expected(self) -> bool:
        """Whether the mean is as the suite expects; True where it expects nothing."""
        if self.expected is None:
            return True
        return self.mean.value is not None and abs(self.mean.value - self.expected) <= (self.tolerance or 0.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired comparison of two systems by one measure over the ``n`` questions that both have a value for.

    ``difference`` is the mean of system − baseline, ``low`` and ``high`` its 95% bootstrap interval, ``effect_size``
    Cohen's d_z (None where all differences are equal). ``p_t`` and ``p_randomization`` are two-sided and not
    corrected; ``p_corrected`` is ``p_randomization`` after Holm's correction over all comparisons made together.
    """

    measure: str
    baseline: str
    system: str
    n: int
    baseline_mean: float
    system_mean: float
    difference: float
    low: float
    high: float
    effect_size: float | None
    wins: int
    ties: int
    losses: int
    p_t: float
    p_randomization: float
    p_corrected: float
    alpha: float = 0.05
    higher_is_better: bool = True

    @property
    def verdict(self) -> Literal["better", "worse", "no significant difference"]:
        """What may be said of the system, at ``alpha`` after correction."""
        if self.p_corrected > self.alpha or self.difference == 0:
            return "no significant difference"
        return "better" if (self.difference > 0) == self.higher_is_better else "worse"


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """Answering only where the verdict's score is at least ``threshold``: share answered, and share of those wrong."""

    threshold: float
    coverage: float
    risk: float


@dataclass(frozen=True, slots=True)
class Provenance:
    """What makes a run repeatable. ``hashes`` are SHA-256 by name of data and model files."""

    command: str
    started: str
    seconds: float
    recipe_name: str
    recipe_toml: str
    index: str
    seed: int
    versions: Mapping[str, str]
    machine: str
    hashes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A whole evaluation.

    ``precision_recall`` are (recall, precision) points, interpolated at 11 levels of recall and averaged over the
    questions. ``notes`` are what a reader must know to trust the figures (questions without results, say).
    ``failures`` are the reasons why it does not pass: a mean below its coverage or outside its tolerance, a
    significant loss. ``gold`` is what is right, by question; of a set that has only judgements, the relevant documents.
    """

    name: str
    dataset: str
    measures: tuple[MeasureResult, ...]
    queries: tuple[QueryResult, ...]
    provenance: Provenance
    comparisons: tuple[Comparison, ...] = ()
    baseline: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    precision_recall: tuple[tuple[float, float], ...] = ()
    risk_coverage: tuple[RiskPoint, ...] = ()
    auroc: float | None = None
    misses: tuple[Miss, ...] = ()
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    gold: Mapping[str, Question] = field(default_factory=dict)
