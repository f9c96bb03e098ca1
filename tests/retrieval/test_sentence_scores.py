"""The best sentence of a passage: values worked by hand, ties, limits."""

from __future__ import annotations

import math

import pytest

from rag.index import IndexSettings, Snapshot, Writer
from rag.retrieval import SentenceRetriever, SparseRetriever
from rag.retrieval.sentence_scores import best_sentences
from rag.types import Chunk, Document

TEXTS = {
    "scattered": "The apple fell. Nobody saw a river there. A stone lay about.",
    "together": "Nobody came here. The apple and the stone lay in the river.",
    "neither": "Clouds came over the mountains.",
}


def passage(key: str, text: str, language: str = "en") -> Chunk:
    return Chunk(Document(key, text).id, key, 0, len(text), text, language=language)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "i"
    with Writer.open(path, IndexSettings("", "", 0)) as writer:
        for key, text in TEXTS.items():
            document = Document(key, text, metadata={"key": key}, language="en")
            writer.put(document, [passage(key, text)], None, source="s", state="1")
        writer.commit()
    with Snapshot.open(path) as opened:
        yield opened


def test_by_hand() -> None:
    # sentences: "apple fell" (2 terms), "apple stone river lay" is 3 + 1; the mean length is 3
    chunks = [passage("a", "Apple fell."), passage("b", "Apple, stone and river lay.")]
    scores = best_sentences(chunks, {"appl": 2.0, "stone": 1.0})
    assert scores == pytest.approx([2 / (1 + 1.2 * (0.75 + 0.25 * 2 / 3)), 3 / (1 + 1.2 * (0.75 + 0.25 * 4 / 3))])


def test_what_stands_together_beats_what_is_scattered(snapshot) -> None:
    hits = SentenceRetriever(SparseRetriever(snapshot)).retrieve("apple stone river", 5)
    assert [hit.metadata["key"] for hit in hits] == ["together", "scattered"]
    assert [hit.arms["sentences"].rank for hit in hits] == [1, 2]


def test_no_more_than_bm25_found(snapshot) -> None:
    sparse = SparseRetriever(snapshot)
    assert len(SentenceRetriever(sparse, depth=1).retrieve("apple stone river", 5)) == 1
    assert SentenceRetriever(sparse).retrieve("zebra", 5) == []
    filtered = SentenceRetriever(sparse).retrieve("apple stone river", 5, where="key = 'scattered'")
    assert [hit.metadata["key"] for hit in filtered] == ["scattered"]


def test_scores_of_rows_are_those_of_the_ranking(snapshot) -> None:
    asked = SentenceRetriever(SparseRetriever(snapshot)).ask("apple stone river")
    ranking = asked.rank(5, None)
    assert asked.score(ranking.refs).tolist() == ranking.scores.tolist()


def test_chinese_sentences() -> None:
    from rag.retrieval.analysed import sentence_terms

    found = sentence_terms(passage("z", "苹果掉了下来。没有人看见河流。", "zh"))
    assert len(found) == 2 and "苹果" in found[0].terms and "河流" in found[1].terms
    assert best_sentences([passage("e", "")], {"a": 1.0}) == [0.0]
    assert math.isfinite(best_sentences([passage("z", "苹果。", "zh")], {"苹果": 1.0})[0])
