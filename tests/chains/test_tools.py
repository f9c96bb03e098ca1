"""Tools: what they may be made of, what they check, and that a filter can only be narrowed."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Annotated, Literal

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from rag.chains.builtin_tools import calculator_tool, narrowed, neighbours_tool, search_tool
from rag.chains.tools import MAX_RESULT, Tool, ToolResult, bounded_schema, subschema, tool
from rag.errors import FilterError, QueryError, ToolError
from rag.index.filters import And, parse
from rag.types import Chunk, Hit, content_hash


def stock(item: str, warehouse: Literal["north", "south"] = "north", least: Annotated[int, Field(ge=0)] = 0) -> str:
    """Say how many pieces of an item are in stock.

    More that no model needs to read.
    """
    return f"There are {least + 7} pieces of {item} in the {warehouse} warehouse."


@dataclass
class Place:
    name: str
    depth: float


def test_a_function_becomes_a_tool_by_its_hints_and_docstring():
    made = tool(stock)
    assert (made.name, made.description) == ("stock", "Say how many pieces of an item are in stock.")
    jsonschema.Draft202012Validator.check_schema(made.schema)
    jsonschema.validate({"item": "HX"}, made.schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"item": "HX", "warehouse": "east"}, made.schema)
    assert made.schema["properties"]["item"]["maxLength"] == 200


def test_what_it_says_is_a_document_that_can_be_cited():
    result = tool(stock).run({"item": "HX", "least": 1}, 10)
    assert result.document.text == "There are 8 pieces of HX in the north warehouse."
    (hit,) = result.hits
    assert result.document.text[hit.chunk.start : hit.chunk.end] == hit.chunk.text
    assert hit.chunk.document_id == result.document.id
    assert result.document.uri.startswith("tool:stock?")
    assert "HX" not in result.summary


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "item"),
        ({"item": 3}, "item"),
        ({"item": "HX", "warehouse": "east"}, "warehouse"),
        ({"item": "HX", "least": -1}, "least"),
        ({"item": "HX", "least": "1"}, "least"),
        ({"item": "HX", "other": 1}, "other"),
    ],
)
def test_wrong_arguments_are_an_error_that_names_them(arguments, says):
    with pytest.raises(ToolError, match=says) as raised:
        tool(stock).run(arguments, 10)
    assert raised.value.where == "stock"


def test_results_of_any_json_type_and_length():
    def places() -> list[Place]:
        """List places."""
        return [Place("Aran", 3.5)]

    def long() -> str:
        """Say much."""
        return "x" * (MAX_RESULT + 1)

    def nothing() -> str:
        """Say nothing."""
        return " "

    def strange() -> object:
        """Give something else."""
        return object()

    assert json.loads(tool(places).run({}, 10).document.text) == [{"name": "Aran", "depth": 3.5}]
    cut = tool(long).run({}, 10)
    assert len(cut.document.text) == MAX_RESULT
    assert f"{MAX_RESULT} kept" in cut.summary
    assert tool(nothing).run({}, 10) == ToolResult("it answered with nothing")
    with pytest.raises(ToolError, match="no JSON"):
        tool(strange).run({}, 10)


def test_a_function_that_fails_or_takes_too_long_is_an_error():
    def broken() -> str:
        """Fail."""
        raise KeyError("gone")

    def refused() -> str:
        """Refuse."""
        raise QueryError("not so")

    def slow() -> str:
        """Take long."""
        time.sleep(5)
        return ""

    with pytest.raises(ToolError, match="KeyError: 'gone'"):
        tool(broken).run({}, 10)
    with pytest.raises(QueryError, match="not so"):
        tool(refused).run({}, 10)
    began = time.monotonic()
    with pytest.raises(ToolError, match="it took longer"):
        tool(slow, seconds=0.1).run({}, 10)
    with pytest.raises(ToolError, match="it took longer"):
        tool(slow).run({}, 0.1)
    with pytest.raises(ToolError, match="no time"):
        tool(slow).run({}, 0)
    assert time.monotonic() - began < 2


def _unhinted(x):
    """Do."""


def _starred(*x: int):
    """Do."""


def _undocumented(x: int): ...


async def _asynchronous(x: int):
    """Do."""


def _unschematic(x: time.struct_time):
    """Do."""


def _unresolved(x: Nowhere):  # noqa: F821
    """Do."""


@pytest.mark.parametrize("function", [_unresolved, _unhinted, _starred, _undocumented, _asynchronous, _unschematic])
def test_what_is_not_fit_to_be_a_tool_is_refused(function):
    with pytest.raises(ToolError):
        tool(function)


def test_names():
    with pytest.raises(ToolError, match="is no name"):
        tool(stock, name="in stock")
    with pytest.raises(ToolError, match="no argument 'price'"):
        tool(stock, from_documents=["price"])
    with pytest.raises(ToolError, match="is no name"):
        tool(lambda: 1, description="Give one.")


def test_bounded_schema_bounds_what_has_no_bound_and_keeps_names():
    schema = {
        "type": "object",
        "title": "T",
        "properties": {
            "title": {"type": "string", "title": "Title"},
            "type": {"type": "string", "maxLength": 3},
            "kind": {"type": "string", "enum": ["a"]},
            "list": {"type": "array", "items": {"type": "string"}},
            "properties": {"$ref": "#/$defs/title"},
        },
        "$defs": {"title": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
    }
    assert bounded_schema(schema) == {
        "type": "object",
        "properties": {
            "title": {"type": "string", "maxLength": 200},
            "type": {"type": "string", "maxLength": 3},
            "kind": {"type": "string", "enum": ["a"]},
            "list": {"type": "array", "items": {"type": "string", "maxLength": 200}, "maxItems": 8},
            "properties": {"$ref": "#/$defs/title"},
        },
        "$defs": {"title": {"anyOf": [{"type": "string", "maxLength": 200}, {"type": "null"}]}},
    }


def test_subschema_holds_only_the_properties_named():
    schema = tool(stock).schema
    assert set(subschema(schema, ["item"])["properties"]) == {"item"}
    assert subschema(schema, ["item"])["required"] == ["item"]
    assert subschema(schema, ["least"])["required"] == []
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"item": "x", "least": 1}, subschema(schema, ["item"]))


FILTERS = st.sampled_from(
    ["year >= 2020", 'label != "secret"', 'a = "x) or (1 = 1"', "a = 1 or b = 2", "not (a = null)", "a in (1, 2)"]
)


@settings(deadline=None)
@given(FILTERS, FILTERS)
def test_a_narrowed_filter_is_both(where, further):
    assert parse(narrowed(where, further)) == And((parse(where), parse(further)))


@settings(deadline=None)
@given(
    FILTERS, st.text(max_size=40) | st.sampled_from([") or (a = 1", "true) or (true", "a = 1) or (b = 2", "1=1", '"'])
)
def test_no_text_undoes_a_filter(where, further):
    try:
        read = parse(narrowed(where, further))
    except FilterError:
        return
    assert read == parse(where) or (isinstance(read, And) and read.parts[0] == parse(where))


def _chunk(i: int) -> Chunk:
    return Chunk(content_hash("d"), "file:///d", i * 10, i * 10 + 5, f"piece{i}"[:5] + str(i))


class Shelf:
    def __init__(self):
        self.asked = []

    def retrieve(self, query, k, *, where=None):
        self.asked.append((query, k, where))
        return [Hit(_chunk(1), 1.0, 1, metadata={"label": "public"})]


def test_searching_keeps_to_the_filter():
    shelf = Shelf()
    plain = search_tool(shelf, k=3, where="a = 1")
    assert set(plain.schema["properties"]) == {"query"}
    assert plain.run({"query": "x"}, 10).hits[0].chunk == _chunk(1)
    with pytest.raises(ToolError, match="where"):
        plain.run({"query": "x", "where": "b = 2"}, 10)
    narrow = search_tool(shelf, k=3, where="a = 1", filters=True)
    narrow.run({"query": "x", "where": "b = 2"}, 10)
    with pytest.raises(FilterError):
        narrow.run({"query": "x", "where": "b = 2) or (a = 2"}, 10)
    assert shelf.asked == [("x", 3, "a = 1"), ("x", 3, "(a = 1) and (b = 2)")]
    assert narrow.from_documents == {"query"}, "what a filter says is never written from a document"


def test_neighbours_are_those_of_the_passage_and_of_its_document():
    chunks = [_chunk(i) for i in range(5)]
    found = [Hit(chunks[0], 2.0, 1), Hit(chunks[2], 1.0, 2, metadata={"label": "public"})]
    read = neighbours_tool(lambda _: chunks, lambda: found)
    result = read.run({"passage": 2, "around": 1}, 10)
    assert [hit.chunk for hit in result.hits] == [chunks[1], chunks[3]]
    assert {hit.metadata["label"] for hit in result.hits} == {"public"}
    assert [hit.chunk for hit in read.run({"passage": 1, "around": 3}, 10).hits] == chunks[1:4]
    with pytest.raises(ToolError, match="none is number 3"):
        read.run({"passage": 3}, 10)
    with pytest.raises(ToolError, match="not in the index any more"):
        neighbours_tool(lambda _: [], lambda: found).run({"passage": 1}, 10)


def test_calculating():
    result = calculator_tool().run({"expression": " 15% of 80 "}, 10)
    assert (result.calculated.expression, result.calculated.value) == ("15% of 80", 12)
    assert "12" not in result.summary
    with pytest.raises(ToolError, match="character 4"):
        calculator_tool().run({"expression": "1 /"}, 10)


def test_a_tool_is_frozen():
    made = tool(stock)
    with pytest.raises(AttributeError):
        made.run = None
    assert isinstance(made, Tool)
