"""Replies under a schema: what is refused, what is told of a bad reply, and the real model over every binding."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ContextError, GenerationError
from rag.generators import ExtractiveGenerator, LlamaCppGenerator
from rag.generators.structured import check_reply, check_schema, drain
from rag.protocols import StructuredGenerator
from rag.tracing import generate_json, recording
from rag.types import Message

NAMES = {
    "type": "object",
    "properties": {
        "names": {"type": "array", "items": {"type": "string", "maxLength": 20}, "minItems": 2, "maxItems": 2},
        "kind": {"enum": ["river", "city"]},
    },
    "required": ["names", "kind"],
    "additionalProperties": False,
}
GOOD = '{"names": ["Tamar", "Exe"], "kind": "river"}'
ASK = [Message("user", "Name two rivers of England.")]


def check(reply: str, **options: object) -> str:
    return check_reply(reply, NAMES, where="here", blame="someone's fault", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string"}, "not one of an object"),
        ({}, "not one of an object"),
        ({"type": "object", "properties": {"a": {"type": "nonsense"}}}, "no JSON Schema"),
        ({"type": "object", "properties": {"a": {"$ref": "https://example.com/s"}}}, "nothing is fetched"),
        ({"type": "object", "allOf": [{"$ref": "other.json#/a"}]}, "nothing is fetched"),
    ],
)
def test_a_schema_that_is_none_or_needs_another_file_is_refused(schema: dict[str, object], said: str) -> None:
    with pytest.raises(GenerationError, match=said) as caught:
        check_schema(schema)
    assert caught.value.where.startswith("schema")


def test_a_schema_may_refer_to_itself_and_name_a_property_ref() -> None:
    check_schema({"type": "object", "$defs": {"a": {"type": "string"}}, "properties": {"b": {"$ref": "#/$defs/a"}}})


def test_a_good_reply_is_returned_as_it_is() -> None:
    assert check(GOOD) == GOOD


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("Tamar and Exe", "the reply is no JSON: 'Tamar and Exe'"),
        (f"```json\n{GOOD}\n```", "no JSON"),
        ('{"names": ["Tamar", NaN], "kind": "river"}', "no JSON"),
        ("", "no JSON"),
        ('{"names": ["Tamar"], "kind": "river"}', "names: .* is too short"),
        ('{"names": ["Tamar", 3], "kind": "river"}', r"names\[1\]: 3 is not of type 'string'"),
        ('{"names": ["a", "b"], "kind": "sea"}', "kind: 'sea' is not one of"),
        ('{"names": ["a", "b"]}', "'kind' is a required property"),
        ('["a", "b"]', "is not of type 'object'"),
    ],
)
def test_a_bad_reply_is_an_error_that_says_where_and_whose(reply: str, said: str) -> None:
    with pytest.raises(GenerationError, match=f"someone's fault: .*{said}") as caught:
        check(reply)
    assert caught.value.where == "here"


def test_a_reply_that_was_cut_off_is_an_error_even_where_it_is_valid() -> None:
    with pytest.raises(GenerationError, match="cut off at max_tokens 9") as caught:
        check(GOOD, cut=9)
    assert "maxLength" in caught.value.hint


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_whatever_is_no_object_of_that_shape_is_never_let_through(value: object) -> None:
    with pytest.raises(GenerationError):
        check(json.dumps(value))


def test_draining_gives_the_text_and_what_the_generator_returned() -> None:
    def pieces(*, cut: bool) -> Generator[str, None, bool]:
        yield "a"
        yield "b"
        return cut

    assert drain(pieces(cut=True)) == ("ab", True)
    assert drain(pieces(cut=False)) == ("ab", False)


def test_a_generator_without_schemas_is_named() -> None:
    with pytest.raises(GenerationError, match="ExtractiveGenerator cannot be held to a schema"):
        generate_json(ExtractiveGenerator(None), ASK, NAMES)


@pytest.mark.models
def test_the_model_keeps_to_the_schema_the_same_each_time(llama: LlamaCppGenerator) -> None:
    assert isinstance(llama, StructuredGenerator)
    with recording("test") as run:
        reply = generate_json(llama, ASK, NAMES, max_tokens=128)
    found = json.loads(reply)
    assert len(found["names"]) == 2
    assert found["kind"] in {"river", "city"}
    assert "\n" not in reply
    assert llama.generate_json(ASK, NAMES, max_tokens=128) == reply
    (step,) = run.trace.steps
    assert step.outputs["reply"] == reply
    assert step.prompt_tokens == llama.count_tokens(ASK)
    assert 5 < step.output_tokens < 128


@pytest.mark.models
def test_the_model_is_held_by_the_schema_not_by_luck(llama: LlamaCppGenerator) -> None:
    free = "".join(llama.generate(ASK, max_tokens=30))
    assert "zebra" not in free
    only = {**NAMES, "properties": {**NAMES["properties"], "kind": {"enum": ["zebra", "yak"]}}}  # type: ignore[dict-item]
    assert json.loads(llama.generate_json(ASK, only, max_tokens=128))["kind"] in {"zebra", "yak"}


@pytest.mark.models
def test_a_pattern_bounds_a_string_without_escapes(llama: LlamaCppGenerator) -> None:
    short = {"type": "string", "pattern": '^[^"\\\\\\x00-\\x1f\\x7f]{1,6}$'}
    schema = {"type": "object", "properties": {"name": short}, "required": ["name"], "additionalProperties": False}
    name = json.loads(llama.generate_json(ASK, schema, max_tokens=60))["name"]
    assert 1 <= len(name) <= 6


@pytest.mark.models
def test_limits_and_room_are_those_of_every_reply(llama: LlamaCppGenerator) -> None:
    with pytest.raises(GenerationError, match="cut off at max_tokens 4"):
        llama.generate_json(ASK, NAMES, max_tokens=4)
    with pytest.raises(ContextError, match="1024"):
        llama.generate_json([Message("user", "word " * 900)], NAMES, max_tokens=200)
    with pytest.raises(GenerationError, match="max_tokens is 0"):
        llama.generate_json(ASK, NAMES, max_tokens=0)
    # a failure leaves nothing behind
    assert llama.generate_json(ASK, NAMES, max_tokens=128)


@pytest.mark.models
def test_what_llama_cpp_cannot_express_is_an_error_and_never_a_free_reply(llama: LlamaCppGenerator) -> None:
    odd = {
        "type": "object",
        "properties": {"name": {"type": "string", "pattern": "^(?=x)x{3}(?<!y)$"}},
        "required": ["name"],
        "additionalProperties": False,
    }
    with pytest.raises(GenerationError, match=r"schema|grammar"):
        llama.generate_json(ASK, odd, max_tokens=60)
