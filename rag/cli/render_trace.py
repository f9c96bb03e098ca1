"""A trace as a tree in the terminal: what each step took in and gave, how long it was and what it cost."""

from __future__ import annotations

from rich.text import Text
from rich.tree import Tree

from rag.cli.render import console, printable
from rag.types import Metadata, Step, Trace, Value

__all__ = ["print_trace", "trace_tree"]

SHOWN = 60  # characters of a text


def print_trace(trace: Trace) -> None:
    """Print the tree."""
    console().print(trace_tree(trace))


def trace_tree(trace: Trace) -> Tree:
    """A line a step: its name, milliseconds, tokens read and written, and what went in and came out, cut short."""
    head = _line(trace.name, trace.seconds, trace.prompt_tokens, trace.output_tokens)
    tree = Tree(head, guide_style="dim")
    for step in trace.steps:
        _grow(tree, step)
    return tree


def _grow(tree: Tree, step: Step) -> None:
    line = _line(step.name, step.seconds, step.prompt_tokens, step.output_tokens)
    for mark, notes in (("", step.inputs), ("→ ", step.outputs)):
        if told := _told(notes):
            line.append(f"  {mark}{told}", "dim")
    if step.error:
        line.append(f"  {_short(step.error)}", "red")
    branch = tree.add(line)
    for inner in step.steps:
        _grow(branch, inner)


def _line(name: str, seconds: float, read: int, written: int) -> Text:
    line = Text.assemble((printable(name), "bold"), f"  {seconds * 1000:.0f} ms")
    if read or written:
        line.append(f"  {read} + {written} tokens", "cyan")
    return line


def _told(notes: Metadata) -> str:
    return "  ".join(
        f"{printable(name)}={_value(value)}" for name, value in notes.items() if value not in (None, "", ())
    )


def _value(value: Value) -> str:
    if isinstance(value, str):
        return _short(value)
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, tuple):
        # of passages, whose ids say nothing, how many
        if len(value) > 3 or any(isinstance(one, str) and len(one) == 32 and " " not in one for one in value):
            return f"{len(value)}"
        return ", ".join(map(_value, value))
    return str(value)


def _short(text: str) -> str:
    line = printable(text)
    return f"“{line if len(line) <= SHOWN else line[: SHOWN - 1] + '…'}”"
