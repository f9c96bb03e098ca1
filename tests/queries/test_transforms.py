"""Multi-query, HyDE, step-back, decomposition: what is searched whatever a model says; its cost; the real model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import models
from rag.errors import ContextError, GenerationError
from rag.generators import ExtractiveGenerator, LlamaCppGenerator
from rag.protocols import Generator, QueryTransform, StructuredGenerator
from rag.queries import Decompose, Hyde, MultiQuery, StepBack, shipped_prompts
from rag.queries.cleaning import distinct, tidied
from rag.text import detect_language
from rag.tracing import recording
from rag.types import Message

QUESTION = "When did the harbour of Saltash open?"


class Scripted:
    """Says what it is told to, counts a token a character, and remembers what it was asked."""

    def __init__(self, *said: str, context_size: int = 9000) -> None:
        self.said = said
        self.context_size = context_size
        self.asked: list[tuple[Sequence[Message], int]] = []
        self.schemas: list[dict[str, object]] = []

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content) for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        self.asked.append((messages, max_tokens))
        text = self.said[0]
        for mark in stop:
            text = text.split(mark)[0]
        yield text[:max_tokens]

    def generate_json(self, messages: Sequence[Message], schema: dict[str, object], *, max_tokens: int = 256) -> str:
        self.asked.append((messages, max_tokens))
        self.schemas.append(schema)
        return json.dumps({"queries": list(self.said)}, ensure_ascii=False)


Make = Callable[[Generator], QueryTransform]
ALL: dict[str, Make] = {"multi-query": MultiQuery, "decompose": Decompose, "step-back": StepBack, "hyde": Hyde}


@pytest.mark.parametrize("name", ALL)
def test_the_seam_and_what_is_traced(name: str) -> None:
    generator = Scripted("Saltash harbour history")
    transform = ALL[name](generator)
    assert isinstance(transform, QueryTransform)
    assert isinstance(generator, StructuredGenerator)
    with recording("test") as run:
        found = transform(QUESTION, [Message("user", "before")])
    assert found == [QUESTION, "Saltash harbour history"]
    (step,) = run.trace.steps
    assert (step.name, step.inputs["query"]) == (name, QUESTION)
    assert step.outputs["queries"] == tuple(found)
    (generated,) = step.steps
    assert (step.prompt_tokens, step.output_tokens) == (0, 0)
    assert generated.prompt_tokens == generator.count_tokens(generator.asked[0][0])
    assert generated.output_tokens == len(generated.outputs["reply"])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("said", ["", "  \n", "???", QUESTION, QUESTION.upper(), f'1. "{QUESTION}"', "la " * 40])
def test_a_reply_that_says_nothing_new_leaves_the_question(name: str, said: str) -> None:
    assert ALL[name](Scripted(said))(QUESTION) == [QUESTION]


@pytest.mark.parametrize("name", ALL)
def test_a_model_that_repeats_its_examples_adds_nothing(name: str) -> None:
    for text in shipped_prompts()[name].said:
        assert ALL[name](Scripted(text))(QUESTION) == [QUESTION]


@pytest.mark.parametrize("name", ALL)
def test_the_question_is_searched_as_it_is(name: str) -> None:
    odd = '  "When" did\nit open?  '
    assert ALL[name](Scripted("something else"))(odd)[0] == odd


@pytest.mark.parametrize("name", ALL)
def test_what_the_generator_raises_is_not_swallowed(name: str) -> None:
    class Broken(Scripted):
        def generate(self, *args: object, **options: object) -> Iterator[str]:  # type: ignore[override]
            raise GenerationError("no model")

        def generate_json(self, *args: object, **options: object) -> str:  # type: ignore[override]
            raise GenerationError("no model")

    with pytest.raises(GenerationError, match="no model"):
        ALL[name](Broken(""))(QUESTION)


@pytest.mark.parametrize("name", ["multi-query", "decompose"])
def test_lists_need_a_generator_that_can_be_held_to_a_schema(name: str) -> None:
    with pytest.raises(GenerationError, match="cannot be held to a schema"):
        ALL[name](ExtractiveGenerator(None))(QUESTION)


@pytest.mark.parametrize("name", ALL)
def test_a_question_too_long_for_the_model_is_shown_in_part_and_searched_whole(name: str) -> None:
    long = "harbour of Saltash " * 400
    generator = Scripted("Saltash harbour", context_size=3000)
    assert ALL[name](generator)(long) == [long, "Saltash harbour"]
    messages, max_tokens = generator.asked[0]
    assert generator.count_tokens(messages) + max_tokens <= 3000
    assert long.startswith(messages[-1].content)
    assert len(messages[-1].content) > 100
    with pytest.raises(ContextError, match="does not fit"):
        ALL[name](Scripted("x", context_size=100))(QUESTION)


@pytest.mark.parametrize(("transform", "least"), [(MultiQuery, 3), (Decompose, 1)])
def test_the_longest_reply_that_the_schema_admits_fits_into_max_tokens(transform: type[MultiQuery], least: int) -> None:
    """A token is at least one byte of UTF-8, and a character at most four."""
    generator = Scripted("a", "b", context_size=1700)
    transform(generator)(QUESTION)
    (schema,) = generator.schemas
    ((messages, max_tokens),) = generator.asked
    assert generator.count_tokens(messages) + max_tokens <= 1700
    items = schema["properties"]["queries"]  # type: ignore[index]
    assert (items["minItems"], items["maxItems"]) == (least, 3)
    longest = max(n for n in range(1, 400) if matches(items["items"], "𝄞" * n))
    reply = json.dumps({"queries": ["𝄞" * longest] * 3}, ensure_ascii=False)
    jsonschema.validate(json.loads(reply), schema)
    assert len(reply.encode()) <= max_tokens
    for unescaped in ('"', "\\", "\n", "\x00", "\x7f"):
        assert not matches(items["items"], f"a{unescaped}b")


def matches(schema: object, text: str) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(text)


def test_a_question_that_says_where_it_parts_costs_nothing() -> None:
    generator = Scripted("never asked")
    with recording("test") as run:
        found = Decompose(generator)("When was the bridge opened, and who designed it?")
    assert len(found) == 3
    assert not generator.asked
    assert run.trace.steps[0].outputs["by"] == "rule"


def test_at_most_so_many_queries() -> None:
    assert len(MultiQuery(Scripted(*"abcdef"), count=2)(QUESTION)) == 3
    assert len(Decompose(Scripted(*"abcdef"), count=4)(QUESTION)) == 5


def test_a_passage_that_was_cut_off_loses_its_unfinished_sentence() -> None:
    text = "The harbour opened in 1961. It has two piers. The third was plan"
    assert Hyde(Scripted(text))(QUESTION)[1] == "The harbour opened in 1961. It has two piers."
    assert Hyde(Scripted("no full stop here"))(QUESTION)[1] == "no full stop here"
    chinese = "港口于1961年开放。它有两个码头。第三个计划"
    assert Hyde(Scripted(chinese))("港口什么时候开放？")[1] == "港口于1961年开放。它有两个码头。"


def test_step_back_takes_the_first_line() -> None:
    assert StepBack(Scripted("What is Saltash?\nIt is a town."))(QUESTION) == [QUESTION, "What is Saltash?"]


@pytest.mark.parametrize(
    ("said", "clean"),
    [
        ("1. Who built it?", "Who built it?"),
        ("(2) Who built it?", "Who built it?"),
        ("- Who built it?", "Who built it?"),
        ("Question: “Who built it?”", "Who built it?"),
        ("Sub-question 2: Who built it?", "Who built it?"),
        ("问题：谁建的？", "谁建的？"),
        ("1、谁建的？", "谁建的？"),
        ("  who\n built  it ", "who built it"),
        ("3.5 million people", "3.5 million people"),
        ("1961 census", "1961 census"),
        ("questions of law", "questions of law"),
        ('the song "Hello"', 'the song "Hello"'),
        ("...", ""),
        ("防守" * 30, ""),
    ],
)
def test_what_is_tidied_away_around_a_query(said: str, clean: str) -> None:
    assert tidied(said) == clean


@given(st.text(min_size=1), st.lists(st.text()), st.integers(0, 5))
def test_distinct_queries_are_the_question_and_a_few_that_differ(query: str, found: list[str], most: int) -> None:
    queries = distinct(query, found, most=most)
    assert queries[0] == query
    assert len(queries) <= most + 1
    assert len({text.casefold() for text in queries}) == len(queries)
    assert all(text == " ".join(text.split()) != "" for text in queries[1:])
    assert distinct(query, queries, most=most) == queries or query != " ".join(query.split())


@pytest.fixture(scope="session")
def small_model() -> Iterator[LlamaCppGenerator]:
    with LlamaCppGenerator(Path(models.resolve("smollm2")), threads=1) as generator:
        yield generator


@pytest.mark.models
@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("multi-query", "黑豹队的防守丢了多少分？"),
        ("decompose", "Who founded the monastery of Jumièges?"),
        ("step-back", "Who founded the monastery of Jumièges?"),
        ("hyde", "黑豹队的防守丢了多少分？"),
    ],
)
def test_the_real_model_never_breaks_a_transform(name: str, question: str, small_model: LlamaCppGenerator) -> None:
    with recording("test") as run:
        queries = ALL[name](small_model)(question)
    assert queries[0] == question
    assert len(queries) <= 4
    assert all(len(query) < 600 for query in queries)
    assert run.trace.prompt_tokens > 50
    assert run.trace.output_tokens > 0


@pytest.mark.models
def test_the_real_model_says_other_things_in_the_questions_language(small_model: LlamaCppGenerator) -> None:
    found = MultiQuery(small_model)("When did the Panthers play the Super Bowl?")
    assert len(found) > 1
    assert any("Super Bowl" in query for query in found[1:])
    assert {detect_language(query) for query in found if len(query) > 20} <= {"en", ""}
