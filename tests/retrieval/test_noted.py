"""What a search notes of itself: rankings, contributions and moves, by values worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.retrieval import RerankedRetriever, fuse
from rag.retrieval.fusion import NOTED
from rag.tracing import recording
from rag.types import Chunk, Hit


def hits(*scored: tuple[str, float]) -> list[Hit]:
    chunks = [Chunk(name, name, 0, 1, name) for name, _ in scored]
    return [Hit(chunk, score, rank) for rank, (chunk, (_, score)) in enumerate(zip(chunks, scored, strict=True), 1)]


class Listed:
    def __init__(self, found: list[Hit]) -> None:
        self.found = found

    def retrieve(self, query, k, *, where=None):
        return self.found[:k]


class Backwards:
    def rerank(self, query, hits, k):
        return [replace(hit, rank=rank, score=1 / rank) for rank, hit in enumerate(hits[::-1], 1)][:k]


def test_a_fusion_notes_what_each_arm_adds() -> None:
    one, other = hits(("a", 9.0), ("b", 5.0), ("c", 1.0)), hits(("b", 0.8), ("d", 0.4))
    with recording("test") as run:
        fused = fuse({"one": one, "other": other}, weights=[3, 1])
    (taken,) = run.trace.steps
    assert taken.inputs == {"method": "convex", "arms": ("one", "other"), "weights": (0.75, 0.25)}
    ids = {hit.chunk.uri: hit.chunk.id for hit in [*one, *other]}
    # a: .75 * 1; b: .75 * (5 - 1) / 8 + .25 * 1; c and d are the last of their arms
    order = ["a", "b", *sorted("cd", key=ids.__getitem__)]
    assert taken.outputs["passages"] == tuple(ids[name] for name in order)
    assert taken.outputs["from one"] == pytest.approx((0.75, 0.375, 0.0, 0.0))
    assert taken.outputs["from other"] == pytest.approx((0.0, 0.25, 0.0, 0.0))
    assert taken.outputs["scores"] == pytest.approx((0.75, 0.625, 0.0, 0.0))
    assert [hit.score for hit in fused] == list(taken.outputs["scores"])


def test_of_a_long_ranking_the_best_are_noted_and_how_many_there_were() -> None:
    long = hits(*((f"{number:03}", 1000.0 - number) for number in range(NOTED + 7)))
    with recording("test") as run:
        fuse({"one": long}, method="rrf")
    outputs = run.trace.steps[0].outputs
    assert outputs["found"] == NOTED + 7
    assert outputs["passages"] == tuple(hit.chunk.id for hit in long[:NOTED])
    assert len(outputs["from one"]) == len(outputs["scores"]) == NOTED


def test_a_reranker_notes_the_order_before_and_after() -> None:
    found = hits(("a", 3.0), ("b", 2.0), ("c", 1.0))
    with recording("test") as run:
        best = RerankedRetriever(Listed(found), Backwards()).retrieve("q", 2)
    (taken,) = run.trace.steps
    assert taken.inputs["passages"] == tuple(hit.chunk.id for hit in found)
    assert (
        taken.outputs["passages"] == tuple(hit.chunk.id for hit in best) == tuple(hit.chunk.id for hit in found[:0:-1])
    )
    assert taken.outputs["scores"] == (1.0, 0.5)
