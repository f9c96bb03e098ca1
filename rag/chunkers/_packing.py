"""Spans -> passages within the token budget. What all chunkers share."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rag.chunkers._meter import Meter
from rag.chunkers._spans import Span, line_spans, sentence_spans, trimmed
from rag.errors import ChunkError
from rag.protocols import Tokenizer
from rag.text import detect_language
from rag.types import Chunk, Document, Page

# A header may take a third of the budget; the text has the rest.
_HEADER_SHARE = 3


def check_budget(tokenizer: Tokenizer, max_tokens: int) -> None:
    """Raise ChunkError where special tokens leave no room for text."""
    special = tokenizer.count("")
    if max_tokens - special < 1:
        raise ChunkError(
            f"a budget of {max_tokens} tokens leaves no room for text: {special} are special tokens",
            where="max_tokens",
            hint=f"set max_tokens to {special + 32} or more",
        )


@dataclass(frozen=True, slots=True)
class Header:
    """Title and heading path as a passage carries them, shortened to their share of the budget."""

    title: str
    headings: tuple[str, ...]
    room: int  # tokens left for the text


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk and the spans it was packed from."""

    spans: tuple[Span, ...]
    chunk: Chunk


class Packer:
    """Packs the spans of one document into passages."""

    def __init__(self, document: Document, tokenizer: Tokenizer, max_tokens: int) -> None:
        self.document = document
        self.text = document.text
        self.language = document.language or detect_language(document.text)
        self.meter = Meter(document.text, tokenizer)
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._room = max_tokens - tokenizer.count("")
        self._id = document.id
        self._page_starts = [page.start for page in document.pages]

    def header(self, headings: tuple[str, ...] = ()) -> Header:
        """The header within its share: outer headings go first, then the rest of them, then the title's tail."""
        share = self._room // _HEADER_SHARE
        title = self.document.title
        kept = headings
        while (size := self._header_tokens(title, kept)) > share and (kept or title):
            if kept:
                kept = kept[1:]
            else:
                title = self._shorter(title, share)
        return Header(title, kept, self._room - size)

    def fill(self, spans: Iterable[Span], header: Header, most: int | None = None) -> Iterator[Passage]:
        """Passages of as many spans as fit, ``most`` at most; spans that are too large are cut.

        Raises ChunkError where a single character does not fit.
        """
        group: list[Span] = []
        weight = 0
        pending: list[Iterator[Span]] = [iter(spans)]
        while pending:
            span = next(pending[-1], None)
            if span is None:
                pending.pop()
                continue
            more = self.meter.weight(span.start, span.end)
            fits = weight + more <= header.room and (most is None or len(group) < most)
            # One character cannot be cut: whether it fits is for the tokenizer to say, below.
            if fits or (not group and span.end - span.start == 1):
                group.append(span)
                weight += more
                continue
            too_large = more > header.room
            only_headings = all(member.kind == "heading" for member in group)
            if span.kind != "whole" and (too_large or only_headings):
                pending.append(self._parts(span))
            elif not group:
                pending.append(self._pieces(span, header.room))
            elif too_large and only_headings and weight < header.room // 2:
                pending.append(self._pieces(span, header.room - weight))
            else:
                passage, rest = self._fitting(group, header)
                if passage:
                    yield passage
                pending.append(iter([*rest, span]))
                group, weight = [], 0
        while group:
            passage, group = self._fitting(group, header)
            if passage:
                yield passage

    def passage(self, spans: Sequence[Span], header: Header) -> Passage | None:
        """The spans as one passage; None if that is over the budget, by the tokenizer's own count."""
        chunk = self._chunk(spans[0].start, spans[-1].end, header)
        return Passage(tuple(spans), chunk) if chunk.tokens <= self._max_tokens else None

    def _chunk(self, start: int, end: int, header: Header) -> Chunk:
        chunk = Chunk(
            document_id=self._id,
            uri=self.document.uri,
            start=start,
            end=end,
            text=self.text[start:end],
            title=header.title,
            headings=header.headings,
            pages=self._pages(start, end),
            language=self.language,
        )
        return replace(chunk, tokens=self._tokenizer.count(chunk.content))

    def _fitting(self, group: list[Span], header: Header) -> tuple[Passage | None, list[Span]]:
        """The longest beginning of the group that fits, and what to pack next.

        Weights are estimates: where words or header and text meet, a tokenizer may need a token more.
        """
        for size in range(len(group), 0, -1):
            passage = self.passage(group[:size], header)
            if passage:
                return passage, group[size:]
        return None, [*self.smaller(group[0], header), *group[1:]]

    def smaller(self, span: Span, header: Header) -> list[Span]:
        """A span whose passage is over the budget, in smaller pieces. Raises ChunkError on a single character."""
        if span.end - span.start == 1:
            raise ChunkError(
                f"a single character and its header fill more than {self._max_tokens} tokens",
                where=f"{self.document.uri}, offset {span.start}",
                hint="raise max_tokens",
            )
        excess = self._chunk(span.start, span.end, header).tokens - self._max_tokens
        weight = self.meter.weight(span.start, span.end)
        return list(self._pieces(span, max(1, weight - excess)))

    def _parts(self, span: Span) -> Iterator[Span]:
        if span.kind == "lines":
            return line_spans(self.text, span.start, span.end)
        return sentence_spans(self.text, span.start, span.end, self.language)

    def _pieces(self, span: Span, room: int) -> Iterator[Span]:
        """The span cut between tokens, at most ``room`` tokens each; at blanks where there are some."""
        start = span.start
        while start < span.end:
            end = self.meter.cut(start, span.end, room)
            if start == span.start and end == span.end:
                # Its weight is within the room and yet it is too long: halve it.
                end = start + (end - start + 1) // 2
            yield from trimmed(self.text, start, end, "whole")
            start = end

    def _header_tokens(self, title: str, headings: tuple[str, ...]) -> int:
        header = Chunk("", "", 0, 0, "", title=title, headings=headings).header
        return self._tokenizer.count(f"{header}\n") - self._tokenizer.count("") if header else 0

    def _shorter(self, title: str, tokens: int) -> str:
        offsets = self._tokenizer.offsets(title)
        if tokens < 1 or len(title) < 2:
            return ""
        end = offsets[tokens][0] if len(offsets) > tokens else len(title) // 2
        words = title[:end].rsplit(maxsplit=1)
        # Cut at a blank, unless that leaves a word or nothing.
        return words[0] if len(words) > 1 else title[:end].rstrip()

    def _pages(self, start: int, end: int) -> tuple[Page, ...]:
        pages = self.document.pages
        first = max(0, bisect_right(self._page_starts, start) - 1)
        last = bisect_left(self._page_starts, end)
        return tuple(page for page in pages[first:last] if page.start < end and page.end > start)
