"""Where a figure was measured: machine, versions, commit."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path

from rag.evaluation.experiment.provenance import machine, versions


def describe() -> dict[str, object]:
    """Machine, Python and package versions, and the commit measured."""
    compared = {name: version(name) for name in ("bm25s", "rank-bm25")}
    return {
        "machine": machine(),
        "versions": {**versions(), **compared},
        "commit": _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", ":/rag") else ""),
    }


def _git(*arguments: str) -> str:
    root = Path(__file__).resolve().parent
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
