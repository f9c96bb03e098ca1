"""How a search for a recipe looks in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from rag.cli.render import console, printable
from rag.evaluation.tuning.recipe import describe
from rag.types import Value

if TYPE_CHECKING:
    from rag.cli.tune_record import CandidateRecord, TuneRecord

__all__ = ["print_tuning"]


def print_tuning(record: TuneRecord) -> None:
    """The advice, the recipes that were confirmed, and the front of quality against time."""
    out = console()
    out.print(
        f"{record.tried} recipes tried on {record.tuning_questions} questions ({record.pruned} of them not on all), "
        f"confirmed on {record.held_out_questions} others",
        markup=False,
    )
    table = Table(title=f"{record.measure}, held out", title_justify="left")
    for name in ("recipe", "held out", "difference", "p, corrected", "tuned by", "ms", "passages", "MiB", "changes"):
        table.add_column(name, justify="left" if name in ("recipe", "changes") else "right")
    for one in (record.current, *record.candidates):
        table.add_row(*_row(one))
    out.print(table)
    if len(record.front) > 1:
        front = Table(title="Quality against time, by the questions tuned by", title_justify="left")
        for name in (record.measure, "ms", "passages", "MiB", "changes"):
            front.add_column(name, justify="left" if name == "changes" else "right")
        for point in record.front:
            front.add_row(
                f"{point.tuning:.3f}",
                f"{point.milliseconds:.2f}",
                str(point.passages),
                _mib(point.bytes),
                _changes(point.changes),
            )
        out.print(front)
    for note in record.notes:
        out.print(f"note: {printable(note)}", markup=False)
    out.print(printable(record.text), markup=False)
    again = ", then: rag index PATH... --index INDEX --recipe " + record.recipe if record.changes else ""
    out.print(f"written: {printable(record.recipe)}{printable(again)}", markup=False)


def _row(one: CandidateRecord) -> tuple[str | Text, ...]:
    comparison = one.comparison
    difference = f"{comparison.difference:+.3f} ({comparison.low:+.3f} to {comparison.high:+.3f})" if comparison else ""
    return (
        one.name,
        f"{one.held_out:.3f}",
        difference,
        f"{comparison.p_corrected:.2g}" if comparison else "",
        f"{one.tuning:.3f}",
        f"{one.milliseconds:.2f}",
        str(one.passages),
        _mib(one.bytes),
        _changes(one.changes),
    )


def _changes(changes: Mapping[str, Value]) -> Text:
    return Text(printable(describe(changes)) if changes else "(the current recipe)")


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f}"
