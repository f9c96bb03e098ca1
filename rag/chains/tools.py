"""Tools for an agent: typed calls with checked arguments and bounded results.

A tool's arguments are written by a language model. Those named in ``from_documents`` may be written by one that has
read retrieved text; all others only by one that has not, so that nothing a document says can reach them.
"""

from __future__ import annotations

import contextvars
import inspect
import json
import threading
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from rag.errors import RagError, ToolError
from rag.protocols import JsonSchema
from rag.types import Chunk, Document, Hit, content_hash

__all__ = ["Arguments", "Calculated", "Tool", "ToolResult", "bounded_schema", "said_by", "subschema", "tool"]

Arguments: TypeAlias = Mapping[str, object]

MAX_RESULT = 4000  # characters of a result that are kept
MAX_STRING = 200
MAX_ITEMS = 8


@dataclass(frozen=True, slots=True)
class Calculated:
    """An expression and its value, by ``rag.text.calculator``."""

    expression: str
    value: int | float


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call came to.

    ``summary`` says so in words of this program's own: it may be read where no text of a document may, so it holds
    counts and no contents. ``hits`` are passages that the answer may be proved from; ``document`` is what a tool from
    outside said, which ``hits`` then cite.
    """

    summary: str
    hits: tuple[Hit, ...] = ()
    calculated: Calculated | None = None
    document: Document | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """Something an agent can do.

    ``schema`` is the JSON Schema of its arguments, an object. ``run`` is given arguments and the seconds that are
    left, checks the arguments and raises ToolError where they are wrong or it fails.
    """

    name: str
    description: str
    schema: JsonSchema
    run: Callable[[Arguments, float], ToolResult]
    from_documents: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ToolError(f"{self.name!r} is no name for a tool", hint="use letters, digits and _")
        properties = self.schema.get("properties", {})
        known = set(properties) if isinstance(properties, Mapping) else set()
        if unknown := self.from_documents - known:
            raise ToolError(f"there is no argument {min(unknown)!r}", where=self.name)


def tool(
    function: Callable[..., object],
    *,
    name: str = "",
    description: str = "",
    from_documents: Iterable[str] = (),
    seconds: float = 30.0,
) -> Tool:
    """A tool from a Python function with type hints; its docstring says what it is for.

    Args:
        function: Every parameter needs a type that JSON can give (pydantic checks the arguments); what it returns is
            given on as text, or as it is where that is a ToolResult.
        name: The function's own by default.
        description: The docstring's first paragraph by default.
        from_documents: The arguments that a model may write which has read retrieved text: whoever wrote a document
            then has a say in them. Name none of a function that sends, deletes or pays.
        seconds: How long it may take. One that takes longer is given up; its thread goes on until it returns.

    Raises ToolError for a function that is not fit to be one.
    """
    name = name or getattr(function, "__name__", "")
    description = description or (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
    if not description:
        raise ToolError("it has no docstring", where=name, hint="say in a sentence what it is for")
    if inspect.iscoroutinefunction(function):
        raise ToolError("it is asynchronous", where=name, hint="wrap it in a function that runs it")
    from pydantic import ConfigDict, ValidationError, create_model

    fields: dict[str, tuple[object, object]] = {}
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise ToolError(f"a type hint cannot be resolved: {error}", where=name) from error
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind not in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}:
            raise ToolError(f"parameter {parameter.name!r} cannot be given by name", where=name)
        if parameter.name not in hints:
            raise ToolError(f"parameter {parameter.name!r} has no type hint", where=name)
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    try:
        model = create_model(  # type: ignore[call-overload]
            name, __config__=ConfigDict(extra="forbid", strict=True, protected_namespaces=()), **fields
        )
        schema = bounded_schema(model.model_json_schema())
    except (TypeError, ValueError, RuntimeError) as error:  # pydantic's own are of these
        raise ToolError(f"its parameters have no JSON Schema: {error}", where=name) from error

    def run(arguments: Arguments, left: float) -> ToolResult:
        try:
            given = model.model_validate_json(json.dumps(arguments))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "arguments"
            raise ToolError(f"{place}: {first['msg']}", where=name) from error
        values = {key: getattr(given, key) for key in fields}
        result = _within(lambda: function(**values), min(seconds, left), name)
        return result if isinstance(result, ToolResult) else said_by(name, arguments, _as_text(result))

    return Tool(name, description, schema, run, frozenset(from_documents))


def said_by(name: str, arguments: Arguments, text: str) -> ToolResult:
    """What a tool from outside said, as a document that can be cited: ``tool:NAME?ARGUMENTS``."""
    kept = text[:MAX_RESULT]
    summary = f"it answered with {len(text)} characters" + (f", {len(kept)} kept" if len(kept) < len(text) else "")
    if not kept.strip():
        return ToolResult("it answered with nothing")
    given = json.dumps(dict(arguments), ensure_ascii=False, sort_keys=True)
    document = Document(f"tool:{name}?{content_hash(given, kept)}", kept, title=name, metadata={"arguments": given})
    chunk = Chunk(document.id, document.uri, 0, len(kept), kept, title=name)
    return ToolResult(summary, (Hit(chunk, 1.0, 1, metadata=document.metadata),), document=document)


def bounded_schema(schema: JsonSchema) -> JsonSchema:
    """The schema with a length for every string and array that has none, and without titles: short replies, surely."""
    bounded = _bounded(schema)
    if not isinstance(bounded, dict):
        raise TypeError("a schema is an object")
    return bounded


def subschema(schema: JsonSchema, names: Iterable[str]) -> JsonSchema:
    """The schema of some of an object's properties, and of no others."""
    wanted = set(names)
    properties, required = schema.get("properties"), schema.get("required")
    kept = {key: value for key, value in properties.items() if key in wanted} if isinstance(properties, dict) else {}
    needed = [key for key in required if key in wanted] if isinstance(required, list) else []
    definitions = {"$defs": schema["$defs"]} if "$defs" in schema else {}
    return {"type": "object", "properties": kept, "required": needed, "additionalProperties": False, **definitions}


def _bounded(node: object, *, names: bool = False) -> object:
    """``names``: the keys of this node are names of the user's, not JSON Schema's."""
    if isinstance(node, list):
        return [_bounded(item) for item in node]
    if not isinstance(node, Mapping):
        return node
    made = {
        str(key): _bounded(value, names=key in {"properties", "$defs"} and not names)
        for key, value in node.items()
        if names or key != "title"
    }
    if names:
        return made
    if made.get("type") == "string" and not made.keys() & {"maxLength", "enum", "const", "format", "pattern"}:
        made["maxLength"] = MAX_STRING
    if made.get("type") == "array":
        made.setdefault("maxItems", MAX_ITEMS)
    return made


def _as_text(result: object) -> str:
    if isinstance(result, str):
        return result
    from pydantic_core import PydanticSerializationError, to_json

    try:
        return to_json(result, indent=None).decode()
    except PydanticSerializationError as error:
        raise ToolError(f"it returned a {type(result).__name__}, which is no JSON") from error


def _within(call: Callable[[], object], seconds: float, name: str) -> object:
    """What ``call`` returns, from a thread of its own so that it can be given up."""
    if seconds <= 0:
        raise ToolError("no time is left", where=name)
    results: list[object] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(call())
        except BaseException as error:  # noqa: BLE001  handed to the caller below
            errors.append(error)

    context = contextvars.copy_context()
    thread = threading.Thread(target=context.run, args=(work,), name=f"tool {name}", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise ToolError(f"it took longer than {seconds:.3g} seconds", where=name)
    if errors:
        error = errors[0]
        if isinstance(error, RagError) or not isinstance(error, Exception):
            raise error
        raise ToolError(f"{type(error).__name__}: {error}"[:MAX_STRING], where=name) from error
    return results[0]
