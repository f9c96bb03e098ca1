"""Replies of a given shape: what a schema must be, and whether a reply keeps to it.

A constrained decoder can write nothing else; but an endpoint may ignore what it was asked, and llama.cpp leaves out a
constraint that it cannot express without a word. So every reply is checked.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from typing import NoReturn

from rag.errors import GenerationError
from rag.protocols import JsonSchema

_SHOWN = 120


def check_schema(schema: JsonSchema) -> None:
    """Raises GenerationError unless ``schema`` is a JSON Schema (2020-12) of an object that needs no other file."""
    from jsonschema import Draft202012Validator, SchemaError  # type: ignore[import-untyped]

    if schema.get("type") != "object":
        raise GenerationError("the schema is not one of an object", where="schema", hint='begin with "type": "object"')
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        at = f"schema{error.json_path[1:]}"
        raise GenerationError(f"this is no JSON Schema: {error.message}", where=at) from error
    if remote := next((ref for ref in _references(schema) if not ref.startswith("#")), ""):
        raise GenerationError(f"the schema refers to {remote!r}, and nothing is fetched", where="schema")


def check_reply(reply: str, schema: JsonSchema, *, cut: int = 0, where: str, blame: str) -> str:
    """The reply, if it is JSON that is valid under ``schema``. Raises GenerationError.

    ``cut`` is the limit of tokens that ended the reply, 0 if none did; ``blame`` says whose fault another is.
    """
    from jsonschema import Draft202012Validator

    if cut:
        raise GenerationError(
            f"the reply was cut off at max_tokens {cut}: {_short(reply)}",
            where=where,
            hint="raise max_tokens, or bound the schema's strings and arrays (maxLength, maxItems)",
        )
    try:
        value = json.loads(reply, parse_constant=_no_number)
    except ValueError as error:
        raise GenerationError(f"{blame}: the reply is no JSON: {_short(reply)}", where=where) from error
    problem = min(Draft202012Validator(schema).iter_errors(value), key=lambda fault: fault.json_path, default=None)
    if problem is not None:
        at = problem.json_path.removeprefix("$").lstrip(".")
        raise GenerationError(
            f"{blame}: {at}{': ' if at else ''}{problem.message[:_SHOWN]}, in the reply {_short(reply)}", where=where
        )
    return reply


def drain(pieces: Generator[str, None, bool]) -> tuple[str, bool]:
    """All pieces as one text, and what the generator returned."""
    text = ""
    while True:
        try:
            text += next(pieces)
        except StopIteration as end:
            return text, bool(end.value)


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(schema, list | tuple):
        for item in schema:
            yield from _references(item)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _short(reply: str) -> str:
    return repr(reply if len(reply) <= _SHOWN else f"{reply[:_SHOWN]}…")
