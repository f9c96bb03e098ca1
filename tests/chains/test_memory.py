"""What a generator is shown of the turns before."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.chains.memory import (
    Budget,
    Exchange,
    RunningSummary,
    Summary,
    Window,
    everything,
    extend_by_model,
    extend_by_rule,
    messages_of,
)
from rag.errors import GenerationError
from rag.tracing import recording
from rag.types import Message

TALK = [Exchange(f"Question {number}?", f"Answer {number}.") for number in range(1, 6)]


def count(messages: Sequence[Message]) -> int:
    """Words, and three tokens a message."""
    return sum(len(message.content.split()) + 3 for message in messages)


def numbered(summary: str, exchange: Exchange) -> str:
    """An Extend that lists the questions."""
    return f"{summary} {exchange.question}".strip()


def test_the_full_buffer_holds_all_in_order() -> None:
    assert everything(TALK[:2]) == [
        Message("user", "Question 1?"),
        Message("assistant", "Answer 1."),
        Message("user", "Question 2?"),
        Message("assistant", "Answer 2."),
    ]
    assert everything([]) == []


@pytest.mark.parametrize(("turns", "kept"), [(0, []), (2, TALK[-2:]), (9, TALK)])
def test_a_window_holds_the_last_turns(turns: int, kept: list[Exchange]) -> None:
    assert Window(turns)(TALK) == messages_of(kept)


def test_a_summary_stands_for_all_but_the_last_turns() -> None:
    told = Summary(RunningSummary(numbered), 2)(TALK)
    assert told[0].role == "user"
    assert told[1] == Message("assistant", "Question 1? Question 2? Question 3?")
    assert told[2:] == messages_of(TALK[-2:])
    assert Summary(RunningSummary(numbered), 9)(TALK) == messages_of(TALK)


def test_a_running_summary_reads_each_turn_once_also_on_a_branch() -> None:
    read: list[str] = []

    def extend(summary: str, exchange: Exchange) -> str:
        read.append(exchange.question)
        return numbered(summary, exchange)

    summary = RunningSummary(extend)
    assert summary([]) == ""
    assert summary(TALK[:3]) == "Question 1? Question 2? Question 3?"
    assert summary(TALK[:4]) == "Question 1? Question 2? Question 3? Question 4?"
    assert summary([*TALK[:2], TALK[4]]) == "Question 1? Question 2? Question 5?"
    assert read == [f"Question {number}?" for number in (1, 2, 3, 4, 5)]


@settings(deadline=None)  # the first of all texts loads the model that tells languages apart
@given(
    st.lists(st.tuples(st.text("ab ", max_size=40), st.text("ab ", max_size=80)), max_size=8),
    st.integers(1, 120),
)
def test_a_budget_is_never_exceeded_and_keeps_the_last_turns_verbatim(talk: list[tuple[str, str]], tokens: int) -> None:
    exchanges = [Exchange(*each) for each in talk]
    told = Budget(tokens, count, RunningSummary(extend_by_rule))(exchanges)
    assert count(told) <= tokens
    whole = messages_of(exchanges)
    if count(whole) <= tokens:
        assert told == whole
    else:
        recent = told[2:] if told and told[0].content.startswith("What have we") else told
        assert recent == whole[len(whole) - len(recent) :]
    assert [message.role for message in told] == ["user", "assistant"] * (len(told) // 2)


def test_a_budget_fills_what_is_left_with_the_summary() -> None:
    # an exchange is 10 tokens, so three fit into three quarters of 48; of the 18 left the summary's frame takes 13
    told = Budget(48, count, RunningSummary(numbered))(TALK)
    assert told[2:] == messages_of(TALK[-3:])
    assert told[1] == Message("assistant", "Question 1? Question 2?")
    # and of 16 left it is cut where the mark still fits
    told = Budget(46, count, RunningSummary(numbered))(TALK)
    assert told[1] == Message("assistant", "Question 1? …")


def test_a_summary_by_rule_tells_the_last_turns_and_the_names_of_older_ones() -> None:
    talk = [
        Exchange("Who led the Normans?", "Rollo led them. He was a Viking."),
        *(Exchange(f"What is point {number}?", f"It is item {number}. More of it.") for number in range(6)),
    ]
    lines = RunningSummary(extend_by_rule)(talk).split("\n")
    assert lines[0].startswith("Earlier: ")
    assert {"Normans", "Rollo"} <= set(lines[0].removeprefix("Earlier: ").split(", "))
    assert lines[1:] == [f"What is point {number}? It is item {number}." for number in range(6)]


def test_long_lines_of_a_summary_are_cut_between_words() -> None:
    (line,) = extend_by_rule("", Exchange("Why?", "word " * 100)).split("\n")
    assert len(line) <= 160
    assert line.endswith("word …")


def test_a_model_extends_the_summary_it_wrote(script: type) -> None:
    model = script("Summary: They spoke of kites.", "Kites and ferries.")
    with recording("test") as run:
        assert RunningSummary(extend_by_model(model))(TALK[:2]) == "Kites and ferries."
    assert model.seen[1][0].content.startswith("Summary: They spoke of kites.\nQuestion: Question 2?")
    assert [step.name for step in run.trace.walk()] == ["summarise", "generate"] * 2
    assert run.trace.output_tokens > 0


def test_a_model_that_writes_no_summary_is_an_error(script: type) -> None:
    with pytest.raises(GenerationError, match="no summary"):
        extend_by_model(script(" "))("", TALK[0])
