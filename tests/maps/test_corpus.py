"""The map of an index: subjects apart, the same every time, and nothing in it of what a filter forbids."""

from __future__ import annotations

import builtins

import numpy as np
import pytest

from rag.errors import FilterError, MissingExtraError, QueryError
from rag.index import Writer
from rag.maps import CorpusMap, MapSettings, corpus_map, map_state, place


def same(one: CorpusMap, other: CorpusMap) -> bool:
    """Whether all but the state's hash is equal."""
    arrays = ("points", "ids", "document", "topic")
    return (
        all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
        and one.documents == other.documents
        and one.topics == other.topics
        and one.total == other.total
    )


def subject_of(corpus, snapshot, spot):
    (chunk,) = snapshot.chunks(snapshot.refs([corpus.chunk_id(spot)]))
    return chunk.uri.removeprefix("file:///").partition("-")[0]


@pytest.fixture(scope="module")
def drawn(subjects):
    return corpus_map(subjects)


def test_subjects_are_topics_with_their_own_words(drawn, subjects):
    assert len(drawn) == drawn.total == 72
    assert drawn.points.shape == (72, 2)
    assert drawn.points.dtype == np.float32
    assert len(drawn.documents) == 6
    found = {(subject_of(drawn, subjects, spot), int(drawn.topic[spot])) for spot in range(72)}
    assert len(found) == 3  # each subject is one topic, and each topic one subject
    named = {subject: drawn.topics[topic] for subject, topic in found}
    assert {subject: topic.words[0] for subject, topic in named.items()} == {
        "whales": "whale",
        "bread": "bread",
        "chess": "chess",
    }
    assert {(topic.passages, topic.documents) for topic in drawn.topics} == {(24, 2)}


def test_a_map_is_the_same_every_time_and_however_the_index_lies(drawn, subjects, kit, tmp_path):
    assert same(corpus_map(subjects), drawn)
    documents = [
        kit.document(f"{subject}-{part}", subject, 12, tenant="b" if subject == "bread" else "a")
        for part in (2, 1)
        for subject in ("chess", "bread", "whales")
    ]
    extra = kit.document("gone", "whales", 9)
    kit.build(tmp_path / "index", [extra, *documents]).close()
    with Writer.open(tmp_path / "index") as writer:
        writer.delete(["file:///gone"])
        writer.commit()
    with kit.build(tmp_path / "index", []) as otherwise:
        assert same(corpus_map(otherwise), drawn)
        assert map_state(otherwise) == map_state(subjects) == drawn.state


def test_a_filtered_map_is_that_of_an_index_that_holds_nothing_else(subjects, kit, tmp_path):
    alone = [kit.document(f"{s}-{part}", s, 12, tenant="a") for s in ("whales", "chess") for part in (1, 2)]
    with kit.build(tmp_path / "index", alone) as other:
        filtered = corpus_map(subjects, "tenant = 'a'")
        assert same(filtered, corpus_map(other))
        assert filtered.state == map_state(other)
    words = {word for topic in filtered.topics for word in topic.words}
    assert words
    assert not words & {"baker", "dough", "oven", "bread", "bakes", "kneads"}
    with pytest.raises(FilterError):
        corpus_map(subjects, "tenant ~ 'a'")


@pytest.mark.parametrize("method", ["umap", "pca"])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 9, 16, 17])
def test_few_passages_are_no_trouble(kit, tmp_path, count, method):
    documents = [kit.document("whales", "whales", count)] if count else []
    with kit.build(tmp_path / "index", documents) as few:
        corpus = corpus_map(few, settings=MapSettings(method))
    assert corpus.points.shape == (count, 2)
    assert np.isfinite(corpus.points).all()
    assert len(corpus.topic) == len(corpus.document) == count


@pytest.mark.parametrize("method", ["umap", "pca"])
def test_equal_vectors_are_one_topic_in_one_place(kit, tmp_path, method):
    document, chunks, vectors = kit.document("whales", "whales", 30)
    with kit.build(tmp_path / "index", [(document, chunks, np.repeat(vectors[:1], 30, axis=0))]) as equal:
        corpus = corpus_map(equal, settings=MapSettings(method))
    assert not corpus.points.any()
    assert [(topic.words[0], topic.passages) for topic in corpus.topics] == [("whale", 30)]


def test_vectors_that_are_equal_but_for_a_few_are_laid_out(kit, tmp_path):
    document, chunks, vectors = kit.document("whales", "whales", 40)
    vectors[:35] = vectors[0]
    with kit.build(tmp_path / "index", [(document, chunks, vectors)]) as nearly:
        assert np.isfinite(corpus_map(nearly).points).all()


def test_of_too_many_passages_some_are_drawn_by_chance(subjects):
    some = corpus_map(subjects, settings=MapSettings("pca", most=20))
    assert (len(some), some.total) == (20, 72)
    assert np.array_equal(some.ids, corpus_map(subjects, settings=MapSettings("pca", most=20)).ids)
    assert not np.array_equal(some.ids, corpus_map(subjects, settings=MapSettings("pca", most=20, seed=1)).ids)
    ids = [corpus_map(subjects, settings=MapSettings("pca")).chunk_id(spot) for spot in range(72)]
    places = some.places(ids)
    assert sum(spot is not None for spot in places) == 20
    assert all(spot is None or some.chunk_id(spot) == one for spot, one in zip(places, ids, strict=True))


@pytest.mark.parametrize("method", ["umap", "pca"])
def test_a_question_falls_among_the_passages_that_are_near_it(subjects, method):
    corpus = corpus_map(subjects, settings=MapSettings(method))
    for axis, subject in enumerate(("bread", "chess", "whales")):
        spot = place(corpus, subjects, np.eye(16, dtype=np.float32)[axis])
        nearest = int(np.argmin(np.linalg.norm(corpus.points - np.array(spot), axis=1)))
        assert subject_of(corpus, subjects, nearest) == subject


def test_a_question_near_nothing_that_was_drawn_has_no_place(subjects):
    corpus = corpus_map(subjects, "tenant = 'b'")
    assert place(corpus, subjects, np.eye(16, dtype=np.float32)[1], "tenant = 'a'") is None


def test_progress_goes_on_to_the_end_and_may_end_the_work(subjects):
    told = []
    corpus_map(subjects, progress=told.append)
    shares = [each.share for each in told]
    assert shares == sorted(shares)
    assert list(dict.fromkeys(each.step for each in told)) == ["reading", "neighbours", "layout", "topics", "names"]

    class EnoughError(Exception):
        pass

    def stop(now):
        if now.step == "layout" and now.done:
            raise EnoughError

    with pytest.raises(EnoughError):
        corpus_map(subjects, progress=stop)


def test_an_index_without_vectors_has_no_map_and_says_what_to_do(kit, tmp_path):
    with (
        kit.build(tmp_path / "index", [kit.document("whales", "whales", 3)], dim=0) as bare,
        pytest.raises(QueryError, match=r"no vectors.*index again with an embedder"),
    ):
        corpus_map(bare)


def test_without_umap_the_extra_is_named(subjects, monkeypatch):
    found = builtins.__import__

    def missing(name, *rest):
        if name.startswith("umap"):
            raise ImportError(f"No module named {name!r}", name=name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(MissingExtraError, match=r"ragstone\[maps\]"):
        corpus_map(subjects)
    assert len(corpus_map(subjects, settings=MapSettings("pca"))) == 72


def test_settings_are_checked():
    with pytest.raises(QueryError, match="by 'tsne'"):
        MapSettings("tsne")
    with pytest.raises(QueryError, match="at most 0"):
        MapSettings(most=0)
