"""The house keeps its shape: imports go one way, public names are held, importing is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rag

# A room may import its own and earlier floors. Rooms on one floor do not know each other.
FLOORS = [
    {"errors", "types"},
    {"protocols"},
    {"tracing", "telemetry", "keys"},
    {"text"},
    {"loaders", "chunkers", "embedders", "index", "queries", "rerankers", "generators", "models"},
    {"retrieval", "maps"},
    {"grounding"},
    {"chains"},
    {"recipe"},
    {"pipeline"},
    {"evaluation"},
    {"cli"},
]
# Model files are where embedders, rerankers and generators get theirs from.
ALLOWED = {("embedders", "models"), ("rerankers", "models"), ("generators", "models")}


def _floor(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def _imports(file: Path) -> set[str]:
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "rag":
            parts = node.module.split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names} - {"__version__"}
        elif isinstance(node, ast.Import):
            rooms |= {name.name.split(".")[1] for name in node.names if name.name.startswith("rag.")}
    return rooms


def test_imports_go_one_way(root: Path) -> None:
    wrong = []
    for file in (root / "rag").rglob("*.py"):
        parts = file.relative_to(root / "rag").with_suffix("").parts
        room = parts[0]
        if room == "__init__":
            continue
        wrong += [
            f"{file.relative_to(root)} imports rag.{other}"
            for other in _imports(file) - {room}
            if _floor(other) >= _floor(room) and (room, other) not in ALLOWED
        ]
    assert not wrong


def test_nothing_in_the_library_imports_apps_eval_or_tests(root: Path) -> None:
    for file in (root / "rag").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & {"apps", "eval", "tests", "indexes"}


def test_only_the_command_line_prints_or_exits(root: Path) -> None:
    for file in (root / "rag").rglob("*.py"):
        if file.is_relative_to(root / "rag" / "cli"):
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            assert called not in {"print", "exit", "sys.exit", "os._exit"}, f"{file}:{node.lineno}"  # type: ignore[attr-defined]


def test_modules_stay_small(root: Path) -> None:
    long = {
        str(file.relative_to(root)): lines
        for file in (root / "rag").rglob("*.py")
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > 500
    }
    assert not long


def test_public_names_resolve_and_are_held() -> None:
    assert rag.__all__ == sorted(rag.__all__)
    for name in rag.__all__:
        assert getattr(rag, name) is not None
    assert set(dir(rag)) == {*rag.__all__, "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = rag.nothing


@pytest.mark.parametrize("command", ["import rag", "import rag.cli.commands"])
def test_importing_brings_nothing_heavy(command: str) -> None:
    heavy = ["torch", "transformers", "openvino", "faiss", "numpy", "xllamacpp", "openai", "pydantic", "sqlite3"]
    code = f"{command}; import sys; print(*[name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
