"""The smallest pieces that chunkers of finer grain put together: sentences of prose, and tables and code whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rag.chunkers._packing import Packer
from rag.chunkers._spans import Span, sentence_spans


def units(packer: Packer, spans: Iterable[Span]) -> Iterator[Span]:
    """The sentences of a section's prose, and its headings, tables and code as they are."""
    for span in spans:
        if span.kind == "prose":
            yield from sentence_spans(packer.text, span.start, span.end, packer.language)
        else:
            yield span


def runs(members: Iterable[Span]) -> Iterator[list[Span]]:
    """Runs of units that may share a passage: a table or code stands alone, below the headings before it."""
    run: list[Span] = []
    for span in members:
        if span.kind == "lines":
            headings = run if all(member.kind == "heading" for member in run) else []
            if run and not headings:
                yield run
            yield [*headings, span]
            run = []
        else:
            run.append(span)
    if run:
        yield run
