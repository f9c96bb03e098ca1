"""The line between answers and refusals that ``rag calibrate`` found, kept with the index it was found on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from rag.errors import CorruptIndexError
from rag.recipe.sections import Recipe

__all__ = ["CALIBRATION_NOTE", "Calibration", "read_calibration", "settings_of", "without_line", "write_calibration"]

CALIBRATION_NOTE = "calibration"
# What has no part in whether an answer is right.
_APART = {"description", "sources", "index", "conversation", "agent"}


@dataclass(frozen=True, slots=True)
class Calibration:
    """Answers whose score is at least ``threshold`` are given.

    ``of`` says what ``risk`` is a share of: "all" questions, refused ones too, or those "answered". ``questions``,
    ``answered`` and ``wrong`` are counts on the test set whose SHA-256 is ``testset``; ``settings`` is the hash of what
    it was found with (see ``settings_of``), ``passages`` how many the index held.
    """

    threshold: float
    risk: float
    of: Literal["all", "answered"]
    questions: int
    answered: int
    wrong: int
    testset: str
    settings: str
    passages: int


def settings_of(recipe: Recipe, embedder: str) -> str:
    """A hash of all that decides how an index answers: recipe, embedder's fingerprint, the confidence model."""
    parts = recipe.model_dump(exclude=_APART, mode="json")
    model = ""
    if recipe.grounding.confidence == "learned":
        from rag.grounding.confidence import load_confidence

        model = repr(load_confidence())
    if recipe.grounding.ask_model or recipe.grounding.samples:
        from rag.grounding.opinions import load_combinations

        named = recipe.grounding.model_weights
        model += repr(load_combinations(Path(named) if named else None))
    text = json.dumps([parts, embedder, model], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def without_line(recipe: Recipe) -> Recipe:
    """The recipe without its own line, for a calibrated one to be drawn after all else."""
    grounding = recipe.grounding.model_copy(update={"min_confidence": 0.0})
    return recipe.model_copy(update={"grounding": grounding})


def write_calibration(calibration: Calibration) -> str:
    """As a note."""
    return json.dumps(asdict(calibration))


def read_calibration(note: str, *, where: str) -> Calibration | None:
    """From a note; None where it is empty. Raises CorruptIndexError."""
    if not note:
        return None
    try:
        return TypeAdapter(Calibration).validate_json(note)
    except ValidationError as error:
        raise CorruptIndexError(
            f"the calibration kept with the index cannot be read: {error}", where=where, hint="calibrate again"
        ) from error
