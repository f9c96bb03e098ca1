"""Search after any history of an index equals search on an index built from scratch, and filters hold."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rag.index.writer
from rag.index import IndexSettings, Snapshot, Writer
from rag.retrieval import (
    BridgeRetriever,
    DenseRetriever,
    DiverseRetriever,
    FeedbackRetriever,
    HybridRetriever,
    SentenceRetriever,
    SparseRetriever,
)
from rag.types import Chunk, Document, Vectors

DIM = 4
SETTINGS = IndexSettings("fake", "fake-1", DIM)
WORDS = ("apple", "river", "stone", "cloud")
WHERES = (None, "group = 1", "group in (0, 2)", "not group = 0", 'group >= 1 and title = "t"', "group = 9")


class Embedder:
    """Coarse vectors, so that equal scores are common."""

    fingerprint = "fake-1"
    dim = DIM

    def embed_queries(self, texts: list[str]) -> Vectors:
        return np.stack([vector(text) for text in texts])


def vector(text: str) -> np.ndarray:
    raw = np.array([byte % 3 - 1 for byte in hashlib.sha256(text.encode()).digest()[:DIM]], np.float64)
    raw[0] += 0.5
    return (raw / np.linalg.norm(raw)).astype(np.float32)


def put(writer: Writer, key: int, chunks: list[list[str]], group: int) -> None:
    texts = [" ".join(words) for words in chunks]
    document = Document(f"d{key}", "\n".join(texts), title="t", metadata={"group": group}, language="en")
    made, start = [], 0
    for text in texts:
        made.append(Chunk(document.id, document.uri, start, start + len(text), text, language="en"))
        start += len(text) + 1
    rows = [vector(chunk.content) for chunk in made]
    vectors = np.stack(rows) if rows else np.zeros((0, DIM), np.float32)
    writer.put(document, made, vectors, source="s", state="1")


def results(path: Path, queries: list[str]) -> list:
    with Snapshot.open(path, fingerprint="fake-1") as snapshot:
        dense, sparse = DenseRetriever(snapshot, Embedder()), SparseRetriever(snapshot)
        hybrid = HybridRetriever([dense, sparse], depth=4)
        retrievers = [
            dense,
            sparse,
            SparseRetriever(snapshot, isolation=True),
            hybrid,
            HybridRetriever([dense, sparse], fusion="rrf", depth=4),
            DiverseRetriever(hybrid, snapshot, pool=6),
        ]
        found = [
            (query, where, number, k, retriever.retrieve(query, k, where=where))
            for query in queries
            for where in WHERES
            for number, retriever in enumerate(retrievers)
            for k in (1, 3, 50)
        ]
        for _, where, _, k, hits in found:
            assert len(hits) <= k
            assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
            admitted = {s.uri for s in snapshot.documents(where)}
            assert {hit.chunk.uri for hit in hits} <= admitted
        return found


documents = st.tuples(
    st.integers(0, 6),
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), max_size=3),
    st.integers(0, 2),
)
steps = st.lists(
    st.one_of(
        documents.map(lambda made: ("put", *made)),
        st.integers(0, 6).map(lambda key: ("delete", key)),
        st.sampled_from([("commit",), ("compact",), ("reopen",), ("rollback",)]),
    ),
    min_size=3,
    max_size=30,
)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=steps, queries=st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(" ".join))
def test_any_history_searches_as_an_index_from_scratch(steps, queries):
    with tempfile.TemporaryDirectory() as folder, patch.object(rag.index.writer, "FLUSH_ROWS", 3):
        path = Path(folder) / "history"
        writer = Writer.open(path, SETTINGS)
        held: dict[int, tuple] = {}
        committed: dict[int, tuple] = {}
        for action, *arguments in steps:
            if action == "put":
                put(writer, *arguments)
                held[arguments[0]] = (arguments[1], arguments[2])
            elif action == "delete":
                assert writer.delete([f"d{arguments[0]}"]) == (held.pop(arguments[0], None) is not None)
            elif action == "rollback":
                writer.rollback()
                held = dict(committed)
            elif action == "reopen":
                writer.close()
                held = dict(committed)
                writer = Writer.open(path)
            else:
                getattr(writer, action)()
                committed = dict(held)
        writer.commit()
        writer.close()
        scratch = Path(folder) / "scratch"
        with Writer.open(scratch, SETTINGS) as writer:
            for key in sorted(held, reverse=True):
                put(writer, key, *held[key])
            writer.commit()
        assert results(path, [queries]) == results(scratch, [queries])


def test_what_a_filter_leaves_out_changes_no_isolated_result(tmp_path):
    """The foreign passages hold other words and vectors, and then none: nothing that is admitted can tell."""
    own = [(key, [["apple", "river"][: key % 2 + 1], ["stone"]], 1) for key in range(4)]
    for name, foreign in (("with", [["apple"] * 3, ["cloud"]]), ("without", [])):
        with Writer.open(tmp_path / name, SETTINGS) as writer:
            for made in own:
                put(writer, *made)
            for key in range(10, 16):
                put(writer, key, foreign, 0)
            writer.commit()
    found = []
    for name in ("with", "without"):
        with Snapshot.open(tmp_path / name) as snapshot:
            arms = [DenseRetriever(snapshot, Embedder()), SparseRetriever(snapshot, isolation=True)]
            retrievers = [*arms, HybridRetriever(arms)]
            found.append([r.retrieve("apple stone", 20, where="group = 1") for r in retrievers])
    assert found[0] == found[1]
    assert all(len(hits) > 2 for hits in found[0])


@pytest.mark.parametrize("titled", [True, False])
def test_what_a_filter_leaves_out_changes_no_isolated_feedback_sentences_or_hops(tmp_path, titled):
    """Foreign passages that make the question's words common, and then none."""
    own = {
        "Orion": "The wing of the plane was built in Leeds. Nothing else is known.",
        "Leeds": "Leeds is a town. The river there is wide, and the wing stands by it.",
        "Vega": "Vega flew with a wing over the river. Orion was its sister.",
        "Other": "A stone lay in the wide garden of the town.",
    }
    for name, foreign in (
        ("with", "The plane and the river of Orion and Leeds, built of stone."),
        ("without", "Clouds."),
    ):
        with Writer.open(tmp_path / name, IndexSettings("", "", 0)) as writer:
            texts = [*((1, key, text) for key, text in own.items()), *((0, f"x{n}", foreign) for n in range(30))]
            for group, key, said in texts:
                title = key if titled else ""
                text = said if titled or group == 0 else f"{key} it is. {said}"
                document = Document(key, text, title=title, metadata={"group": group}, language="en")
                chunk = Chunk(document.id, key, 0, len(text), text, title=title, language="en")
                writer.put(document, [chunk], None, source="s", state="1")
            writer.commit()
    found = []
    for name in ("with", "without"):
        with Snapshot.open(tmp_path / name) as snapshot:
            sparse = SparseRetriever(snapshot, isolation=True)
            hybrid = HybridRetriever([sparse])
            retrievers = [
                FeedbackRetriever(hybrid),
                SentenceRetriever(sparse),
                BridgeRetriever(hybrid, snapshot, leading=not titled, isolation=True),
            ]
            asked = ("Which plane has a wing?", "the wide river", "wing")
            found.append([r.retrieve(query, 20, where="group = 1") for r in retrievers for query in asked])
    assert found[0] == found[1]
    assert all(hits for hits in found[0])
