"""The generator's own opinion on whether a question is answered, added to the learned confidence in logit space.

Signals are what the generator says of a draft's question: its probability of yes (``model_answerability``), and how far
further drafts agree with the first (``consistency``). A small logistic model over them and the logit of the learned
probability takes the place of that probability; its weights are data, learned by ``eval/bench_model_confidence.py``.
They cost seconds a question, so they are read where a recipe asks for them, and only of what has proof at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeAlias

from pydantic import TypeAdapter, ValidationError

from rag.errors import ModelError
from rag.grounding.confidence import Confidence, Estimate, Logistic
from rag.grounding.consistency import cosine_agreement, draw_samples, token_agreement
from rag.grounding.features import Features
from rag.grounding.model_answerability import p_answers
from rag.protocols import Embedder, Generator
from rag.types import Hit, Message

__all__ = ["Combination", "Combinations", "Drafted", "ModelSignals", "Opinion", "Signals", "combined", "logit"]

SHIPPED = "model_confidence.json"
LEARNED = "learned"  # the logit of the learned probability
YES = "yes"  # the logit of the model's probability of yes
AGREEMENT = ("agreement", "cosine agreement")
_EDGE = 1e-4  # probabilities are kept from 0 and 1 by so much: an API's 1 is one of few digits
_HINT = "train them with eval/bench_model_confidence.py, and name the file as grounding.model_weights"

Signals: TypeAlias = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft and what the generator read: ``messages``, made of ``hits`` by ``excerpt`` and ``focus``."""

    question: str
    draft: str
    messages: tuple[Message, ...]
    hits: tuple[Hit, ...]
    max_tokens: int
    excerpt: int = 0
    focus: str = ""


# what was drafted -> how sure features of the evidence make one of it
Opinion: TypeAlias = Callable[[Drafted], Estimate]


@dataclass(frozen=True, slots=True)
class ModelSignals:
    """What the generator says: its yes where ``ask``, the agreement of ``samples`` further drafts where above 0."""

    generator: Generator
    embedder: Embedder
    ask: bool = False
    samples: int = 0
    temperature: float = 0.7

    @property
    def names(self) -> tuple[str, ...]:
        """Of the signals read, in the order of the weights."""
        return ((YES,) if self.ask else ()) + (AGREEMENT if self.samples else ())

    def __call__(self, drafted: Drafted) -> Signals:
        """The signals. Raises GenerationError, ContextError, ChoiceError."""
        found: dict[str, float] = {}
        if self.ask:
            yes = p_answers(
                drafted.question, drafted.hits, self.generator, excerpt=drafted.excerpt, focus=drafted.focus
            )
            found[YES] = logit(yes)
        if self.samples:
            more = draw_samples(
                self.generator,
                drafted.messages,
                count=self.samples,
                temperature=self.temperature,
                max_tokens=drafted.max_tokens,
            )
            drafts = (drafted.draft, *more)
            found |= dict(
                zip(AGREEMENT, (token_agreement(drafts), cosine_agreement(drafts, self.embedder)), strict=True)
            )
        return found


@dataclass(frozen=True, slots=True)
class Combination:
    """A logistic model of the learned logit, first, and of signals."""

    features: tuple[str, ...]
    logistic: Logistic

    def __post_init__(self) -> None:
        one = self.logistic
        numbers = (one.bias, *one.weights, *one.mean, *one.scale)
        if {len(self.features)} != {len(one.weights), len(one.mean), len(one.scale)}:
            raise ModelError("a combination has not one weight, mean and scale for each feature")
        if not all(map(math.isfinite, numbers)) or min(one.scale) <= 0:
            raise ModelError("a number of a combination is not finite, or a scale not above 0")
        if self.features[:1] != (LEARNED,):
            raise ModelError(f"the first feature of a combination is not {LEARNED!r}")

    def __call__(self, learned: float, signals: Signals) -> float:
        """The probability. Raises ModelError where a signal is missing."""
        missing = [name for name in self.features[1:] if name not in signals]
        if missing:
            raise ModelError(f"the combination wants signals that are not read: {', '.join(missing)}")
        return self.logistic([logit(learned), *(signals[name] for name in self.features[1:])])


@dataclass(frozen=True, slots=True)
class Combinations:
    """A combination for each set of signals, of one generator, by name, and the embedder of this fingerprint."""

    combinations: tuple[Combination, ...]
    generator: str
    embedder: str
    trained_on: Mapping[str, str | int | float]

    def of(self, names: tuple[str, ...], *, where: str = SHIPPED) -> Combination:
        """The one for these signals. Raises ModelError."""
        for one in self.combinations:
            if one.features == (LEARNED, *names):
                return one
        raise ModelError(f"no weights for {', '.join(names)}", where=where, hint=_HINT)


def logit(probability: float) -> float:
    """``log(p / (1 - p))``, p kept from 0 and 1."""
    kept = min(max(probability, _EDGE), 1 - _EDGE)
    return math.log(kept / (1 - kept))


def combined(learned: Estimate, signals: Callable[[Drafted], Signals], combination: Combination) -> Opinion:
    """The learned estimate, its ``answerable`` combined with the signals, which are read once a draft, at need."""

    def opinion(drafted: Drafted) -> Estimate:
        read = cache(lambda: signals(drafted))

        def estimate(features: Features) -> Confidence:
            sure = learned(features)
            return replace(sure, answerable=combination(sure.answerable, read()))

        return estimate

    return opinion


def load_combinations(path: Path | None = None) -> Combinations:
    """The shipped weights, or those of a file. Raises ModelError."""
    where = str(path or SHIPPED)
    try:
        source = resources.files("rag.grounding").joinpath("data").joinpath(SHIPPED) if path is None else path
        text = source.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read the weights: {error}", where=where, hint=_HINT) from error
    try:
        return TypeAdapter(Combinations).validate_json(text)
    except ValidationError as error:
        raise ModelError(f"these are no weights of combinations: {error}", where=where, hint=_HINT) from error
