"""A Trace for other programs: as JSON, and as OpenTelemetry spans.

Attributes follow OpenTelemetry's semantic conventions for generative AI (gen_ai.operation.name, gen_ai.usage.*, ...);
what these have no name for is ``rag.input.NAME`` and ``rag.output.NAME``. What people asked and what documents say is
private: texts are left out of spans unless asked for, and only numbers and sizes are sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from rag.errors import MissingExtraError
from rag.types import Metadata, Step, Trace, Value

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue

__all__ = ["export_trace", "trace_json"]

_SECOND = 1_000_000_000
_SEARCHES = frozenset({"retrieve", "search"})
# Texts of a few fixed values, which say nothing of a document or a question.
_LABELS = frozenset({"verdict", "stopped", "chain"})


def trace_json(trace: Trace, *, indent: int | None = None) -> str:
    """The trace as JSON: the fields of Trace and Step by their names. Texts are included."""
    return json.dumps(asdict(trace), ensure_ascii=False, indent=indent)


def export_trace(trace: Trace, tracer: Tracer | None = None, *, content: bool = False) -> None:
    """Send a trace as spans with its own times: one for the whole, and below it one a step.

    The first is a child of the span that is active, if there is one. A step that raised has the status ERROR.

    Args:
        trace: What to send.
        tracer: Where to; the global provider's tracer "rag" by default, which sends nothing until the program has
            set a provider up.
        content: Send texts as well: questions, prompts, replies, the messages of errors. They hold what
            documents say.

    Raises MissingExtraError without OpenTelemetry's API.
    """
    try:
        from opentelemetry import trace as otel
    except ImportError as error:
        raise MissingExtraError("opentelemetry-api is not installed", hint="pip install 'ragstone[otel]'") from error
    began = round(trace.began * _SECOND)
    tracer = tracer or otel.get_tracer("rag")
    whole = tracer.start_span(
        trace.name,
        start_time=began,
        attributes={
            "gen_ai.operation.name": "invoke_agent" if trace.name == "agent" else "invoke_workflow",
            "gen_ai.workflow.name": trace.name,
            "rag.prompt_tokens": trace.prompt_tokens,
            "rag.output_tokens": trace.output_tokens,
        },
    )
    for step in trace.steps:
        _export(step, whole, tracer, began, content=content)
    whole.end(began + round(trace.seconds * _SECOND))


def _export(step: Step, parent: Span, tracer: Tracer, began: int, *, content: bool) -> None:
    from opentelemetry.trace import Status, StatusCode, set_span_in_context

    start = began + round(step.started * _SECOND)
    span = tracer.start_span(
        step.name, set_span_in_context(parent), start_time=start, attributes=dict(_attributes(step, content=content))
    )
    for inner in step.steps:
        _export(inner, span, tracer, began, content=content)
    if step.error:
        span.set_status(Status(StatusCode.ERROR, step.error if content else None))
    span.end(start + round(step.seconds * _SECOND))


def _attributes(step: Step, *, content: bool) -> Iterator[tuple[str, AttributeValue]]:
    spent = step.prompt_tokens or step.output_tokens
    if "arguments" in step.inputs:
        yield "gen_ai.operation.name", "execute_tool"
        yield "gen_ai.tool.name", step.name
    elif step.name in _SEARCHES:
        yield "gen_ai.operation.name", "retrieval"
    elif spent:
        yield "gen_ai.operation.name", "chat"
    if spent:
        yield "gen_ai.usage.input_tokens", step.prompt_tokens
        yield "gen_ai.usage.output_tokens", step.output_tokens
    if isinstance(limit := step.inputs.get("max_tokens"), int):
        yield "gen_ai.request.max_tokens", limit
    if step.error_type:
        yield "error.type", step.error_type
    yield from _noted("rag.input", step.inputs, content=content)
    yield from _noted("rag.output", step.outputs, content=content)


def _noted(prefix: str, notes: Metadata, *, content: bool) -> Iterator[tuple[str, AttributeValue]]:
    for name, value in notes.items():
        key = f"{prefix}.{name}"
        if value is None:  # which no attribute can be
            continue
        if isinstance(value, tuple):
            yield f"{key}.count", len(value)
            if content or not any(isinstance(one, str) for one in value):
                yield key, _alike(value)
        elif isinstance(value, str) and not (content or name in _LABELS):
            yield f"{key}.length", len(value)
        else:
            yield key, value


def _alike(values: tuple[Value, ...]) -> AttributeValue:
    """An array attribute holds one type; of several, all are told as text."""
    if all(isinstance(one, bool) for one in values):
        return [bool(one) for one in values]
    if all(isinstance(one, int) and not isinstance(one, bool) for one in values):
        return [int(one) for one in values if isinstance(one, int)]
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
        return [float(one) for one in values if isinstance(one, int | float)]
    return [str(one) for one in values]
