"""Contexts: one line, within the budget, never in the text; by rule and by a model."""

from __future__ import annotations

import pytest

from rag.chunkers import (
    CONTEXT_TOKENS,
    ContextualChunker,
    GeneratedContext,
    SentenceChunker,
    SentenceWindowChunker,
    lead_sentence,
)
from rag.errors import ChunkError, ContextError
from rag.text import WordTokenizer
from rag.tracing import recording
from rag.types import Document

WORDS = WordTokenizer()
TEXT = "The pump is a blue pump. " + " ".join(f"It has part {n} of many." for n in range(20))
DOCUMENT = Document("u", TEXT, title="Pump", language="en")


def chunker(situate, inner=40, budget=60):
    return ContextualChunker(
        SentenceChunker(tokenizer=WORDS, max_tokens=inner), situate, tokenizer=WORDS, max_tokens=budget
    )


class Writer:
    """A generator that replies what it is told to."""

    def __init__(self, reply, context_size=2048):
        self.reply = reply
        self.context_size = context_size
        self.prompts = []

    def count_tokens(self, messages):
        return sum(WORDS.count(message.content) for message in messages)

    def generate(self, messages, *, stop=(), max_tokens=256):
        self.prompts.append(messages[-1].content)
        yield from self.reply


def test_a_context_is_found_by_and_never_shown():
    plain = list(SentenceChunker(tokenizer=WORDS, max_tokens=40).chunk(DOCUMENT))
    made = list(chunker(lambda document, chunk: f"of\n {document.title} ").chunk(DOCUMENT))
    assert [(one.start, one.end, one.text) for one in made] == [(one.start, one.end, one.text) for one in plain]
    for chunk in made:
        assert chunk.context == "of Pump"
        assert chunk.content == f"Pump\nof Pump\n{chunk.text}"
        assert chunk.shown == f"Pump\n{chunk.text}"
        assert chunk.tokens == WORDS.count(chunk.content)


@pytest.mark.parametrize("budget", [40, 44, 60])
@pytest.mark.parametrize("context", ["many words " * 100, "很长的没有空格的句子" * 50, "x" * 900, ""])
def test_a_context_is_cut_to_what_is_left(context, budget):
    made = list(chunker(lambda *_: context, budget=budget).chunk(DOCUMENT))
    assert all(chunk.tokens == WORDS.count(chunk.content) <= budget for chunk in made)
    assert all(context.startswith(chunk.context) for chunk in made)
    if context.startswith("many") and budget == 60:
        assert all(chunk.context.endswith(("many", "words")) for chunk in made)


def test_an_inner_chunker_over_the_budget_is_refused():
    with pytest.raises(ChunkError, match="smaller max_tokens"):
        list(chunker(lambda *_: "", inner=60, budget=20).chunk(DOCUMENT))


def test_the_lead_is_the_first_sentence_of_the_document():
    first, *rest = SentenceWindowChunker(tokenizer=WORDS, max_tokens=40).chunk(DOCUMENT)
    assert lead_sentence(DOCUMENT, first) == ""
    assert {lead_sentence(DOCUMENT, chunk) for chunk in rest} == {"The pump is a blue pump."}


def test_a_generated_context_is_one_sentence_and_a_step():
    writer = Writer(["The parts", " of the pump. And more", " of it."])
    with recording("index") as run:
        made = list(chunker(GeneratedContext(writer)).chunk(DOCUMENT))
    assert {chunk.context for chunk in made} == {"The parts of the pump."}
    steps = [taken for taken in run.trace.walk() if taken.name == "context"]
    assert len(steps) == len(made) == len(writer.prompts)
    assert steps[1].outputs["context"] == "The parts of the pump."
    assert run.trace.output_tokens > 0
    # the beginning of the document and what stands before the passage are read with it
    assert "It begins: The pump is a blue pump." in writer.prompts[-1]
    assert made[-1].text in writer.prompts[-1]


@pytest.mark.parametrize("reply", [[], [" "], ["\n"]])
def test_no_reply_no_context(reply):
    assert {chunk.context for chunk in chunker(GeneratedContext(Writer(reply))).chunk(DOCUMENT)} == {""}


def test_the_prompt_is_made_to_fit_or_refused():
    long = Document("u", TEXT * 40, title="Pump", language="en")
    tight = Writer(["Yes."], context_size=CONTEXT_TOKENS + 260)
    list(chunker(GeneratedContext(tight)).chunk(long))
    with pytest.raises(ContextError, match=r"raise generator\.context_size"):
        list(chunker(GeneratedContext(Writer(["Yes."], context_size=80))).chunk(long))


@pytest.mark.models
def test_with_a_real_model(llama):
    made = list(chunker(GeneratedContext(llama)).chunk(Document("u", TEXT[:300], title="Pump", language="en")))
    assert any(chunk.context for chunk in made)
    assert all(chunk.tokens <= 60 for chunk in made)
