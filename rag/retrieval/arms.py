"""One retriever over a snapshot each for vectors and for BM25."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rag.errors import QueryError
from rag.index import Ranking, Ref, Snapshot, check_embedder
from rag.index.snapshot import Terms
from rag.protocols import Embedder
from rag.retrieval.analysed import passage_terms
from rag.retrieval.fusion import NOTED
from rag.retrieval.relevance_model import rm3, rocchio
from rag.text import query_terms
from rag.tracing import step
from rag.types import ArmScore, Hit, Vectors

Scores = npt.NDArray[np.float64]

# Of feedback at full strength: the passages read, the terms added, and the share they have of the expanded question.
SPARSE_PASSAGES, SPARSE_TERMS, SPARSE_SHARE = 10, 20, 0.4
DENSE_PASSAGES, DENSE_SHARE = 3, 0.3


@dataclass(frozen=True, slots=True)
class Feedback:
    """Rows taken to be relevant, best first, with their scores, and how far to trust them, from 0 to 1."""

    refs: tuple[Ref, ...]
    scores: tuple[float, ...]
    strength: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A question made ready for one arm: embedded, or cut into terms.

    ``expand`` gives it with what passages found before add to it, where the arm can make use of them.
    """

    rank: Callable[[int, str | None], Ranking]
    score: Callable[[npt.NDArray[np.int64]], Scores]
    expand: Callable[[Feedback], Asked] | None = None


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


def ranked(arm: Arm, asked: Asked, k: int, where: str | None) -> Ranking:
    """What the arm finds for a question asked of it, as a step that notes its best and the score it ends at."""
    with step("rank", arm=arm.name, k=k) as taken:
        ranking = asked.rank(k, where)
        scores = ranking.scores.tolist()
        taken.note(
            found=len(scores),
            passages=tuple(key.hex() for key in arm.snapshot.keys(ranking.refs[:NOTED].tolist())),
            scores=tuple(scores[:NOTED]),
            lowest=scores[-1] if scores else None,
        )
    return ranking


def retrieve(arm: Arm, query: str, k: int, where: str | None) -> list[Hit]:
    """The hits of one arm."""
    check(query, k)
    ranking = ranked(arm, arm.ask(query), k, where)
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
        with step("embed", query=query):
            vector = self.embedder.embed_queries([query])[0]
        return self._asked(vector)

    def _asked(self, vector: Vectors) -> Asked:
        return Asked(
            lambda k, where: self.snapshot.dense(vector, k, where),
            lambda refs: self.snapshot.dense_scores(vector, refs),
            lambda feedback: self._asked(self._expanded(vector, feedback)),
        )

    def _expanded(self, vector: Vectors, feedback: Feedback) -> Vectors:
        passages = self.snapshot.vectors(feedback.refs[:DENSE_PASSAGES])
        return rocchio(vector, passages, share=DENSE_SHARE * feedback.strength)

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
        terms = self.terms(query)
        return self._asked(terms, lambda feedback: self._asked(self._expanded(terms, feedback)))

    def terms(self, query: str) -> list[str]:
        """The terms of a question that are looked for."""
        return query_terms(query, self.snapshot.languages)

    def _asked(self, terms: Terms, expand: Callable[[Feedback], Asked] | None = None) -> Asked:
        return Asked(
            lambda k, where: self.snapshot.sparse(terms, k, where, isolation=self.isolation),
            lambda refs: self.snapshot.sparse_scores(terms, refs),
            expand,
        )

    def _expanded(self, terms: Sequence[str], feedback: Feedback) -> Terms:
        known, scores = feedback.refs[:SPARSE_PASSAGES], feedback.scores[:SPARSE_PASSAGES]
        passages = [passage_terms(chunk) for chunk in self.snapshot.chunks(known)]
        return rm3(terms, passages, scores, terms=SPARSE_TERMS, share=SPARSE_SHARE * feedback.strength)

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first, ties by chunk id. Raises QueryError, FilterError."""
        return retrieve(self, query, k, where)
