"""What became of one passage: every outcome is brought about, by searches small enough to work out by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import pytest

from rag.chains.sessions import SessionStore
from rag.errors import EvaluationError
from rag.evaluation.datasets import Span
from rag.evaluation.misses.passage import Fate, explain_passage
from rag.pipeline import Pipeline
from rag.recipe import parse_recipe

RECIPE = """
[embedder]
backend = "none"
[retrieval]
arms = ["sparse"]
k = {k}
depth = {depth}
[generator]
kind = "extractive"
"""
FERRY = "The ferry to Aran leaves at noon. A ticket for the ferry costs 12 euros."
TEXTS = {
    "ferry": FERRY,
    "train": "The train to Cork leaves at ten. The ferry is late.",
    "bus": "A bus leaves at noon. The ferry and the bus meet in Galway, where the ferry waits for nobody at all.",
    "castle": "Trim Castle was built in 1174 by Hugh de Lacy, who held it with many knights against all that came up "
    "the river Boyne in the long years that followed.",
}
WHEN = "When does the ferry to Aran leave?"
Make: TypeAlias = Callable[..., Pipeline]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Pipeline] = []

    def build(k: int = 1, depth: int = 100, more: str = "") -> Pipeline:
        for name, text in TEXTS.items():
            (tmp_path / f"{name}.txt").write_text(text)
        pipeline = Pipeline(tmp_path / "index", parse_recipe(RECIPE.format(k=k, depth=depth) + more))
        pipeline.add(*(tmp_path / f"{name}.txt" for name in TEXTS))
        made.append(pipeline)
        return pipeline

    yield build
    for pipeline in made:
        pipeline.close()


def span(pipeline: Pipeline, name: str, words: str = "") -> Span:
    """A whole passage, or words of it."""
    (uri,) = (one.uri for one in pipeline.snapshot.documents() if one.uri.endswith(f"/{name}.txt"))
    (chunk,) = pipeline.snapshot.chunks_of(uri)
    start = chunk.text.index(words)
    return Span(uri, chunk.start + start, chunk.start + start + len(words or chunk.text))


def fate(pipeline: Pipeline, wanted: Span, question: str = WHEN, where: str | None = None) -> Fate:
    return explain_passage(pipeline, pipeline.ask(question, where=where), wanted, where=where)


def test_what_is_cited_and_what_was_shown_but_is_not(make: Make) -> None:
    pipeline = make(k=2)
    found = fate(pipeline, span(pipeline, "ferry"))
    assert (found.outcome, found.rank, found.ways) == ("cited", 1, ())
    assert fate(pipeline, span(pipeline, "ferry", "leaves at noon")).outcome == "cited"
    other = fate(pipeline, span(pipeline, "ferry", "costs 12 euros"))
    assert (other.outcome, other.rank) == ("not cited", 1)
    assert "none of the sentences it wrote was proved from it" in other.detail


def test_a_passage_below_the_cut_is_told_its_place_in_every_step(make: Make) -> None:
    pipeline = make(k=1)
    found = fate(pipeline, span(pipeline, "train"))
    rank = 1 + [hit.chunk.title for hit in pipeline.search(WHEN, 4)].index("train")
    assert rank > 1
    assert found.outcome == "below the cut"
    assert f"it takes retrieval.k {rank} to reach it (1 now)" in found.detail.replace("It", "it")
    (way,) = found.ways
    (arm,) = way.arms
    assert (way.query, arm.step, arm.rank, arm.kept) == (WHEN, "sparse", rank, True)
    assert way.steps == ()  # with one arm nothing is fused


def test_a_passage_without_a_word_of_the_question_is_missed_by_its_arm(make: Make) -> None:
    pipeline = make()
    found = fate(pipeline, span(pipeline, "castle"))
    assert found.outcome == "missed by sparse"
    assert "finds none of the question's terms in it" in found.detail
    assert [(arm.rank, arm.kept) for way in found.ways for arm in way.arms] == [(None, False)]


def test_a_document_that_is_not_there_and_one_that_the_filter_keeps_out(make: Make) -> None:
    pipeline = make()
    assert fate(pipeline, Span("file:///none.txt", 0, 5)).outcome == "not loaded"
    wanted = span(pipeline, "ferry")
    found = fate(pipeline, wanted, where="title != 'ferry'")
    assert found.outcome == "outside the filter"
    assert "title != 'ferry'" in found.detail


def test_the_filter_holds_for_the_ranks_too(make: Make) -> None:
    pipeline = make(k=1)
    wanted = span(pipeline, "train")
    alone = "title in ('train', 'castle')"
    assert fate(pipeline, wanted, where=alone).rank == 1
    without = fate(pipeline, wanted, where="title in ('train', 'bus')")
    ranks = [hit.chunk.title for hit in pipeline.search(WHEN, 4, where="title in ('train', 'bus')")]
    assert [arm.rank for way in without.ways for arm in way.arms] in ([1 + ranks.index("train")], [])
    assert "“ferry”" not in without.detail  # nor is a title told that the filter keeps out


def test_words_that_no_passage_holds_whole_were_cut(make: Make, tmp_path: Path) -> None:
    pipeline = make(more='[chunker]\nkind = "tokens"\nmax_tokens = 16\noverlap = 0\n')
    (uri,) = (one.uri for one in pipeline.snapshot.documents() if one.uri.endswith("/castle.txt"))
    assert len(pipeline.snapshot.chunks_of(uri)) > 1
    found = fate(pipeline, Span(uri, 0, len(TEXTS["castle"])))
    assert found.outcome == "split by a chunk boundary"


def test_of_a_follow_up_every_query_is_told(make: Make) -> None:
    pipeline = make(k=1)
    with SessionStore.in_memory() as store:
        talk = pipeline.chat(store.open("t", "/i"))
        talk.say(WHEN)
        talk.say("And the bus?")
        turn = talk.path()[-1]
        assert len(turn.queries) > 1
        wanted = span(pipeline, "castle")
        found = explain_passage(pipeline, turn.answer, wanted, queries=turn.queries)
        assert [way.query for way in found.ways] == list(turn.queries)
        assert [place.step for place in found.ways[0].steps] == ["follow-up"]
        assert found.outcome == "missed by sparse"


def test_an_answer_from_other_hits_than_now_is_not_explained(make: Make) -> None:
    pipeline = make(k=1)
    stale = replace(pipeline.ask(WHEN), hits=(), dropped=())
    with pytest.raises(EvaluationError, match="ask again"):
        explain_passage(pipeline, stale, span(pipeline, "ferry"))
