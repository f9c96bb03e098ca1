"""Several queries for one question: fusion worked by hand, filters, places, and what a bad transform can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import EmbedderMismatchError, FilterError, GenerationError, QueryError
from rag.index import IndexSettings, Snapshot, Writer
from rag.protocols import Retriever
from rag.retrieval import MultiQueryRetriever, PassageRetriever, SparseRetriever
from rag.tracing import recording
from rag.types import ArmScore, Chunk, Document, Hit

TEXTS = {"a": "apple river", "b": "apple apple stone", "c": "cloud river", "d": "tiger cloud"}
PLACES = {"a": (1.0, 0.0), "b": (0.8, 0.6), "c": (0.0, 1.0), "d": (-1.0, 0.0)}


class Words:
    """Counts words; one more for the special token."""

    def count(self, text: str) -> int:
        return len(text.split()) + 1

    def offsets(self, text: str) -> list[tuple[int, int]]:
        spans, at = [], 0
        for word in text.split():
            start = text.index(word, at)
            at = start + len(word)
            spans.append((start, at))
        return spans


class Embedder:
    """A question is (1, 0); a passage (0, 1), unless it is longer than 4 tokens, which is an error."""

    fingerprint = "f"
    dim = 2
    max_tokens = 4
    tokenizer = Words()

    def __init__(self) -> None:
        self.seen: list[str] = []

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[1.0, 0.0]] * len(texts), np.float32)

    def embed_documents(self, texts: Sequence[str]) -> np.ndarray:
        assert all(self.tokenizer.count(text) <= self.max_tokens for text in texts)
        self.seen += texts
        return np.array([[0.0, 1.0]] * len(texts), np.float32)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    path = tmp_path_factory.mktemp("index") / "i"
    with Writer.open(path, IndexSettings("e", "f", 2)) as writer:
        for key, text in TEXTS.items():
            document = Document(key, text, metadata={"key": key}, language="en")
            chunk = Chunk(document.id, key, 0, len(text), text, language="en")
            writer.put(document, [chunk], np.array([PLACES[key]], np.float32), source="s", state="1")
        writer.commit()
    with Snapshot.open(path) as opened:
        yield opened


class Listed:
    """A retriever that knows its lists by heart, and remembers what it was asked."""

    def __init__(self, lists: Mapping[str, Sequence[tuple[str, float]]]) -> None:
        self.lists = lists
        self.asked: list[tuple[str, int, str | None]] = []

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        self.asked.append((query, k, where))
        return [
            Hit(chunk(key), score, rank, {"dense": ArmScore(rank, score)}, {"key": key})
            for rank, (key, score) in enumerate(self.lists.get(query, ())[:k], 1)
        ]


def chunk(key: str) -> Chunk:
    return Chunk("doc", key, 0, 1, key)


def says(*queries: str):
    return lambda query, history=(): list(queries)


def keys(hits: Sequence[Hit]) -> list[str]:
    return [hit.chunk.uri for hit in hits]


LISTS = {
    "q": [("a", 4.0), ("b", 3.0), ("c", 0.0)],
    "other": [("d", 9.0), ("b", 5.0), ("a", 1.0)],
    "third": [("d", 1.0)],
}


def test_convex_by_hand() -> None:
    """q: 1, .75, 0 at weight .6; other: 1, .5, 0 and third: 1 at .2 each."""
    retriever = MultiQueryRetriever(Listed(LISTS), says("q", "other", "third"), raw_weight=0.6)
    hits = retriever.retrieve("q", 9)
    assert keys(hits) == ["a", "b", "d", "c"]
    assert [hit.score for hit in hits] == pytest.approx([0.6, 0.55, 0.4, 0.0])
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]
    assert hits[1].metadata == {"key": "b"}
    assert hits[1].arms == {
        "dense": ArmScore(2, 3.0),
        "query 1": ArmScore(2, 3.0),
        "query 2": ArmScore(2, 5.0),
    }
    # found for another query alone: its place in the arms is not the question's
    assert hits[2].arms == {"query 2": ArmScore(1, 9.0), "query 3": ArmScore(1, 1.0)}


def test_reciprocal_ranks_by_hand() -> None:
    hits = MultiQueryRetriever(Listed(LISTS), says("q", "other"), fusion="rrf", raw_weight=0.75).retrieve("q", 2)
    assert keys(hits) == ["a", "b"]
    assert hits[0].score == pytest.approx(0.75 / 61 + 0.25 / 63)
    assert hits[1].score == pytest.approx(0.75 / 62 + 0.25 / 62)


def test_the_question_is_searched_first_whatever_the_transform_says() -> None:
    for queries in ((), ("q",), ("q", "q")):
        inner = Listed(LISTS)
        hits = MultiQueryRetriever(inner, says(*queries)).retrieve("q", 2, where="x = 1")
        assert hits == inner.retrieve("q", 2, where="x = 1")
        assert inner.asked[0] == ("q", 2, "x = 1")
    inner = Listed(LISTS)
    MultiQueryRetriever(inner, says("other", "q", "other"), depth=7).retrieve("q", 2, where="x = 1")
    assert inner.asked == [("q", 7, "x = 1"), ("other", 7, "x = 1")]
    MultiQueryRetriever(inner, says("other"), depth=7).retrieve("q", 9)
    assert inner.asked[2:] == [("q", 9, None), ("other", 9, None)]


def test_other_queries_may_have_a_retriever_of_their_own() -> None:
    first, second = Listed(LISTS), Listed(LISTS)
    MultiQueryRetriever(first, says("q", "other", "third"), others=second).retrieve("q", 3, where="x = 1")
    assert [query for query, _, _ in first.asked] == ["q"]
    assert second.asked == [("other", 50, "x = 1"), ("third", 50, "x = 1")]


rankings = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0, 1)), unique_by=lambda pair: pair[0], max_size=8)


@given(st.lists(rankings, min_size=1, max_size=4), st.floats(0.5, 1), st.sampled_from(["convex", "rrf"]))
def test_nothing_that_any_query_finds_is_lost_and_the_questions_first_stays_near_the_top(found, weight, fusion) -> None:
    lists = {f"q{i}": sorted(ranking, key=lambda pair: (-pair[1], pair[0])) for i, ranking in enumerate(found)}
    retriever = MultiQueryRetriever(Listed(lists), says(*lists), raw_weight=weight, fusion=fusion)
    hits = retriever.retrieve("q0", 99)
    assert set(keys(hits)) == {key for ranking in found for key, _ in ranking}
    assert hits == retriever.retrieve("q0", 99)
    order = [(-hit.score, hit.chunk.id) for hit in hits]
    if len(found) > 1:
        assert order == sorted(order)
        if lists["q0"]:
            first = lists["q0"][0][0]
            # others share what the question leaves: only what it has found itself can come before its best
            before = keys(hits)[: keys(hits).index(first)]
            tied = {hit.chunk.uri for hit in hits if hit.score >= hits[keys(hits).index(first)].score - 1e-9}
            own = {key for key, _ in lists["q0"]}
            assert set(before) <= own | (tied if weight == 0.5 else set())


def test_what_a_hit_stands_for_is_kept() -> None:
    class Expanded(Listed):
        def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
            hits = super().retrieve(query, k, where=where)
            return [replace(hit, within=("w",), duplicates=(Hit(chunk("z"), 0.0, 9),)) for hit in hits]

    hits = MultiQueryRetriever(Expanded(LISTS), says("other")).retrieve("q", 2)
    assert [hit.within for hit in hits] == [("w",), ("w",)]
    assert hits[0].duplicates[0].chunk.uri == "z"


def test_the_seam(snapshot: Snapshot) -> None:
    retriever = MultiQueryRetriever(SparseRetriever(snapshot), says("apple", "river cloud"), raw_weight=0.7)
    assert isinstance(retriever, Retriever)
    hits = retriever.retrieve("apple", 9)
    assert keys(hits)[:2] == ["b", "c"]
    assert [hit.chunk.id for hit in hits[2:]] == sorted(hit.chunk.id for hit in hits if hit.chunk.uri in "ad")
    assert keys(retriever.retrieve("apple", 9, where='key = "a" or key = "c"')) == ["a", "c"]
    assert retriever.retrieve("apple", 9, where='key = "z"') == []
    with pytest.raises(FilterError):
        retriever.retrieve("apple", 9, where="key =")
    for k in (0, -1):
        with pytest.raises(QueryError, match=f"k is {k}"):
            retriever.retrieve("apple", k)
    with pytest.raises(QueryError, match="empty"):
        retriever.retrieve("  ", 3)


@pytest.mark.parametrize("options", [{"raw_weight": 0.0}, {"raw_weight": 1.1}, {"depth": 0}])
def test_a_weight_that_loses_the_question_is_refused(options) -> None:
    with pytest.raises(QueryError):
        MultiQueryRetriever(Listed(LISTS), says("q"), **options)


def test_what_the_transform_raises_is_not_swallowed() -> None:
    def fails(query: str, history: Sequence[object] = ()) -> list[str]:
        raise GenerationError("no model")

    with pytest.raises(GenerationError, match="no model"):
        MultiQueryRetriever(Listed(LISTS), fails).retrieve("q", 3)


def test_each_search_is_a_step() -> None:
    with recording("test") as run:
        MultiQueryRetriever(Listed(LISTS), says("q", "third")).retrieve("q", 3)
    steps = [(step.name, step.inputs["query"], step.outputs["hits"]) for step in run.trace.steps[:2]]
    assert steps == [("search", "q", 3), ("search", "third", 1)]
    assert run.trace.steps[2].name == "fusion"


class Bytes(Words):
    """A token for each byte of UTF-8, those of one character at the same place; one more for the special token."""

    def count(self, text: str) -> int:
        return len(text.encode()) + 1

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return [(at, at + 1) for at, character in enumerate(text) for _ in character.encode()]


def test_cutting_ends_where_several_tokens_share_the_last_character(snapshot: Snapshot) -> None:
    embedder = Embedder()
    embedder.tokenizer = Bytes()  # type: ignore[misc]
    PassageRetriever(snapshot, embedder).retrieve("a\N{TIGER FACE}", 1)
    assert embedder.seen == ["a"]


def test_a_hypothetical_passage_is_embedded_as_a_passage_and_cut_to_what_the_model_reads(snapshot: Snapshot) -> None:
    embedder = Embedder()
    retriever = PassageRetriever(snapshot, embedder)
    hits = retriever.retrieve("one two three four five six", 2)
    assert [text.rstrip() for text in embedder.seen] == ["one two three"]
    assert keys(hits) == ["c", "b"]
    assert hits[1].arms == {"dense": ArmScore(2, pytest.approx(0.6))}
    assert keys(retriever.retrieve("one", 9, where='key = "a"')) == ["a"]
    assert embedder.seen[-1] == "one"


def test_a_passage_of_another_embedder_is_refused(snapshot: Snapshot, tmp_path: Path) -> None:
    other = Embedder()
    other.fingerprint = "g"
    with pytest.raises(EmbedderMismatchError):
        PassageRetriever(snapshot, other)
