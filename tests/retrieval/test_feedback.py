"""Feedback: it reaches what the question's own words do not, only for topics, and never through foreign passages."""

from __future__ import annotations

import numpy as np
import pytest

from rag.errors import QueryError
from rag.index import IndexSettings, Snapshot, Writer
from rag.retrieval import DenseRetriever, FeedbackRetriever, HybridRetriever, SparseRetriever
from rag.tracing import recording
from rag.types import Chunk, Document

# "wing" is everywhere; of what it is found with, "flutter" names a passage that lacks it.
TEXTS = {
    "a": "wing flutter flutter",
    "b": "wing flutter damping",
    "c": "wing flutter speed wing",
    "d": "flutter of panels",
    "e": "galley kitchen",
    **{f"w{number}": f"wing of type {number} in the hangar" for number in range(8)},
}


class Embedder:
    fingerprint = "f"
    dim = 2

    def embed_queries(self, texts):
        return np.array([[1.0, 0.0]] * len(texts), np.float32)


def vector(key: str) -> tuple[float, float]:
    return {"a": (0.8, 0.6), "b": (0.8, 0.6), "c": (0.8, 0.6), "d": (0.0, 1.0), "e": (0.6, -0.8)}.get(key, (0.6, 0.8))


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "i"
    with Writer.open(path, IndexSettings("e", "f", 2)) as writer:
        for key, text in TEXTS.items():
            document = Document(key, text, metadata={"key": key}, language="en")
            chunk = Chunk(document.id, key, 0, len(text), text, language="en")
            writer.put(document, [chunk], np.array([vector(key)], np.float32), source="s", state="1")
        writer.commit()
    with Snapshot.open(path) as opened:
        yield opened


def keys(hits) -> list[str]:
    return [hit.metadata["key"] for hit in hits]


def test_a_topical_question_reaches_passages_without_its_words(snapshot) -> None:
    hybrid = HybridRetriever([SparseRetriever(snapshot)], depth=20)
    assert "d" not in keys(hybrid.retrieve("wing", 20))
    with recording("search") as run:
        hits = FeedbackRetriever(hybrid).retrieve("wing", 20)
    assert "d" in keys(hits)
    (step,) = (step for step in run.trace.steps if step.name == "feedback")
    assert step.outputs["passages"]


def test_a_specific_question_is_left_alone(snapshot) -> None:
    hybrid = HybridRetriever([DenseRetriever(snapshot, Embedder()), SparseRetriever(snapshot)])
    with recording("search") as run:
        assert FeedbackRetriever(hybrid).retrieve("galley", 5) == hybrid.retrieve("galley", 5)
    assert "feedback" not in {step.name for step in run.trace.walk()}


def test_the_question_moves_towards_what_was_found(snapshot) -> None:
    dense = HybridRetriever([DenseRetriever(snapshot, Embedder())])
    before = keys(dense.retrieve("wing", 20))
    after = keys(FeedbackRetriever(dense).retrieve("wing", 20))
    assert before.index("e") < before.index("d")  # cosines 0.6 and 0.0
    assert set(after) == set(before) and after.index("w0") < after.index("e")  # 0.6 each, before


def test_feedback_comes_from_admitted_passages_alone(snapshot, tmp_path) -> None:
    where = "key in ('w1', 'w2', 'w3', 'd')"
    hybrid = HybridRetriever([SparseRetriever(snapshot)])
    with recording("search") as run:
        found = FeedbackRetriever(hybrid).retrieve("wing", 20, where=where)
    assert "d" not in keys(found)  # "flutter" stands in passages that the filter leaves out
    admitted = {hit.chunk.id for hit in hybrid.retrieve("wing", 20, where=where)}
    (taken,) = (step for step in run.trace.steps if step.name == "feedback")
    assert set(taken.outputs["passages"]) <= admitted


def test_trust_scales_the_feedback(snapshot) -> None:
    hybrid = HybridRetriever([SparseRetriever(snapshot)])
    assert FeedbackRetriever(hybrid, trust=0.5).strength("wing") == 0.5 * FeedbackRetriever(hybrid).strength("wing")
    assert FeedbackRetriever(hybrid).strength("galley") == 0
    assert FeedbackRetriever(hybrid).strength("unheard") == 0


def test_bad_arguments(snapshot) -> None:
    retriever = FeedbackRetriever(HybridRetriever([SparseRetriever(snapshot)]))
    with pytest.raises(QueryError):
        retriever.retrieve(" ", 5)
    with pytest.raises(QueryError):
        retriever.retrieve("wing", 0)
    assert retriever.retrieve("unheard", 5) == []
