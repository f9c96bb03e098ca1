"""``rag ask``: one question, one answer."""

from __future__ import annotations

import time
from typing import Annotated, Literal

import typer

from rag.cli.options import (
    DEFAULT_INDEX,
    IndexOption,
    JsonOption,
    RecipeOption,
    RoutesOption,
    TopOption,
    TraceOption,
    WhereOption,
)

__all__ = ["ask"]


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    index: IndexOption = DEFAULT_INDEX,
    routes: RoutesOption = None,
    top: TopOption = None,
    where: WhereOption = None,
    recipe: RecipeOption = None,
    chain: Annotated[
        Literal["one-shot", "multi-hop", "decompose", "map-reduce", "refine"] | None,
        typer.Option(
            "--chain",
            help="How to go about it: one search and one answer; several searches in turn; the question's parts one by "
            "one; all passages one by one, then together; or one after another. \\[default: the recipe's]",
        ),
    ] = None,
    trace: TraceOption = False,
    json: JsonOption = False,
) -> None:
    """Answer a question from the documents, with the words that prove each sentence, or refuse."""
    from rag.cli.output import answer_record, print_json
    from rag.cli.render import print_answer, print_stale_calibration, stream_answer
    from rag.cli.render_trace import print_trace
    from rag.cli.routing import routed
    from rag.pipeline import Pipeline

    index, route = routed(question, index, routes)
    with Pipeline(index, recipe) as pipeline:
        if chain is not None:
            config = pipeline.recipe.chain.model_copy(update={"kind": chain})
            pipeline.recipe = pipeline.recipe.model_copy(update={"chain": config})
        started = time.monotonic()
        if json:
            answer = pipeline.ask(question, top, where=where)
            print_json(answer_record(answer, time.monotonic() - started, trace=trace, route=route))
            return
        answer = stream_answer(pipeline.ask_stream(question, top, where=where))
        print_answer(answer, time.monotonic() - started)
        if trace and answer.trace is not None:
            print_trace(answer.trace)
        if pipeline.kept_calibration is not None and pipeline.calibration is None:
            print_stale_calibration(index)
