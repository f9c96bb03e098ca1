"""Several queries for one question, searched one by one and fused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rag import tracing
from rag.errors import QueryError
from rag.index import Snapshot, check_embedder
from rag.protocols import Embedder, QueryTransform, Retriever
from rag.retrieval.arms import Asked, check, retrieve
from rag.retrieval.fusion import Fusion, fuse
from rag.text.budgets import beginning
from rag.types import Hit

__all__ = ["MultiQueryRetriever", "PassageRetriever"]


class MultiQueryRetriever:
    """Searches for all that a transform makes of a question, and fuses the lists.

    The question itself is always among them, first and with a weight of its own, so a transform that goes astray cannot
    lose what it finds. Hits keep their places in the question's arms, and gain those in each query's list, as "query 1"
    (the question), "query 2" and so on.
    """

    def __init__(
        self,
        retriever: Retriever,
        transform: QueryTransform,
        *,
        others: Retriever | None = None,
        raw_weight: float = 0.5,
        fusion: Fusion = "convex",
        depth: int = 50,
    ) -> None:
        """Search with ``retriever``, and with ``others`` for all queries but the first, if given.

        ``raw_weight`` is the question's share; the other queries have equal parts of the rest. ``depth`` is how
        much of each list is fused, at least ``k``. Raises QueryError.
        """
        if not 0 < raw_weight <= 1:
            raise QueryError(f"raw_weight is {raw_weight}", hint="more than 0, which would lose the question, up to 1")
        if depth < 1:
            raise QueryError(f"depth is {depth}, expected at least 1")
        self.retriever = retriever
        self.others = others or retriever
        self.transform = transform
        self.raw_weight = raw_weight
        self.fusion: Fusion = fusion
        self.depth = depth

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first, ties by chunk id.

        ``where`` holds for every query. Raises QueryError, FilterError, and what the transform raises.
        """
        check(query, k)
        queries = list(dict.fromkeys([query, *self.transform(query)]))
        if len(queries) == 1:
            return self.retriever.retrieve(query, k, where=where)
        depth = max(k, self.depth)
        lists = {
            f"query {number}": self._search(self.others if number > 1 else self.retriever, each, depth, where)
            for number, each in enumerate(queries, 1)
        }
        share = (1 - self.raw_weight) / (len(queries) - 1)
        weights = [self.raw_weight, *[share] * (len(queries) - 1)]
        own = {hit.chunk.id: hit.arms for hit in lists["query 1"]}
        fused = fuse(lists, method=self.fusion, weights=weights)[:k]
        return [replace(hit, arms={**own.get(hit.chunk.id, {}), **hit.arms}) for hit in fused]

    def _search(self, retriever: Retriever, query: str, k: int, where: str | None) -> Sequence[Hit]:
        with tracing.step("search", query=query) as step:
            hits = retriever.retrieve(query, k, where=where)
            step.note(hits=len(hits))
            return hits


class PassageRetriever:
    """Passages by the cosine of their vector and that of another passage: a hypothetical one, say, as HyDE writes."""

    name = "dense"

    def __init__(self, snapshot: Snapshot, embedder: Embedder) -> None:
        """Raises EmbedderMismatchError unless the index was built with this embedder."""
        check_embedder(snapshot.settings, embedder.fingerprint, "", snapshot.path)
        self.snapshot = snapshot
        self.embedder = embedder

    def ask(self, query: str) -> Asked:
        """Embed a passage as those of the index were, not as a question; one that is too long is cut."""
        passage = beginning(query, self.embedder.tokenizer, self.embedder.max_tokens)
        vector = self.embedder.embed_documents([passage])[0]
        return Asked(
            lambda k, where: self.snapshot.dense(vector, k, where),
            lambda refs: self.snapshot.dense_scores(vector, refs),
        )

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first, ties by chunk id. Raises QueryError, FilterError."""
        return retrieve(self, query, k, where)
