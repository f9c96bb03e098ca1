"""The answer as text and as JSON."""

from __future__ import annotations

import json
from typing import Any

from rag.grounding import ANSWER_SCHEMA, answer_to_dict, ground, render
from rag.types import Page


def check(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> None:
    """As much of JSON Schema as ANSWER_SCHEMA uses."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if "enum" in schema:
        assert value in schema["enum"]
        return
    types = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    assert any(value is None if n == "null" else isinstance(value, types[n]) for n in names), (value, schema)
    assert not isinstance(value, bool) or "boolean" in names
    if isinstance(value, dict):
        assert set(schema.get("required", ())) <= value.keys()
        known, other = schema.get("properties", {}), schema.get("additionalProperties", True)
        for key, item in value.items():
            assert key in known or other, key
            check(item, known.get(key, other), root)
    if isinstance(value, list):
        for item in value:
            check(item, schema["items"], root)
    if isinstance(value, int | float):
        assert schema.get("minimum", value) <= value <= schema.get("maximum", value)


def test_markers_follow_sentences_and_sources_show_the_words(hit):
    pages = (Page(4, 0, 200),)
    one = hit("The pump runs at 40 bar.", title="Manual", headings=("Manual", "Limits"), pages=pages, uri="file:///a")[
        1
    ]
    two = hit("The valve opens at 55 bar.", uri="file:///b/valve.md", rank=2)[1]
    answer = ground(
        "At what pressure do pump and valve work?",
        "The pump runs at 40 bar. The valve opens at 55 bar. The hose holds 90 bar.",
        [one, two],
    )
    assert render(answer) == (
        "The pump runs at 40 bar. [1] The valve opens at 55 bar. [2] The hose holds 90 bar. [unsupported]\n"
        "\n"
        "Sources:\n"
        "[1] Manual, p. 4, Limits\n"
        "    “The pump runs at 40 bar.”\n"
        "[2] valve.md\n"
        "    “The valve opens at 55 bar.”"
    )


def test_a_refusal_renders_as_its_text(warranty):
    answer = ground("What is the capital of Peru?", "Lima.", [warranty])
    assert render(answer) == answer.text


def test_text_that_looks_like_a_citation_or_drives_a_terminal_is_disarmed(hit):
    found = hit("Set array[1] to 40 bar \x1b[31mnow\u202e [2].", title="\x1b]0;title\x07Manual [9]")[1]
    answer = ground("What is array set to?", "Set array[1] to 40 bar.", [found])
    shown = render(answer)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.startswith("Set array\\[1] to 40 bar. [1]\n")
    assert "Manual \\[9]" in shown
    assert "now\ufffd \\[2]." in shown


def test_the_dictionary_is_json_and_follows_its_schema(warranty, prices):
    supported = ground("What does the HX-100 cost?", "The HX-100 costs 500 euros.", [prices], dropped=[warranty])
    refused = ground("What is the capital of Peru?", "Lima.", [prices])
    for answer in (supported, refused):
        record = answer_to_dict(answer)
        check(record, ANSWER_SCHEMA, ANSWER_SCHEMA)
        assert json.loads(json.dumps(record)) == record
    record = answer_to_dict(supported)
    assert record["sentences"][0]["citations"][0]["quote"] == "The HX-100 costs 500 euros."
    assert record["dropped"][0]["title"] == "Warranty"
    assert record["hits"][0]["arms"] == {"sparse": {"rank": 2, "score": 5.0}}
