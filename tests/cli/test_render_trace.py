"""The tree of a trace in the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from rag.cli.render_trace import trace_tree
from rag.types import Step, Trace


def shown(trace: Trace) -> list[str]:
    console = Console(file=io.StringIO(), width=400, highlight=False)
    console.print(trace_tree(trace))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_a_line_a_step_with_time_tokens_and_what_went_in_and_out():
    inner = Step("generate", {"max_tokens": 48}, {"reply": "x" * 100}, 0.5, 0.25, 100, 20)
    hop = Step(
        "hop", {"number": 1, "where": None}, {"score": 0.123456, "new": ("a" * 32, "b" * 32)}, 0.0, 1.0, steps=(inner,)
    )
    assert shown(Trace("ask", 0.0, 1.5, (hop,))) == [
        "ask  1500 ms  100 + 20 tokens",
        "└── hop  1000 ms  number=1  → score=0.123  new=2",
        f"    └── generate  250 ms  100 + 20 tokens  max_tokens=48  → reply=“{'x' * 59}…”",
    ]


def test_an_error_is_shown():
    (_, line) = shown(Trace("ask", 0.0, 1.0, (Step("search", {}, {}, 0.0, 0.001, error="no index"),)))
    assert line.endswith("search  1 ms  “no index”")


def test_documents_steer_no_terminal_and_write_no_markup():
    wicked = "a\x1b[31mred\r\n[bold]loud[/bold]\x07"
    step = Step(wicked, {"q": wicked}, {"list": (wicked, "b")}, 0.0, 0.0)
    text = "\n".join(shown(Trace("ask", 0.0, 0.0, (step,))))
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[bold]loud[/bold]" in text
    assert len(text.splitlines()) == 2
