"""``rag tune``: search for a better recipe, and say if there is none."""

from __future__ import annotations

import sys
import textwrap
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag.cli.tune_record import CandidateRecord, TuneRecord
    from rag.evaluation.datasets import Dataset
    from rag.evaluation.tuning.decide import Candidate
    from rag.evaluation.tuning.records import TuneProgress, Tuning

__all__ = ["tune"]

INTERRUPTED = 130
STAGES = {
    "cutting": "cutting the documents",
    "trying": "trying recipes",
    "confirming": "confirming on held-out questions",
    "timing": "timing",
}


class Part(StrEnum):
    """What a search may leave as it is."""

    CHUNKER = "chunker"
    RETRIEVAL = "retrieval"
    BM25 = "bm25"
    RERANKER = "reranker"
    GENERATOR = "generator"


def tune(
    index: Annotated[Path, typer.Argument(help="The index folder.", metavar="INDEX")],
    testset: Annotated[
        Path,
        typer.Option(
            help="Questions about the index's documents: a test set that `rag testset` made (.jsonl), or a data set in "
            "the BEIR layout whose corpus the index holds.",
            metavar="TESTSET|DATASET",
        ),
    ],
    recipe: Annotated[
        str | None, typer.Option("--recipe", "-r", help="What to improve on. \\[default: the index's own recipe]")
    ] = None,
    measure: Annotated[
        str | None,
        typer.Option(
            "--measure",
            "-m",
            help='What to tune for: Span@N (gold spans within the first N words), a ranking\'s such as "nDCG@10", or '
            "with --answers contains, F1, EM. \\[default: Span@512 where there are gold spans, else nDCG@10; contains]",
        ),
    ] = None,
    answers: Annotated[bool, typer.Option("--answers", help="Tune by generated answers, the generator too.")] = False,
    trials: Annotated[int, typer.Option(min=1, help="How many recipes to try.")] = 40,
    split: Annotated[
        float, typer.Option(min=0.05, max=0.95, help="The share of the questions to tune by; the rest confirms.")
    ] = 0.5,
    limit: Annotated[int | None, typer.Option(min=2, help="A sample of so many questions.")] = None,
    fix: Annotated[
        list[Part] | None, typer.Option(help="A part of the recipe to leave as it is; may be repeated.")
    ] = None,
    reranker: Annotated[
        list[str] | None, typer.Option(help="A reranker to try, by name or folder; may be repeated.", metavar="MODEL")
    ] = None,
    alpha: Annotated[float, typer.Option(help="The chance that anything is called better by mistake.")] = 0.05,
    margin: Annotated[float, typer.Option(min=0, help="What of the measure a cheaper recipe may cost at most.")] = 0.05,
    timeout: Annotated[
        float | None, typer.Option(help="Minutes after which no other recipe is tried.", metavar="MINUTES")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the split, the search and the tests.")] = 0,
    work: Annotated[
        Path | None,
        typer.Option(help="Keep trial indexes and finished trials here. \\[default: INDEX.tune, until it is done]"),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the recipe advised.")] = Path("tuned.toml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite it.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; `rag schema tune` describes it.")] = False,
) -> None:
    """Search for a better recipe: cutting, retrieval, BM25, reranker, and with --answers the generator's settings.

    Recipes are tried on one half of the questions; the best are compared with the current one on the other, and only a
    significant difference counts. Else the cheaper one is advised. The index itself is not changed. Stopped,
    the same command goes on where it was.
    """
    from rag.cli.output import print_json
    from rag.cli.progress import evaluating
    from rag.cli.render_tune import print_tuning
    from rag.evaluation.tuning.index import clear
    from rag.evaluation.tuning.records import TuneOptions
    from rag.evaluation.tuning.tune import tune as search
    from rag.pipeline import Pipeline

    if out.exists() and not force:
        raise typer.BadParameter(f"{out} exists; give another --out, or --force", param_hint="--out")
    if not out.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {out.parent}", param_hint="--out")
    folder = work or index.with_name(f"{index.name}.tune")
    options = TuneOptions(
        measure=measure,
        answers=answers,
        trials=trials,
        share=split,
        seed=seed,
        alpha=alpha,
        margin=margin,
        limit=limit,
        minutes=timeout,
        fixed=frozenset(part.value for part in fix or ()),
        rerankers=tuple(reranker or ()),
    )
    dataset = _read(testset)
    try:
        with Pipeline(index, recipe) as pipeline, evaluating(quiet=json) as progress:
            found = search(pipeline, dataset, folder=folder, options=options, progress=_told(progress))
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted: finished trials are kept in {folder}; the same command goes on from there\n")
        raise typer.Exit(INTERRUPTED) from None
    record = _record(found, index, testset, out, _toml(found, dataset))
    out.write_text(record.recipe_toml, encoding="utf-8")
    if work is None:
        clear(folder)
    if json:
        print_json(record)
    else:
        print_tuning(record)


def _read(path: Path) -> Dataset:
    from rag.evaluation.datasets import read_dataset, read_testset

    return read_dataset(path) if path.is_dir() else read_testset(path)


def _told(progress: Callable[[str, int, int], None]) -> Callable[[TuneProgress], None]:
    def tell(now: TuneProgress) -> None:
        best = "" if now.best is None else f" (best so far: {now.best:.3f})"
        progress(STAGES[now.stage] + best, now.done, now.total)

    return tell


def _toml(found: Tuning, dataset: Dataset) -> str:
    """The recipe advised, with how it was found."""
    from rag.evaluation.tuning.recipe import recipe_toml

    recipe = found.recipe
    if found.changes:
        held_out = next(one.held_out for one in found.candidates if one.recipe == recipe)
        was = f" Was: {recipe.description}" if recipe.description else ""
        text = f"Tuned on {dataset.name}: {found.measure} {held_out:.3f} on held-out questions.{was}"
        recipe = recipe.model_copy(update={"description": text})
    how = (
        f"Found by `rag tune` for {found.measure} on {dataset.name}: {found.tried} recipes tried on {found.tuning} "
        f"questions, confirmed on {found.held_out} others, seed {found.seed}."
    )
    files = [f"{name}: SHA-256 {value}" for name, value in dataset.sha256.items()]
    return recipe_toml(recipe, comments=[*textwrap.wrap(how, 110), *textwrap.wrap(found.text, 110), *files])


def _record(found: Tuning, index: Path, testset: Path, out: Path, toml: str) -> TuneRecord:
    from rag.cli.tune_record import FrontRecord, TuneRecord

    return TuneRecord(
        index=str(index),
        testset=str(testset),
        advice=found.advice,
        text=found.text,
        changes=found.changes,
        recipe=str(out),
        recipe_toml=toml,
        measure=found.measure,
        current=_candidate(found.current),
        candidates=tuple(_candidate(one) for one in found.candidates),
        front=tuple(
            FrontRecord(point.changes, point.quality, 1000 * point.seconds, point.passages, point.bytes)
            for point in found.front
        ),
        tuning_questions=found.tuning,
        held_out_questions=found.held_out,
        tried=found.tried,
        pruned=found.pruned,
        detectable=found.detectable,
        alpha=found.alpha,
        margin=found.margin,
        seed=found.seed,
        notes=found.notes,
    )


def _candidate(one: Candidate) -> CandidateRecord:
    from rag.cli.tune_record import CandidateRecord

    return CandidateRecord(
        name=one.name,
        changes=one.changes,
        tuning=one.tuning,
        held_out=one.held_out,
        milliseconds=1000 * one.seconds,
        passages=one.cut.passages,
        embedded=one.cut.embedded,
        embedding_seconds=one.cut.seconds,
        bytes=one.cut.bytes,
        verdict=one.comparison.verdict if one.comparison else None,
        comparison=one.comparison,
    )
