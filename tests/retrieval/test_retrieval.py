"""Retrievers, fusion and diversity: values worked by hand, limits, errors."""

from __future__ import annotations

import numpy as np
import pytest

from rag.errors import EmbedderMismatchError, QueryError
from rag.index import IndexSettings, Snapshot, Writer
from rag.protocols import Retriever
from rag.retrieval import (
    DenseRetriever,
    DiverseRetriever,
    HybridRetriever,
    SparseRetriever,
    convex,
    fuse,
    mmr,
    rrf,
)
from rag.tracing import recording
from rag.types import ArmScore, Chunk, Document, Hit

TEXTS = {"a": "apple river", "b": "apple apple stone", "c": "cloud river", "d": "tiger"}
PLACES = {"a": (1.0, 0.0), "b": (0.8, 0.6), "c": (0.0, 1.0), "d": (-1.0, 0.0)}


class Embedder:
    fingerprint = "f"
    dim = 2

    def embed_queries(self, texts):
        return np.array([[1.0, 0.0]] * len(texts), np.float32)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "i"
    with Writer.open(path, IndexSettings("e", "f", 2)) as writer:
        for key, text in TEXTS.items():
            document = Document(key, text, metadata={"key": key}, language="en")
            chunk = Chunk(document.id, key, 0, len(text), text, language="en")
            writer.put(document, [chunk], np.array([PLACES[key]], np.float32), source="s", state="1")
        writer.commit()
    with Snapshot.open(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def retrievers(snapshot):
    dense, sparse = DenseRetriever(snapshot, Embedder()), SparseRetriever(snapshot)
    hybrid = HybridRetriever([dense, sparse])
    return {
        "dense": dense,
        "sparse": sparse,
        "hybrid": hybrid,
        "rrf": HybridRetriever([dense, sparse], fusion="rrf", weights=[3, 1]),
        "diverse": DiverseRetriever(hybrid, snapshot),
    }


def keys(hits):
    return [hit.chunk.uri for hit in hits]


def hit(key: str, score: float, rank: int = 1) -> Hit:
    return Hit(Chunk("doc", key, 0, 1, key), score, rank)


def test_dense(retrievers):
    hits = retrievers["dense"].retrieve("q", 3)
    assert keys(hits) == ["a", "b", "c"]
    assert [h.score for h in hits] == pytest.approx([1.0, 0.8, 0.0], abs=1e-7)
    assert hits[1].arms == {"dense": ArmScore(2, hits[1].score)}
    assert hits[1].metadata == {"key": "b"}


def test_sparse_finds_only_what_holds_a_term(retrievers):
    assert keys(retrievers["sparse"].retrieve("apples", 9)) == ["b", "a"]
    assert retrievers["sparse"].retrieve("zebra", 9) == []


def test_hybrid_by_hand(retrievers):
    """Dense 1, .8, 0, -1 becomes 1, .9, .5, 0; sparse b, a becomes 1, 0; the mean of both."""
    hits = retrievers["hybrid"].retrieve("apple", 9)
    assert keys(hits) == ["b", "a", "c", "d"]
    assert [h.score for h in hits] == pytest.approx([0.95, 0.5, 0.25, 0.0], abs=1e-6)
    assert {name: arm.rank for name, arm in hits[0].arms.items()} == {"dense": 2, "sparse": 1}
    assert set(hits[2].arms) == {"dense"}


def test_rrf_by_hand(retrievers):
    hits = retrievers["rrf"].retrieve("apple", 2)
    assert keys(hits) == ["a", "b"]
    assert hits[0].score == pytest.approx(0.75 / 61 + 0.25 / 62)
    assert hits[1].score == pytest.approx(0.75 / 62 + 0.25 / 61)


@pytest.mark.parametrize("name", ["dense", "sparse", "hybrid", "rrf", "diverse"])
def test_the_seam(retrievers, name):
    retriever = retrievers[name]
    assert isinstance(retriever, Retriever)
    for k in (0, -1):
        with pytest.raises(QueryError, match=f"k is {k}"):
            retriever.retrieve("apple", k)
    for blank in ("", " \n\t"):
        with pytest.raises(QueryError, match="empty"):
            retriever.retrieve(blank, 3)
    assert keys(retriever.retrieve("apple", 9, where='key = "a"')) == ["a"]
    assert retriever.retrieve("apple", 9, where='key = "z"') == []
    assert retriever.retrieve("apple", 3) == retriever.retrieve("apple", 3)


def test_convex_by_hand():
    fused = convex([[("a", 4.0), ("b", 3.0), ("c", 0.0)], [("c", 7.0)], []], [0.5, 0.3, 0.2])
    assert fused == pytest.approx({"a": 0.5, "b": 0.375, "c": 0.3})


def test_rrf_weights():
    assert rrf([[("x", 9.0), ("y", 1.0)], [("y", 2.0)]], [1.0, 2.0]) == pytest.approx(
        {"x": 1 / 61, "y": 1 / 62 + 2 / 61}
    )


def test_fuse_hits_of_any_retrievers():
    one, other = [hit("a", 2.0), hit("b", 1.0, 2)], [hit("b", 5.0), hit("c", 4.0, 2)]
    fused = fuse({"one": one, "other": other}, weights=[1, 3])
    assert [(h.chunk.uri, h.rank) for h in fused] == [("b", 1), ("a", 2), ("c", 3)]
    assert fused[0].score == pytest.approx(0.75)
    assert fused[0].arms == {"one": ArmScore(2, 1.0), "other": ArmScore(1, 5.0)}
    for weights in ([1], [0, 0], [1, -1]):
        with pytest.raises(QueryError, match="weights"):
            fuse({"one": one, "other": other}, weights=weights)


def test_fuse_breaks_ties_by_chunk_id():
    hits = [hit(key, 1.0) for key in "abcdef"]
    fused = fuse({"one": hits, "other": hits[::-1]})
    assert [h.chunk.id for h in fused] == sorted(h.chunk.id for h in hits)


def test_mmr_by_hand():
    """b repeats a, so c comes second, where difference counts half."""
    hits = [hit("a", 1.0), hit("b", 0.9, 2), hit("c", 0.5, 3)]
    vectors = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert keys(mmr(hits, vectors, 3, relevance=0.5)) == ["a", "c", "b"]
    assert keys(mmr(hits, vectors, 2, relevance=1.0)) == ["a", "b"]
    assert [h.rank for h in mmr(hits, vectors, 3)] == [1, 2, 3]
    assert mmr([], np.zeros((0, 2), np.float32), 3) == []
    with pytest.raises(QueryError, match="relevance"):
        mmr(hits, vectors, 3, relevance=2)


def test_arms_must_fit_the_index(snapshot):
    class Other(Embedder):
        fingerprint = "g"

    with pytest.raises(EmbedderMismatchError):
        DenseRetriever(snapshot, Other())
    sparse = SparseRetriever(snapshot)
    for arms, depth in (([], 10), ([sparse, sparse], 10), ([sparse], 0)):
        with pytest.raises(QueryError):
            HybridRetriever(arms, depth=depth)


def test_a_search_notes_the_ranking_of_every_arm_within_the_fusion(snapshot, retrievers):
    with recording("test") as run:
        found = retrievers["hybrid"].retrieve("apple river", 2)
    fusion = run.trace.steps[-1]
    assert [(step.name, step.inputs["arm"]) for step in fusion.steps] == [("rank", "dense"), ("rank", "sparse")]
    dense, sparse = (step.outputs for step in fusion.steps)
    ids = {chunk.uri: chunk.id for chunk in snapshot.chunks(range(4))}
    assert dense["passages"] == tuple(ids[key] for key in "abcd")
    assert dense["scores"] == pytest.approx((1.0, 0.8, 0.0, -1.0))
    assert (dense["found"], dense["lowest"]) == (4, -1.0)
    assert set(sparse["passages"]) == {ids[key] for key in "abc"}  # d holds no term
    assert fusion.outputs["passages"][:2] == tuple(hit.chunk.id for hit in found)


def test_what_a_filter_keeps_out_is_not_noted_either(snapshot, retrievers):
    with recording("test") as run:
        retrievers["hybrid"].retrieve("apple river", 4, where="key != 'a'")
    (hidden,) = (chunk.id for chunk in snapshot.chunks(range(4)) if chunk.uri == "a")
    noted = [step.outputs.get("passages", ()) for step in run.trace.walk()]
    assert any(noted) and all(hidden not in passages for passages in noted)
