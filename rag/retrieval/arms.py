"""One retriever over a snapshot each for vectors and for BM25."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rag.errors import QueryError
from rag.index import Ranking, Snapshot, check_embedder
from rag.protocols import Embedder
from rag.text import query_terms
from rag.types import ArmScore, Hit

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question made ready for one arm: embedded, or cut into terms."""

    rank: Callable[[int, str | None], Ranking]
    score: Callable[[npt.NDArray[np.int64]], Scores]


class Arm(Protocol):
    """A retriever that ranks rows of a snapshot, so that several can be fused before passages are read."""

    name: str
    snapshot: Snapshot

    def ask(self, query: str) -> Asked:
        """Make a question ready."""
        ...


def check(query: str, k: int) -> None:
    """Raise QueryError for a blank question or a ``k`` below 1."""
    if not query.strip():
        raise QueryError("the question is empty", hint="ask something")
    if k < 1:
        raise QueryError(f"k is {k}", hint="ask for at least 1 passage")


def retrieve(arm: Arm, query: str, k: int, where: str | None) -> list[Hit]:
    """The hits of one arm."""
    check(query, k)
    ranking = arm.ask(query).rank(k, where)
    passages = arm.snapshot.passages(ranking.refs.tolist())
    scores = ranking.scores.tolist()
    return [
        Hit(chunk, score, rank, {arm.name: ArmScore(rank, score)}, metadata)
        for rank, ((chunk, metadata), score) in enumerate(zip(passages, scores, strict=True), 1)
    ]


class DenseRetriever:
    """Passages by the cosine of their vector and the question's."""

    name = "dense"

    def __init__(self, snapshot: Snapshot, embedder: Embedder) -> None:
        """Raises EmbedderMismatchError unless the index was built with this embedder."""
        check_embedder(snapshot.settings, embedder.fingerprint, "", snapshot.path)
        self.snapshot = snapshot
        self.embedder = embedder

    def ask(self, query: str) -> Asked:
        """Embed a question."""
        vector = self.embedder.embed_queries([query])[0]
        return Asked(
            lambda k, where: self.snapshot.dense(vector, k, where),
            lambda refs: self.snapshot.dense_scores(vector, refs),
        )

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first, ties by chunk id. Raises QueryError, FilterError."""
        return retrieve(self, query, k, where)


class SparseRetriever:
    """Passages by BM25; only those that hold a term of the question.

    With ``isolation``, document frequencies and lengths are those of the passages that ``where``
    admits: nothing about the others can be read from a score.
    """

    name = "sparse"

    def __init__(self, snapshot: Snapshot, *, isolation: bool = False) -> None:
        self.snapshot = snapshot
        self.isolation = isolation

    def ask(self, query: str) -> Asked:
        """Cut a question into terms."""
        terms = query_terms(query, self.snapshot.languages)
        return Asked(
            lambda k, where: self.snapshot.sparse(terms, k, where, isolation=self.isolation),
            lambda refs: self.snapshot.sparse_scores(terms, refs),
        )

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first, ties by chunk id. Raises QueryError, FilterError."""
        return retrieve(self, query, k, where)
