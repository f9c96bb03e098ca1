"""Decomposition: the simple questions that a compound one is made of, each of which another passage may answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rag import tracing
from rag.protocols import Generator
from rag.queries.asking import ask_for_list
from rag.queries.cleaning import distinct
from rag.queries.prompts import QueryPrompt, shipped_prompts
from rag.text import clauses
from rag.types import Message

__all__ = ["Decompose"]


@dataclass(frozen=True, slots=True)
class Decompose:
    """The question, and up to ``count`` sub-questions; a QueryTransform.

    A question that says itself where it parts ("when ..., and who ...") is cut there, without the model, into all its
    parts. ``generator`` has to be a StructuredGenerator. Raises GenerationError, ContextError.
    """

    generator: Generator
    count: int = 3
    prompt: QueryPrompt = field(default_factory=lambda: shipped_prompts()["decompose"])

    def __call__(self, query: str, history: Sequence[Message] = ()) -> list[str]:  # noqa: ARG002
        """The question as it is, first; then its sub-questions, none where it is simple."""
        with tracing.step("decompose", query=query) as step:
            parts = clauses(query)
            if ruled := len(parts) > 1:
                queries = distinct(query, parts, most=len(parts))
            else:
                found = ask_for_list(self.generator, self.prompt, query, least=1, most=self.count)
                queries = distinct(query, found, but=self.prompt.said, most=self.count)
            step.note(queries=tuple(queries), by="rule" if ruled else "model")
            return queries
