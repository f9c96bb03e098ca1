"""Contexts: a sentence before each passage that says where in its document it stands, to be found by, never cited.

Anthropic, "Introducing Contextual Retrieval", 2024 (https://www.anthropic.com/news/contextual-retrieval).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

from rag.errors import ChunkError, ContextError
from rag.protocols import Chunker, Generator, Tokenizer
from rag.text import sentences
from rag.tracing import generate, step
from rag.types import Chunk, Document, Message

Situate: TypeAlias = Callable[[Document, Chunk], str]

# What a context may take of a passage's budget, and of a reply.
CONTEXT_TOKENS = 48
_OPENING = 1200  # characters of the document's beginning that the model reads
_BEFORE = 400  # characters right before the passage
_PASSAGE = 1200
_LONGEST = 400  # characters of a context, whatever the budget

_PROMPT = (
    "Document: {title}\nIt begins: {opening}\n\n{before}Passage: {passage}\n\n"
    "In one short sentence, say what the passage is about and name its subject."
)
_EXAMPLE = (
    Message(
        "user",
        _PROMPT.format(
            title="Tamar Bridge",
            opening="The Tamar Bridge is a suspension bridge between Saltash and Plymouth. It was opened in 1961.",
            before="",
            passage="It is 642 metres long and carries the A38 road. In 2001 it was widened to carry four lanes.",
        ),
    ),
    Message("assistant", "The length, road and widening of the Tamar Bridge."),
)


class ContextualChunker:
    """Another chunker's passages, each with the context that ``situate`` gives it. A Chunker.

    A context is one line and is cut at a word where the budget ends; offsets and texts are the other chunker's own.
    Give that one ``CONTEXT_TOKENS`` less than ``max_tokens``, or there may be no room for any.
    """

    def __init__(self, chunker: Chunker, situate: Situate, *, tokenizer: Tokenizer, max_tokens: int) -> None:
        """``max_tokens`` includes header, context and special tokens."""
        self._chunker = chunker
        self._situate = situate
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens

    def chunk(self, document: Document) -> Iterator[Chunk]:
        """Passages in order. Raises ChunkError, and what ``situate`` raises."""
        for chunk in self._chunker.chunk(document):
            if chunk.tokens > self._max_tokens:
                raise ChunkError(
                    f"a passage of {chunk.tokens} tokens is over {self._max_tokens} without a context",
                    where=document.uri,
                    hint="give the inner chunker a smaller max_tokens",
                )
            yield self._with(chunk, " ".join(self._situate(document, chunk).split())[:_LONGEST])

    def _with(self, chunk: Chunk, context: str) -> Chunk:
        context = self._beginning(context, self._max_tokens - chunk.tokens)
        while context:
            made = replace(chunk, context=context)
            tokens = self._tokenizer.count(made.content)
            if tokens <= self._max_tokens:
                return replace(made, tokens=tokens)
            context = self._beginning(context, len(self._tokenizer.offsets(context)) - (tokens - self._max_tokens))
        return chunk

    def _beginning(self, context: str, tokens: int) -> str:
        """At most so many tokens of a context."""
        offsets = self._tokenizer.offsets(context)
        if tokens < 1 or len(offsets) <= tokens:
            return context if tokens > 0 else ""
        cut = context[: offsets[tokens][0]]
        # at a blank, unless that leaves nothing, as in scripts without blanks
        return (cut if cut.endswith(" ") else cut.rpartition(" ")[0] or cut).rstrip()


def lead_sentence(document: Document, chunk: Chunk) -> str:
    """By rule: the document's first sentence, for every passage that does not hold it."""
    for start, end in sentences(document.text[:2000], chunk.language):
        return document.text[start:end] if chunk.start >= end else ""
    return ""


class GeneratedContext:
    """A context written by a language model from the document's title and beginning and what stands before the passage.

    One call for each passage, a step of the trace. A reply is read up to the end of its first sentence.
    """

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def __call__(self, document: Document, chunk: Chunk) -> str:
        """The context. Raises GenerationError; ContextError where a passage does not fit the model's context."""
        with step("context", document=document.uri, start=chunk.start, end=chunk.end) as taken:
            reply = generate(self._generator, self._messages(document, chunk), stop=("\n",), max_tokens=CONTEXT_TOKENS)
            found = sentences(reply, chunk.language)
            context = reply[found[0][0] : found[0][1]] if found else ""
            taken.note(context=context)
        return context

    def _messages(self, document: Document, chunk: Chunk) -> tuple[Message, ...]:
        room = self._generator.context_size - CONTEXT_TOKENS
        for share in (1.0, 0.5, 0.25, 0.1):
            messages = (*_EXAMPLE, Message("user", _prompt(document, chunk, share)))
            if self._generator.count_tokens(messages) <= room:
                return messages
        raise ContextError(
            f"a passage of {len(chunk.text)} characters does not fit the model's {self._generator.context_size} tokens",
            where=document.uri,
            hint="raise generator.context_size, or lower chunker.max_tokens",
        )


def _prompt(document: Document, chunk: Chunk, share: float) -> str:
    text = document.text
    opening = text[: min(chunk.start, int(_OPENING * share))]
    before = text[max(len(opening), chunk.start - int(_BEFORE * share)) : chunk.start]
    return _PROMPT.format(
        title=chunk.header or document.title,
        opening=" ".join(opening.split()) or "with the passage",
        before=f"Before the passage: {' '.join(before.split())}\n\n" if before.strip() else "",
        passage=" ".join(chunk.text[: int(_PASSAGE * share)].split()),
    )
