"""Ask a language model for other texts of a question, within its context and so that no reply can be cut off."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from rag import tracing
from rag.errors import ContextError
from rag.protocols import Generator, JsonSchema
from rag.queries.prompts import QueryPrompt
from rag.types import Message

__all__ = ["ask_for_list", "ask_for_text"]

_KEY = "queries"
_LONGEST = 160  # characters of a query
_SHORTEST = 24
_LONGER = 40  # than the question it is made of, in bytes
# no character is more than four bytes of UTF-8, and no token less than one
_TOKENS_PER_CHARACTER = 4


def ask_for_list(generator: Generator, prompt: QueryPrompt, query: str, *, least: int, most: int) -> list[str]:
    """Between ``least`` and ``most`` texts, from a generator that can be held to a schema.

    The strings of the schema are as long as fit into the context, whatever their script. Raises GenerationError,
    ContextError.
    """
    frame = 16 + 8 * most  # brackets, quotation marks, commas
    messages, size = _fitting(
        generator,
        query,
        lambda text: prompt.as_list(text, most, _KEY),
        frame + _TOKENS_PER_CHARACTER * most * _SHORTEST,
    )
    room = (generator.context_size - size - frame) // (_TOKENS_PER_CHARACTER * most)
    longest = min(_LONGEST, max(_SHORTEST, _length_of_other_words(query)), room)
    reply = tracing.generate_json(
        generator,
        messages,
        _schema(least, most, longest),
        max_tokens=frame + _TOKENS_PER_CHARACTER * most * longest,
    )
    found: list[str] = json.loads(reply)[_KEY]
    return found


def ask_for_text(
    generator: Generator, prompt: QueryPrompt, query: str, *, max_tokens: int, stop: Sequence[str] = ()
) -> str:
    """One text, which ``max_tokens`` may have cut off. Raises GenerationError, ContextError."""
    messages, _ = _fitting(generator, query, prompt.as_text, max_tokens)
    return tracing.generate(generator, messages, stop=stop, max_tokens=max_tokens)


def _length_of_other_words(query: str) -> int:
    """Characters that suffice to say it otherwise: a model that has lost its way goes on up to the bound.

    Scripts of which a character says more take more bytes for it.
    """
    return len(query) + _LONGER * len(query) // len(query.encode("utf-8", "replace"))


def _schema(least: int, most: int, longest: int) -> JsonSchema:
    # A pattern bounds a string where maxLength does, and where it does not (OpenAI's strict mode); without quotation
    # marks, backslashes and control characters there is nothing to escape, so that each character is one.
    text = {"type": "string", "pattern": rf'^[^"\\\x00-\x1f\x7f]{{1,{longest}}}$'}
    return {
        "type": "object",
        "properties": {_KEY: {"type": "array", "items": text, "minItems": least, "maxItems": most}},
        "required": [_KEY],
        "additionalProperties": False,
    }


def _fitting(
    generator: Generator, query: str, render: Callable[[str], tuple[Message, ...]], reply: int
) -> tuple[tuple[Message, ...], int]:
    """The messages for the query, and their tokens: for as much of its beginning as leaves room for the reply."""
    shown = query
    while True:
        messages = render(shown)
        size = generator.count_tokens(messages)
        if size + reply <= generator.context_size:
            return messages, size
        if len(shown) < 2:
            raise ContextError(
                "the prompt of the query transform does not fit the model's context",
                hint="raise generator.context_size, or show fewer examples (queries.prompts)",
            )
        shown = shown[: len(shown) // 2]
