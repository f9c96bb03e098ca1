"""How to search for a recipe, how far it is, and what it came to: plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag.errors import EvaluationError
from rag.evaluation.tuning.decide import Advice, Candidate
from rag.evaluation.tuning.recipe import Changes
from rag.evaluation.tuning.space import SECTIONS, Section
from rag.recipe import Recipe

Stage: TypeAlias = Literal["cutting", "trying", "confirming", "timing"]


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """How to search.

    ``measure`` None takes what suits the test set; ``share`` of the questions are tuned by; ``fixed`` sections of the
    recipe stay as they are; ``rerankers`` are tried beside the known ones; ``candidates`` are confirmed at most,
    and one that does less work; a cheaper recipe may lose ``margin`` of the measure; ``minutes`` ends the search,
    not the confirmation.
    """

    measure: str | None = None
    answers: bool = False
    trials: int = 40
    share: float = 0.5
    seed: int = 0
    alpha: float = 0.05
    margin: float = 0.05
    limit: int | None = None
    minutes: float | None = None
    candidates: int = 2
    fixed: frozenset[Section] = frozenset()
    rerankers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        problem = ""
        if self.trials < 1 or self.candidates < 1:
            problem = f"{self.trials} trials and {self.candidates} candidates: at least 1 of each is needed"
        elif not 0 < self.share < 1:
            problem = f"the share to tune by is {self.share}, expected between 0 and 1"
        elif not 0 < self.alpha < 1 or self.margin < 0:
            problem = f"alpha is {self.alpha} and margin {self.margin}, expected between 0 and 1, and 0 or more"
        elif (self.limit is not None and self.limit < 2) or (self.minutes is not None and self.minutes <= 0):
            problem = "a limit is at least 2 questions, and a time-out more than 0 minutes"
        elif unknown := self.fixed - set(SECTIONS):
            problem = f"{', '.join(sorted(unknown))} is no part that is tuned; those are: {', '.join(SECTIONS)}"
        if problem:
            raise EvaluationError(problem, where="options")


@dataclass(frozen=True, slots=True)
class TuneProgress:
    """How far a stage is; ``best`` is the highest mean so far while recipes are tried."""

    stage: Stage
    done: int
    total: int
    best: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """A recipe on the front of quality against time: no other that was tried is both better and quicker."""

    changes: Changes
    quality: float
    seconds: float
    passages: int
    embedded: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Tuning:
    """What the search came to.

    ``recipe`` is the one to use, which is the current one where ``advice`` is "keep". ``tuning`` and ``held_out``
    count questions; a mean difference of ``detectable`` shows with a power of 80% in the held-out ones.
    """

    advice: Advice
    text: str
    recipe: Recipe
    changes: Changes
    measure: str
    current: Candidate
    candidates: tuple[Candidate, ...]
    front: tuple[Point, ...]
    tuning: int
    held_out: int
    tried: int
    pruned: int
    seed: int
    alpha: float
    margin: float
    detectable: float
    notes: tuple[str, ...] = ()
