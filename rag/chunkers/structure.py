"""Passages along a document's structure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, groupby

from rag.chunkers._packing import Packer, check_budget
from rag.chunkers._spans import Span, SpanKind, paragraph_spans, trimmed
from rag.protocols import Tokenizer
from rag.types import Block, BlockKind, Chunk, Document

# How a block that is too large is cut: prose by sentences, a table and code by lines.
_CUT_AS: dict[BlockKind, SpanKind] = {
    "heading": "heading",
    "paragraph": "prose",
    "list": "prose",
    "row": "prose",
    "table": "lines",
    "code": "lines",
}
# Of Markdown: "## Heading ##", the rule under a heading, emphasis and code, the address of a link.
_HEADING_MARKS = re.compile(r"^#{1,6}\s+|\s+#+\s*$|\n[=-]+\s*$|[*`]|(?<=\])\([^)]*\)")
_BRACKETS = str.maketrans("", "", "[]")

Path = tuple[str, ...]


class StructureChunker:
    """Packs the blocks under one heading together, up to the budget; never over a heading. A Chunker.

    A heading that another, deeper one follows at once shares its passage. ``Chunk.headings`` is the
    heading path. A document without blocks is cut into paragraphs at blank lines.
    """

    def __init__(self, *, tokenizer: Tokenizer, max_tokens: int) -> None:
        """``max_tokens`` includes the context header and special tokens. Raises ChunkError."""
        check_budget(tokenizer, max_tokens)
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens

    def chunk(self, document: Document) -> Iterator[Chunk]:
        """Passages in order."""
        packer = Packer(document, self._tokenizer, self._max_tokens)
        for path, spans in sections(document):
            for passage in packer.fill(spans, packer.header(path)):
                yield passage.chunk


class AutoChunker:
    """By structure where a document has some, records of JSON Lines whole, other text by sentences. A Chunker."""

    def __init__(self, *, tokenizer: Tokenizer, max_tokens: int) -> None:
        """``max_tokens`` includes the context header and special tokens. Raises ChunkError."""
        from rag.chunkers.sentence import SentenceChunker
        from rag.chunkers.whole import WholeDocumentChunker

        self._structure = StructureChunker(tokenizer=tokenizer, max_tokens=max_tokens)
        self._sentences = SentenceChunker(tokenizer=tokenizer, max_tokens=max_tokens)
        self._whole = WholeDocumentChunker(tokenizer=tokenizer, max_tokens=max_tokens)

    def chunk(self, document: Document) -> Iterator[Chunk]:
        """Passages in order."""
        if document.blocks:
            return self._structure.chunk(document)
        # Whoever writes records has cut the text already; only those over the budget are cut again.
        cut = self._whole if document.media_type == "application/jsonl" else self._sentences
        return cut.chunk(document)


def sections(document: Document) -> Iterator[tuple[Path, Iterator[Span]]]:
    """The heading path and the spans of each section; of a document without blocks, one section of paragraphs."""
    for _, members in groupby(_numbered(document), key=lambda member: member[0]):
        yield _section((path, span) for _, path, span in members)


def _outline(document: Document) -> Iterator[tuple[Block | None, Span]]:
    """Every block's span in order, and paragraphs of what lies between blocks."""
    text = document.text
    position = 0
    for block in document.blocks:
        for span in paragraph_spans(text, position, block.start):
            yield None, span
        for span in trimmed(text, block.start, block.end, _CUT_AS[block.kind]):
            yield block, span
        position = block.end
    for span in paragraph_spans(text, position, len(text)):
        yield None, span


def _numbered(document: Document) -> Iterator[tuple[int, Path, Span]]:
    """Each span with the number of its section and the headings above and in it."""
    number = 0
    has_body = False
    levels: list[tuple[int, str]] = []
    for block, span in _outline(document):
        if block and block.kind == "heading":
            if has_body or (levels and block.level <= levels[-1][0]):
                number += 1
            has_body = False
            levels = [entry for entry in levels if entry[0] < block.level]
            levels.append((block.level, _title(document, span)))
        else:
            has_body = True
        yield number, tuple(title for _, title in levels), span


def _section(members: Iterator[tuple[Path, Span]]) -> tuple[Path, Iterator[Span]]:
    """The heading path of a section, which its last heading completes, and all its spans."""
    first: list[Span] = []
    path: Path = ()
    for path, span in members:  # noqa: B007
        first.append(span)
        if span.kind != "heading":
            break
    return path, chain(first, (span for _, span in members))


def _title(document: Document, span: Span) -> str:
    heading = document.text[span.start : span.end]
    if document.media_type == "text/markdown":
        heading = _HEADING_MARKS.sub("", heading).translate(_BRACKETS)
    return " ".join(heading.split())
