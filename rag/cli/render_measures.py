"""How measures and comparisons look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from rag.cli.measure_records import CompareRecord, MeanRecord, MeasureRecord
from rag.cli.render import console, printable
from rag.evaluation.results import Comparison

__all__ = ["comparison_table", "print_comparison", "print_measures"]

STYLES = {"better": "green", "worse": "red", "no significant difference": ""}


def print_measures(record: MeasureRecord) -> None:
    """Means with their intervals, every query's values where asked for, and the notes."""
    if record.per_query is not None:
        table = _table("query", *record.per_query)
        for query in next(iter(record.per_query.values())):
            table.add_row(Text(printable(query)), *(f"{values[query]:.4f}" for values in record.per_query.values()))
        console().print(table)
        console().print()
    table = _table("measure", "mean", "95% interval")
    for one in record.measures:
        table.add_row(one.measure, f"{one.mean:.4f}", _interval(one.low, one.high))
    console().print(table)
    console().print(f"{record.queries} judged queries", style="dim")
    _print_notes(record.notes)


def print_comparison(record: CompareRecord) -> None:
    """Means side by side, the tests, and in words what they say."""
    table = _table("run", *(one.measure for one in record.systems[0].measures))
    for system in record.systems:
        table.add_row(Text(printable(system.name)), *(_mean(one) for one in system.measures))
    console().print(table)
    console().print()
    comparisons = [one.comparison for one in record.comparisons]
    console().print(comparison_table(comparisons))
    console().print(
        f"{record.queries} judged queries; randomisation test with {record.samples:,} sign flips, seed {record.seed}",
        style="dim",
    )
    console().print()
    for line in _verdicts(comparisons, record.alpha):
        console().print(Text(line))
    _print_notes(record.notes)


def comparison_table(comparisons: Sequence[Comparison]) -> Table:
    """A line for each comparison: the difference, how sure it is, and what may be said of it."""
    table = _table(
        *("measure", "run", "difference", "95% interval", "d_z", "wins/ties/losses", "p t-test", "p random."),
        *("p corrected", "verdict"),
    )
    for one in comparisons:
        table.add_row(
            one.measure,
            Text(printable(one.system)),
            f"{one.difference:+.4f}",
            _interval(one.low, one.high, sign="+"),
            "" if one.effect_size is None else f"{one.effect_size:+.2f}",
            f"{one.wins}/{one.ties}/{one.losses}",
            _p(one.p_t),
            _p(one.p_randomization),
            _p(one.p_corrected),
            Text(one.verdict, style=STYLES[one.verdict]),
        )
    return table


def _verdicts(comparisons: Sequence[Comparison], alpha: float) -> list[str]:
    correction = f"at {alpha:g} after Holm's correction over {len(comparisons)} comparisons"
    if len(comparisons) == 1:
        correction = f"at {alpha:g}"
    found = [
        f"{printable(one.system)} is significantly {one.verdict} than {printable(one.baseline)} by {one.measure}, "
        f"{correction}: {one.difference:+.4f} (p = {_p(one.p_corrected)})."
        for one in comparisons
        if one.verdict != "no significant difference"
    ]
    rest = len(comparisons) - len(found)
    if not found:
        return [f"No difference is significant {correction}; the intervals say how large one could still be."]
    if rest:
        found.append(f"The other {'difference is' if rest == 1 else f'{rest} differences are'} not significant.")
    return found


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column(first, style="bold")
    for name in others:
        table.add_column(name, justify="left" if name in {"run", "verdict"} else "right")
    return table


def _mean(one: MeanRecord) -> str:
    return f"{one.mean:.4f}"


def _interval(low: float, high: float, sign: str = "") -> str:
    return f"{low:{sign}.4f} to {high:{sign}.4f}"


def _p(p: float) -> str:
    return f"{p:.4f}" if p >= 0.0001 else "<.0001"


def _print_notes(notes: Sequence[str]) -> None:
    for note in notes:
        console().print(Text(f"note: {printable(note)}", style="yellow"))
