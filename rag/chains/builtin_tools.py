"""The tools every agent can have: search, read on, list documents, calculate. All of them only read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from rag.chains.tools import Calculated, Tool, ToolResult, tool
from rag.errors import ToolError
from rag.index.filters import narrowed
from rag.protocols import Retriever
from rag.text.calculator import evaluate
from rag.types import Chunk, Document, Hit

if TYPE_CHECKING:
    from rag.index import Snapshot

__all__ = ["calculator_tool", "documents_tool", "neighbours_tool", "search_tool"]

MAX_LISTED = 50


def search_tool(retriever: Retriever, *, k: int, where: str | None = None, filters: bool = False) -> Tool:
    """Search the passages that ``where`` admits; with ``filters`` the caller may narrow it down, never widen it."""

    def found(query: str, further: str) -> ToolResult:
        hits = retriever.retrieve(query, k, where=narrowed(where, further))
        return ToolResult(_counted(len(hits), "passage") if hits else "nothing was found", tuple(hits))

    def search(query: Annotated[str, Field(min_length=1, max_length=200)]) -> ToolResult:
        """Find passages of the documents by what they are about."""
        return found(query, "")

    def filtered(
        query: Annotated[str, Field(min_length=1, max_length=200)], where: Annotated[str, Field(max_length=200)] = ""
    ) -> ToolResult:
        """Find passages of the documents; where narrows it by metadata, such as: year >= 2020 and language = "de"."""
        return found(query, where)

    return tool(filtered if filters else search, name="search", from_documents=["query"])


def neighbours_tool(chunks_of: Callable[[str], Sequence[Chunk]], found: Callable[[], Sequence[Hit]]) -> Tool:
    """Read on around a passage that was found; a filter admits whole documents, so its neighbours are admitted too."""

    def read(passage: Annotated[int, Field(ge=1, le=99)], around: Annotated[int, Field(ge=1, le=3)] = 1) -> ToolResult:
        """Read what stands before and after a passage that was found, by its number."""
        hits = found()
        if passage > len(hits):
            raise ToolError(f"there are {len(hits)} passages, none is number {passage}", where="read")
        hit = hits[passage - 1]
        chunks = list(chunks_of(hit.chunk.document_id))
        read_already = {hit.chunk.id, *hit.within}
        places = [i for i, chunk in enumerate(chunks) if chunk.id in read_already]
        if not places:
            raise ToolError(f"passage {passage} is not in the index any more", where="read")
        first, last = max(places[0] - around, 0), places[-1] + around + 1
        near = [chunk for chunk in chunks[first:last] if chunk.id not in read_already]
        hits = [Hit(chunk, hit.score, i, metadata=hit.metadata) for i, chunk in enumerate(near, 1)]
        return ToolResult(
            f"{_counted(len(near), 'passage')} around passage {passage}" if near else "it stands alone", tuple(hits)
        )

    return tool(read, from_documents=["passage", "around"])


def documents_tool(snapshot: Snapshot, *, where: str | None = None) -> Tool:
    """List the documents that a filter admits, among those that ``where`` admits, as a text that can be cited."""

    def documents(filter: Annotated[str, Field(max_length=200)] = "") -> ToolResult:  # noqa: A002
        """List the documents whose metadata match a filter, such as: year >= 2020 and language = "de"."""
        lines: list[str] = []
        count = 0
        for summary in snapshot.documents(narrowed(where, filter)):
            count += 1
            if count <= MAX_LISTED:
                lines.append(" ".join(f"{summary.title or summary.uri}".split()))
        if not count:
            return ToolResult("no document matches")
        listing = Document(f"tool:documents?{filter}", "\n".join(lines), title="documents")
        chunk = Chunk(listing.id, listing.uri, 0, len(listing.text), listing.text, title=listing.title)
        hits = (Hit(chunk, 1.0, 1),)
        listed = f", the first {MAX_LISTED} listed" if count > MAX_LISTED else ""
        return ToolResult(f"{_counted(count, 'document')} found{listed}", hits, document=listing)

    return tool(documents)


def calculator_tool() -> Tool:
    """Exact arithmetic (``rag.text.calculator``)."""

    def calculate(expression: Annotated[str, Field(min_length=1, max_length=200)]) -> ToolResult:
        """Work out an arithmetic expression from numbers that were found, such as: 15% of 80 + 3 * 4."""
        value = evaluate(expression)
        return ToolResult("it has a value", calculated=Calculated(expression.strip(), value))

    return tool(calculate, from_documents=["expression"])


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
