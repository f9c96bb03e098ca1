"""Titles and names in texts."""

from __future__ import annotations

import gc
import weakref

import pytest

from rag.index import IndexSettings, Snapshot, Writer
from rag.retrieval.leading_names import LeadingNames
from rag.retrieval.mentions import TitleIndex, title_key
from rag.types import Chunk, Document

DOCUMENTS = [
    ("york", "York", "York is a city."),
    ("newyork", "New York", "New York is larger."),
    ("mercury", "Mercury (planet)", "It is near the Sun."),
    ("it", "It", "It is a novel."),
    ("heat", "heat transfer in slabs", "Slabs are warm."),
    ("beijing", "北京", "这是首都。"),
    ("none", "", "Nothing is said of York, or 1984."),
    ("year", "1984", "A novel."),
]


def build(path, documents):
    with Writer.open(path, IndexSettings("", "", 0)) as writer:
        for uri, title, text in documents:
            document = Document(uri, text, title=title, metadata={"key": uri}, language="en")
            chunk = Chunk(document.id, uri, 0, len(text), text, title=title, language="en")
            writer.put(document, [chunk], None, source="s", state="1")
        writer.commit()
    return Snapshot.open(path)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    with build(tmp_path_factory.mktemp("index") / "i", DOCUMENTS) as opened:
        yield opened


def named(snapshot, text, where=None):
    return [text[one.start : one.end] for one in TitleIndex(snapshot).mentions(text, "en", where)]


def test_keys() -> None:
    assert title_key("Mercury (planet)") == ("mercury",)
    assert title_key("(What's the Story)") == ("what's", "the", "story")
    assert title_key("北京") == ("北", "京")
    assert title_key("…") == ()


def test_the_longest_title_counts(snapshot) -> None:
    assert named(snapshot, "From York to New York, and to new york.") == ["York", "New York"]


def test_a_name_is_written_as_one(snapshot) -> None:
    assert named(snapshot, "It shows mercury, Mercury, heat transfer in slabs and 1984.") == ["Mercury"]


def test_scripts_without_blanks(snapshot) -> None:
    assert named(snapshot, "他住在北京。") == ["北京"]


def test_a_title_that_the_filter_leaves_out_hides_no_other(snapshot) -> None:
    assert named(snapshot, "In New York.", "key = 'york'") == ["York"]
    assert named(snapshot, "In New York.", "key = 'mercury'") == []


def test_who_names_a_title(snapshot) -> None:
    titles = TitleIndex(snapshot)
    (ref,) = titles.naming(("york",))
    assert snapshot.chunks([ref])[0].uri == "none"
    assert titles.naming(("york",), "key = 'york'") == []


def test_titles_are_read_once_and_let_go(tmp_path) -> None:
    snapshot = build(tmp_path / "i", DOCUMENTS)
    assert len(TitleIndex(snapshot)) == len(TitleIndex(snapshot)) == 6
    seen = weakref.ref(snapshot)
    snapshot.close()
    del snapshot
    gc.collect()
    assert seen() is None


def test_deleted_documents_have_no_title(tmp_path) -> None:
    build(tmp_path / "i", DOCUMENTS).close()
    with Writer.open(tmp_path / "i") as writer:
        writer.delete(["newyork"])
        writer.commit()
    with Snapshot.open(tmp_path / "i") as snapshot:
        assert named(snapshot, "In New York.") == ["York"]


def test_leading_names(snapshot) -> None:
    names = LeadingNames(snapshot)
    by_uri = {hit.uri: hit for hit in snapshot.chunks(range(len(snapshot)))}
    assert names.own(by_uri["newyork"]) == ("new", "york")
    assert names.own(by_uri["heat"]) == ("slabs",)
    assert names.own(by_uri["mercury"]) == ()  # "It" is no name, and "Sun" does not begin it
    (mention,) = names.mentions("She moved to New York.", "en")
    assert snapshot.chunks(mention.refs)[0].uri == "newyork"
    assert [snapshot.chunks([ref])[0].uri for ref in names.naming(("york",))] == ["none"]
    assert list(names.mentions("She moved to New York.", "en", "key = 'york'")) == []
