"""How evaluations look in a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from rag.cli.render import console, printable
from rag.cli.render_measures import comparison_table
from rag.evaluation.experiment.folder import REPORT
from rag.evaluation.experiment.summary import Latency, MeasureSummary, Summary
from rag.evaluation.misses.explain import STAGES

__all__ = ["print_evaluation"]


def print_evaluation(summary: Summary) -> None:
    """Measures with their intervals and coverage, comparisons, misses, notes, and where the rest is."""
    out = console()
    recipe = f", recipe {summary.name}" if summary.name else ""
    asked = "1 question" if summary.questions == 1 else f"{summary.questions:,} questions"
    out.print(Text(f"{summary.dataset}{recipe}: {asked}", style="bold"))
    out.print(_measures(summary))
    for name, latency in (("retrieval", summary.retrieval_latency), ("answer", summary.answer_latency)):
        if latency is not None:
            out.print(Text(f"seconds a question, {name}: {_seconds(latency)}", style="dim"))
    if summary.comparisons:
        comparisons = [one.comparison for one in summary.comparisons]
        out.print(Text(f"\nCompared with {printable(comparisons[0].baseline)}:", style="bold"))
        out.print(comparison_table(comparisons))
    if summary.misses:
        out.print(Text("\nWhat failed questions lost, and where:", style="bold"))
        for stage in STAGES:
            if stage in summary.misses:
                out.print(Text(f"  {summary.misses[stage]:>5}  {stage}"))
    for note in summary.notes:
        out.print(Text(f"note: {printable(note)}", style="dim"))
    for failure in summary.failures:
        out.print(Text(f"FAILED: {printable(failure)}", style="red"))
    out.print(Text(f"report: {Path(summary.folder) / REPORT}\n"))


def _measures(summary: Summary) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    expecting = any(one.expected is not None for one in summary.measures)
    table.add_column("measure")
    for name in ("mean", "95% interval", "questions"):
        table.add_column(name, justify="right")
    if expecting:
        table.add_column("expected", justify="right")
    table.add_column("")
    for one in summary.measures:
        interval = "" if one.low is None or one.high is None else f"{one.low:.4f} to {one.high:.4f}"
        row = [
            Text(one.name, style="bold"),
            Text("-" if one.mean is None else f"{one.mean:.4f}"),
            Text(interval, style="dim"),
            Text(f"{one.scored}" if one.scored == one.total else f"{one.scored} of {one.total}"),
        ]
        if expecting:
            row.append(Text("" if one.expected is None else f"{one.expected:.4f} ± {one.tolerance:g}"))
        table.add_row(*row, _remark(one))
    return table


def _remark(one: MeasureSummary) -> Text:
    why = ", ".join(f"{count} {status}" for status, count in one.statuses.items())
    if not one.as_expected:
        return Text("not as expected", style="red")
    return Text(f"covers too little: {why}" if not one.covered else why, style="dim" if one.covered else "yellow")


def _seconds(latency: Latency) -> str:
    return f"median {latency.p50:.3f}, 95th percentile {latency.p95:.3f}, most {latency.most:.3f}"
