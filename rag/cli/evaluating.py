"""``rag eval``: recipes over a data set, measured."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["evaluate"]

INCOMPLETE, MISSED, INTERRUPTED = 3, 5, 130


def evaluate(
    target: Annotated[
        Path,
        typer.Argument(
            help="A suite (.toml), a data set folder in the BEIR layout, or a test set made by `rag testset` (.jsonl).",
            metavar="SUITE|DATASET|TESTSET",
        ),
    ],
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            "--recipe",
            "-r",
            help="A shipped recipe's name or a TOML file; of several, the first is the baseline of the others. "
            "\\[default: default, or the index's own]",
        ),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option("--index", "-i", help="Search this index instead of one made of the data set's documents."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(envvar="RAGSTONE_DATA", help="The folder of a suite's data sets. \\[default: the suite's own]"),
    ] = None,
    split: Annotated[
        str, typer.Option(help="The judgements: qrels/SPLIT.tsv. \\[default: test, or the suite's]", metavar="SPLIT")
    ] = "",
    measures: Annotated[
        str | None,
        typer.Option(
            "--measures",
            "-m",
            help='Measures, such as "nDCG@10 AP R@100 f1 judged.fluency ragas.faithfulness". '
            "\\[default: the usual ones of retrieval, and with --answers all that need no model as judge]",
        ),
    ] = None,
    answers: Annotated[bool, typer.Option("--answers", help="Also generate and score answers (qa.jsonl).")] = False,
    explain_misses: Annotated[
        bool, typer.Option("--explain-misses", help="Say of every failed question which stage lost the gold.")
    ] = False,
    judge: Annotated[
        str,
        typer.Option(help="The recipe whose generator judges. \\[default: the evaluated recipe's]", metavar="RECIPE"),
    ] = "",
    baseline: Annotated[
        Path | None,
        typer.Option(help="Compare with this TREC run, or this earlier evaluation (its folder).", metavar="RUN|RESULT"),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="A sample of so many questions.")] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, help="Of the sample, the intervals and the tests of significance. \\[default: 0, or the suite's]"
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Questions asked at once; for API models.")] = 1,
    min_coverage: Annotated[
        float, typer.Option(min=0, max=1, help="A mean over a smaller share of the questions is flagged.")
    ] = 0.95,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for the results. \\[default: runs/NAME-RECIPE-SETTINGS]")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over, dropping the evaluation that the folder holds.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; `rag schema eval` describes it.")] = False,
) -> None:
    """Measure how well recipes retrieve and answer, over a data set with judgements.

    Writes a TREC run, scores by question, a summary and a report (HTML); stopped, the same command goes on from there.

    Exit code 3: a mean covers too few of its questions; 5: a score is not as expected, or significantly worse.
    """
    from rag.cli.progress import evaluating
    from rag.evaluation.experiment.run import Request, run_experiment

    request = Request(
        target=target,
        recipes=tuple(recipe or ()),
        index=index,
        data=data,
        split=split,
        measures=tuple((measures or "").split()),
        answers=answers,
        explain_misses=explain_misses,
        judge=judge,
        baseline=baseline,
        limit=limit,
        seed=seed,
        jobs=jobs,
        min_coverage=min_coverage,
        out=out,
        fresh=fresh,
        command=shlex.join(["rag", *sys.argv[1:]]),
    )
    try:
        with evaluating(quiet=json) as progress:
            done = run_experiment(request, progress=progress)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: finished questions are kept; the same command goes on from there\n")
        raise typer.Exit(INTERRUPTED) from None
    if json:
        from rag.cli.output import EvalRecord, print_json

        print_json(EvalRecord(tuple(done)))
    else:
        from rag.cli.render_evaluation import print_evaluation

        for summary in done:
            print_evaluation(summary)
    uncovered = sum(not one.covered for summary in done for one in summary.measures)
    if sum(len(summary.failures) for summary in done) > uncovered:  # each of which is a failure of its own
        raise typer.Exit(MISSED)
    if uncovered:
        raise typer.Exit(INCOMPLETE)
