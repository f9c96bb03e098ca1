"""`rag testset` as its users start it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
RAG = Path(sys.executable).with_name("rag")


@pytest.fixture
def rag(tmp_path: Path) -> Run:
    def run(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [RAG, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def index(rag: Run, tmp_path: Path) -> str:
    folder = tmp_path / "docs"
    folder.mkdir()
    for n in range(8):
        (folder / f"{n}.md").write_text(f"# Meters\n\nThe meter QX-{n}00 was presented in {2001 + n}.\n")
    rag("index", folder, "--recipe", "bm25", "--index", "built")
    return "built"


def test_the_extractive_generator_cannot_ask(rag: Run, index: str) -> None:
    done = rag("testset", index, "--n", "3", code=2)
    assert "extractive" in done.stderr
    assert "--recipe" in done.stderr


def test_wrong_usage(rag: Run, index: str) -> None:
    rag("testset", index, "--n", "0", code=2)
    rag("testset", index, "--unanswerable", "2", code=2)
    rag("testset", "nowhere", code=1)


@pytest.mark.models
def test_rows_json_resumption_and_refusal_to_overwrite(rag: Run, index: str, tmp_path: Path) -> None:
    command = ("testset", index, "--recipe", "default", "--n", "4", "--unanswerable", "0.25", "--json")
    done = rag(*command)
    record = json.loads(done.stdout)
    jsonschema.validate(record, json.loads(rag("schema", "testset").stdout))
    assert (record["made"], record["answerable"], record["unanswerable"]) == (4, 3, 1)
    rows = (tmp_path / "testset.jsonl").read_text().splitlines()
    assert len(rows) == 4
    (tmp_path / "testset.jsonl").write_text("\n".join(rows[:2]) + "\n")
    assert json.loads(rag(*command).stdout)["resumed"] == 2
    assert (tmp_path / "testset.jsonl").read_text().splitlines() == rows
    refused = rag(*command, "--seed", "9", code=1)
    assert "--out" in refused.stderr
    assert (tmp_path / "testset.jsonl").read_text().splitlines() == rows


@pytest.mark.models
def test_fewer_than_asked_for_is_exit_code_3(rag: Run, index: str) -> None:
    done = rag("testset", index, "--recipe", "default", "--n", "40", "--out", "t.jsonl", code=3)
    assert "of 40" in done.stderr
