"""Several arms over one snapshot, fused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rag.errors import QueryError
from rag.index import Ref
from rag.retrieval.arms import Arm, Asked, check, ranked
from rag.retrieval.fusion import NOTED, Fusion, contributions, normalised, note_fusion, summed
from rag.tracing import step
from rag.types import ArmScore, Hit


class Fused(NamedTuple):
    """Rows best first, ties by chunk id, with their scores, and the rankings of the arms they come from."""

    refs: Sequence[Ref]
    scores: Mapping[Ref, float]
    rankings: Sequence[Sequence[tuple[Ref, float]]]


class HybridRetriever:
    """Fuses the best ``depth`` rows of each arm; passages are read for the ``k`` returned alone."""

    def __init__(
        self,
        arms: Sequence[Arm],
        *,
        fusion: Fusion = "convex",
        weights: Sequence[float] | None = None,
        depth: int = 100,
    ) -> None:
        """``weights`` are in the order of the arms, equal if None. Raises QueryError."""
        if len({id(arm.snapshot) for arm in arms}) != 1 or len({arm.name for arm in arms}) != len(arms):
            raise QueryError("arms need one snapshot and different names")
        if depth < 1:
            raise QueryError(f"depth is {depth}, expected at least 1")
        self.arms = tuple(arms)
        self.snapshot = arms[0].snapshot
        self.weights = normalised(weights, len(arms))
        self.depth = depth
        self.fusion: Fusion = fusion

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first, ties by chunk id. Raises QueryError, FilterError."""
        check(query, k)
        return self.hits(self.fuse([arm.ask(query) for arm in self.arms], k, where), k)

    def fuse(self, asked: Sequence[Asked], k: int, where: str | None) -> Fused:
        """The rows that the arms find for a question asked of each, in their order; ``k`` of them or more."""
        depth = max(k, self.depth)
        names = tuple(arm.name for arm in self.arms)
        with step("fusion", method=self.fusion, arms=names, weights=self.weights) as taken:
            found = [ranked(arm, one, depth, where) for arm, one in zip(self.arms, asked, strict=True)]
            rankings = [list(zip(refs.tolist(), scores.tolist(), strict=True)) for refs, scores in found]
            parts = contributions(self.fusion, rankings, self.weights)
            scores = summed(parts)
            refs = list(scores)
            keys = dict(zip(refs, self.snapshot.keys(refs), strict=True))
            order = sorted(refs, key=lambda ref: (-scores[ref], keys[ref]))
            note_fusion(taken, names, order, [keys[ref].hex() for ref in order[:NOTED]], parts, scores)
        return Fused(order, scores, rankings)

    def hits(self, fused: Fused, k: int) -> list[Hit]:
        """The passages of the best ``k`` rows."""
        best = fused.refs[:k]
        places: dict[Ref, dict[str, ArmScore]] = {ref: {} for ref in best}
        for arm, ranking in zip(self.arms, fused.rankings, strict=True):
            for rank, (ref, score) in enumerate(ranking, 1):
                if ref in places:
                    places[ref][arm.name] = ArmScore(rank, score)
        return [
            Hit(chunk, fused.scores[ref], rank, places[ref], metadata)
            for rank, (ref, (chunk, metadata)) in enumerate(zip(best, self.snapshot.passages(best), strict=True), 1)
        ]
