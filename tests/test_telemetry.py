"""Traces as JSON and as OpenTelemetry spans, by the SDK's own exporter."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, Tracer

from rag.errors import MissingExtraError
from rag.telemetry import export_trace, trace_json
from rag.types import Step, Trace

BEGAN = 1_700_000_000.0
SECOND = 1_000_000_000
TRACE = Trace(
    "ask",
    BEGAN,
    3.0,
    (
        Step("retrieve", {"question": "who?", "k": 6, "where": None}, {"passages": ("a1", "b2")}, 0.25, 0.5),
        Step(
            "hop",
            {"number": 1},
            {"stopped": "supported", "shares": (0.5, 1), "sure": True, "mixed": (1, "x", None)},
            1.0,
            2.0,
            steps=(Step("generate", {"max_tokens": 48}, {"reply": "Ann did."}, 1.5, 1.0, 100, 20),),
            error="no: Ann",
            error_type="QueryError",
        ),
    ),
)


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(spans: InMemorySpanExporter) -> Iterator[Tracer]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    yield provider.get_tracer("test")
    provider.shutdown()


def by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def test_spans_have_the_traces_own_times_and_nest_as_its_steps(spans, tracer):
    export_trace(TRACE, tracer)
    found = by_name(spans)
    assert set(found) == {"ask", "retrieve", "hop", "generate"}
    times = {
        name: ((span.start_time - int(BEGAN) * SECOND) / SECOND, (span.end_time - span.start_time) / SECOND)
        for name, span in found.items()
    }
    assert times == {"ask": (0, 3), "retrieve": (0.25, 0.5), "hop": (1, 2), "generate": (1.5, 1)}
    parents = {name: span.parent.span_id if span.parent else None for name, span in found.items()}
    assert parents["ask"] is None
    assert parents["retrieve"] == parents["hop"] == found["ask"].context.span_id
    assert parents["generate"] == found["hop"].context.span_id


def test_attributes_follow_the_conventions(spans, tracer):
    from opentelemetry.semconv.attributes import error_attributes

    export_trace(TRACE, tracer)
    found = {name: dict(span.attributes or {}) for name, span in by_name(spans).items()}
    assert found["ask"]["gen_ai.operation.name"] == "invoke_workflow"
    assert (found["ask"]["rag.prompt_tokens"], found["ask"]["rag.output_tokens"]) == (100, 20)
    assert found["retrieve"]["gen_ai.operation.name"] == "retrieval"
    assert found["generate"]["gen_ai.operation.name"] == "chat"
    assert found["generate"]["gen_ai.usage.input_tokens"] == 100
    assert found["generate"]["gen_ai.usage.output_tokens"] == 20
    assert found["generate"]["gen_ai.request.max_tokens"] == 48
    assert found["hop"][error_attributes.ERROR_TYPE] == "QueryError"
    assert "gen_ai.operation.name" not in found["hop"]


def test_a_call_of_a_tool_and_an_agent_are_told_as_such(spans, tracer):
    call = Step("calculate", {"arguments": '{"expression": "2 + 2"}'}, {"summary": "4"}, 0.0, 0.1)
    export_trace(Trace("agent", BEGAN, 1.0, (call,)), tracer)
    found = {name: dict(span.attributes or {}) for name, span in by_name(spans).items()}
    assert found["agent"]["gen_ai.operation.name"] == "invoke_agent"
    assert found["calculate"]["gen_ai.operation.name"] == "execute_tool"
    assert found["calculate"]["gen_ai.tool.name"] == "calculate"
    assert "2 + 2" not in str(found)


def test_names_are_those_of_the_conventions_package():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as names

    assert names.GEN_AI_OPERATION_NAME == "gen_ai.operation.name"
    assert names.GEN_AI_USAGE_INPUT_TOKENS == "gen_ai.usage.input_tokens"
    assert names.GEN_AI_USAGE_OUTPUT_TOKENS == "gen_ai.usage.output_tokens"
    assert names.GEN_AI_REQUEST_MAX_TOKENS == "gen_ai.request.max_tokens"
    assert names.GEN_AI_TOOL_NAME == "gen_ai.tool.name"
    assert names.GEN_AI_WORKFLOW_NAME == "gen_ai.workflow.name"


def test_texts_stay_here_unless_asked_for(spans, tracer):
    export_trace(TRACE, tracer)
    sent = json.dumps(
        [[span.name, dict(span.attributes or {}), span.status.description] for span in spans.get_finished_spans()]
    )
    for text in ("who?", "Ann", "a1"):
        assert text not in sent
    found = {name: dict(span.attributes or {}) for name, span in by_name(spans).items()}
    assert found["retrieve"]["rag.input.question.length"] == 4
    assert found["retrieve"]["rag.input.k"] == 6
    assert found["retrieve"]["rag.output.passages.count"] == 2
    assert found["hop"]["rag.output.stopped"] == "supported"
    assert found["hop"]["rag.output.shares"] == (0.5, 1.0)
    assert found["hop"]["rag.output.sure"] is True
    assert "rag.input.where" not in found["retrieve"]


def test_texts_are_sent_when_asked_for(spans, tracer):
    export_trace(TRACE, tracer, content=True)
    found = {name: dict(span.attributes or {}) for name, span in by_name(spans).items()}
    assert found["retrieve"]["rag.input.question"] == "who?"
    assert found["retrieve"]["rag.output.passages"] == ("a1", "b2")
    assert found["generate"]["rag.output.reply"] == "Ann did."
    assert found["hop"]["rag.output.mixed"] == ("1", "x", "None")


@pytest.mark.parametrize("content", [False, True])
def test_an_error_is_the_spans_status(spans, tracer, content):
    export_trace(TRACE, tracer, content=content)
    found = by_name(spans)
    assert found["hop"].status.status_code is StatusCode.ERROR
    assert found["hop"].status.description == ("no: Ann" if content else None)
    assert found["generate"].status.status_code is StatusCode.UNSET


def test_a_span_that_is_active_is_the_parent(spans, tracer):
    with tracer.start_as_current_span("request") as request:
        export_trace(TRACE, tracer)
    found = by_name(spans)
    assert found["ask"].parent.span_id == request.get_span_context().span_id
    assert {span.context.trace_id for span in found.values()} == {request.get_span_context().trace_id}


def test_without_a_provider_nothing_is_sent():
    export_trace(TRACE)


def test_without_the_package_the_extra_is_named(monkeypatch):
    real = builtins.__import__

    def without(name: str, *args: object, **kwargs: object) -> object:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return real(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"ragstone\[otel\]"):
        export_trace(TRACE)


def test_json_holds_all_of_it():
    said = json.loads(trace_json(TRACE))
    assert said["name"] == "ask"
    assert said["steps"][0]["inputs"] == {"question": "who?", "k": 6, "where": None}
    assert said["steps"][1]["steps"][0]["prompt_tokens"] == 100
    assert said["steps"][1]["error_type"] == "QueryError"
    assert trace_json(Trace("问", 0.0, 0.0)).startswith('{"name": "问"')
