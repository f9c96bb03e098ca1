"""What ``rag tune --json`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rag.evaluation.results import Comparison
from rag.types import Value

__all__ = ["CandidateRecord", "FrontRecord", "TuneRecord"]


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """A recipe asked the held-out questions; ``changes`` are against the current recipe, and empty for that itself.

    ``milliseconds`` is the median for a question; ``passages`` and ``bytes`` are the index's, ``embedded`` how many
    passages had to be embedded for it and ``embedding_seconds`` what cutting and embedding took.
    """

    name: str
    changes: Mapping[str, Value]
    tuning: float
    held_out: float
    milliseconds: float
    passages: int
    embedded: int
    embedding_seconds: float
    bytes: int
    verdict: str | None
    comparison: Comparison | None


@dataclass(frozen=True, slots=True)
class FrontRecord:
    """A recipe that no other tried one was both better and quicker than, by the questions tuned by."""

    changes: Mapping[str, Value]
    tuning: float
    milliseconds: float
    passages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class TuneRecord:
    """What ``rag tune`` advises: ``advice`` is "better", "cheaper" or "keep"; ``recipe`` is the file written."""

    index: str
    testset: str
    advice: str
    text: str
    changes: Mapping[str, Value]
    recipe: str
    recipe_toml: str
    measure: str
    current: CandidateRecord
    candidates: tuple[CandidateRecord, ...]
    front: tuple[FrontRecord, ...]
    tuning_questions: int
    held_out_questions: int
    tried: int
    pruned: int
    detectable: float
    alpha: float
    margin: float
    seed: int
    notes: tuple[str, ...]
