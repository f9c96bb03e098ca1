"""`rag agent` as its users start it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from rag.chains.tools import Tool
from rag.cli.agent import _load
from rag.errors import QueryError, ToolError

Run = Callable[..., subprocess.CompletedProcess[str]]
RAG = Path(sys.executable).with_name("rag")
RECIPE = """
[embedder]
backend = "none"
[retrieval]
arms = ["sparse"]
[generator]
kind = "extractive"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of two notes by BM25, recipes and a module of tools."""
    folder = tmp_path_factory.mktemp("agent")
    docs = folder / "docs"
    docs.mkdir()
    (docs / "ferry.txt").write_text("The ferry to Aran leaves at noon. A ticket costs 12 euros.\n")
    (docs / "odd.txt").write_text("A \x1b[31mbicycle on the ferry costs 5 euros.\n")
    (folder / "rules.toml").write_text(RECIPE)
    (folder / "broken_tools.py").write_text("1 / 0\n")
    (folder / "my_tools.py").write_text(
        'def tide(port: str) -> str:\n    """High tide."""\n    return port\n\nSIZE = 3\n'
    )
    done = subprocess.run(
        [RAG, "index", docs, "--recipe", "rules.toml", "--index", "built"], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr
    return folder


@pytest.fixture
def rag(folder: Path) -> Run:
    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([RAG, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=250)
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    return run


def test_steps_are_shown_and_the_answer_is_proved(rag: Run):
    shown = rag("agent", "What does a ticket cost?", "-i", "built", "--trace").stdout
    assert shown.startswith("1. search(query='What does a ticket cost?')  ")
    assert "A ticket costs 12 euros. [1]" in shown
    assert "supported" in shown
    assert "\nagent  " in shown
    assert "── step  " in shown


def test_json_is_as_its_schema_says_and_holds_steps_and_trace(rag: Run):
    value = json.loads(rag("agent", "What is 15% of 80?", "-i", "built", "--max-steps", "2", "--json").stdout)
    jsonschema.validate(value, json.loads(rag("schema", "agent").stdout))
    assert [(step["tool"], step["value"]) for step in value["steps"]] == [("search", None), ("calculate", 12)]
    assert value["ended"] == "steps"
    assert value["answer"]["text"] == "15% of 80 = 12"
    assert value["trace"]["name"] == "agent"
    assert value["trace"]["steps"][0]["steps"]


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--where", "year >"], 2, "found the end"),
        (["--tool", "my_tools"], 2, "module:function"),
        (["--tool", "my_tools:gone"], 2, "gone"),
        (["--tool", "nowhere:tide"], 2, "nowhere"),
        (["--tool", "broken_tools:tide"], 2, "ZeroDivisionError: division by zero"),
        (["--tool", "my_tools:SIZE"], 2, "not a function"),
        (["--tool", "my_tools:tide"], 1, "rules do not know"),
        (["--mcp", "/nonexistent/server"], 1, "No such file"),
        (["--max-steps", "0"], 2, "max-steps"),
    ],
)
def test_what_is_wrong_is_said(rag: Run, options: list[str], code: int, says: str):
    assert says in rag("agent", "What does a ticket cost?", "-i", "built", *options, code=code).stderr


def test_a_tool_is_a_function_or_a_tool(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", list(sys.path))
    made = _load("my_tools:tide")
    assert isinstance(made, Tool)
    assert made.name == "tide"
    with pytest.raises(ToolError):
        _load("json:loads")
    with pytest.raises(QueryError):
        _load(":tide")
