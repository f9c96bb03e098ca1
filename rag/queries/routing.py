"""Where to search: which of several indexes, by the user's rules, by their descriptions, or by a model's choice."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rag import tracing
from rag.errors import QueryError
from rag.protocols import Chooser, Embedder
from rag.types import Message, Vectors

__all__ = ["Choice", "Route", "Router"]

# Cosines of questions and descriptions lie close together; this spreads them as far as a choice needs. It is no
# calibration: a "probability" by similarity says which is likelier, and how clearly.
_TEMPERATURE = 0.05


@dataclass(frozen=True, slots=True)
class Route:
    """A place to search: what it holds in a sentence, and regular expressions of which any found in a question decides.

    ``patterns`` are searched for without regard to case. Raises QueryError for one that is none.
    """

    name: str
    description: str = ""
    patterns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for pattern in self.patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise QueryError(
                    f"{pattern!r} is no regular expression: {error}", where=f"route {self.name}"
                ) from error

    def rule_for(self, question: str) -> str:
        """The first pattern found in the question, or ""."""
        return next((each for each in self.patterns if re.search(each, question, re.IGNORECASE)), "")


@dataclass(frozen=True, slots=True)
class Choice:
    """A route, how probable it is that it is the right one, and what says so."""

    name: str
    probability: float
    reason: str


class Router:
    """Chooses among routes: by rules, else by how near their descriptions are, else by asking a model.

    A rule that matches decides; where those of several routes do, they are equally probable. Without one, ``embedder``
    compares the question with the descriptions, for which it has to know the question's language. The ``chooser`` is
    asked only where the likeliest is less probable than ``sure``. With neither, all routes are equally probable.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        embedder: Embedder | None = None,
        chooser: Chooser | None = None,
        sure: float = 0.9,
    ) -> None:
        """Raises QueryError without routes, for two of one name, and where descriptions are needed and missing."""
        names = [route.name for route in routes]
        if not names or len(set(names)) != len(names):
            raise QueryError("routes need to be several, with names that differ", where="router")
        if len(routes) > len(string.ascii_uppercase):
            raise QueryError(f"{len(routes)} routes are too many to choose from", where="router")
        silent = [route.name for route in routes if not route.description.strip()]
        if silent and (embedder or chooser):
            raise QueryError(f"there is no description of {silent[0]!r}", where="router", hint="say what it holds")
        self.routes = tuple(routes)
        self.embedder = embedder
        self.chooser = chooser
        self.sure = sure

    def __call__(self, question: str) -> tuple[Choice, ...]:
        """A choice for each route, the most probable first; probabilities add up to 1. Raises GenerationError."""
        with tracing.step("route", query=question) as step:
            choices = sorted(self._choices(question), key=lambda choice: -choice.probability)
            best = choices[0]
            step.note(choice=best.name, probability=best.probability, reason=best.reason)
            return tuple(choices)

    def _choices(self, question: str) -> list[Choice]:
        ruled = {route.name: rule for route in self.routes if (rule := route.rule_for(question))}
        if ruled:
            share = 1 / len(ruled)
            return [
                Choice(route.name, share, f"rule {ruled[route.name]!r}")
                if route.name in ruled
                else Choice(route.name, 0.0, "a rule of another")
                for route in self.routes
            ]
        choices = [Choice(route.name, 1 / len(self.routes), "nothing tells them apart") for route in self.routes]
        if self.embedder is not None:
            choices = self._by_similarity(question, self.embedder)
        if self.chooser is not None and len(choices) > 1 and max(each.probability for each in choices) < self.sure:
            choices = self._by_model(question, self.chooser)
        return choices

    def _by_similarity(self, question: str, embedder: Embedder) -> list[Choice]:
        vector = embedder.embed_queries([question])[0]
        cosines = (self._descriptions @ vector).astype(np.float64)
        powers = np.exp((cosines - cosines.max()) / _TEMPERATURE)
        return [
            Choice(route.name, float(power), f"similarity of its description {cosine:.2f}")
            for route, power, cosine in zip(self.routes, powers / powers.sum(), cosines, strict=True)
        ]

    @cached_property
    def _descriptions(self) -> Vectors:
        if self.embedder is None:
            raise QueryError("a router without an embedder has no vectors", where="router")
        return self.embedder.embed_documents([route.description for route in self.routes])

    def _by_model(self, question: str, chooser: Chooser) -> list[Choice]:
        letters = string.ascii_uppercase[: len(self.routes)]
        listed = "\n".join(f"{letter}. {route.description}" for letter, route in zip(letters, self.routes, strict=True))
        prompt = (
            f"{listed}\n\nQuestion: {question}\n\nWhich of the above would answer the question? Reply with its letter."
        )
        shares = chooser.choose([Message("user", prompt)], list(letters))
        total = math.fsum(shares)
        return [
            Choice(route.name, share / total, "the model's choice")
            for route, share in zip(self.routes, shares, strict=True)
        ]
