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
_LONGER = 32  # than the question it is made of: a model that has lost its way repeats itself up to the bound
# no character is more than four bytes of UTF-8, and no token less than one
_TOKENS_PER_CHARACTER = 4


def ask_for_list(generator: Generator, prompt: QueryPrompt, query: str, *, least: int, most: int) -> list[str]:
    """Between ``least`` and ``most`` texts, from a generator that can be held to a schema.

    The strings of the schema are as long as fit into the context, whatever their script. Raises GenerationError,
    ContextError.
    """
    frame = 16 + 8 * most  # brackets, quotation marks, commas

    def length(messages: Sequence[Message]) -> int:
        room = generator.context_size - generator.count_tokens(messages) - frame
        return min(_LONGEST, len(query) + _LONGER, room // (_TOKENS_PER_CHARACTER * most))

    messages = _fitting(query, lambda text: prompt.as_list(text, most, _KEY), lambda m: length(m) >= _SHORTEST)
    longest = length(messages)
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
    room = generator.context_size - max_tokens
    messages = _fitting(query, prompt.as_text, lambda found: generator.count_tokens(found) <= room)
    return tracing.generate(generator, messages, stop=stop, max_tokens=max_tokens)


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
    query: str,
    render: Callable[[str], tuple[Message, ...]],
    fits: Callable[[Sequence[Message]], bool],
) -> tuple[Message, ...]:
    """The messages for the query, or for as much of its beginning as fits: it is searched for whole all the same."""
    shown = query
    while not fits(messages := render(shown)):
        if len(shown) < 2:
            raise ContextError(
                "the prompt of the query transform does not fit the model's context",
                hint="raise generator.context_size, or show fewer examples (queries.prompts)",
            )
        shown = shown[: len(shown) // 2]
    return messages
