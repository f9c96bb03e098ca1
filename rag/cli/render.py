"""How results look in a terminal. Text from documents is never read as markup or control codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rich.console import Console
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rag.types import Answer, Conflict, Hit

if TYPE_CHECKING:
    from rag.chains.ingest import IndexReport
    from rag.cli.output import ModelRecord, RecipeRecord
    from rag.index import IndexInfo

__all__ = [
    "console",
    "print_answer",
    "print_hits",
    "print_info",
    "print_models",
    "print_recipes",
    "print_report",
    "print_stale_calibration",
    "stream_answer",
]

UNCUT = 10_000  # columns where there is no terminal: rich cuts tables at 80
EXCERPT = 320  # characters of a passage shown by `rag search`
VERDICT_STYLES = {"supported": "green", "partly": "yellow", "not in the documents": "red"}


@cache
def console() -> Console:
    """Standard output; lines are not cut where it is no terminal."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, soft_wrap=True, width=UNCUT)


def printable(text: str) -> str:
    """One line of ``text``, without the control characters a document could steer a terminal by."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _indented(text: str, style: str = "") -> None:
    # Padding would cut a line at 80 columns where there is no terminal.
    inset = Text(text, style=style)
    console().print(Padding(inset, (0, 0, 0, 3)) if console().is_terminal else Text("   ").append_text(inset))


def place(hit: Hit) -> str:
    """Where a passage is from: path, page, headings."""
    chunk = hit.chunk
    parts = [str(hit.metadata.get("path") or chunk.uri)]
    if "#" in chunk.uri:
        parts[0] += "#" + unquote(chunk.uri.partition("#")[2])
    page = chunk.page_at(chunk.start)
    if page is not None:
        parts.append(f"page {page}")
    if chunk.headings:
        parts.append(" > ".join(chunk.headings))
    return printable(", ".join(parts))


def print_hits(hits: Sequence[Hit], *, explain: bool) -> None:
    """Passages, best first; with ``explain`` their rank and score in every arm."""
    if not hits:
        console().print("nothing found")
    for hit in hits:
        head = Text.assemble((f"{hit.rank}. ", "bold"), (place(hit), "bold cyan"), f"  {hit.score:.3f}")
        console().print(head)
        if explain:
            arms = "  ".join(
                f"{arm}: rank {score.rank}, score {score.score:.4f}" for arm, score in sorted(hit.arms.items())
            )
            _indented(arms, "dim")
        text = printable(hit.chunk.text)
        shown = text if len(text) <= EXCERPT else text[:EXCERPT].rsplit(" ", 1)[0] + " …"
        _indented(shown)
        console().print()


def stream_answer(events: Iterator[str | Answer]) -> Answer:
    """Show the unchecked draft while it is written, where someone is watching; the answer replaces it."""
    draft = ""
    answer: Answer | None = None
    watched = console().is_terminal
    with Live(console=console(), transient=True) if watched else nullcontext() as live:
        for event in events:
            if isinstance(event, Answer):
                answer = event
            elif live is not None:
                draft += event
                live.update(Text(f"{printable(draft)} …", style="dim"))
    assert answer is not None  # noqa: S101  the stream's last event always is the answer
    return answer


def print_answer(answer: Answer, seconds: float) -> None:
    """The answer with its proof, and its verdict."""
    from rag.grounding import render as render_answer

    console().print(Text(render_answer(answer)))
    for conflict in answer.conflicts:
        console().print(Text(_disagreement(conflict), style="yellow"))
    verdict = Text(answer.verdict, style=VERDICT_STYLES[answer.verdict])
    read, found = len(answer.hits), len(answer.hits) + len(answer.dropped)
    notes = [f"{read} of {found} passages read"] if found else []
    if answer.verdict == "partly" and all(sentence.supported for sentence in answer.sentences):
        notes.insert(0, "every sentence is proved, but it is less sure that they answer the question")
    if answer.quoted:
        notes.insert(0, "quoted, because the model's own words could not be proved")
    if answer.risk is not None:
        notes.append(f"calibrated for {answer.risk:.1%} wrong")
    console().print(Text.assemble("\n", verdict, (f" · {' · '.join([*notes, f'{seconds:.1f} s'])}", "dim")))


def _disagreement(conflict: Conflict) -> str:
    """A line: of what, the two values with their sources' numbers, and which one the answer follows."""
    said = [
        f"{printable(value)} [{citation.number}]"
        for value, citation in zip(conflict.values, conflict.citations, strict=True)
    ]
    follows = (
        "" if conflict.preferred is None else f"; followed: {said[conflict.preferred]}, {printable(conflict.reason)}"
    )
    return f"documents disagree on “{printable(conflict.about)}”: {' and '.join(said)}{follows}"


def print_stale_calibration(index: Path) -> None:
    """That a calibration is kept which no longer holds."""
    console().print(
        Text(
            f"not calibrated: what {index} answers with has changed since `rag calibrate`; run it again",
            style="yellow",
        )
    )


def print_report(report: IndexReport, index: Path) -> None:
    """What indexing did, and what it skipped and why."""
    counts = ", ".join(
        f"{count} {name}"
        for name in ("added", "updated", "removed", "unchanged")
        if (count := getattr(report, name)) or name == "unchanged"
    )
    console().print(
        Text(
            f"{index}: {counts} ({report.files} {'file' if report.files == 1 else 'files'}, "
            f"{report.passages} passages written, {report.embedded} embedded, {report.seconds:.1f} s)"
        )
    )
    if report.skipped:
        console().print(Text(f"{len(report.skipped)} skipped:", style="yellow"))
        for skipped in report.skipped:
            _indented(f"{printable(skipped.uri)}: {printable(skipped.reason)}")


def print_info(info: IndexInfo) -> None:
    """What an index holds, a line each."""
    settings = info.settings
    languages = ", ".join(f"{name or '?'} {count}" for name, count in sorted(info.languages.items()))
    rows = {
        "index": info.path,
        "documents": f"{info.documents:,}",
        "passages": f"{info.chunks:,} ({info.tokens:,} tokens; {info.dead:,} deleted, not yet compacted)",
        "languages": languages or "none",
        "embedder": f"{settings.embedder}, {settings.dim} dimensions" if settings.embedder else "none",
        "BM25": f"{settings.variant}, k1 {settings.k1:g}, b {settings.b:g}; analyzer {info.analyzer}",
        "size": f"{info.bytes / 1e6:,.1f} MB in {info.segments} segments",
        "commits": f"{info.generation}, the last {info.modified} (made {info.created}, format {info.format})",
    }
    table = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        table.add_row(Text(name, style="bold"), Text(value))
    console().print(table)


def print_models(records: Sequence[ModelRecord]) -> None:
    """Registered models, a line each."""
    styles = {"installed": "green", "missing": "yellow", "damaged": "red"}
    table = Table.grid(padding=(0, 2))
    for record in records:
        state = Text(record.state, style=styles[record.state])
        table.add_row(
            Text(record.name, style="bold"), record.kind, f"{record.size / 1e6:.0f} MB", record.licence, state
        )
    console().print(table)


def print_recipes(records: Sequence[RecipeRecord]) -> None:
    """Shipped recipes, a line each."""
    table = Table.grid(padding=(0, 2))
    for record in records:
        table.add_row(Text(record.name, style="bold"), Text(record.description))
    console().print(table)
