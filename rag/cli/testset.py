"""``rag testset``: questions with answers and gold spans, made from the documents of an index."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rag.evaluation.testset.making import Making

__all__ = ["testset"]

INCOMPLETE, INTERRUPTED = 3, 130


def testset(
    index: Annotated[Path, typer.Argument(help="The index folder.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, help="How many questions.")] = 200,
    unanswerable: Annotated[
        float, typer.Option(min=0.0, max=0.9, help="Share of questions that the documents do not answer.")
    ] = 0.2,
    recipe: Annotated[
        str | None,
        typer.Option("--recipe", "-r", help="The recipe whose generator writes. \\[default: the index's own]"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the sample; the same seed gives the same test set.")] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")] = Path("testset.jsonl"),
    where: Annotated[
        str | None, typer.Option("--where", "-w", help="A filter on metadata: ask only about these documents.")
    ] = None,
    rules: Annotated[
        bool,
        typer.Option(
            help="Turn plain statements into questions by rule, and ask the generator for the others. A large model "
            "writes more varied ones without."
        ),
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; `rag schema` describes it.")] = False,
) -> None:
    """Make a test set from an index: questions, answers and the exact spans that hold them.

    Broken off with Ctrl-C, it keeps its rows, and the same command goes on from there. Exit code 3: the documents gave
    fewer good questions than were asked for.
    """
    from rag.cli.progress import evaluating
    from rag.evaluation.testset.make import Plan
    from rag.evaluation.testset.of_index import testset_of
    from rag.pipeline import Pipeline
    from rag.recipe import load_recipe

    try:
        with Pipeline(index) as pipeline, evaluating(quiet=json) as update:
            made = testset_of(
                pipeline,
                out,
                plan=Plan(n, unanswerable, seed, where, rules),
                generator=load_recipe(recipe).generator if recipe else None,
                progress=lambda now: update("questions", now.done, now.wanted),
            )
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted: {out} keeps its rows; the same command goes on from there\n")
        raise typer.Exit(INTERRUPTED) from None
    if json:
        from rag.cli.output import print_json

        print_json(made)
    else:
        _print(made)
    if not made.complete:
        raise typer.Exit(INCOMPLETE)


def _print(made: Making) -> None:
    from rag.cli.render import console, printable

    methods = ", ".join(f"{count} by {name}" for name, count in made.methods.items()) or "none"
    console().print(
        f"{printable(made.path)}: {made.made} questions over {made.documents} documents, {made.unanswerable} of them "
        f"unanswerable ({methods}; {made.seconds:.0f} s)",
        markup=False,
    )
    if made.rejected:
        drafts = ", ".join(f"{count} {reason}" for reason, count in made.rejected.items())
        console().print(f"{made.tried} facts tried; drafts rejected: {drafts}", markup=False)
    if not made.complete:
        sys.stderr.write(
            f"only {made.made} of {made.wanted}: the documents hold no more facts whose questions pass every filter\n"
        )
