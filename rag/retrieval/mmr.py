"""Maximal marginal relevance: hits that differ from each other.

Carbonell & Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering Documents and
Producing Summaries", SIGIR 1998.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rag.errors import QueryError
from rag.index import Snapshot
from rag.protocols import Retriever
from rag.tracing import step
from rag.types import Hit, Vectors


def mmr(hits: Sequence[Hit], vectors: Vectors, k: int, *, relevance: float = 0.5) -> list[Hit]:
    """Pick ``k`` hits one by one, each the most relevant and the least like those already picked.

    That is the greatest ``relevance * score - (1 - relevance) * (greatest cosine with a picked hit)``.
    Scores are brought to 0 to 1 first; ``vectors`` (n, dim) are the hits' unit vectors; ``relevance`` 1
    keeps the order. Hits keep their score and arms; ranks are new. Raises QueryError.
    """
    if not 0 <= relevance <= 1:
        raise QueryError(f"relevance is {relevance}, expected 0 to 1")
    if not hits:
        return []
    scores = np.array([hit.score for hit in hits])
    span = scores.max() - scores.min()
    gain = (scores - scores.min()) / span if span > 0 else np.ones(len(scores))
    wide = vectors.astype(np.float64)
    nearest = np.zeros(len(hits))
    left = np.ones(len(hits), np.bool_)
    picked: list[Hit] = []
    while len(picked) < min(k, len(hits)):
        value = np.where(left, relevance * gain - (1 - relevance) * nearest, -np.inf)
        best = int(np.argmax(value))  # the first of equals, which is the better ranked
        left[best] = False
        picked.append(replace(hits[best], rank=len(picked) + 1))
        cosine = (wide * wide[best]).sum(axis=1)
        nearest = cosine if len(picked) == 1 else np.maximum(nearest, cosine)
    return picked


class DiverseRetriever:
    """Re-orders what another retriever finds by maximal marginal relevance, from ``pool`` hits or more."""

    def __init__(self, retriever: Retriever, snapshot: Snapshot, *, relevance: float = 0.5, pool: int = 50) -> None:
        self.retriever = retriever
        self.snapshot = snapshot
        self.relevance = relevance
        self.pool = pool

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, most useful first. Raises QueryError, FilterError."""
        if k < 1:
            raise QueryError(f"k is {k}", hint="ask for at least 1 passage")
        hits = self.retriever.retrieve(query, max(k, self.pool), where=where)
        ids = [hit.chunk.id for hit in hits]
        with step("diversify", relevance=self.relevance, passages=tuple(ids)) as taken:
            picked = mmr(hits, self.snapshot.vectors(self.snapshot.refs(ids)), k, relevance=self.relevance)
            taken.note(passages=tuple(hit.chunk.id for hit in picked))
        return picked
