"""``rag measure`` and ``rag compare``: TREC runs against judgements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rag.cli.measure_records import MeanRecord, SystemRecord
    from rag.evaluation.ranking.judgements import Qrels
    from rag.evaluation.ranking.measures import RunScores

__all__ = ["compare", "measure"]

WORSE = 5
DEFAULT_MEASURES = "nDCG@10 AP R@100"

QrelsArgument = Annotated[
    Path,
    typer.Argument(
        help="Judgements: TREC's four columns or BEIR's three, may be gzipped; or a BEIR folder (its test split).",
        metavar="QRELS",
    ),
]
MeasuresOption = Annotated[
    str,
    typer.Option(
        "--measures",
        "-m",
        help='Measures as ir_measures names them, such as "nDCG@10 AP P(rel=2)@5". Judged@k is shown beside them.',
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON; `rag schema` describes it.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Of what is drawn at random.")]


def measure(
    qrels: QrelsArgument,
    run: Annotated[Path, typer.Argument(help="A run in TREC's six columns; may be gzipped.", metavar="RUN")],
    measures: MeasuresOption = DEFAULT_MEASURES,
    per_query: Annotated[bool, typer.Option("--per-query", "-q", help="Also show every query's values.")] = False,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Score a TREC run against judgements, as trec_eval does.

    Every judged query counts: one without results, or without a relevant document, with 0.
    """
    from rag.cli.measure_records import MeasureRecord
    from rag.cli.output import print_json
    from rag.cli.render_measures import print_measures
    from rag.evaluation.ranking.judgements import read_run

    names = _measures(measures)
    judged = _read_qrels(qrels)
    scores = _score(judged, read_run(run), names, run)
    record = MeasureRecord(
        qrels=str(qrels),
        run=str(run),
        queries=len(judged),
        measures=_means(scores, seed),
        notes=scores.notes,
        per_query=scores.per_query if per_query else None,
    )
    if json:
        print_json(record)
    else:
        print_measures(record)


def compare(
    qrels: QrelsArgument,
    runs: Annotated[list[Path], typer.Argument(help="Two runs or more, in TREC's six columns.", metavar="RUN...")],
    measures: MeasuresOption = DEFAULT_MEASURES,
    baseline: Annotated[
        Path | None,
        typer.Option(help="The run that the others are compared with. \\[default: the first]", metavar="RUN"),
    ] = None,
    alpha: Annotated[float, typer.Option(help="The chance of any false alarm among all comparisons.")] = 0.05,
    samples: Annotated[int, typer.Option(help="Random sign flips a test; at least 10,000.")] = 10_000,
    seed: SeedOption = 0,
    json: JsonOption = False,
) -> None:
    """Compare TREC runs: which differences are more than chance, after correction for the number of comparisons.

    Exit code 5: a run is significantly worse than the baseline.
    """
    from rag.cli.measure_records import CompareRecord, SystemRecord
    from rag.cli.output import print_json
    from rag.cli.render_measures import print_comparison
    from rag.evaluation.experiment.summary import Compared
    from rag.evaluation.ranking.judgements import read_run
    from rag.evaluation.ranking.significance import compare as compare_scores
    from rag.evaluation.ranking.significance import merits

    paths = [baseline, *(run for run in runs if run != baseline)] if baseline else runs
    if len(paths) < 2:
        raise typer.BadParameter("name two runs or more", param_hint="RUN")
    systems = _names(paths)
    names = _measures(measures)
    judged = _read_qrels(qrels)
    scores = {name: _score(judged, read_run(path), names, path) for name, path in systems.items()}
    first, *others = scores
    comparisons = compare_scores(
        {name: merits(scores[name].per_query) for name in others},
        merits(scores[first].per_query),
        baseline=first,
        alpha=alpha,
        samples=samples,
        seed=seed,
    )
    records: list[SystemRecord] = [
        SystemRecord(name, str(path), _means(scores[name], seed), scores[name].notes) for name, path in systems.items()
    ]
    record = CompareRecord(
        qrels=str(qrels),
        queries=len(judged),
        systems=tuple(records),
        comparisons=tuple(Compared(one.verdict, one) for one in comparisons),
        alpha=alpha,
        samples=samples,
        seed=seed,
        notes=tuple(dict.fromkeys(f"{one.name}: {note}" for one in records for note in one.notes)),
    )
    if json:
        print_json(record)
    else:
        print_comparison(record)
    if any(one.verdict == "worse" for one in comparisons):
        raise typer.Exit(WORSE)


def _measures(text: str) -> tuple[str, ...]:
    from rag.evaluation.ranking.measures import parse_measures, with_judged

    return with_judged(parse_measures(text))


def _read_qrels(path: Path) -> Qrels:
    from rag.evaluation.ranking.judgements import read_qrels

    return read_qrels(path / "qrels" / "test.tsv" if path.is_dir() else path)


def _score(qrels: Qrels, run: dict[str, dict[str, float]], measures: Sequence[str], path: Path) -> RunScores:
    from rag.errors import EvaluationError
    from rag.evaluation.ranking.measures import score_run

    try:
        return score_run(qrels, run, measures)
    except EvaluationError as error:
        raise EvaluationError(error.message, where=error.where or str(path), hint=error.hint) from error


def _means(scores: RunScores, seed: int) -> tuple[MeanRecord, ...]:
    from math import fsum

    from rag.cli.measure_records import MeanRecord
    from rag.evaluation.ranking.significance import bootstrap_interval

    return tuple(
        MeanRecord(name, fsum(values.values()) / len(values), *bootstrap_interval(list(values.values()), seed=seed))
        for name, values in scores.per_query.items()
    )


def _names(paths: Sequence[Path]) -> dict[str, Path]:
    """Runs by the name of their file, or by their path where two files have one name."""
    stems = Counter(_stem(path) for path in paths)
    names = {_stem(path) if stems[_stem(path)] == 1 else str(path): path for path in paths}
    if len(names) < len(paths):
        raise typer.BadParameter("a run is named twice", param_hint="RUN")
    return names


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").removesuffix(path.with_name(path.name.removesuffix(".gz")).suffix)
