"""What the guided chunker asks, how often, and what it makes of the replies."""

from __future__ import annotations

import pytest

from rag.chunkers import GuidedChunker
from rag.chunkers.guided import _spread
from rag.errors import ChunkError, GenerationError
from rag.protocols import Chooser
from rag.text import WordTokenizer
from rag.tracing import recording
from rag.types import Document


class Scripted:
    """Finds a new topic where the text after the break begins with a word."""

    def __init__(self, word):
        self.word = word
        self.asked = []

    def choose(self, messages, options):
        assert options == ("Yes", "No")
        after = messages[-1].content.split("After: ")[1]
        self.asked.append(after.split(".")[0])
        yes = 0.2 if after.startswith(self.word) else 0.1  # it leans to "No", as small models may
        return yes, 1 - yes


def text_of(*words):
    return " ".join(f"{word} has five more words." for word in words)


def cut(chooser, text, **options):
    assert isinstance(chooser, Chooser)
    chunker = GuidedChunker(chooser, tokenizer=WordTokenizer(), **{"max_tokens": 30, "min_tokens": 8, **options})
    return [chunk.text for chunk in chunker.chunk(Document("u", text, language="en"))]


def test_the_likeliest_boundary_is_taken():
    chooser = Scripted("Valve")
    parts = cut(chooser, text_of("Pump", "Pump", "Pump", "Valve", "Seat", "Seat", "Seat"), questions=9)
    assert parts == [text_of(*["Pump"] * 3), text_of("Valve", "Seat", "Seat", "Seat")]


def test_equal_replies_fill_the_passage():
    parts = cut(Scripted("Nothing"), text_of(*[f"W{n}" for n in range(10)]), questions=9)
    assert [part.count("has") for part in parts] == [6, 4]


def test_what_fits_is_not_asked_about():
    chooser = Scripted("Valve")
    assert cut(chooser, text_of("Pump", "Valve", "Pump")) == [text_of("Pump", "Valve", "Pump")]
    assert chooser.asked == []


@pytest.mark.parametrize("questions", [1, 2, 4])
def test_the_number_of_questions_is_bounded(questions):
    chooser = Scripted("W7")
    parts = cut(chooser, text_of(*[f"W{n}" for n in range(60)]), questions=questions)
    assert len(chooser.asked) <= questions * len(parts)
    assert (len(chooser.asked) > 0) == (questions > 1)


def test_spread_is_even_and_keeps_the_last():
    assert _spread(list(range(10)), 3) == [3, 6, 9]
    assert _spread([5, 6], 3) == [5, 6]


def test_every_question_is_a_step():
    chooser = Scripted("W3")
    with recording("index") as run:
        cut(chooser, text_of(*[f"W{n}" for n in range(12)]))
    steps = list(run.trace.walk())
    assert [taken.name for taken in steps] == ["new topic?"] * len(chooser.asked)
    assert {taken.outputs["probability"] for taken in steps} <= {0.1, 0.2}


def test_an_error_of_the_model_is_passed_on():
    class Broken:
        def choose(self, messages, options):
            raise GenerationError("gone")

    with pytest.raises(GenerationError, match="gone"):
        cut(Broken(), text_of(*[f"W{n}" for n in range(12)]))


def test_arguments_out_of_range():
    with pytest.raises(ChunkError, match="questions 0"):
        GuidedChunker(Scripted(""), tokenizer=WordTokenizer(), max_tokens=30, questions=0)


@pytest.mark.models
def test_with_a_real_model(llama):
    text = text_of(*[f"W{n}" for n in range(12)])
    assert "".join(cut(llama, text, questions=2)).replace(" ", "") == text.replace(" ", "")
