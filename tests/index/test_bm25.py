"""BM25 against bm25s and rank_bm25 on the same tokens, after any adds, updates, deletes and merges."""

from __future__ import annotations

import logging
import math
import tempfile
from pathlib import Path

import bm25s
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rank_bm25 import BM25Okapi

from rag.index import IndexSettings, Snapshot, Writer
from rag.text import terms
from rag.types import Chunk, Document

logging.getLogger("bm25s").setLevel(logging.WARNING)

WORDS = ("apple", "river", "stone", "cloud", "tiger", "lemon", "piano")
TOKENS = tuple(terms(word, "en")[0] for word in WORDS)


def put(writer: Writer, key: int, words: list[str]) -> Chunk:
    text = " ".join(words)
    document = Document(uri=f"d{key:03}", text=text, language="en")
    chunk = Chunk(document.id, document.uri, 0, len(text), text, language="en")
    writer.put(document, [chunk], None, source="s", state="1")
    return chunk


def scores_of(path: Path, query: list[str], uris: list[str], **options) -> dict[str, float]:
    with Snapshot.open(path) as snapshot:
        ranking = snapshot.sparse(query, 1000, **options)
        found = {c.uri: s for c, s in zip(snapshot.chunks(ranking.refs.tolist()), ranking.scores.tolist(), strict=True)}
    assert set(found) <= set(uris)
    return found


def lucene(corpus: list[list[str]], query: list[str], k1: float, b: float) -> list[float]:
    model = bm25s.BM25(method="lucene", k1=k1, b=b)
    model.index(corpus, show_progress=False)
    vocabulary = set().union(*corpus)
    known = [token for token in query if token in vocabulary]
    return model.get_scores(known).tolist() if known else [0.0] * len(corpus)


def okapi(corpus: list[list[str]], query: list[str], k1: float, b: float) -> list[float]:
    return BM25Okapi(corpus, k1=k1, b=b, epsilon=0.25).get_scores(query).tolist()


texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 9), texts),
        st.tuples(st.just("delete"), st.integers(0, 9), st.just([])),
        st.tuples(st.sampled_from(["commit", "compact", "reopen"]), st.just(0), st.just([])),
    ),
    min_size=1,
    max_size=25,
)


@pytest.mark.parametrize(("variant", "reference"), [("lucene", lucene), ("okapi", okapi)])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=steps,
    query=st.lists(st.sampled_from(TOKENS), min_size=1, max_size=5),
    k1=st.sampled_from([0.9, 1.2, 1.5]),
    b=st.sampled_from([0.0, 0.75, 1.0]),
)
def test_scores_equal_the_reference_after_any_history(variant, reference, steps, query, k1, b):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "i"
        writer = Writer.open(path, IndexSettings(variant=variant, k1=k1, b=b))
        held: dict[str, list[str]] = {}
        for action, key, words in steps:
            uri = f"d{key:03}"
            if action == "put":
                put(writer, key, words)
                held[uri] = words
            elif action == "delete":
                assert writer.delete([uri]) == (held.pop(uri, None) is not None)
            elif action == "reopen":
                writer.commit()
                writer.close()
                writer = Writer.open(path)
            else:
                getattr(writer, action)()
        writer.commit()
        writer.close()
        found = scores_of(path, query, list(held))
    if not held:
        assert found == {}
        return
    corpus = [[TOKENS[WORDS.index(word)] for word in words] for words in held.values()]
    expected = dict(zip(held, reference(corpus, query, k1, b), strict=True))
    for (uri, words), tokens in zip(held.items(), corpus, strict=True):
        assert (uri in found) == bool(set(tokens) & set(query)), words
        # atol: bm25s computes in single precision, and sums that cancel have no relative precision
        assert math.isclose(found.get(uri, 0.0), expected[uri], rel_tol=1e-5, abs_tol=1e-7)


def test_scores_by_hand(tmp_path):
    """N 3, avgdl 2; "appl" in d0 (tf 2 of 3 terms) and d1 (tf 1 of 1)."""
    with Writer.open(tmp_path / "i", IndexSettings(k1=1.2, b=0.75)) as writer:
        for key, words in enumerate((["apple", "apple", "river"], ["apple"], ["stone", "cloud"])):
            put(writer, key, words)
        writer.commit()
    found = scores_of(tmp_path / "i", ["appl"], ["d000", "d001"])
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    assert found["d000"] == pytest.approx(idf * 2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2)), rel=1e-12)
    assert found["d001"] == pytest.approx(idf * 1 / (1 + 1.2 * (0.25 + 0.75 * 1 / 2)), rel=1e-12)


def test_isolation_counts_the_admitted_passages_alone(tmp_path):
    corpus = [["apple", "river"], ["apple", "stone", "stone"], ["apple"], ["river", "cloud"]]
    with Writer.open(tmp_path / "all", IndexSettings()) as writer:
        for key, words in enumerate(corpus):
            put(writer, key, words)
        writer.commit()
    with Writer.open(tmp_path / "own", IndexSettings()) as writer:
        for key in (0, 1):
            put(writer, key, corpus[key])
        writer.commit()
    uris = [f"d{key:03}" for key in range(4)]
    where = 'uri in ("d000", "d001")'
    own = scores_of(tmp_path / "own", ["appl", "river"], uris)
    assert scores_of(tmp_path / "all", ["appl", "river"], uris, where=where, isolation=True) == own
    whole = scores_of(tmp_path / "all", ["appl", "river"], uris)
    filtered = scores_of(tmp_path / "all", ["appl", "river"], uris, where=where)
    assert filtered == {uri: whole[uri] for uri in ("d000", "d001")}
    assert filtered != own


def test_ties_are_broken_by_chunk_id(tmp_path):
    with Writer.open(tmp_path / "i", IndexSettings()) as writer:
        chunks = [put(writer, key, ["apple"]) for key in range(20)]
        writer.commit()
    with Snapshot.open(tmp_path / "i") as snapshot:
        for k in (1, 7, 20, 50):
            ranking = snapshot.sparse(["appl"], k)
            ids = [chunk.id for chunk in snapshot.chunks(ranking.refs.tolist())]
            assert ids == sorted(chunk.id for chunk in chunks)[:k]
            assert np.ptp(ranking.scores) == 0
