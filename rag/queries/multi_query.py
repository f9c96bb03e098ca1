"""Multi-query: the question in other words, so that a passage which uses those is found as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rag import tracing
from rag.protocols import Generator
from rag.queries.asking import ask_for_list
from rag.queries.cleaning import distinct
from rag.queries.prompts import QueryPrompt, shipped_prompts
from rag.types import Message

__all__ = ["MultiQuery"]


@dataclass(frozen=True, slots=True)
class MultiQuery:
    """The question, and up to ``count`` other ways to ask it; a QueryTransform.

    ``generator`` has to be a StructuredGenerator. Raises GenerationError, ContextError.
    """

    generator: Generator
    count: int = 3
    prompt: QueryPrompt = field(default_factory=lambda: shipped_prompts()["multi-query"])

    def __call__(self, query: str, history: Sequence[Message] = ()) -> list[str]:  # noqa: ARG002
        """The question as it is, first; then what else to search for."""
        with tracing.step("multi-query", query=query) as step:
            found = ask_for_list(self.generator, self.prompt, query, least=self.count, most=self.count)
            queries = distinct(query, found, but=self.prompt.said, most=self.count)
            step.note(queries=tuple(queries))
            return queries
