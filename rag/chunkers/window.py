"""A window of fixed size that slides over the tokens."""

from __future__ import annotations

from collections.abc import Iterator

from rag.chunkers._packing import Packer, check_budget
from rag.chunkers._spans import trimmed
from rag.errors import ChunkError
from rag.protocols import Tokenizer
from rag.types import Chunk, Document


class TokenWindowChunker:
    """Windows of the tokenizer's tokens, each repeating the last ``overlap`` of the one before. A Chunker.

    Edges move to the nearest blank where there is one, so that words stay whole. The overlap takes half a
    window at most.
    """

    def __init__(self, *, tokenizer: Tokenizer, max_tokens: int, overlap: int = 0) -> None:
        """``max_tokens`` includes context header and special tokens; ``overlap`` is in tokens. Raises ChunkError."""
        check_budget(tokenizer, max_tokens)
        if not 0 <= overlap < max_tokens:
            raise ChunkError(
                f"an overlap of {overlap} tokens in windows of {max_tokens}",
                where="overlap",
                hint="choose 0 <= overlap < max_tokens",
            )
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._overlap = overlap

    def chunk(self, document: Document) -> Iterator[Chunk]:
        """Passages in order; each begins after the one before began and ends after it ended."""
        packer = Packer(document, self._tokenizer, self._max_tokens)
        header = packer.header()
        text = packer.text
        start = done = 0
        while start < len(text):
            end = packer.meter.cut(start, len(text), header.room, after=done)
            span = next(trimmed(text, start, end, "whole"), None)
            start = end
            if span is None:
                continue
            passage = packer.passage([span], header)
            while passage is None:
                span = packer.smaller(span, header)[0]
                passage = packer.passage([span], header)
            if span.end <= done:
                # The overlap left no room for more: go on without it.
                start = done
                continue
            yield passage.chunk
            start = done = span.end
            if self._overlap and _has_text(text, done):
                start = packer.meter.back(span.start, done, min(self._overlap, header.room // 2))


def _has_text(text: str, start: int) -> bool:
    return next(trimmed(text, start, len(text), "whole"), None) is not None
