"""Groups of consecutive sentences."""

from __future__ import annotations

from collections.abc import Iterator

from rag.chunkers._packing import Header, Packer, Passage, check_budget
from rag.chunkers._spans import sentence_spans
from rag.errors import ChunkError
from rag.protocols import Tokenizer
from rag.types import Chunk, Document


class SentenceChunker:
    """As many sentences as fit, ``max_sentences`` at most. A Chunker.

    The last group of a document takes sentences from the one before until it has ``min_sentences``. Only
    the budget makes a group smaller than that. A sentence over the budget is cut between tokens.
    """

    def __init__(
        self, *, tokenizer: Tokenizer, max_tokens: int, min_sentences: int = 3, max_sentences: int = 8
    ) -> None:
        """``max_tokens`` includes the context header and special tokens. Raises ChunkError."""
        check_budget(tokenizer, max_tokens)
        if not 1 <= min_sentences <= max_sentences:
            raise ChunkError(
                f"groups of {min_sentences} to {max_sentences} sentences",
                where="min_sentences",
                hint="choose 1 <= min_sentences <= max_sentences",
            )
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._min = min_sentences
        self._max = max_sentences

    def chunk(self, document: Document) -> Iterator[Chunk]:
        """Passages in order."""
        packer = Packer(document, self._tokenizer, self._max_tokens)
        header = packer.header()
        spans = sentence_spans(packer.text, 0, len(packer.text), packer.language)
        held: list[Passage] = []
        for passage in packer.fill(spans, header, self._max):
            held.append(passage)
            if len(held) > 2:
                yield held.pop(0).chunk
        for passage in self._balanced(held, packer, header):
            yield passage.chunk

    def _balanced(self, last: list[Passage], packer: Packer, header: Header) -> list[Passage]:
        """The last two groups with ``min_sentences`` each, if the budget admits it."""
        if len(last) < 2 or len(last[1].spans) >= self._min:
            return last
        spans = [*last[0].spans, *last[1].spans]
        if len(spans) < 2 * self._min:
            return last
        first, second = packer.passage(spans[: -self._min], header), packer.passage(spans[-self._min :], header)
        return [first, second] if first and second else last
