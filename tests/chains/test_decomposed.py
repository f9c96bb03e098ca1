"""Decomposition: each part with its proof, earlier answers in later parts, and parts nobody answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from rag.chains.decomposed import decomposed, parts_by_rule
from rag.chains.drafting import AnswerParts, last
from rag.errors import QueryError
from rag.generators import ExtractiveGenerator
from rag.grounding import render
from rag.types import Answer, Message

TEXTS = {
    "Tamar Bridge": "The Tamar Bridge was designed by Ann Weller. It carries the A38.",
    "Ann Weller": "Ann Weller was born in Bude. She studied in Paris.",
    "Opening": "The Tamar Bridge was opened on 4 May 1961.",
    "Severn Bridge": "The Severn Bridge carries a motorway.",
}
QUESTION = "Where was the designer of the Tamar Bridge born?"
EXTRACTIVE = AnswerParts(ExtractiveGenerator())


def into(*parts: str) -> Callable[..., list[str]]:
    def decompose(query: str, history: Sequence[Message] = ()) -> list[str]:
        return [query, *parts]

    return decompose


def run(shelf, *parts: str, question: str = QUESTION, **options) -> Answer:
    options.setdefault("parts", EXTRACTIVE)
    return last(decomposed(question, retriever=shelf, decompose=into(*parts), **options))


def test_parts_are_answered_and_the_answer_carries_their_citations(shelf):
    library = shelf(TEXTS)
    answer = run(library, "Who designed the Tamar Bridge?", "Where was #1 born?", k=2, where="year = 1961")
    assert answer.verdict == "supported"
    assert answer.question == QUESTION
    assert answer.text.splitlines() == ["The Tamar Bridge was designed by Ann Weller.", "Ann Weller was born in Bude."]
    assert [(one.title, one.number) for one in answer.citations] == [("Tamar Bridge", 1), ("Ann Weller", 2)]
    for one in answer.citations:
        assert TEXTS[one.title][one.start : one.end] == one.quote
    assert [query for query, _, _ in library.asked] == [
        QUESTION,
        "Who designed the Tamar Bridge?",
        "Where was Ann Weller born?",
        "Where was Ann Weller born? The Tamar Bridge was designed by Ann Weller.",
    ]
    assert {where for _, _, where in library.asked} == {"year = 1961"}


def test_a_figure_stands_for_a_part_that_asks_for_one(shelf):
    library = shelf(TEXTS)
    run(library, "When was the Tamar Bridge opened?", "What else happened on #1?", k=2)
    assert "What else happened on 4 May 1961?" in [query for query, _, _ in library.asked]


def test_a_part_that_nobody_answers_is_named(shelf):
    answer = run(shelf(TEXTS), "Who designed the Tamar Bridge?", "How many lorries cross the Mersey tunnel?", k=2)
    assert answer.verdict == "partly"
    assert answer.text.splitlines() == [
        "The Tamar Bridge was designed by Ann Weller.",
        "The documents do not answer: How many lorries cross the Mersey tunnel?",
    ]
    assert len(answer.sentences) == 1
    assert "lorries cross the Mersey tunnel? [" not in render(answer)


def test_it_is_named_in_the_language_of_the_question(shelf):
    texts = {"Brücke": "Die Brücke über den Tamar wurde von Ann Weller entworfen."}
    question = "Wer hat die Brücke über den Tamar entworfen, und was kostet die Maut über die Elbe?"
    answer = run(
        shelf(texts),
        "Wer hat die Brücke über den Tamar entworfen?",
        "Was kostet die Fähre nach Helgoland?",
        question=question,
    )
    assert answer.text.endswith("Die Dokumente beantworten nicht: Was kostet die Fähre nach Helgoland?")


def test_where_no_part_is_answered_the_question_is_asked_as_a_whole(shelf):
    whole = run(
        shelf(TEXTS), "What is the price of gold?", "Who won the cup?", question="Who designed the Tamar Bridge?"
    )
    assert whole.verdict == "supported"
    assert whole.text == "The Tamar Bridge was designed by Ann Weller."


@pytest.mark.parametrize("parts", [(), ("Who designed it?",), ("  ", "Who designed it?", "Who designed it?")])
def test_fewer_than_two_parts_are_none(shelf, parts):
    library = shelf(TEXTS)
    answer = run(library, *parts, question="Who designed the Tamar Bridge?")
    assert len(library.asked) == 1
    assert answer.text == "The Tamar Bridge was designed by Ann Weller."


def test_no_more_parts_than_allowed(shelf):
    library = shelf(TEXTS)
    run(library, *(f"Who designed bridge {i}?" for i in range(3)), most=2)
    assert {query for query, _, _ in library.asked if query.startswith("Who") and query.endswith("?")} == {
        "Who designed bridge 0?",
        "Who designed bridge 1? Who designed bridge 2?",  # none is left out: the answer would not say so
    }


def test_a_mark_of_a_part_that_is_not_there_stays(shelf):
    library = shelf(TEXTS)
    run(library, "Where was #2 born?", "Where was #7 born?")
    assert "Where was #2 born?" in [query for query, _, _ in library.asked]
    assert any(query.startswith("Where was #7 born?") for query, _, _ in library.asked)


def test_a_later_part_reads_what_the_earlier_ones_cited(shelf, script):
    generator = script("The Tamar Bridge was designed by Ann Weller.", "Ann Weller was born in Bude.")
    run(
        shelf(TEXTS),
        "Who designed the Tamar Bridge?",
        "Where was #1 born?",
        k=1,
        parts=AnswerParts(generator, max_answer_tokens=20),
    )
    first, second = (messages[-1].passages for messages in generator.seen)
    assert TEXTS["Tamar Bridge"] in first
    assert set(second) == {TEXTS["Ann Weller"], TEXTS["Tamar Bridge"]}


def test_the_reducers_answer_comes_first_and_cites_the_sources(shelf, script):
    generator = script(
        "The Tamar Bridge was designed by Ann Weller.",
        "Ann Weller was born in Bude.",
        "The Tamar Bridge was designed by Ann Weller, born in Bude.",
    )
    answer = run(
        shelf(TEXTS),
        "Who designed the Tamar Bridge?",
        "Where was #1 born?",
        k=2,
        parts=AnswerParts(generator, max_answer_tokens=20),
        reducer=generator,
    )
    assert answer.text == "The Tamar Bridge was designed by Ann Weller, born in Bude."
    assert {one.title for one in answer.citations} == {"Tamar Bridge", "Ann Weller"}


def test_parts_by_rule():
    compound = "When was the Tamar Bridge opened, and who designed the Severn Bridge?"
    assert parts_by_rule(compound) == [compound, "When was the Tamar Bridge opened?", "who designed the Severn Bridge?"]
    assert parts_by_rule("Who designed it?") == ["Who designed it?", "Who designed it?"]


def test_parts_by_rule_are_answered(shelf):
    question = "When was the Tamar Bridge opened, and who designed the Tamar Bridge?"
    answer = last(decomposed(question, retriever=shelf(TEXTS), parts=EXTRACTIVE, decompose=parts_by_rule))
    assert answer.text.splitlines() == [TEXTS["Opening"], "The Tamar Bridge was designed by Ann Weller."]


def test_the_trace_has_a_step_a_part(shelf):
    answer = run(shelf(TEXTS), "Who designed the Tamar Bridge?", "Where was #1 born?", k=2)
    assert answer.trace is not None
    assert [dict(step.outputs)["asked"] for step in answer.trace.steps if step.name == "part"] == [
        "Who designed the Tamar Bridge?",
        "Where was Ann Weller born?",
    ]


def test_bad_arguments_raise_at_once(shelf):
    library = shelf(TEXTS)
    for question, k in ((" ", 3), ("x", 0)):
        with pytest.raises(QueryError):
            decomposed(question, retriever=library, parts=EXTRACTIVE, decompose=into(), k=k)
    assert library.asked == []
