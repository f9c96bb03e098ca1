"""Ratings are rows of a test set; a file that was damaged is not written over."""

from __future__ import annotations

import pytest

pytest.importorskip("streamlit")
from ratings import rate

from rag.errors import EvaluationError
from rag.evaluation.datasets import read_testset
from rag.types import Answer


def refusal(question):
    return Answer(question, "Not there.", "not in the documents", (), "", ())


def test_a_second_rating_takes_the_place_of_the_first(tmp_path):
    file = tmp_path / "questions.jsonl"
    rate(file, refusal("Who?"), "good")
    rate(file, refusal("When?"), "good")
    rate(file, refusal("Who?"), "bad", "it is on page 3")
    found = {question.text: question for question in read_testset(file).questions}
    assert [found["Who?"].answerable, found["When?"].answerable] == [True, False]
    assert found["Who?"].made["reason"] == "it is on page 3"


@pytest.mark.parametrize("line", ["no json", "{}", "[1]"])
def test_a_damaged_line_is_named_and_nothing_is_lost(tmp_path, line):
    file = tmp_path / "questions.jsonl"
    rate(file, refusal("Who?"), "good")
    before = file.read_text() + line + "\n"
    file.write_text(before)
    with pytest.raises(EvaluationError, match=r"questions\.jsonl:2"):
        rate(file, refusal("When?"), "good")
    assert file.read_text() == before
