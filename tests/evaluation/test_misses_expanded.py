"""Misses where passages are expanded or stand for others: gold is found by where it stands, not by a passage's id."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.evaluation.datasets import Dataset, Question, Span
from rag.evaluation.experiment.asking import _documents
from rag.evaluation.misses.explain import explain
from rag.evaluation.misses.gold import Gold, places_in
from rag.evaluation.results import QueryResult
from rag.evaluation.tuning.score import document_run
from rag.pipeline import Pipeline
from rag.recipe import parse_recipe
from rag.types import Chunk, Hit

RECIPE = """
[chunker]
kind = "sentence-window"
[embedder]
backend = "none"
[retrieval]
arms = ["sparse"]
k = 1
[generator]
kind = "extractive"
"""
FERRY = "The ferry to the isle of Aran leaves at noon. A ticket for that trip costs about 12 euros each way."
NOTICE = "This notice tells all passengers that their dogs travel free of any charge."
TEXTS = {"ferry": FERRY, "train": "The train to Cork leaves at ten. It takes two hours and stops in Mallow once a day."}


def misses(tmp_path: Path, question: Question, keys: str = "", texts=TEXTS, *, answer: bool = False) -> list[str]:
    tmp_path.mkdir()
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"_id": name, "text": text}) + "\n" for name, text in texts.items()))
    with Pipeline(tmp_path / "index", parse_recipe(RECIPE.replace("k = 1\n", f"k = 1\n{keys}"))) as pipeline:
        pipeline.add(corpus)
        given = pipeline.ask(question.text) if answer else None
        dataset = Dataset("small", None, {}, {}, (question,), "_id", {})
        found = explain(pipeline, dataset, QueryResult(question.id, question.text, answer=given))
        return [miss.stage for miss in found]


def test_gold_beside_what_was_found_is_no_miss_where_that_is_given(tmp_path):
    asked = Question("q", "When does the ferry to Aran leave?", ("12 euros",), documents=("ferry",))
    assert len(misses(tmp_path / "a", asked)) == 1
    assert misses(tmp_path / "b", asked, 'expand = "neighbours"\n') == []


def test_gold_that_lies_over_two_passages_is_held_by_what_is_given(tmp_path):
    start = FERRY.index("noon")
    asked = Question(
        "q", "When does the ferry to Aran leave?", spans=(Span("ferry", start, start + 16),), documents=("ferry",)
    )
    assert misses(tmp_path / "a", asked) == ["split by a chunk boundary"]
    assert misses(tmp_path / "b", asked, 'expand = "parent"\n') == []


def test_an_answer_from_an_expanded_passage_is_explained(tmp_path):
    asked = Question("q", "When does the ferry to Aran leave?", ("midnight", "12 euros"), documents=("ferry",))
    (stage,) = misses(tmp_path / "a", asked, 'expand = "neighbours"\n', answer=True)
    assert stage not in {"below the cut", "split by a chunk boundary", "not loaded"}


def test_gold_behind_a_near_duplicate_is_found(tmp_path):
    texts = {"a": NOTICE, "b": NOTICE + " Yes.", **TEXTS}
    asked = Question("q", "Do dogs of passengers travel free?", ("free",), documents=("a", "b"))
    assert len(misses(tmp_path / "a", asked, texts=texts)) == 1
    assert misses(tmp_path / "b", asked, "near_duplicates = 0.8\n", texts=texts) == []


def chunk(uri: str, start: int, text: str) -> Chunk:
    return Chunk(uri, uri, start, start + len(text), text)


def test_places_by_hand():
    small, beside = chunk("d", 10, "0123456789"), chunk("d", 20, "abcdefghij")
    gold = Gold("d", spans=(Span("d", 12, 14),), chunks=(small, beside), holders={small.id: ((2, 4),)})
    assert places_in(gold, Hit(small, 1.0, 1)) == ((2, 4),)
    assert places_in(gold, Hit(beside, 1.0, 1)) is None
    both = Hit(chunk("d", 5, "....." + small.text + beside.text), 1.0, 1, within=(small.id, beside.id))
    assert places_in(gold, both) == ((7, 9),)
    other = Hit(chunk("e", 0, "another"), 1.0, 1, duplicates=(Hit(small, 0.5, 2),))
    assert places_in(gold, other) == ()
    whole = Gold("d", chunks=(small, beside), holders={small.id: (), beside.id: ()})
    assert places_in(whole, both) == ()


@pytest.mark.parametrize("scores", [(1.0, 0.9, 0.8), (0.8, 0.9, 1.0)])
def test_no_document_is_lost_from_a_ranking(scores):
    hits = [
        Hit(chunk(uri, 0, uri), score, rank) for rank, (uri, score) in enumerate(zip("abc", scores, strict=True), 1)
    ]
    shown = [Hit(hits[0].chunk, scores[0], 1, duplicates=(hits[1],)), Hit(hits[2].chunk, scores[2], 2)]
    assert [one.document for one in _documents(shown, "uri")] == ["a", "b", "c"]
    assert list(document_run(shown, "uri")) == ["a", "b", "c"]


def test_a_document_has_the_score_of_its_best_passage_not_of_an_earlier_hits_duplicate():
    first = Hit(chunk("a", 0, "a"), 0.9, 1, duplicates=(Hit(chunk("c", 0, "a"), 0.3, 4),))
    shown = [first, Hit(chunk("c", 9, "c"), 0.6, 2), Hit(chunk("b", 0, "b"), 0.5, 3)]
    assert [(one.document, one.score) for one in _documents(shown, "uri")] == [("a", 0.9), ("c", 0.6), ("b", 0.5)]
