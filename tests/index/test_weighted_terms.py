"""Weighted terms, frequencies, admitted rows and titles of a snapshot."""

from __future__ import annotations

import pytest

from rag.index import IndexSettings, Snapshot, Writer
from rag.types import Chunk, Document

ROWS = {"a": ("Alpha", "apple apple river"), "b": ("", "apple stone"), "c": ("Gamma", "river stone stone")}


def put(writer: Writer, key: str) -> None:
    title, text = ROWS[key]
    document = Document(key, text, title=title, metadata={"key": key}, language="en")
    chunk = Chunk(document.id, key, 0, len(text), text, title=title, language="en")
    writer.put(document, [chunk], None, source="s", state="1")


@pytest.fixture
def path(tmp_path):
    with Writer.open(tmp_path / "i", IndexSettings("", "", 0)) as writer:
        for key in ("a", "b"):
            put(writer, key)
        writer.commit()
        put(writer, "c")
        writer.commit()
    return tmp_path / "i"


def scores(snapshot: Snapshot, terms, where=None) -> dict[str, float]:
    ranking = snapshot.sparse(terms, 9, where)
    return {chunk.uri: score for chunk, score in zip(snapshot.chunks(ranking.refs), ranking.scores, strict=True)}


def test_weights_multiply_what_each_term_gives(path) -> None:
    with Snapshot.open(path) as snapshot:
        apple, stone = scores(snapshot, ["appl"]), scores(snapshot, ["stone"])
        mixed = scores(snapshot, {"appl": 0.5, "stone": 2.0, "none": 1.0})
        assert mixed == pytest.approx({key: 0.5 * apple.get(key, 0) + 2 * stone.get(key, 0) for key in "abc"})
        assert scores(snapshot, {"appl": 2.0}) == pytest.approx(scores(snapshot, ["appl", "appl"]))
        assert set(scores(snapshot, {"appl": 1.0, "stone": 1.0}, "key = 'c'")) == {"c"}


def test_frequencies_are_those_of_live_and_admitted_rows(path) -> None:
    with Snapshot.open(path) as snapshot:
        assert snapshot.frequencies(["appl", "stone", "none"]) == (3, [2, 2, 0])
        assert snapshot.frequencies(["appl", "stone"], "key in ('a', 'b')") == (2, [2, 1])
    with Writer.open(path) as writer:
        writer.delete(["a"])
        writer.commit()
    with Snapshot.open(path) as snapshot:
        assert snapshot.frequencies(["appl", "stone"]) == (2, [1, 2])


def test_admitted_rows_and_titles(path) -> None:
    with Snapshot.open(path) as snapshot:
        refs = {chunk.uri: ref for ref, chunk in enumerate(snapshot.chunks(range(3)))}
        assert snapshot.admitted([2, 0, 1]) == [2, 0, 1]
        assert snapshot.admitted([2, 0, 1], "key = 'a'") == [refs["a"]]
        assert list(snapshot.titles()) == [("Alpha", range(0, 1)), ("Gamma", range(2, 3))]
    with Writer.open(path) as writer:
        writer.delete(["a"])
        writer.commit()
    with Snapshot.open(path) as snapshot:
        assert [title for title, _ in snapshot.titles()] == ["Gamma"]
        assert refs["a"] not in snapshot.admitted(list(refs.values()))
