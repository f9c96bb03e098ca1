"""Questions to begin with: of the documents one may see, each of another one, good ones or none."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rag.errors import FilterError
from rag.evaluation.testset.suggest import suggest_questions
from rag.pipeline import Pipeline
from rag.recipe import parse_recipe

SAMPLES = Path(__file__).parents[2] / "apps" / "samples"
SPARSE = '[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n[generator]\nkind = "extractive"\n'


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suggest")
    (folder / "a.txt").write_text("Olga Reznik founded the harbour of Zarkov in 1911. It is deep.")
    (folder / "b.txt").write_text("Ah! Well. Perhaps. And then?")
    (folder / "c.txt").write_text("The lighthouse of Zarkov was built by Anna Moe in 1873. It has a lamp.")
    with Pipeline(folder / "index", parse_recipe(SPARSE)) as opened:
        opened.add(*sorted(folder.glob("*.txt")))
        yield opened


def test_each_question_is_of_another_document_and_can_be_answered(pipeline):
    questions = suggest_questions(pipeline.snapshot, seconds=30)
    assert len(questions) == 2  # b says nothing that could be asked for
    assert len({question for question in questions if "harbour" in question}) == 1
    assert all(question.endswith("?") and "Zarkov" in question for question in questions)
    assert not any(pipeline.ask(question).refused for question in questions)


def test_they_come_from_admitted_documents_alone(pipeline):
    (question,) = suggest_questions(pipeline.snapshot, seconds=30, where="title = 'c'")
    assert "lighthouse" in question
    assert suggest_questions(pipeline.snapshot, where="title = 'b'", seconds=30) == []
    with pytest.raises(FilterError):
        suggest_questions(pipeline.snapshot, where="title =")


def test_they_take_no_longer_than_they_may(pipeline):
    assert suggest_questions(pipeline.snapshot, seconds=0.0) == []
    began = time.monotonic()
    suggest_questions(pipeline.snapshot, 1000, seconds=0.2)
    assert time.monotonic() - began < 5
