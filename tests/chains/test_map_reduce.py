"""Map-reduce: every item with its source, none lost, the reducer proved anew, and bounds."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.chains.drafting import AnswerParts, last
from rag.chains.map_reduce import ChainProgress, by_document, map_reduce, task_free
from rag.errors import QueryError
from rag.generators import ExtractiveGenerator
from rag.grounding import Thresholds
from rag.types import Answer

PRICES = {
    "HX-100": "The HX-100 costs 500 euros. It weighs 3 kg.",
    "HX-200": "The HX-200 costs 700 euros. It weighs 4 kg.",
    "HX-300": "The HX-300 costs 900 euros. It weighs 5 kg.",
    "Office": "Our office is in Hamburg. It opens at 9:00.",
}
ASKED = "What does each HX cost?"
EXTRACTIVE = AnswerParts(ExtractiveGenerator())


def exact(answer: Answer, texts: dict[str, str]) -> None:
    """Each citation is a slice of its document, each sentence a slice of the answer."""
    for one in answer.citations:
        assert texts[one.title][one.start : one.end] == one.quote
    for sentence in answer.sentences:
        assert answer.text[sentence.start : sentence.end] == sentence.text
        assert sentence.supported
        assert sentence.citations


def test_a_list_has_every_item_with_its_source(shelf):
    library = shelf(PRICES)
    answer = last(map_reduce(ASKED, retriever=library, parts=EXTRACTIVE, where="year = 2020"))
    assert answer.text.splitlines() == [
        "The HX-100 costs 500 euros.",
        "The HX-200 costs 700 euros.",
        "The HX-300 costs 900 euros.",
    ]
    assert [(one.title, one.number) for one in answer.citations] == [("HX-100", 1), ("HX-200", 2), ("HX-300", 3)]
    assert answer.verdict == "supported"
    assert answer.score > 0.5
    assert library.asked == [(ASKED, 24, "year = 2020")]
    exact(answer, PRICES)


def test_of_things_compared_each_document_tells_of_one(shelf):
    question = "Compare the prices of the HX-100 and the HX-200."
    answer = last(map_reduce(question, retriever=shelf(PRICES), parts=EXTRACTIVE))
    assert answer.question == question
    assert {one.title for one in answer.citations} == {"HX-100", "HX-200"}
    exact(answer, PRICES)


def test_nothing_about_the_question_is_a_refusal(shelf):
    answer = last(map_reduce("What is the capital of Peru?", retriever=shelf(PRICES), parts=EXTRACTIVE))
    assert answer.refused
    assert answer.sentences == ()
    assert last(map_reduce(ASKED, retriever=shelf({}), parts=EXTRACTIVE)).refused


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(10, 99), min_size=1, max_size=9, unique=True), st.integers(0, 3))
def test_no_item_is_lost(shelf, numbers, others):
    texts = {f"Model {n}": f"Model {n} costs {n * 10} euros in the shop." for n in numbers}
    texts |= {f"Garden {i}": f"Garden {i} opens at {i + 8}:00 for visitors." for i in range(others)}
    answer = last(map_reduce("What does each model cost?", retriever=shelf(texts), parts=EXTRACTIVE))
    assert sorted(answer.text.splitlines()) == sorted(text for text in texts.values() if "costs" in text)
    exact(answer, texts)


def test_each_document_is_asked_once_with_all_its_passages(passage, script):
    hits = [
        passage("A 1", "The HX-100 costs 500 euros.", rank=1, document="a"),
        passage("B", "The HX-200 costs 700 euros.", rank=2, document="b"),
        passage("A 2", "It weighs 3 kg.", rank=3, document="a", start=50),
    ]
    assert [[hit.chunk.title for hit in group] for group in by_document(hits)] == [["A 1", "A 2"], ["B"]]

    class Fixed:
        def retrieve(self, query: str, k: int, *, where: str | None = None) -> list:
            return hits[:k]

    generator = script("The HX-100 costs 500 euros.", "The HX-200 costs 700 euros.")
    answer = last(map_reduce(ASKED, retriever=Fixed(), parts=AnswerParts(generator, max_answer_tokens=30)))
    prompts = [messages[-1].content for messages in generator.seen]
    assert len(prompts) == 2
    assert "3 kg" in prompts[0]
    assert "700" not in prompts[0]
    assert "500" not in prompts[1]
    assert [one.quote for one in answer.citations] == ["The HX-100 costs 500 euros.", "The HX-200 costs 700 euros."]


def test_an_item_that_two_documents_hold_is_one_with_both_sources(shelf):
    texts = {"Flyer": "The HX-100 costs 500 euros.", "Price list": "The HX-100 costs 500 euros."}
    answer = last(map_reduce("What does the HX-100 cost?", retriever=shelf(texts), parts=EXTRACTIVE))
    assert answer.text == "The HX-100 costs 500 euros."
    assert {one.title for one in answer.citations} == {"Flyer", "Price list"}


def drafts(*written: str) -> list[str]:
    return ["The HX-100 costs 500 euros.", "The HX-200 costs 700 euros.", "The HX-300 costs 900 euros.", *written]


def prices(question: str, generator, shelf) -> Answer:
    texts = {title: text for title, text in PRICES.items() if title != "Office"}
    answer = last(
        map_reduce(
            question, retriever=shelf(texts), parts=AnswerParts(generator, max_answer_tokens=40), reducer=generator
        )
    )
    exact(answer, texts)
    return answer


def test_the_reducer_reads_what_was_quoted_and_is_proved_from_the_sources(shelf, script):
    generator = script(*drafts("The HX-100 costs 500 euros and the HX-200 costs 700 euros."))
    answer = prices(ASKED, generator, shelf)
    reading = generator.seen[-1][-1]
    assert reading.passages == tuple(drafts())
    assert "weighs" not in reading.content
    # what it left out stands below it
    assert answer.text.splitlines() == [
        "The HX-100 costs 500 euros and the HX-200 costs 700 euros.",
        "The HX-300 costs 900 euros.",
    ]
    assert {one.title for one in answer.sentences[0].citations} == {"HX-100", "HX-200"}


@pytest.mark.parametrize("wrong", ["The HX-100 costs 999 euros.", "", "I do not know.", "The moon is made of cheese."])
def test_a_reducer_that_is_wrong_changes_nothing(shelf, script, wrong):
    answer = prices(ASKED, script(*drafts(wrong)), shelf)
    assert answer.text.splitlines() == drafts()


def test_the_reducers_draft_is_streamed_after_the_items(shelf, script):
    generator = script(*drafts("The HX-100 costs 500 euros."))
    texts = {title: text for title, text in PRICES.items() if title != "Office"}
    *pieces, answer = map_reduce(ASKED, retriever=shelf(texts), parts=AnswerParts(generator), reducer=generator)
    assert "".join(map(str, pieces)) == "\n".join(drafts("The HX-100 costs 500 euros."))
    assert isinstance(answer, Answer)


def test_every_prompt_fits_the_context(shelf, script):
    long = {f"HX-{i}00": f"The HX-{i}00 costs {i}00 euros. " + "It is made of steel. " * 6 for i in range(1, 6)}
    generator = script(
        *(f"The HX-{i}00 costs {i}00 euros." for i in range(1, 6)), "The HX-100 costs 100 euros.", context_size=90
    )
    answer = last(
        map_reduce(ASKED, retriever=shelf(long), parts=AnswerParts(generator, max_answer_tokens=12), reducer=generator)
    )
    for messages, limit in zip(generator.seen, generator.limits, strict=True):
        assert generator.count_tokens(messages) + limit <= 90
    assert {one.title for one in answer.citations} == set(long)


def test_progress_and_steps(shelf):
    told: list[ChainProgress] = []
    answer = last(map_reduce(ASKED, retriever=shelf(PRICES), parts=EXTRACTIVE, progress=told.append))
    assert told == [ChainProgress("map", i, 3) for i in range(1, 4)]
    assert answer.trace is not None
    assert [taken.name for taken in answer.trace.steps] == ["retrieve", "map", "map", "map"]


def test_a_threshold_holds(shelf):
    strict = AnswerParts(ExtractiveGenerator(), thresholds=Thresholds(answerable=1.0))
    answer = last(map_reduce("What does each HX cost in Hamburg and Berlin?", retriever=shelf(PRICES), parts=strict))
    assert answer.refused


def test_bad_arguments_raise_at_once(shelf):
    library = shelf(PRICES)
    for question, k in ((" ", 3), ("x", 0)):
        with pytest.raises(QueryError):
            map_reduce(question, retriever=library, parts=EXTRACTIVE, k=k)
    assert library.asked == []


def test_a_list_of_what_one_thing_did_names_that_thing(shelf):
    texts = {
        "Red": "Red is an album by Ann Weller.",
        "Blue": "Blue is an album by Ann Weller.",
        "Green": "Green is an album by Bob Miller.",
        "Albums": "Most albums have twelve songs.",
    }
    answer = last(map_reduce("Which albums are by Ann Weller?", retriever=shelf(texts), parts=EXTRACTIVE))
    assert sorted(answer.text.splitlines()) == [texts["Blue"], texts["Red"]]


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("List all films of 1988.", "films of 1988."),
        ("Please compare the HX-100 and the HX-200", "HX-100 and the HX-200"),
        ("Vergleiche die Preise der Pumpen", "Preise der Pumpen"),
        ("列出所有电影", "电影"),
        ("What does the list show?", "What does the list show?"),
        ("Listings of 1988", "Listings of 1988"),
        ("Nametags of the guests", "Nametags of the guests"),
    ],
)
def test_what_to_do_is_not_what_it_is_about(question, topic):
    assert task_free(question) == topic
