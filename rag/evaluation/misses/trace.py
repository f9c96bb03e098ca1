"""Where every step of a retrieval placed given passages: the evidence for why one was not found."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from rag.index import Ref, Snapshot
from rag.protocols import Retriever
from rag.retrieval import (
    DenseRetriever,
    Fusion,
    HybridRetriever,
    RetrievalStages,
    SentenceRetriever,
    SparseRetriever,
)
from rag.retrieval.fusion import combine
from rag.types import ArmScore, Hit

# How deep an arm is read to give the rank of a passage that it missed.
DEEP = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """One step's places for the passages asked about, by chunk id; one that it did not return is absent.

    Of its ranking the first ``cut`` go on to the next step, or to the reader.
    """

    name: str
    places: Mapping[str, ArmScore]
    cut: int

    def best(self, chunks: Iterable[str]) -> ArmScore | None:
        """The first place of any of these passages."""
        return min((self.places[one] for one in chunks if one in self.places), key=lambda at: at.rank, default=None)


@dataclass(frozen=True, slots=True)
class ArmTrace(Step):
    """An arm read to ``DEEP``, of which the retrieval reads the first ``cut``: ``ranking``, rows with their scores.

    ``scores`` are the exact scores of the passages asked about, whatever their rank, and ``refs`` their rows.
    """

    scores: Mapping[str, float]
    refs: Mapping[str, Ref]
    ranking: tuple[tuple[Ref, float], ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A question's way through a retrieval: its arms, the steps after them in order, and the hits at the end.

    ``steps`` starts with the fusion, in which the arms have ``weights``; with one arm there is none, and it starts
    with the arm itself.
    """

    arms: tuple[ArmTrace, ...]
    steps: tuple[Step, ...]
    hits: tuple[Hit, ...]
    weights: tuple[float, ...]

    def rank(self, chunks: Collection[str]) -> float:
        """The best rank of any of these passages in the last step that has one; infinite if none does."""
        found = next((place for step in reversed(self.steps) if (place := step.best(chunks))), None)
        found = found or min(
            (place for arm in self.arms if (place := arm.best(chunks))), key=lambda at: at.rank, default=None
        )
        return found.rank if found else math.inf


def trace(
    stages: RetrievalStages,
    snapshot: Snapshot,
    question: str,
    *,
    k: int,
    depth: int,
    wanted: Collection[str],
    where: str | None = None,
) -> Trace:
    """Follow passages (``wanted``: chunk ids, all in the index) through every step of a search for ``k`` hits.

    Each step is asked for as much as the step after it asks for, so that its order is that of the real search.
    ``depth`` is how much of an arm is read at least, and ``where`` the filter of the search. The steps before several
    queries are fused are those of the question itself. Raises QueryError, FilterError, RerankError.
    """
    last = max(k, stages.follow_up.depth) if stages.follow_up else k
    distinct = stages.expanded.reach(last) if stages.expanded else last
    found = stages.distinct.reach(distinct) if stages.distinct else distinct
    kept = max(found, stages.queries.depth) if stages.queries else found
    reranked = max(kept, stages.reranked.depth) if stages.reranked else kept
    pool = max(reranked, stages.diverse.pool) if stages.diverse else reranked
    linked = max(pool, stages.bridged.pool) if stages.bridged else pool
    reach = max(linked, depth)
    refs = dict(zip(wanted, snapshot.refs(list(wanted)), strict=True))
    arms = tuple(_arm(arm, question, refs, reach, where) for arm in stages.arms.values())
    asks: list[tuple[str, Retriever, int, int]]
    asks = [("fusion" if len(arms) > 1 else arms[0].name, stages.fused, reach, reach if stages.feedback else linked)]
    asks += [("feedback", stages.feedback, reach, linked)] if stages.feedback else []
    asks += [("hops", stages.bridged, linked, pool)] if stages.bridged else []
    asks += [("diversity", stages.diverse, pool, reranked)] if stages.diverse else []
    asks += [("reranker", stages.reranked, reranked, kept)] if stages.reranked else []
    asks += [("queries", stages.queries, kept, found)] if stages.queries else []
    asks += [("near-duplicates", stages.distinct, distinct, distinct)] if stages.distinct else []
    asks += [("expansion", stages.expanded, last, last)] if stages.expanded else []
    asks += [("follow-up", stages.follow_up, last, k)] if stages.follow_up else []
    weights = stages.fused.weights if isinstance(stages.fused, HybridRetriever) else (1.0,)
    steps: list[Step] = []
    hits: list[Hit] = []
    for name, retriever, asked, cut in asks:
        hits = retriever.retrieve(question, asked, where=where)
        places = {one: ArmScore(hit.rank, hit.score) for hit in hits for one in hit.chunk_ids if one in refs}
        steps.append(Step(name, places, cut))
    return Trace(arms, tuple(steps), tuple(hits[:k]), weights)


def rank_at_weight(traced: Trace, chunks: Iterable[str], fusion: Fusion, weight: float) -> int | None:
    """The best rank that any of these passages would have in the fused list with this dense weight.

    Of equal scores theirs is taken to be the last; None if no arm's ranking holds one.
    """
    others = sum(own for arm, own in zip(traced.arms, traced.weights, strict=True) if arm.name != "dense") or 1.0
    weights = [
        weight if arm.name == "dense" else (1 - weight) * own / others
        for arm, own in zip(traced.arms, traced.weights, strict=True)
    ]
    fused = combine(fusion, [arm.ranking for arm in traced.arms], weights)
    rows = {arm.refs[one] for one in chunks for arm in traced.arms}
    best = max((fused[row] for row in rows & fused.keys()), default=None)
    return None if best is None else sum(score >= best for score in fused.values())


def _arm(
    arm: DenseRetriever | SparseRetriever | SentenceRetriever,
    question: str,
    refs: Mapping[str, Ref],
    reach: int,
    where: str | None,
) -> ArmTrace:
    asked = arm.ask(question)
    ranking = asked.rank(max(DEEP, reach), where)
    ranked = list(zip(ranking.refs.tolist(), ranking.scores.tolist(), strict=True))
    places = {ref: ArmScore(rank, score) for rank, (ref, score) in enumerate(ranked, 1)}
    exact = asked.score(np.array(list(refs.values()), np.int64)).tolist()
    return ArmTrace(
        name=arm.name,
        places={chunk: places[ref] for chunk, ref in refs.items() if ref in places},
        cut=reach,
        scores=dict(zip(refs, exact, strict=True)),
        refs=refs,
        ranking=tuple(ranked[:reach]),
    )
