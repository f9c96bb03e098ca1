"""The README's own commands run as written, and its transcripts are what they print."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.models
SECONDS = re.compile(r"\d+\.\d s")


def _blocks(root: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (root / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def _commands(root: Path) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for block in _blocks(root, "console"):
        for part in block.split("$ ")[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def _run(command: str, root: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # As typed by a person, not as a sub-make of `make test`.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    environment["PATH"] = path
    done = subprocess.run(command, shell=True, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_commands_run_and_print_what_the_readme_shows(root: Path) -> None:
    commands = _commands(root)
    assert len(commands) >= 8
    for command, shown in commands:
        printed = _run(command, root)
        if shown.strip():
            # What was indexed by an earlier run is unchanged in this one; times differ always.
            assert _lasting(printed) == _lasting(shown), command


def _lasting(output: str) -> list[str]:
    return [SECONDS.sub("_", line) for line in output.strip().splitlines() if not line.startswith("indexes/")]


def test_the_python_runs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    for block in _blocks(root, "python"):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(block, "README.md", "exec"), {})
        assert printed.getvalue().strip()
