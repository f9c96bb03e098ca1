"""What a message wants: sums, small talk, and above all searches that must not be taken for either."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import QueryError
from rag.queries import IntentRouter, arithmetic
from rag.queries.small_talk import PHRASES
from rag.text.calculator import evaluate
from rag.tracing import recording
from rag.types import Message


@pytest.mark.parametrize(
    ("message", "value"),
    [
        ("What is 2+2?", 4),
        ("24*7", 168),
        ("12 × (3+4) =", 84),
        ("15% of 1,200", 180),
        ("what's 15 percent of 80", 12),
        ("Please calculate 9/12.", 0.75),
        ("3加5等于多少？", 8),
        ("请计算12乘以4", 48),
        ("100除以8是多少", 12.5),
        ("Was ist 3 mal 4?", 12),
        ("combien font 3 fois 4?", 12),
        ("５＋６＝？", 11),
        ("What is the square root of 144?", 12),
        ("5² + 1", 26),
        ("3x4", 12),
        ("2 to the power of 10", 1024),
        ("-3 + 5", 2),
        ("12/24 =", 0.5),
        ("max(3, 7)", 7),
        ("and 15% of 90?", 13.5),
        ("And what about 3 + 4?", 7),
        ("Und was ist 3 mal 4?", 12),
        ("那100除以8呢？", 12.5),
    ],
)
def test_sums_are_recognised_and_come_to_their_value(message: str, value: float) -> None:
    assert evaluate(arithmetic(message)) == value
    wanted = IntentRouter()(message)
    assert (wanted.intent, wanted.probability) == ("compute", 1.0)
    assert wanted.expression == arithmetic(message)


@pytest.mark.parametrize(
    "message",
    [
        "What is 9/11?",
        "What about 9/11?",
        "and in 2024?",
        "24/7",
        "2024-05-01",
        "1990-1995",
        "555-1234",
        "+49-170-1234567",
        "3.11",
        "What is 3.11?",
        "Python 3.11",
        "C++",
        "-5",
        "(2)",
        "7 + 5 apples",
        "1/0",
        "What is 2 plus?",
        "How much is the ferry ticket plus the bus ticket?",
        "Who was the first of the 2/5 infantry?",
        "WW2 - what happened in 1944?",
        "计算机是什么？",
        "一共有多少人？",
    ],
)
def test_figures_that_are_no_sum_are_searched(message: str) -> None:
    assert arithmetic(message) == ""
    assert IntentRouter()(message).intent == "search"


@given(
    st.integers(0, 999),
    st.sampled_from(["+", "*", "-", "**"]),
    st.integers(0, 9),
    st.sampled_from(["", "?", " =", " = ?"]),
)
def test_any_spaced_sum_is_one(left: int, sign: str, right: int, end: str) -> None:
    assert arithmetic(f"What is {left} {sign} {right}{end}") == f"{left} {sign} {right}"


@given(st.text(max_size=60))
def test_whatever_is_taken_for_a_sum_has_a_value(message: str) -> None:
    if expression := arithmetic(message):
        evaluate(expression)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Hi!", "a greeting"),
        ("Hello, how are you?", "a greeting"),
        ("  THANKS 👍", "thanks"),
        ("ok, thanks :)", "an acknowledgement"),
        ("你好！", "a greeting"),
        ("谢谢，再见。", "thanks"),
        ("你是谁？", "about the assistant"),
        ("¿Cómo estás?", "about the assistant"),
        ("Grüß Gott", "a greeting"),
        ("What's your name?", "about the assistant"),
        ("¡Hola! ¿Quién eres?", "a greeting"),
    ],
)
def test_small_talk_needs_no_search(message: str, kind: str) -> None:
    wanted = IntentRouter()(message)
    assert (wanted.intent, wanted.probability, wanted.reason) == ("none", 1.0, f"rule: {kind}")


def test_every_phrase_is_written_as_it_is_compared() -> None:
    router = IntentRouter()
    phrases = [phrase for phrases in PHRASES.values() for phrase in phrases]
    assert [phrase for phrase in phrases if router(f"{phrase.capitalize()}.").intent != "none"] == []


@pytest.mark.parametrize(
    "message",
    [
        "Hello, what does a ticket cost?",
        "Who sang Hello?",
        "Thanks to whom was it built?",
        "Who are you talking about?",
        "?",
    ],
)
def test_a_question_with_small_talk_is_a_question(message: str) -> None:
    assert IntentRouter()(message).intent == "search"


@pytest.mark.collections
def test_no_question_of_the_collections_is_taken_for_anything_else(collections_dir: Path) -> None:
    router = IntentRouter()
    files = sorted(collections_dir.glob("*/queries.jsonl"))
    questions = [json.loads(line)["text"] for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(questions) > 2000
    assert [question for question in questions if router(question).intent != "search"] == []


def test_the_step_says_what_and_why() -> None:
    with recording("test") as run:
        IntentRouter()("Hi!")
    (step,) = run.trace.steps
    assert (step.name, step.outputs["intent"], step.outputs["reason"]) == ("intent", "none", "rule: a greeting")


def test_a_blank_message_is_an_error() -> None:
    with pytest.raises(QueryError, match="empty"):
        IntentRouter()(" ")


class Chooses:
    def __init__(self, talk: float) -> None:
        self.talk = talk
        self.asked = 0

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        self.asked += 1
        return (1 - self.talk, self.talk)


def test_the_chooser_is_asked_last_and_believed_only_when_sure() -> None:
    for talk, intent, probability in ((0.99, "none", 0.99), (0.9, "search", 0.1)):
        chooser = Chooses(talk)
        router = IntentRouter(chooser=chooser)
        assert router("Hi!").reason == "rule: a greeting"
        assert not chooser.asked
        wanted = router("You are so funny")
        assert (wanted.intent, wanted.reason) == (intent, "the model's choice")
        assert wanted.probability == pytest.approx(probability)


@pytest.mark.models
def test_what_is_near_to_a_phrase_is_small_talk_by_the_real_embedder() -> None:
    from rag.embedders import load_embedder

    router = IntentRouter(embedder=load_embedder("sentence-transformers/all-MiniLM-L6-v2"))
    for message in ("thank you so so much", "hello my friend", "are you a machine?"):
        wanted = router(message)
        assert wanted.intent == "none"
        assert wanted.reason.startswith("similarity 0.")
    # the last is to an English model what "你能做什么" is: five unknown characters
    for message in ("Who designed the bridge?", "Who made the first microscope?", "回回是什么？"):
        assert router(message).intent == "search"
