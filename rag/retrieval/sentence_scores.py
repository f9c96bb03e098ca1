"""Passages by the one sentence of theirs that says most of what was asked.

BM25 adds up what is scattered over a passage; an answer mostly stands in one place. Over the best passages of
BM25, the score of a passage is that of its best sentence::

    score(s) = sum of idf(t) over the question's terms t in s / (1 + k1 * (1 - b + b * |s| / avgsl))

which is BM25 with every term counted once, b = 0.25 (sentences differ in length for less reason than documents do)
and avgsl the mean length, in terms, of the sentences of those passages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from rag.index import Ranking
from rag.retrieval.analysed import rarities, sentence_terms
from rag.retrieval.arms import Asked, Scores, SparseRetriever, retrieve
from rag.tracing import step
from rag.types import Chunk, Hit

K1 = 1.2
B = 0.25


class SentenceRetriever:
    """The first ``depth`` passages of BM25 by their best sentence; no passage beyond them, however deep it is asked.

    With the ``isolation`` of ``sparse``, terms are as rare as they are among the passages that the filter admits.
    """

    name = "sentences"

    def __init__(self, sparse: SparseRetriever, *, depth: int = 100) -> None:
        self.sparse = sparse
        self.snapshot = sparse.snapshot
        self.depth = depth

    def ask(self, query: str) -> Asked:
        """Cut a question into terms."""
        asked = self.sparse.ask(query)
        terms = self.sparse.terms(query)

        def rank(k: int, where: str | None) -> Ranking:
            with step("sentences", depth=self.depth) as taken:
                refs = asked.rank(self.depth, where).refs
                idf = rarities(self.snapshot, terms, where if self.sparse.isolation else None)
                scores = self._scores(refs, idf)
                keys = self.snapshot.keys(refs.tolist())
                order = sorted(range(len(refs)), key=lambda place: (-scores[place], keys[place]))[:k]
                taken.note(passages=len(refs))
                return Ranking(refs[order], scores[order])

        return Asked(rank, lambda refs: self._scores(refs, rarities(self.snapshot, terms)))

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first, ties by chunk id. Raises QueryError, FilterError."""
        return retrieve(self, query, k, where)

    def _scores(self, refs: npt.NDArray[np.int64], idf: Mapping[str, float]) -> Scores:
        return np.array(best_sentences(self.snapshot.chunks(refs.tolist()), idf), np.float64)


def best_sentences(chunks: Sequence[Chunk], idf: Mapping[str, float]) -> list[float]:
    """The score of each passage's best sentence for terms of these rarities; 0 where no sentence holds one."""
    analysed = [sentence_terms(chunk) for chunk in chunks]
    lengths = [sentence.length for passage in analysed for sentence in passage]
    if not lengths:
        return [0.0] * len(chunks)
    average = sum(lengths) / len(lengths)
    return [
        max(
            (
                sum(idf[term] for term in sorted(sentence.terms & idf.keys()))
                / (1 + K1 * (1 - B + B * sentence.length / average))
                for sentence in passage
            ),
            default=0.0,
        )
        for passage in analysed
    ]
