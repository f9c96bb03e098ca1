"""``rag agent``: a question answered in steps, with tools."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli.options import DEFAULT_INDEX, IndexOption, JsonOption, RecipeOption, TraceOption

if TYPE_CHECKING:
    from rag.chains.agent import AgentEvent, AgentResult, AgentStep
    from rag.chains.tools import Tool
    from rag.cli.output import AgentRecord

__all__ = ["agent"]


def agent(
    question: Annotated[str, typer.Argument(help="The question.")],
    index: IndexOption = DEFAULT_INDEX,
    top: Annotated[
        int | None, typer.Option("--top", "-k", help="Passages to a search. \\[default: the recipe's k]")
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", "-w", help="A filter on metadata, for all that the agent does.")
    ] = None,
    recipe: RecipeOption = None,
    tool: Annotated[
        list[str] | None,
        typer.Option("--tool", help="A Python function as a further tool, as module:function; may be repeated."),
    ] = None,
    mcp: Annotated[
        list[str] | None,
        typer.Option("--mcp", help="An MCP server's tools: a command line or an http(s) address; may be repeated."),
    ] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="Steps at most. \\[default: the recipe's]")] = None,
    max_tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens to decide the steps, at most. \\[default: the recipe's]")
    ] = None,
    max_seconds: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds after which no step begins. \\[default: the recipe's]")
    ] = None,
    trace: TraceOption = False,
    json: JsonOption = False,
) -> None:
    """Answer a question in steps, with tools, and prove the answer or refuse.

    What a document says cannot name a tool or change the filter (docs/agent.md).
    """
    from rag.chains.mcp_tools import McpServer
    from rag.pipeline import Pipeline

    with ExitStack() as open_things:
        pipeline = open_things.enter_context(Pipeline(index, recipe))
        config = pipeline.recipe.agent
        changes = {"max_steps": max_steps, "max_tokens": max_tokens, "max_seconds": max_seconds}
        config = config.model_copy(update={key: value for key, value in changes.items() if value is not None})
        pipeline.recipe = pipeline.recipe.model_copy(update={"agent": config})
        tools = [_load(name) for name in tool or ()]
        for server in mcp or ():
            tools += open_things.enter_context(McpServer(server)).tools
        started = time.monotonic()
        result = _watched(pipeline.agent_stream(question, top, where=where, tools=tools), quiet=json)
        seconds = time.monotonic() - started
    if json:
        from rag.cli.output import print_json

        print_json(_record(result, seconds))
    else:
        from rag.cli.render import console, print_answer
        from rag.cli.render_trace import print_trace

        print_answer(result.answer, seconds)
        if result.ended not in {"finished", "steps"}:
            console().print(f"the steps ended early: {_ENDED[result.ended]}", style="dim")
        if trace and result.answer.trace is not None:
            print_trace(result.answer.trace)


_ENDED = {
    "repeated": "the model went on repeating a call",
    "tokens": "no tokens were left",
    "seconds": "no time was left",
}


def _load(name: str) -> Tool:
    """The tool that ``module:function`` names: a Tool, or a function to make one of."""
    from rag.chains.tools import Tool
    from rag.chains.tools import tool as make
    from rag.errors import QueryError

    module, colon, attribute = name.partition(":")
    if not colon or not module or not attribute:
        raise QueryError(f"{name!r} names no function", where="--tool", hint="write module:function")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as python -m does: the user's own module lies there as a rule
    try:
        found = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # the user's module may fail in any way while it is imported
        raise QueryError(f"{type(error).__name__}: {error}", where=f"--tool {name}") from error
    if isinstance(found, Tool):
        return found
    if not callable(found):
        raise QueryError(f"it is a {type(found).__name__}, not a function", where=f"--tool {name}")
    return make(found)


def _watched(events: Iterator[AgentEvent], *, quiet: bool) -> AgentResult:
    """The result; each step is shown as it is taken, unless ``quiet``."""
    from rag.chains.agent import AgentResult, AgentStep

    for event in events:
        if isinstance(event, AgentResult):
            return event
        if isinstance(event, AgentStep) and not quiet:
            _show(event)
    raise AssertionError("the stream's last event is the result")


def _show(step: AgentStep) -> None:
    from rich.text import Text

    from rag.cli.render import console, printable

    given = ", ".join(f"{key}={value!r}" for key, value in step.arguments.items())
    said = step.error or step.summary + (f", {step.new} new" if step.new else "")
    said = f"= {step.calculated.value}" if step.calculated else said
    call = printable(f"{step.number}. {step.tool or '-'}({given})")
    console().print(Text.assemble((call, "cyan"), (f"  {printable(said)}", "dim")))


def _record(result: AgentResult, seconds: float) -> AgentRecord:
    from rag.cli.output import AgentRecord, AgentStepRecord, answer_record

    steps: Sequence[AgentStepRecord] = [
        AgentStepRecord(
            number=one.number,
            thought=one.thought,
            tool=one.tool,
            arguments=one.arguments,
            summary=one.summary,
            new=one.new,
            error=one.error,
            value=one.calculated.value if one.calculated else None,
            seconds=one.seconds,
        )
        for one in result.steps
    ]
    return AgentRecord(
        answer=answer_record(result.answer, seconds),
        steps=tuple(steps),
        ended=result.ended,
        tokens=result.tokens,
        documents=result.documents,
        trace=result.answer.trace,
    )
