"""What people wait for: importing, help, and indexing again a folder that has not changed."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from beir import read_collection

ROUNDS = 7
FILES = 1000


def measure(data: Path) -> list[dict[str, object]]:
    """Rows: cold `import rag` and `rag --help` in seconds (a new process each), and re-indexing as a share."""
    python = sys.executable
    rag = str(Path(python).with_name("rag"))
    bare = _median([python, "-c", "pass"])
    torch = subprocess.run([python, "-c", "import sys, rag; sys.exit('torch' in sys.modules)"], check=False).returncode
    return [
        {
            "measure": "import rag, seconds (the interpreter's own start included)",
            "value": round(_median([python, "-c", "import rag"]), 3),
            "at_most": 0.25,
            "interpreter": round(bare, 3),
            "torch_imported": bool(torch),
        },
        {"measure": "rag --help, seconds", "value": round(_median([rag, "--help"]), 3), "at_most": 0.5},
        *_reindex(data),
    ]


def _median(command: list[str]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _reindex(data: Path) -> list[dict[str, object]]:
    passages = [
        passage
        for name in ("hotpotqa-100", "squad2", "cranfield")
        for passage in read_collection(data / name).passages.values()
        if passage[1].strip()
    ]
    with tempfile.TemporaryDirectory() as folder:
        docs = Path(folder) / "docs"
        docs.mkdir()
        for number in range(FILES):
            sections = passages[number::FILES]  # two or three sections a file
            text = "".join(f"# {title}\n\n{text}\n\n" for title, text in sections)
            (docs / f"{number:04d}.md").write_text(text, encoding="utf-8")
        rag = str(Path(sys.executable).with_name("rag"))
        command = [rag, "index", str(docs), "--index", str(Path(folder) / "index"), "--json"]
        first, _ = _run(command)
        second, report = _run(command)
    return [
        {
            "measure": f"re-indexing {FILES} unchanged files ÷ the first time (whole command)",
            "value": round(second / first, 4),
            "at_most": 0.05,
            "seconds": {"first": round(first, 2), "again": round(second, 2)},
        },
        {"measure": "passages embedded by re-indexing", "value": report["embedded"], "at_most": 0},
    ]


def _run(command: list[str]) -> tuple[float, dict[str, int]]:
    started = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - started, json.loads(done.stdout)
