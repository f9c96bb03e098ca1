"""Hops along titles: values worked by hand, filters, limits, and no change where nothing is linked."""

from __future__ import annotations

import math

import pytest

from rag.errors import QueryError
from rag.index import IndexSettings, Snapshot, Writer
from rag.retrieval import BridgeRetriever, SparseRetriever
from rag.tracing import recording
from rag.types import Chunk, Document

DOCUMENTS = {
    "leland": ("Leland", "Leland is a town where the film Maximum Overdrive was shot."),
    "film": ("Maximum Overdrive", "Written and directed by Stephen King."),
    "king": ("Stephen King", "A novelist born in Portland."),
    "town": ("Elsewhere", "Another town, where a film was shown and shot again."),
    "song": ("Hymn to Leland", "A song composed about Leland."),
    "chess": ("Chess", "A game on a board."),
}


def build(path, documents):
    with Writer.open(path, IndexSettings("", "", 0)) as writer:
        for key, (title, text) in documents.items():
            document = Document(key, text, title=title, metadata={"key": key}, language="en")
            chunk = Chunk(document.id, key, 0, len(text), text, title=title, language="en")
            writer.put(document, [chunk], None, source="s", state="1")
        writer.commit()
    return Snapshot.open(path)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    with build(tmp_path_factory.mktemp("index") / "i", DOCUMENTS) as opened:
        yield opened


def found(hits) -> list[str]:
    return [hit.metadata["key"] for hit in hits]


QUESTION = "Who directed what was shot in the town of leland?"


def test_the_passage_named_by_the_best_one_comes_up(snapshot) -> None:
    sparse = SparseRetriever(snapshot)
    assert "film" not in found(sparse.retrieve(QUESTION, 2))
    hits = BridgeRetriever(sparse, snapshot).retrieve(QUESTION, 2)
    assert found(hits) == ["leland", "film"]
    assert [hit.rank for hit in hits] == [1, 2]
    assert set(hits[1].arms) == {"sparse", "bridge"}


def test_scores_by_hand(tmp_path) -> None:
    documents = {"a": ("Alpha", "Alpha meets Beta. Red."), "b": ("Beta", "Blue."), "c": ("Gamma", "Green.")}
    with build(tmp_path / "i", documents) as snapshot:
        hits = BridgeRetriever(SparseRetriever(snapshot), snapshot).retrieve("red blue", 3)
        by_key = {hit.metadata["key"]: hit for hit in hits}
        sparse = {hit.metadata["key"]: hit.score for hit in SparseRetriever(snapshot).retrieve("red blue", 3)}
        top = max(sparse.values())
        # "red" and "blue" stand in one passage each, so half of the question is unanswered in "a" and stands in "b":
        # a names b, one title in all, borne by one passage: (1 + 1/2) / 2; b is named by a: rest 1/2, of "a" for "b".
        a, b = sparse["a"] / top, sparse["b"] / top
        assert by_key["b"].score == pytest.approx(b + a * 0.75)
        assert by_key["a"].score == pytest.approx(a + b * 0.5)
        assert by_key["b"].arms["bridge"].score == pytest.approx(a * 0.75)


def test_a_title_borne_by_many_is_a_weak_link(tmp_path) -> None:
    documents = {"a": ("Alpha", "Red. See Beta."), **{f"b{n}": ("Beta", f"Part {n}.") for n in range(4)}}
    with build(tmp_path / "i", documents) as snapshot:
        hits = BridgeRetriever(SparseRetriever(snapshot), snapshot).retrieve("red", 9)
        assert [hit.score for hit in hits[1:]] == pytest.approx([1 / 4 / 2] * 4)


def test_a_passage_that_names_much_gives_little(tmp_path) -> None:
    names = {f"b{n}": (f"Beta{n}", f"Part {n}.") for n in range(4)}
    text = "Red. " + " ".join(f"See Beta{n}." for n in range(4))
    with build(tmp_path / "i", {"a": ("Alpha", text), **names}) as snapshot:
        hits = BridgeRetriever(SparseRetriever(snapshot), snapshot).retrieve("red", 9)
        assert [hit.score for hit in hits[1:]] == pytest.approx([1 / math.sqrt(4) / 2] * 4)


def test_titles_in_the_question(snapshot) -> None:
    question = "Is Chess older than films in a town?"
    before = found(SparseRetriever(snapshot).retrieve(question, 10))
    hits = BridgeRetriever(SparseRetriever(snapshot), snapshot).retrieve(question, 10)
    assert hits[0].metadata["key"] == "chess" and set(found(hits)) >= set(before)
    assert hits[0].arms["bridge"].score == 0.5


def test_more_rounds_reach_further_and_stop(snapshot) -> None:
    question = "Who is behind what was shot in the town of leland?"
    one = BridgeRetriever(SparseRetriever(snapshot), snapshot, width=1).retrieve(question, 3)
    with recording("search") as run:
        many = BridgeRetriever(SparseRetriever(snapshot), snapshot, hops=5, width=3).retrieve(question, 6)
    assert "king" not in found(one) and "king" in found(many)
    hops = [step for step in run.trace.steps if step.name == "hop"]
    assert [step.inputs["number"] for step in hops] == list(range(1, len(hops) + 1))
    assert len(hops) < 5  # nothing new was found
    assert all(step.outputs["followed"] > 0 for step in hops)


def test_foreign_passages_are_neither_found_nor_a_bridge(snapshot, tmp_path) -> None:
    bridge = BridgeRetriever(SparseRetriever(snapshot), snapshot, hops=3)
    assert set(found(bridge.retrieve(QUESTION, 9, where="key in ('leland', 'king')"))) <= {"leland", "king"}
    # what the filter leaves out might as well not be there, but for BM25's own statistics of the whole index
    kept = {key: DOCUMENTS[key] for key in ("leland", "film", "chess")}
    where = "key in ('leland', 'film', 'chess')"
    filtered = bridge.retrieve("leland chess", 9, where=where)
    with build(tmp_path / "i", kept) as small:
        alone = BridgeRetriever(SparseRetriever(small), small, hops=3).retrieve("leland chess", 9)
    linked = [{hit.metadata["key"] for hit in hits if "bridge" in hit.arms} for hits in (filtered, alone)]
    assert set(found(filtered)) == set(found(alone)) and linked[0] == linked[1] == {"film", "leland"}
    without = bridge.retrieve(QUESTION, 9, where="key in ('king', 'town')")  # "film" would be the bridge to "king"
    assert "bridge" not in next(hit for hit in without if hit.metadata["key"] == "town").arms
    assert "king" not in found(without)


def test_nothing_linked_nothing_changed(tmp_path) -> None:
    documents = {"a": ("", "Red apple."), "b": ("", "Red stone, Apple.")}
    with build(tmp_path / "i", documents) as snapshot:
        sparse = SparseRetriever(snapshot)
        assert BridgeRetriever(sparse, snapshot).retrieve("red", 2) == sparse.retrieve("red", 2)


def test_leading_names_where_there_are_no_titles(tmp_path) -> None:
    documents = {key: ("", f"{title}. {text}") for key, (title, text) in DOCUMENTS.items()}
    with build(tmp_path / "i", documents) as snapshot:
        sparse = SparseRetriever(snapshot)
        hits = BridgeRetriever(sparse, snapshot, leading=True).retrieve(QUESTION, 2)
        assert found(hits) == ["leland", "film"]
        assert BridgeRetriever(sparse, snapshot).retrieve(QUESTION, 2) == sparse.retrieve(QUESTION, 2)


def test_same_hits_for_any_k(snapshot) -> None:
    bridge = BridgeRetriever(SparseRetriever(snapshot), snapshot, hops=2)
    longest = bridge.retrieve(QUESTION, 6)
    for k in range(1, 6):
        assert bridge.retrieve(QUESTION, k) == longest[:k]


def test_bad_arguments(snapshot) -> None:
    bridge = BridgeRetriever(SparseRetriever(snapshot), snapshot)
    with pytest.raises(QueryError):
        bridge.retrieve(QUESTION, 0)
    with pytest.raises(QueryError):
        bridge.retrieve(" ", 3)
    assert bridge.retrieve("zebra", 3) == []
