"""A conversation: follow-ups are understood, evidence is carried on, turns branch and stay."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rag.chains.conversation import Conversation, fused, history_of, still_held
from rag.chains.drafting import AnswerParts
from rag.chains.memory import Window
from rag.chains.sessions import Session, SessionStore
from rag.errors import ConversationError, GenerationError, QueryError
from rag.generators import ExtractiveGenerator
from rag.pipeline import Pipeline
from rag.queries import IntentRouter
from rag.queries.standalone import RuleRewriter
from rag.types import Answer, Hit, Message

TEXTS = {
    "Trim Castle": "Trim Castle was built in 1174. The keep of Trim Castle is 25 metres high.",
    "Dublin Castle": "Dublin Castle was built in 1204. The garden of Dublin Castle is open to all.",
    "Ferry": "The ferry to Aran leaves at noon. A ticket for the ferry costs 12 euros.",
}


def everything(hits: Sequence[Hit], where: str | None) -> list[Hit]:
    """All passages are still there."""
    return list(hits)


@pytest.fixture
def session() -> Iterator[Session]:
    with SessionStore.in_memory() as store:
        yield store.open("test", "/index")


@pytest.fixture
def talk(session: Session, shelf: type) -> Conversation:
    """A conversation that quotes."""
    parts = AnswerParts(ExtractiveGenerator())
    return Conversation(session, shelf(TEXTS), parts, RuleRewriter(), Window(2), everything, k=1)


def finish(events: Iterator[str | Answer]) -> Answer:
    """The answer that the events end with."""
    *pieces, answer = events
    assert all(isinstance(piece, str) for piece in pieces)
    assert isinstance(answer, Answer)
    return answer


def test_a_follow_up_is_understood_and_stored(talk: Conversation) -> None:
    talk.say("When was Trim Castle built?")
    answer = talk.say("How high is its keep?")
    assert "25 metres" in answer.text
    kept = talk.path()[-1]
    assert (kept.number, kept.parent, kept.question) == (2, 1, "How high is its keep?")
    assert kept.standalone == "How high is Trim Castle's keep?"
    assert kept.queries[0] == kept.question
    assert answer.question == kept.question
    assert kept.answer.citations == answer.citations


def test_the_trace_tells_all_steps_and_is_not_stored(talk: Conversation) -> None:
    talk.say("When was Trim Castle built?")
    answer = talk.say("How high is its keep?")
    assert answer.trace is not None
    names = [step.name for step in answer.trace.walk()]
    assert names[0] == "standalone"
    assert names.count("search") >= 2
    assert {"retrieve", "remember", "generate", "ground"} <= set(names)
    assert talk.path()[-1].answer.trace is None


def test_what_was_cited_is_evidence_again_under_its_number(talk: Conversation) -> None:
    first = talk.say("When was Trim Castle built?")
    second = talk.say("When does the ferry to Aran leave?")
    third = talk.say("When was Dublin Castle built?")
    assert [[c.number for c in each.citations] for each in (first, second, third)] == [[1], [2], [3]]
    # one passage is found, two are carried on, the latest first
    fourth = talk.say("What does a ticket for the ferry to Aran cost now?")
    assert [hit.chunk.title for hit in fourth.hits] == ["Ferry", "Dublin Castle", "Trim Castle"]
    assert [hit.rank for hit in fourth.hits] == [1, 2, 3]
    assert [(c.number, c.title) for c in fourth.citations] == [(2, "Ferry")]


def test_an_answer_cites_across_turns(session: Session, shelf: type, script: type) -> None:
    lines = ["Trim Castle was built in 1174.", "The ferry to Aran leaves at noon.",
             "Trim Castle was built in 1174. The ferry to Aran leaves at noon."]  # fmt: skip
    talk = Conversation(session, shelf(TEXTS), AnswerParts(script(*lines)), RuleRewriter(), current=everything, k=1)
    talk.say("When was Trim Castle built?")
    talk.say("When does the ferry to Aran leave?")
    both = talk.say("When was the castle built and when does the ferry to Aran leave?")
    assert {c.number: c.title for c in both.citations} == {1: "Trim Castle", 2: "Ferry"}


def test_what_was_carried_on_brings_no_scores_of_another_question(talk: Conversation) -> None:
    talk.say("When was Trim Castle built?")
    answer = talk.say("When does the ferry to Aran leave?")
    assert [(hit.chunk.title, bool(hit.arms)) for hit in answer.hits] == [("Ferry", True), ("Trim Castle", False)]


def test_what_needs_no_search_is_neither_rewritten_nor_searched_for(session: Session, shelf: type) -> None:
    retriever = shelf(TEXTS)

    def rewrite(query: str, history: Sequence[Message] = ()) -> list[str]:
        assert not history, "a language model may stand here"
        return [query]

    parts = AnswerParts(ExtractiveGenerator())
    talk = Conversation(session, retriever, parts, rewrite, intents=IntentRouter(), k=1)
    talk.say("When was Trim Castle built?")
    asked = len(retriever.asked)
    assert talk.say("Thanks!").refused
    assert talk.say("What is 15 percent of 80?").text == "15% of 80 = 12"
    assert len(retriever.asked) == asked
    assert [(turn.queries, turn.standalone) for turn in talk.path()[1:]] == [
        ((), "Thanks!"),
        ((), "What is 15 percent of 80?"),
    ]


@pytest.mark.parametrize("between", ["Thanks!", "OK", "What is 15% of 80?"])
def test_a_follow_up_is_of_the_question_before_the_small_talk(session: Session, shelf: type, between: str) -> None:
    parts = AnswerParts(ExtractiveGenerator())
    talk = Conversation(session, shelf(TEXTS), parts, RuleRewriter(), intents=IntentRouter(), k=1)
    for question in ("When was Trim Castle built?", between, "How high is its keep?"):
        talk.say(question)
    assert [turn.number for turn in talk.path()] == [1, 2, 3]
    assert talk.path()[-1].standalone == "How high is Trim Castle's keep?"


def test_carried_evidence_can_be_left_out_or_refused(session: Session, shelf: type) -> None:
    parts = AnswerParts(ExtractiveGenerator())
    for current, carried in ((None, 2), (everything, 0), (lambda hits, where: [], 2)):
        talk = Conversation(session, shelf(TEXTS), parts, RuleRewriter(), current=current, carried=carried, k=1)
        talk.say("When was Trim Castle built?")
        answer = talk.say("When does the ferry to Aran leave?")
        assert [hit.chunk.title for hit in answer.hits] == ["Ferry"]


def test_the_filter_holds_for_every_query_and_is_stored(talk: Conversation) -> None:
    asked: list[str | None] = []
    retriever = talk.retriever

    class Watched:
        def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
            asked.append(where)
            return retriever.retrieve(query, k, where=where)

    watched = Conversation(talk.session, Watched(), talk.parts, talk.rewrite, current=everything, k=1)
    watched.say("When was Trim Castle built?", where="year = 1")
    watched.say("How high is its keep?", where="year = 2")
    assert asked[0] == "year = 1"
    assert len(asked) > 2
    assert set(asked[1:]) == {"year = 2"}
    assert [turn.where for turn in watched.path()] == ["year = 1", "year = 2"]
    finish(watched.regenerate())
    assert watched.path()[-1].where == "year = 2"


def test_an_edited_turn_branches_and_nothing_is_lost(talk: Conversation) -> None:
    talk.say("When was Trim Castle built?")
    talk.say("How high is its keep?")
    edited = finish(talk.edit(1, "When was Dublin Castle built?"))
    assert "1204" in edited.text
    assert [turn.number for turn in talk.path()] == [3]
    talk.say("When does the ferry to Aran leave?")
    assert [turn.number for turn in talk.tips()] == [2, 4]
    talk.switch(2)
    assert [turn.number for turn in talk.path()] == [1, 2]
    # a follow-up on the first branch knows nothing of the second
    assert "Trim Castle" in talk.say("When was it built?").text
    assert [turn.number for turn in talk.path()] == [1, 2, 5]


def test_regenerated_turns_are_versions_of_one_question(session: Session, shelf: type, script: type) -> None:
    lines = ["Trim Castle was built in 1174.", "The keep of Trim Castle is 25 metres high."]
    talk = Conversation(session, shelf(TEXTS), AnswerParts(script(*lines)), k=1)
    talk.say("What about Trim Castle?")
    finish(talk.regenerate())
    assert [(turn.parent, turn.question) for turn in session.turns().values()] == [
        (None, "What about Trim Castle?")
    ] * 2
    assert session.head == 2


def test_there_must_be_a_turn_to_go_back_to(talk: Conversation) -> None:
    for call in (talk.regenerate, lambda: talk.edit(1, "Why?"), lambda: talk.switch(1), lambda: talk.turn(7)):
        with pytest.raises(ConversationError):
            call()


def test_what_is_not_read_to_its_end_leaves_no_turn(session: Session, shelf: type, script: type) -> None:
    talk = Conversation(session, shelf(TEXTS), AnswerParts(script("Trim Castle was built in 1174.")), k=1)
    events = talk.say_stream("When was Trim Castle built?")
    assert next(events) == "Trim"
    assert not session.turns()
    events.close()  # type: ignore[attr-defined]
    assert not session.turns()


def test_a_generator_that_fails_leaves_no_turn(session: Session, shelf: type) -> None:
    class Broken:
        context_size = 1000

        def count_tokens(self, messages: Sequence[Message]) -> int:
            return 1

        def generate(
            self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
        ) -> Iterator[str]:
            yield "Trim"
            raise GenerationError("broken")

    talk = Conversation(session, shelf(TEXTS), AnswerParts(Broken()), k=1)
    with pytest.raises(GenerationError):
        talk.say("When was Trim Castle built?")
    assert not session.turns()


def test_bad_questions_raise_on_the_call(talk: Conversation) -> None:
    with pytest.raises(QueryError):
        talk.say_stream(" ")
    with pytest.raises(QueryError):
        talk.say_stream("Why?", 0)


def test_half_a_surrogate_pair_in_a_question_is_no_obstacle(talk: Conversation) -> None:
    talk.say("When was Trim \ud800 Castle built?")
    assert talk.path()[0].question == "When was Trim ? Castle built?"


def test_the_generator_is_shown_what_memory_says_and_no_refused_answer(
    session: Session, shelf: type, script: type
) -> None:
    model = script("Nothing.", "Trim Castle was built in 1174.", "The keep is 25 metres high.")
    talk = Conversation(session, shelf(TEXTS), AnswerParts(model), RuleRewriter(), Window(2), k=1)
    assert talk.say("Who wrote Hamlet at the ferry?").refused
    talk.say("When was Trim Castle built?")
    talk.say("How high is its keep?")
    shown = [(message.role, message.content) for message in model.seen[2]]
    assert ("user", "Who wrote Hamlet at the ferry?") in shown
    assert ("assistant", "The documents do not answer this question.") in shown
    assert ("assistant", "Trim Castle was built in 1174.") in shown
    assert not any("Aran" in text for role, text in shown if role == "assistant")
    assert [message.content for message in history_of(talk.path())][1] == ""


def test_without_a_rewriter_questions_are_taken_as_they_are(session: Session, shelf: type) -> None:
    shelved = shelf(TEXTS)
    talk = Conversation(session, shelved, AnswerParts(ExtractiveGenerator()), k=1)
    talk.say("When was Trim Castle built?")
    talk.say("How high is its keep?")
    assert [query for query, _, _ in shelved.asked] == ["When was Trim Castle built?", "How high is its keep?"]


def test_two_conversations_on_one_session_branch(talk: Conversation) -> None:
    other = Conversation(talk.session, talk.retriever, talk.parts, talk.rewrite, k=1)
    first, second = (each.say_stream("When was Trim Castle built?") for each in (talk, other))
    finish(first)
    finish(second)
    turns = talk.session.turns()
    assert [turn.parent for turn in turns.values()] == [None, None]


def test_a_bad_rewrite_cannot_lose_what_the_question_finds(shelf: type) -> None:
    hits = fused(shelf(TEXTS), ["When does the ferry leave?", "Trim Castle keep"]).retrieve(
        "When does the ferry leave?", 2
    )
    assert {hit.chunk.title for hit in hits} == {"Ferry", "Trim Castle"}


def test_only_what_the_index_still_holds_and_the_filter_admits_is_carried_on(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"_id": "a", "text": "Trim Castle was built in 1174.", "metadata": {"year": 1}}\n'
        '{"_id": "b", "text": "The ferry leaves at noon.", "metadata": {"year": 2}}\n'
    )
    with Pipeline(tmp_path / "index", "bm25") as pipeline:
        pipeline.add(tmp_path / "a.jsonl")
        hits = pipeline.search("castle ferry", 5)
        assert still_held(pipeline.snapshot, hits, None) == hits
        assert [hit.chunk.text[:4] for hit in still_held(pipeline.snapshot, hits, "year = 2")] == ["The "]
        pipeline.delete(hits[0].chunk.uri)
        assert still_held(pipeline.snapshot, hits, None) == hits[1:]
