"""Refine: the answer gets better or stays, each step is proved from the documents, and bounds."""

from __future__ import annotations

import pytest

from rag.chains.drafting import AnswerParts, last
from rag.chains.map_reduce import ChainProgress
from rag.chains.refine import refine
from rag.errors import QueryError
from rag.generators import ExtractiveGenerator
from rag.types import Answer

# in the order in which the shelf finds them: by words shared with the question
TEXTS = {
    "Bridges": "The Tamar bridge and other bridges opened long ago.",
    "Notes": "The Tamar bridge was opened in 1961 by the mayor.",
    "Roads": "A road crosses the Tamar.",
}
QUESTION = "When was the Tamar bridge opened?"
RIGHT = "The Tamar bridge was opened in 1961."
EXTRACTIVE = AnswerParts(ExtractiveGenerator())


def changes(answer: Answer) -> list[object]:
    assert answer.trace is not None
    return [taken.outputs["changed"] for taken in answer.trace.steps if taken.name == "refine"]


def test_a_better_answer_takes_the_place_of_a_worse(shelf, script):
    generator = script("The Tamar bridge opened long ago.", RIGHT, "A road crosses the Tamar.")
    library = shelf(TEXTS)
    answer = last(
        refine(QUESTION, retriever=library, parts=AnswerParts(generator, max_answer_tokens=20), where="year = 1961")
    )
    assert [where for _, _, where in library.asked] == ["year = 1961"]
    assert answer.text == RIGHT
    assert [one.quote for one in answer.citations] == [TEXTS["Notes"]]
    assert changes(answer)[-1] is False


def test_what_was_cited_so_far_is_read_again_and_nothing_that_was_written(shelf, script):
    generator = script(RIGHT, "It was opened in 1900.", "Who knows.")
    texts = {"Notes": TEXTS["Notes"], "Opened": "The bridge opened in 1900.", "Roads": TEXTS["Roads"]}
    last(refine(QUESTION, retriever=shelf(texts), parts=AnswerParts(generator, max_answer_tokens=20)))
    passages = [messages[-1].passages for messages in generator.seen]
    assert passages[0] == (texts["Notes"],)
    assert passages[1] == (texts["Notes"], texts["Opened"])
    assert passages[2] == (texts["Notes"], texts["Roads"])


@pytest.mark.parametrize("later", ["", "I do not know.", "The Tamar bridge was opened in 1777."])
def test_an_answer_is_never_lost_to_a_worse_one(shelf, script, later):
    generator = script(RIGHT, later, later)
    texts = {"Notes": TEXTS["Notes"], "Bridges": "Other bridges of the Tamar.", "Roads": TEXTS["Roads"]}
    answer = last(refine(QUESTION, retriever=shelf(texts), parts=AnswerParts(generator, max_answer_tokens=20)))
    assert answer.text == RIGHT
    assert answer.verdict == "supported"
    assert changes(answer) == [True, False, False]


def test_without_a_language_model(shelf):
    answer = last(refine(QUESTION, retriever=shelf(TEXTS), parts=EXTRACTIVE))
    assert [one.quote for one in answer.citations] == [TEXTS["Notes"]]
    for one in answer.citations:
        assert TEXTS[one.title][one.start : one.end] == one.quote


def test_no_document_has_an_answer(shelf):
    answer = last(refine("How much does the mayor of Peru earn?", retriever=shelf(TEXTS), parts=EXTRACTIVE))
    assert answer.refused
    assert last(refine(QUESTION, retriever=shelf({}), parts=EXTRACTIVE)).refused


def test_every_hit_is_shown_or_dropped_and_every_prompt_fits(shelf, script):
    long = {title: text + " Steel is strong." * 8 for title, text in TEXTS.items()}
    generator = script(RIGHT, RIGHT, RIGHT, context_size=92)
    answer = last(refine(QUESTION, retriever=shelf(long), parts=AnswerParts(generator, max_answer_tokens=10)))
    for messages, limit in zip(generator.seen, generator.limits, strict=True):
        assert generator.count_tokens(messages) + limit <= 92
    assert sorted(hit.chunk.title for hit in (*answer.hits, *answer.dropped)) == sorted(long)


def test_the_stream_tells_each_change_and_the_answer_last(shelf, script):
    generator = script(RIGHT, "no", "no")
    told: list[ChainProgress] = []
    texts = {"Notes": TEXTS["Notes"], "Bridges": "Other bridges of the Tamar.", "Roads": TEXTS["Roads"]}
    *pieces, answer = refine(QUESTION, retriever=shelf(texts), parts=AnswerParts(generator), progress=told.append)
    assert "".join(map(str, pieces)) == f"{RIGHT}\n"
    assert isinstance(answer, Answer)
    assert told == [ChainProgress("refine", i, 3) for i in (1, 2, 3)]


def test_bad_arguments_raise_at_once(shelf):
    library = shelf(TEXTS)
    for question, k in ((" ", 3), ("x", 0)):
        with pytest.raises(QueryError):
            refine(question, retriever=library, parts=EXTRACTIVE, k=k)
    assert library.asked == []
