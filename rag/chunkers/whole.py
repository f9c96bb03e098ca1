"""One passage per document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from rag.chunkers._meter import MAX_CHARACTERS
from rag.chunkers._packing import Packer, check_budget
from rag.chunkers._spans import sentence_spans, trimmed
from rag.errors import ChunkError
from rag.protocols import Tokenizer
from rag.types import Chunk, Document


class WholeDocumentChunker:
    """The whole text as one passage. A Chunker.

    A document over the budget is cut by sentences (``oversize="split"``) or refused (``oversize="error"``).
    """

    def __init__(self, *, tokenizer: Tokenizer, max_tokens: int, oversize: Literal["split", "error"] = "split") -> None:
        """``max_tokens`` includes the context header and special tokens. Raises ChunkError."""
        check_budget(tokenizer, max_tokens)
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._oversize = oversize

    def chunk(self, document: Document) -> Iterator[Chunk]:
        """One passage, none for a blank text, several for one over the budget. Raises ChunkError."""
        packer = Packer(document, self._tokenizer, self._max_tokens)
        header = packer.header()
        for span in trimmed(packer.text, 0, len(packer.text), "prose"):
            length = span.end - span.start
            # A text that is long beyond doubt is not tokenized to find that out.
            passage = packer.passage([span], header) if length <= 2 * MAX_CHARACTERS * self._max_tokens else None
            if passage:
                yield passage.chunk
                return
            if self._oversize == "error":
                raise ChunkError(
                    f"a document of {length:,} characters does not fit in {self._max_tokens} tokens",
                    where=document.uri,
                    hint='use another chunker, a larger max_tokens, or oversize="split"',
                )
            spans = sentence_spans(packer.text, span.start, span.end, packer.language)
            for part in packer.fill(spans, header):
                yield part.chunk
