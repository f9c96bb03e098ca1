"""What LlamaCppGenerator needs of a llama.cpp binding; one module a binding implements it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rag.protocols import JsonSchema


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How to load a model. ``threads`` is for prompt and answer alike."""

    model_path: Path
    context_size: int
    threads: int


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is chosen. Temperature 0 is greedy, and then ``seed`` changes nothing.

    ``repeat_penalty`` divides the logits of the last 64 tokens, the prompt's among them; 1.0 is off.
    """

    temperature: float = 0.0
    seed: int = 0
    repeat_penalty: float = 1.0


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn as the chat template sees it."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class UnixServer:
    """An OpenAI-compatible server behind a socket file that only this user can open, and the bearer key it wants."""

    path: str
    key: str = field(repr=False)


class Engine(Protocol):
    """A loaded model. Everything here may be called from any thread."""

    @property
    def server(self) -> UnixServer | None:
        """Where the model answers over HTTP; None for a binding without a server.

        Raises GenerationError after ``close``.
        """
        ...

    def render(self, turns: Sequence[Turn]) -> str:
        """The model's own chat template, filled, up to where its answer starts; without a leading BOS.

        Raises GenerationError if the template refuses the turns.
        """
        ...

    def tokenize(self, text: str, *, control: bool, first: bool = False) -> list[int]:
        """Token ids of ``text``.

        With ``control``, the names of control tokens in it become those tokens; without, they are
        plain text. ``first`` adds the BOS token where the model wants one.
        """
        ...

    def complete(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        *,
        stop: Sequence[str],
        max_tokens: int,
        opening: int = 0,
        schema: JsonSchema | None = None,
    ) -> Generator[str, None, bool]:
        """Continue the prompt piece by piece until an end-of-turn token, a stop string or the limit.

        The first ``opening`` tokens are likely to open the next prompt too, and need not be read again then.
        With ``schema``, only tokens are taken that lead to JSON of that shape, where the binding understands it.
        Returns whether the limit ended it. Closing the iterator ends the work. Raises GenerationError.
        """
        ...

    def weigh(self, prompt: Sequence[int], tokens: Sequence[int]) -> list[float]:
        """The probability of each of ``tokens`` (all different) to come next, given that one of them does.

        They are the model's own, at temperature 1 without any penalty. Raises GenerationError.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...
