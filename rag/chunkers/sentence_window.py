"""Single sentences: small passages to be found by, of which retrieval gives more (``retrieval.expand``)."""

from __future__ import annotations

from collections.abc import Iterator

from rag.chunkers._packing import Packer, check_budget
from rag.chunkers._spans import Span
from rag.chunkers._units import runs, units
from rag.chunkers.structure import sections
from rag.errors import ChunkError
from rag.protocols import Tokenizer
from rag.types import Chunk, Document

# "Yes." and "3." say nothing alone: what is shorter goes with the next sentence.
_LEAST = 8


class SentenceWindowChunker:
    """A passage for every ``sentences`` sentences of a section, with the headings that stand before them. A Chunker.

    A sentence of under 8 tokens goes with the next. Tables and code stay whole, up to the budget.
    """

    def __init__(self, *, tokenizer: Tokenizer, max_tokens: int, sentences: int = 1) -> None:
        """``max_tokens`` includes the context header and special tokens. Raises ChunkError."""
        check_budget(tokenizer, max_tokens)
        if sentences < 1:
            raise ChunkError(f"passages of {sentences} sentences", where="sentences", hint="choose 1 or more")
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._sentences = sentences

    def chunk(self, document: Document) -> Iterator[Chunk]:
        """Passages in order."""
        packer = Packer(document, self._tokenizer, self._max_tokens)
        for path, spans in sections(document):
            header = packer.header(path)
            for run in runs(units(packer, spans)):
                for group in self._groups(packer, run):
                    for passage in packer.fill(group, header):
                        yield passage.chunk

    def _groups(self, packer: Packer, run: list[Span]) -> Iterator[list[Span]]:
        group: list[Span] = []
        count = weight = 0
        for span in run:
            group.append(span)
            if span.kind != "heading":
                count += 1
                weight += packer.meter.weight(span.start, span.end)
            if count >= self._sentences and weight >= _LEAST:
                yield group
                group, count, weight = [], 0, 0
        if group:
            yield group
