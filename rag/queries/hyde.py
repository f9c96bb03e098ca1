"""HyDE: a passage that might answer the question; its vector lies nearer to real answers than the question's.

What it says may be wrong, so it is for dense search alone: its words would mislead BM25.
Gao et al., "Precise Zero-Shot Dense Retrieval without Relevance Labels", ACL 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rag import tracing
from rag.protocols import Generator
from rag.queries.asking import ask_for_text
from rag.queries.cleaning import distinct
from rag.queries.prompts import QueryPrompt, shipped_prompts
from rag.text import detect_language, sentences
from rag.types import Message

__all__ = ["Hyde"]


@dataclass(frozen=True, slots=True)
class Hyde:
    """The question, and a hypothetical passage that answers it; a QueryTransform.

    A passage longer than ``max_tokens`` loses its unfinished sentence. Raises GenerationError, ContextError.
    """

    generator: Generator
    max_tokens: int = 96
    prompt: QueryPrompt = field(default_factory=lambda: shipped_prompts()["hyde"])

    def __call__(self, query: str, history: Sequence[Message] = ()) -> list[str]:  # noqa: ARG002
        """The question as it is, first; then the passage, unless nothing was written."""
        with tracing.step("hyde", query=query) as step:
            reply = ask_for_text(self.generator, self.prompt, query, max_tokens=self.max_tokens)
            queries = distinct(query, [_whole(reply)], but=self.prompt.said, most=1)
            step.note(queries=tuple(queries))
            return queries


def _whole(text: str) -> str:
    """The text up to its last whole sentence; all of it if it has none."""
    text = text.strip()
    spans = sentences(text, detect_language(text))
    if len(spans) > 1 and text[-1] not in ".!?。！？”\"'»」…)":
        return text[: spans[-1][0]]
    return text
