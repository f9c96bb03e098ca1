"""Step-back: a more general question, whose passages say what the particular one takes for granted.

Zheng et al., "Take a Step Back: Evoking Reasoning via Abstraction in Large Language Models", ICLR 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rag import tracing
from rag.protocols import Generator
from rag.queries.asking import ask_for_text
from rag.queries.cleaning import distinct
from rag.queries.prompts import QueryPrompt, shipped_prompts
from rag.types import Message

__all__ = ["StepBack"]

_MAX_TOKENS = 64


@dataclass(frozen=True, slots=True)
class StepBack:
    """The question, and one about the subject behind it; a QueryTransform. Raises GenerationError, ContextError."""

    generator: Generator
    prompt: QueryPrompt = field(default_factory=lambda: shipped_prompts()["step-back"])

    def __call__(self, query: str, history: Sequence[Message] = ()) -> list[str]:  # noqa: ARG002
        """The question as it is, first; then the general one, unless it is the same."""
        with tracing.step("step-back", query=query) as step:
            reply = ask_for_text(self.generator, self.prompt, query, max_tokens=_MAX_TOKENS, stop=("\n",))
            queries = distinct(query, [reply], but=self.prompt.said, most=1)
            step.note(queries=tuple(queries))
            return queries
