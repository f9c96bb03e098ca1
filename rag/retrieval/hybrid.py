"""Several arms over one snapshot, fused."""

from __future__ import annotations

from collections.abc import Sequence

from rag.errors import QueryError
from rag.retrieval.arms import Arm, check
from rag.retrieval.fusion import Fusion, combine, normalised
from rag.types import ArmScore, Hit


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
        depth = max(k, self.depth)
        found = [arm.ask(query).rank(depth, where) for arm in self.arms]
        rankings = [list(zip(refs.tolist(), scores.tolist(), strict=True)) for refs, scores in found]
        fused = combine(self.fusion, rankings, self.weights)
        refs = list(fused)
        keys = dict(zip(refs, self.snapshot.keys(refs), strict=True))
        best = sorted(refs, key=lambda ref: (-fused[ref], keys[ref]))[:k]
        places: dict[int, dict[str, ArmScore]] = {ref: {} for ref in best}
        for arm, ranking in zip(self.arms, rankings, strict=True):
            for rank, (ref, score) in enumerate(ranking, 1):
                if ref in places:
                    places[ref][arm.name] = ArmScore(rank, score)
        return [
            Hit(chunk, fused[ref], rank, places[ref], metadata)
            for rank, (ref, (chunk, metadata)) in enumerate(zip(best, self.snapshot.passages(best), strict=True), 1)
        ]
