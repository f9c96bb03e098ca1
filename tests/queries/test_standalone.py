"""Follow-ups as queries, by rule and by a language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import ContextError
from rag.protocols import QueryTransform
from rag.queries.prompts import shipped_prompts
from rag.queries.standalone import ModelRewriter, RuleRewriter, resolved, stands_alone, turns_of
from rag.tracing import recording
from rag.types import Message


def said(*texts: str) -> list[Message]:
    """Questions and answers in turn."""
    return [Message("assistant" if place % 2 else "user", text) for place, text in enumerate(texts)]


class Scripted:
    """A generator that gives one reply and remembers what it was asked; a token is a word."""

    def __init__(self, reply: str, context_size: int = 4000) -> None:
        self.reply = reply
        self.context_size = context_size
        self.asked: list[Sequence[Message]] = []

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) + 1 for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        assert self.count_tokens(messages) + max_tokens <= self.context_size
        self.asked.append(messages)
        yield from [self.reply]


def test_both_are_transforms_and_record_a_step() -> None:
    for transform in (RuleRewriter(), ModelRewriter(Scripted("Who built Trim Castle?"))):
        assert isinstance(transform, QueryTransform)
        with recording("test") as run:
            queries = transform("Who built it?", said("When was Trim Castle built?", "In 1174."))
        step = run.trace.steps[0]
        assert (step.name, step.inputs["query"], step.outputs["queries"]) == (
            "standalone",
            "Who built it?",
            tuple(queries),
        )


def test_the_question_is_first_and_its_rewrite_second() -> None:
    queries = RuleRewriter()("Who built it?", said("When was Trim Castle built?", "In 1174."))
    assert queries == ["Who built it?", "Who built Trim Castle? (1174)"]


def test_earlier_turns_make_a_query_of_their_own() -> None:
    history = said("When was Trim Castle built?", "In 1174.", "How high is the keep?", "Ninety feet.")
    assert RuleRewriter()("How thick are the walls?", history) == [
        "How thick are the walls?",
        "How thick are the walls? (Ninety, high, keep, feet)",
        "How thick are the walls? (Trim Castle, built, 1174)",
    ]


@pytest.mark.parametrize(
    ("question", "alone"),
    [
        ("When did William of Normandy conquer England?", True),
        ("Which rights does the Working Time Directive give a worker?", True),
        ("When did he conquer England with his army in 1066?", False),  # a pronoun
        ("And when did William of Normandy conquer England?", False),  # goes on
        ("Who led the army?", False),  # names nothing
        ("How did Detroit react?", False),  # too short to tell
    ],
)
def test_a_change_of_subject_is_left_alone(question: str, alone: bool) -> None:
    assert stands_alone(question, "en") is alone
    if alone:
        history = said("Who wrote Hamlet?", "Shakespeare.")
        assert RuleRewriter()(question, history) == [question] == [resolved(question, history)]
        model = Scripted("What?")
        assert ModelRewriter(model)(question, history) == [question]
        assert not model.asked


def test_a_chinese_question_that_points_at_nothing_is_left_alone() -> None:
    question = "诺曼人什么时候征服了英格兰王国？"
    assert RuleRewriter()(question, said("华沙的文化科学宫有多高？", "237米")) == [question]


def test_what_still_names_nothing_is_told_what_the_talk_is_about() -> None:
    history = said("Which palaces were built in Warsaw?", "Many.")
    assert resolved("Any rococo ones?", history) == "Any rococo ones? (Warsaw)"
    assert resolved("Any rococo ones?") == "Any rococo ones?"


def test_a_long_answer_counts_for_no_more_than_a_short_one() -> None:
    answer = "Rome, Oslo, Bonn, Kiel, Bern, Riga, Lima, Cork, Graz and Nice have rules on parking."
    (_, rewritten) = RuleRewriter()("Any others?", said("Which cities have rules on parking?", answer))
    assert rewritten == "Any others? (rules, parking, cities, Rome)"


def test_without_a_history_there_is_nothing_to_rewrite() -> None:
    model = Scripted("What?")
    assert RuleRewriter()("Why?") == ModelRewriter(model)("Why?") == ["Why?"]
    assert not model.asked


def test_turns_are_read_from_messages() -> None:
    history = [
        Message("system", "Be brief."),
        Message("user", "Context: … Question: When?", question="When?"),
        Message("assistant", "Now."),
        Message("assistant", "Or later."),
        Message("user", "Why?"),
    ]
    assert [(turn.question, turn.answer) for turn in turns_of(history)] == [("When?", "Now. Or later."), ("Why?", "")]


@pytest.mark.parametrize(
    ("reply", "queries"),
    [
        ("Who built Trim Castle?", ["Who built it?", "Who built Trim Castle?"]),
        (' "Who built Trim Castle?" ', ["Who built it?", "Who built Trim Castle?"]),
        ("who built it", ["Who built it?"]),  # no other question
        ("", ["Who built it?"]),
        ("It was built by Hugh de Lacy.", ["Who built it?"]),  # an answer
        ("Who designed the bridge over the Tamar?", ["Who built it?"]),  # the prompt's example
    ],
)
def test_what_a_model_writes_is_taken_where_it_says_something_else(reply: str, queries: list[str]) -> None:
    assert ModelRewriter(Scripted(reply))("Who built it?", said("When was Trim Castle built?", "In 1174.")) == queries


def test_the_model_is_shown_the_last_turns_that_fit() -> None:
    history = said(*(f"{kind} {number}" for number in range(6) for kind in ("Q", "A")))
    model = Scripted("Who is that?")
    ModelRewriter(model, turns=2)("Who?", history)
    assert model.asked[0][-1].content == "Q: Q 4\nA: A 4\nQ: Q 5\nA: A 5\nQ: Who?"
    frame = model.count_tokens(shipped_prompts()["standalone"].as_text("x"))
    tight = Scripted("Who is that?", frame + 48 + 10)
    ModelRewriter(tight, turns=4)("Who?", history)
    assert tight.asked[0][-1].content == "Q: Q 5\nA: A 5\nQ: Who?"


def test_a_context_too_small_for_the_prompt_is_an_error() -> None:
    with pytest.raises(ContextError):
        ModelRewriter(Scripted("x", 60))("Who?", said("Q", "A"))


@settings(deadline=None)  # the first of all texts loads the model that tells languages apart
@given(
    st.text(min_size=1, max_size=60),
    st.lists(st.tuples(st.text(max_size=60), st.text(max_size=60)), max_size=4),
)
def test_the_question_always_stays_the_first_of_few(question: str, turns: list[tuple[str, str]]) -> None:
    history = said(*(text for turn in turns for text in turn))
    queries = RuleRewriter()(question, history)
    assert queries[0] == question
    assert 1 <= len(queries) == len(set(queries)) <= 3
    assert queries == RuleRewriter()(question, history)
    assert resolved(question, history)


@pytest.mark.models
def test_the_local_model_rewrites(root: object) -> None:
    from rag.recipe import build_generator, load_recipe

    generator = build_generator(load_recipe("default"), None)
    try:
        queries = ModelRewriter(generator)("Who designed it?", said("When was the Eiffel Tower opened?", "In 1889."))
    finally:
        generator.close()  # type: ignore[attr-defined]
    assert queries[0] == "Who designed it?"
    assert len(queries) <= 2
