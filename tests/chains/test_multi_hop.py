"""Interleaved search and reasoning: its bounds, why it stops, and that nothing found is lost."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.chains.drafting import AnswerParts, last
from rag.chains.multi_hop import THOUGHT_TOKENS, multi_hop
from rag.errors import ContextError, FilterError, QueryError
from rag.generators import ExtractiveGenerator
from rag.protocols import Generator
from rag.types import Answer, Hit

TEXTS = {
    "Tamar Bridge": "The Tamar Bridge was designed by Ann Weller. It was opened in 1961.",
    "Ann Weller": "Ann Weller (1912-1990) was an engineer who grew up in Bude.",
    "Bude": "Bude is a seaside town in Cornwall.",
    "Severn Bridge": "The Severn Bridge carries a motorway.",
    "Exe Bridge": "The Exe Bridge carries a road.",
}
QUESTION = "In which town did the designer of the Tamar Bridge grow up?"
FIRST = "The Tamar Bridge was designed by Ann Weller."
SECOND = "Ann Weller grew up in Bude."


def ids(hits: list[Hit] | tuple[Hit, ...]) -> list[str]:
    return [hit.chunk.title for hit in hits]


def run(shelf, generator: Generator, **options) -> Answer:
    return last(multi_hop(QUESTION, retriever=shelf, parts=AnswerParts(generator, max_answer_tokens=20), **options))


def hops(answer: Answer) -> list[dict[str, object]]:
    assert answer.trace is not None
    return [dict(taken.outputs) for taken in answer.trace.steps if taken.name == "hop"]


def test_a_thought_is_the_next_query_and_the_answer_is_of_all_that_was_found(shelf, script):
    library, generator = shelf(TEXTS), script(FIRST, SECOND, "Ann Weller grew up in Bude.")
    answer = run(library, generator, k=1, passages=3, hops=2, enough=1.0)
    assert [query for query, _, _ in library.asked] == [QUESTION, FIRST, SECOND]
    assert answer.verdict == "supported"
    assert "Tamar Bridge" in ids(answer.hits)
    # the answer by itself has none of the question's words; the thought that leads to it has
    assert answer.text == f"{FIRST}\nAnn Weller grew up in Bude."
    assert [(citation.title, citation.number) for citation in answer.citations] == [
        ("Tamar Bridge", 1),
        ("Ann Weller", 2),
    ]
    for sentence in answer.sentences:
        assert answer.text[sentence.start : sentence.end] == sentence.text


def test_each_prompt_holds_the_thoughts_so_far_and_the_passages_so_far(shelf, script):
    generator = script(FIRST, SECOND, SECOND)
    run(shelf(TEXTS), generator, k=1, passages=3, hops=2, enough=1.0)
    first, second, final = (messages[-1].content for messages in generator.seen)
    assert "Known:" not in first
    assert f"Known: {FIRST}" in second
    assert "Ann Weller was" not in first.replace("by Ann Weller", "")
    assert TEXTS["Ann Weller"] in second
    assert "Known:" not in final
    assert generator.limits == [THOUGHT_TOKENS, THOUGHT_TOKENS, 20]


def test_a_thought_that_is_not_proved_is_a_query_and_no_more(shelf, script):
    library, generator = (
        shelf(TEXTS),
        script("Bob Miller designed the Tamar Bridge in Bude.", FIRST, "Ann Weller grew up in Bude."),
    )
    answer = run(library, generator, k=1, passages=3, hops=2, enough=1.0)
    assert library.asked[1][0] == "Bob Miller designed the Tamar Bridge in Bude."
    assert not any("Bob" in messages[-1].content for messages in generator.seen)
    assert "Bob" not in answer.text


def test_a_model_that_is_shown_excerpts_thinks_about_what_is_new(shelf, script):
    generator = script(FIRST, SECOND, SECOND)
    parts = AnswerParts(generator, max_answer_tokens=20, excerpt=2)
    last(multi_hop(QUESTION, retriever=shelf(TEXTS), parts=parts, k=1, passages=3, hops=2, enough=1.0))
    first, second, final = (messages[-1].passages for messages in generator.seen)
    assert any("designed" in text for text in first)
    assert not any("designed" in text for text in second)
    assert any("Bude" in text for text in second)
    assert any("designed" in text for text in final)
    assert any("Bude" in text for text in final)


def test_the_filter_is_that_of_every_search(shelf, script):
    library = shelf(TEXTS)
    run(library, script(FIRST, SECOND, "x"), k=1, passages=3, hops=2, enough=1.0, where="year = 1961")
    assert len(library.asked) == 3
    assert {where for _, _, where in library.asked} == {"year = 1961"}


def test_it_stops_after_its_hops(shelf, script):
    library = shelf(TEXTS)
    generator = script(FIRST, SECOND, "never said")
    answer = run(library, generator, k=1, passages=5, hops=1, enough=1.0)
    assert len(hops(answer)) == 1
    assert len(library.asked) == 2
    assert generator.lines == ["never said"]


def test_it_stops_when_the_verifier_is_satisfied(shelf, script):
    generator = script(FIRST, "never said", "Nothing.")
    answer = run(shelf(TEXTS), generator, k=1, passages=5, hops=3, enough=0.3)
    assert [hop["stopped"] for hop in hops(answer)] == ["supported"]
    assert len(generator.seen) == 2


@pytest.mark.parametrize("thought", ["", FIRST, "  the tamar bridge was designed by ann weller "])
def test_it_stops_when_there_is_nothing_new_to_say(shelf, script, thought):
    answer = run(shelf(TEXTS), script(FIRST, thought, FIRST), k=1, passages=5, hops=3, enough=1.0)
    assert [hop["stopped"] for hop in hops(answer)] == ["", "nothing new to say"]


def test_it_stops_when_nothing_new_is_found(shelf, script):
    few = {title: TEXTS[title] for title in ("Tamar Bridge", "Ann Weller")}
    answer = run(shelf(few), script("Weller.", "Bridge.", FIRST), k=2, passages=6, hops=3, enough=1.0)
    assert [hop["stopped"] for hop in hops(answer)] == ["nothing new found"]


def test_it_stops_when_there_are_enough_passages(shelf, script):
    answer = run(shelf(TEXTS), script(FIRST, SECOND), k=2, passages=3, hops=3, enough=1.0)
    assert [hop["stopped"] for hop in hops(answer)] == ["enough passages"]
    assert len(answer.hits) + len(answer.dropped) == 3


def test_a_thought_is_one_sentence(shelf, script):
    library = shelf(TEXTS)
    answer = run(library, script(f"{FIRST} It is long. And blue.", SECOND, "x"), k=1, passages=3, hops=2, enough=1.0)
    assert hops(answer)[0]["thought"] == FIRST
    assert library.asked[1][0] == FIRST


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    thoughts=st.lists(
        st.text(st.sampled_from("abc é漢.?\n[1]{}"), max_size=30)
        | st.sampled_from([*TEXTS.values(), "Severn", "Bude"]),
        min_size=4,
        max_size=4,
    ),
    k=st.integers(1, 4),
    more=st.integers(0, 4),
    most=st.integers(1, 3),
)
def test_no_thought_loses_a_passage_and_all_bounds_hold(shelf, script, thoughts, k, more, most):
    library = shelf(TEXTS)
    answer = run(library, script(*thoughts, FIRST), k=k, passages=k + more, hops=most, enough=1.0)
    first = [hit.chunk.id for hit in shelf(TEXTS).retrieve(QUESTION, k)]
    held = [hit.chunk.id for hit in (*answer.hits, *answer.dropped)]
    assert set(first) <= set(held)
    assert len(held) == len(set(held)) <= k + more
    assert len(hops(answer)) <= most
    assert len(library.asked) <= 1 + most


def test_scores_of_a_thought_are_none_of_the_questions(shelf, script):
    answer = run(shelf(TEXTS), script(FIRST, SECOND, SECOND), k=1, passages=3, hops=2, enough=1.0)
    arms = {hit.chunk.title: set(hit.arms) for hit in answer.hits}
    assert arms["Tamar Bridge"] == {"sparse"}
    assert all(names in ({"sparse"}, {"hop 1"}, {"hop 2"}) for names in arms.values())
    assert sorted(hit.rank for hit in answer.hits) == [1, 2, 3]


def test_where_the_context_is_short_the_question_keeps_its_best_passage(shelf, script):
    roomy = script(FIRST, SECOND, SECOND)
    run(shelf(TEXTS), roomy, k=2, passages=4, hops=2, enough=1.0)
    size = roomy.count_tokens(roomy.seen[1]) + THOUGHT_TOKENS - 1
    tight = script(FIRST, SECOND, SECOND, context_size=size)
    answer = run(shelf(TEXTS), tight, k=2, passages=4, hops=2, enough=1.0)
    for messages, limit in zip(tight.seen, tight.limits, strict=True):
        assert tight.count_tokens(messages) + limit <= size
    assert answer.hits[0].chunk.title == "Tamar Bridge"


def test_nothing_found_is_a_refusal_and_asks_no_generator(shelf, script):
    generator = script("never said")
    answer = run(shelf({}), generator)
    assert answer.refused
    assert generator.seen == []


def test_without_a_language_model(shelf):
    answer = run(shelf(TEXTS), ExtractiveGenerator(), k=1, passages=3, hops=2, enough=1.0)
    assert not answer.refused
    assert "Ann Weller" in ids((*answer.hits, *answer.dropped))


@pytest.mark.parametrize("wrong", [{"k": 0}, {"hops": 0}, {"k": 3, "passages": 2}])
def test_bad_arguments_raise_at_once(shelf, script, wrong):
    library = shelf(TEXTS)
    with pytest.raises(QueryError):
        multi_hop(QUESTION, retriever=library, parts=AnswerParts(script()), **wrong)
    with pytest.raises(QueryError):
        multi_hop(" ", retriever=library, parts=AnswerParts(script()))
    assert library.asked == []


def test_a_malformed_filter_raises_on_the_call(script):
    class Strict:
        def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
            raise FilterError("unknown operator")

    with pytest.raises(FilterError):
        multi_hop(QUESTION, retriever=Strict(), parts=AnswerParts(script()), where="year ~ 3")


def test_a_question_too_long_for_the_thinker_is_an_error(shelf, script):
    with pytest.raises(ContextError):
        run(shelf(TEXTS), script(FIRST, context_size=60))
