"""How sure it is that the documents answer a question, and that what is quoted is the answer: two logistic models.

Both read the features of ``rag.grounding.features``. Their weights are data (``data/confidence.json``), learned by
``eval/train_confidence.py``, which also says how well they do on articles they never saw. They hold for the embedder
they were trained with and for English; elsewhere the rules of ``answerability`` decide alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError

from rag.errors import ModelError
from rag.grounding.features import Features

__all__ = ["Confidence", "ConfidenceModel", "Estimate", "Logistic", "load_confidence"]

SHIPPED = "confidence.json"


@dataclass(frozen=True, slots=True)
class Confidence:
    """``answerable``: the probability that the documents hold an answer; ``right``: that, if so, it is cited."""

    answerable: float
    right: float


# the features of a question and what was cited for it -> how sure
Estimate: TypeAlias = Callable[[Features], Confidence]


@dataclass(frozen=True, slots=True)
class Logistic:
    """``1 / (1 + exp(-(bias + weights · (x - mean) / scale)))``, the sequences in the order of the features."""

    bias: float
    weights: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def __call__(self, values: Sequence[float]) -> float:
        """The probability."""
        places = zip(self.weights, values, self.mean, self.scale, strict=True)
        total = self.bias + math.fsum(weight * (value - mean) / scale for weight, value, mean, scale in places)
        return 1 / (1 + math.exp(-total)) if total >= 0 else math.exp(total) / (1 + math.exp(total))


@dataclass(frozen=True, slots=True)
class ConfidenceModel:
    """An Estimate. ``embedder`` is the fingerprint of the one whose cosines it was trained on."""

    features: tuple[str, ...]
    answerable: Logistic
    right: Logistic
    embedder: str
    trained_on: Mapping[str, str | int | float]

    def __post_init__(self) -> None:
        sizes = {
            len(part)
            for one in (self.answerable, self.right)
            for part in (one.weights, one.mean, one.scale, self.features)
        }
        numbers = [
            number
            for one in (self.answerable, self.right)
            for number in (one.bias, *one.weights, *one.mean, *one.scale)
        ]
        if len(sizes) != 1 or not all(map(math.isfinite, numbers)):
            raise ModelError("the confidence model has not one finite weight, mean and scale for each feature")
        if not all(scale > 0 for one in (self.answerable, self.right) for scale in one.scale):
            raise ModelError("a scale of the confidence model is not above 0")

    def __call__(self, features: Features) -> Confidence:
        """The probabilities. Raises ModelError where a feature is missing."""
        missing = [name for name in self.features if name not in features]
        if missing:
            raise ModelError(f"the confidence model wants features that are not read: {', '.join(missing)}")
        values = [features[name] for name in self.features]
        return Confidence(self.answerable(values), self.right(values))


@lru_cache(maxsize=1)
def load_confidence() -> ConfidenceModel:
    """The shipped model. Raises ModelError for a file that is not one."""
    text = resources.files("rag.grounding").joinpath("data").joinpath(SHIPPED).read_text("utf-8")
    return read_confidence(text, where=SHIPPED)


def read_confidence(text: str, *, where: str) -> ConfidenceModel:
    """A model from its JSON. Raises ModelError."""
    try:
        return TypeAdapter(ConfidenceModel).validate_json(text)
    except ValidationError as error:
        raise ModelError(
            f"not a confidence model: {error}", where=where, hint="write one with eval/train_confidence.py"
        ) from error
