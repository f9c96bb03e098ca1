"""``rag calibrate``: from which score on an index may answer, so that at most a share of its answers is wrong."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from rag.evaluation.calibration import Point, Trial
    from rag.evaluation.datasets import Question
    from rag.pipeline import Pipeline
    from rag.recipe.calibration import Calibration

__all__ = ["CalibrateRecord", "LineRecord", "calibrate"]

_LINES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class LineRecord:
    """What a line does on the test set: shares of all questions, and of the answers that are wrong."""

    threshold: float
    answered: float
    wrong: float
    wrong_of_answered: float | None
    refused: float


@dataclass(frozen=True, slots=True)
class CalibrateRecord:
    """What ``rag calibrate`` found; ``kept`` with the index or not. ``guarantee`` says what is promised, and when."""

    index: str
    max_wrong: float
    of: Literal["all", "answered"]
    questions: int
    chosen: LineRecord
    lines: tuple[LineRecord, ...]
    guarantee: str
    kept: bool


def calibrate(
    index: Annotated[Path, typer.Argument(help="The index folder.")],
    testset: Annotated[
        Path, typer.Option("--testset", "-t", help="Questions with answers, as `rag testset` or a qa.jsonl has them.")
    ],
    max_wrong: Annotated[str, typer.Option(help="The share of wrong answers to allow: 5% or 0.05.")] = "5%",
    of: Annotated[
        Literal["all", "answered"],
        typer.Option(help="A share of all questions, refused ones too; or of those that get an answer."),
    ] = "all",
    delta: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="With --of answered, how likely the promise may fail.")
    ] = 0.1,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many questions, drawn at random.")] = None,
    keep: Annotated[bool, typer.Option("--keep/--dry-run", help="Keep the line with the index.")] = True,
    json: Annotated[bool, typer.Option("--json", help="Print JSON; `rag schema` describes it.")] = False,
) -> None:
    """Choose from which score on to answer, by asking held-out questions: so that at most a share of answers is wrong.

    The line is kept with the index, and every answer then says the risk it was given at. It holds until the recipe, a
    model or the test set's likeness to real questions changes; a changed recipe or model is noticed and said.
    """
    from rag.cli.output import print_json
    from rag.pipeline import Pipeline

    share = _share(max_wrong)
    with Pipeline(index) as pipeline:
        record, calibration = _calibrated(pipeline, index, testset, share, of, delta, limit, keep)
        if keep:
            pipeline.set_calibration(calibration)
    if json:
        print_json(record)
    else:
        _print(record)


def _share(text: str) -> float:
    number = text.strip()
    try:
        share = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise typer.BadParameter(f"{text!r} is no share between 0 and 1: write 5% or 0.05", param_hint="--max-wrong")
    return share


def _calibrated(
    pipeline: Pipeline,
    index: Path,
    testset: Path,
    share: float,
    of: Literal["all", "answered"],
    delta: float,
    limit: int | None,
    keep: bool,
) -> tuple[CalibrateRecord, Calibration]:
    from rag.errors import EvaluationError
    from rag.evaluation.calibration import control_all, control_answered, least_questions, table
    from rag.evaluation.datasets import read_testset
    from rag.recipe.calibration import Calibration

    data = read_testset(testset)
    questions = data.questions
    if limit is not None and limit < len(questions):  # the promise is for a sample, not for a head
        questions = tuple(random.Random(0).sample(questions, limit))  # noqa: S311
    if len(questions) < least_questions(share):  # before anything is asked
        raise EvaluationError(
            f"{len(questions)} questions cannot promise at most {share:.1%} wrong answers",
            where=str(testset),
            hint=f"{least_questions(share)} are the least, and several times as many serve better",
        )
    trials = _ask(pipeline, questions)
    point = control_all(trials, share) if of == "all" else control_answered(trials, share, delta=delta)
    calibration = Calibration(
        threshold=point.threshold,
        risk=share,
        of=of,
        questions=len(trials),
        answered=point.answered,
        wrong=point.wrong,
        testset=data.sha256[testset.name],
        settings=pipeline.calibrated_settings,
        passages=pipeline.info().chunks,
    )
    promise = (
        f"Of all questions like these, at most {share:.1%} get a wrong answer, in expectation over test sets like this "
        "one (conformal risk control)"
        if of == "all"
        else f"Of the answers to questions like these, at most {share:.1%} are wrong, with {1 - delta:.0%} confidence "
        "(learn then test)"
    )
    guarantee = (
        f"{promise}. It holds if the questions to come are exchangeable with the test set, as when both are drawn at "
        "random from the same source, and the documents and the recipe stay as they are."
    )
    lines = tuple(_line(one) for one in table(trials, _LINES))
    record = CalibrateRecord(str(index), share, of, len(trials), _line(point), lines, guarantee, keep)
    return record, calibration


def _ask(pipeline: Pipeline, questions: tuple[Question, ...]) -> list[Trial]:
    """Every question, answered with no line drawn."""
    from rag.evaluation.calibration import trial

    found = []
    for place, question in enumerate(questions, 1):
        found.append(trial(question, pipeline.ask_without_line(question.text)))
        if sys.stderr.isatty() and (place % 10 == 0 or place == len(questions)):
            sys.stderr.write(f"\r{place} of {len(questions)} questions asked")
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    return found


def _line(point: Point) -> LineRecord:
    n = point.questions
    return LineRecord(
        threshold=point.threshold,
        answered=point.answered / n,
        wrong=point.wrong / n,
        wrong_of_answered=point.wrong / point.answered if point.answered else None,
        refused=1 - point.answered / n,
    )


def _print(record: CalibrateRecord) -> None:
    from rich.table import Table
    from rich.text import Text

    from rag.cli.render import console

    table = Table(box=None, pad_edge=False)
    for name in ("score at least", "answered", "wrong, of all", "wrong, of answers", "refused"):
        table.add_column(name, justify="right")
    rows = sorted({*record.lines, record.chosen}, key=lambda line: line.threshold)
    for line in rows:
        mark = " *" if line == record.chosen else "  "
        of_answers = "-" if line.wrong_of_answered is None else f"{line.wrong_of_answered:.1%}"
        table.add_row(
            f"{line.threshold:.3f}{mark}",
            f"{line.answered:.1%}",
            f"{line.wrong:.1%}",
            of_answers,
            f"{line.refused:.1%}",
        )
    console().print(table)
    console().print(Text(f"\n* chosen from {record.questions} questions. {record.guarantee}"))
    if not record.chosen.answered:
        console().print(Text("At this line nothing is answered: allow more, or improve the answers.", style="yellow"))
    console().print(Text("kept with the index" if record.kept else "not kept", style="dim"))
