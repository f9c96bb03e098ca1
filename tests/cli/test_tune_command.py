"""``rag tune`` as its users start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from rag.evaluation.datasets import Question, Span, question_row
from rag.index import Snapshot
from rag.pipeline import Pipeline
from rag.recipe import load_recipe

Run = Callable[..., subprocess.CompletedProcess[str]]
RAG = Path(sys.executable).with_name("rag")


@pytest.fixture
def rag(tmp_path: Path) -> Run:
    def run(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([RAG, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
        assert done.returncode == code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(30):
        around = f"The ledger of house {number} is kept in good order by the clerk of the market. " * 6
        (folder / f"{number:02}.txt").write_text(f"{around}Lot {number} fetched {1000 + number} crowns. {around}")
    with Pipeline(tmp_path / "built", "bm25") as pipeline:
        pipeline.add(folder)
    return tmp_path / "built"


@pytest.fixture
def testset(index: Path, tmp_path: Path) -> Path:
    path = tmp_path / "testset.jsonl"
    with Snapshot.open(index) as snapshot, path.open("w") as file:
        for number, summary in enumerate(snapshot.documents()):
            start = snapshot.document(summary.uri).text.index(f"{1000 + number}")
            span = Span(summary.uri, start, start + 4)
            asked = Question(
                f"q{number}",
                f"What did lot {number} fetch?",
                answers=("x",),
                documents=(summary.uri,),
                spans=(span,),
            )
            file.write(json.dumps(question_row(asked)) + "\n")
    return path


def test_it_advises_and_writes_a_recipe(rag: Run, index: Path, testset: Path, tmp_path: Path) -> None:
    done = rag("tune", index, "--testset", testset, "--trials", "6", "--json", "--out", "new.toml")
    record = json.loads(done.stdout)
    jsonschema.validate(record, json.loads(rag("schema", "tune").stdout))
    assert record["measure"] == "Span@512"
    assert record["advice"] in ("better", "cheaper", "keep")
    assert record["tuning_questions"] + record["held_out_questions"] == 30
    text = (tmp_path / "new.toml").read_text()
    assert text == record["recipe_toml"]
    assert "# Found by `rag tune` for Span@512 on testset: " in text
    assert "seed 0." in text
    written = load_recipe(tmp_path / "new.toml").model_dump()
    current = load_recipe("bm25").model_dump()
    for key, value in record["changes"].items():
        section, name = key.split(".")
        assert written[section][name] == value != current[section][name]
    assert not (tmp_path / "built.tune").exists(), "what is finished leaves nothing behind"


def test_it_says_so_where_there_is_nothing_to_gain(rag: Run, index: Path, testset: Path, tmp_path: Path) -> None:
    fixed = [option for part in ("chunker", "bm25") for option in ("--fix", part)]
    done = rag("tune", index, "--testset", testset, "--trials", "2", *fixed)
    assert "No measurable difference: keep the current recipe." in done.stdout
    assert "written: tuned.toml" in done.stdout
    assert load_recipe(tmp_path / "tuned.toml") == load_recipe("bm25"), "the recipe advised is the current one"
    again = rag("tune", index, "--testset", testset, code=2)
    assert "tuned.toml exists; give another --out, or --force" in " ".join(again.stderr.replace("│", " ").split())
    rag("tune", index, "--testset", testset, "--trials", "1", "--force", *fixed)


def test_stopped_it_goes_on(rag: Run, index: Path, testset: Path, tmp_path: Path) -> None:
    command = [RAG, "tune", index, "--testset", testset, "--trials", "400", "--work", "work"]
    started = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and sum(map(_lines, (tmp_path / "work").glob("trials-*.log"))) < 5:
        time.sleep(0.05)
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=60)
    assert started.returncode == 130, errors
    assert "interrupted: finished trials are kept in work; the same command goes on from there" in errors
    assert not (tmp_path / "tuned.toml").exists()
    [journal] = (tmp_path / "work").glob("trials-*.log")
    before = journal.read_bytes()
    record = json.loads(rag("tune", index, "--testset", testset, "--trials", "6", "--work", "work", "--json").stdout)
    assert record["tried"] >= 3
    assert journal.read_bytes().startswith(before)


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--testset", "nowhere.jsonl"], 1, "nowhere.jsonl"),
        (["--testset", "{testset}", "--measure", "quality"], 1, "quality"),
        (["--testset", "{testset}", "--limit", "8"], 1, "4 questions are left to confirm by, too few"),
        (["--testset", "{testset}", "--fix", "everything"], 2, "everything"),
        (["--testset", "{testset}", "--out", "no/such/folder/a.toml"], 2, "there is no folder no/such/folder"),
        (["--testset", "{testset}", "--recipe", "nonesuch"], 2, "there is no recipe 'nonesuch'"),
        ([], 2, "--testset"),
    ],
)
def test_bad_input_is_told(rag: Run, index: Path, testset: Path, arguments: list[str], code: int, message: str) -> None:
    filled = [argument.replace("{testset}", str(testset)) for argument in arguments]
    assert message in " ".join(rag("tune", index, *filled, code=code).stderr.replace("│", " ").split())


def test_a_folder_without_an_index_is_told(rag: Run, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"_id": "q", "question": "x?", "answers": ["a"], "passages": ["d"]}\n')
    assert "no such folder" in rag("tune", "nowhere", "--testset", "t.jsonl", code=1).stderr
