"""A retriever whose first hits a reranker puts in a better order."""

from __future__ import annotations

from rag.errors import QueryError
from rag.protocols import Reranker, Retriever
from rag.tracing import step
from rag.types import Hit


class RerankedRetriever:
    """Fetches ``depth`` hits, or ``k`` if that is more, and returns the reranker's best ``k``."""

    def __init__(self, retriever: Retriever, reranker: Reranker, *, depth: int = 50) -> None:
        self.retriever = retriever
        self.reranker = reranker
        self.depth = depth

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first. Raises QueryError, FilterError, RerankError."""
        if k < 1:
            raise QueryError(f"k is {k}", hint="ask for at least 1 passage")
        hits = self.retriever.retrieve(query, max(k, self.depth), where=where)
        if not hits:
            return []
        with step("rerank", query=query, passages=tuple(hit.chunk.id for hit in hits)) as taken:
            best = self.reranker.rerank(query, hits, k)
            taken.note(passages=tuple(hit.chunk.id for hit in best), scores=tuple(hit.score for hit in best))
        return best
