"""``rag calibrate`` without a model: the line is kept, shown, used, and noticed when stale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rag.cli.commands import app
from rag.pipeline import Pipeline

RECIPE = """
[embedder]
backend = "none"
[retrieval]
arms = ["sparse"]
[generator]
kind = "extractive"
"""
TOWNS = {f"Town{n}": f"River{n}" for n in range(30)}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for town, river in TOWNS.items():
        (folder / f"{town}.txt").write_text(f"{town} lies on the banks of the {river}.\n", "utf-8")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE, "utf-8")
    with Pipeline(tmp_path / "index", recipe) as pipeline:
        pipeline.add(folder)
    rows = [
        {"_id": town, "question": f"On which banks does {town} lie?", "answers": [river if n else "Nile"]}
        for n, (town, river) in enumerate(TOWNS.items())
    ]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return tmp_path / "index"


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_line_is_kept_and_every_answer_says_its_risk(index: Path) -> None:
    testset = index.parent / "t.jsonl"
    record = json.loads(run("calibrate", index, "-t", testset, "--max-wrong", "10%", "--json"))
    assert (record["questions"], record["max_wrong"], record["kept"]) == (30, 0.1, True)
    assert record["chosen"]["wrong"] == pytest.approx(1 / 30)
    assert record["chosen"]["answered"] == 1
    assert "exchangeable" in record["guarantee"]
    question = "On which banks does Town3 lie?"
    assert json.loads(run("ask", question, "-i", index, "--json"))["risk"] == 0.1
    assert "calibrated for 10.0% wrong" in run("ask", question, "-i", index)
    with Pipeline(index) as pipeline:  # indexing again loses nothing
        pipeline.add(index.parent / "docs", reembed=True)
        assert pipeline.ask(question).risk == 0.1


def test_a_limit_draws_at_random_and_the_same_each_time(index: Path) -> None:
    testset = index.parent / "t.jsonl"  # its first question alone is answered wrongly
    given = ("calibrate", index, "-t", testset, "--max-wrong", "20%", "--limit", "12", "--dry-run", "--json")
    record = json.loads(run(*given))
    assert (record["questions"], record["chosen"]["wrong"]) == (12, 0)
    assert json.loads(run(*given)) == record


def test_under_the_line_nothing_is_answered(index: Path) -> None:
    run("calibrate", index, "-t", index.parent / "t.jsonl", "--max-wrong", "4%")  # 2 of 31 is more
    with Pipeline(index) as pipeline:
        answer = pipeline.ask("On which banks does Town3 lie?")
    assert (answer.refused, answer.risk, answer.sentences) == (True, 0.04, ())


def test_another_recipe_makes_it_stale_and_that_is_said(index: Path) -> None:
    run("calibrate", index, "-t", index.parent / "t.jsonl", "--max-wrong", "10%")
    other = index.parent / "other.toml"
    other.write_text(RECIPE + "[grounding]\nmin_support = 0.6\n", "utf-8")
    said = run("ask", "On which banks does Town3 lie?", "-i", index, "-r", other)
    assert "not calibrated" in said
    assert "wrong" not in said.split("not calibrated")[0]


def test_a_dry_run_keeps_nothing(index: Path) -> None:
    assert "not kept" in run("calibrate", index, "-t", index.parent / "t.jsonl", "--max-wrong", "10%", "--dry-run")
    with Pipeline(index) as pipeline:
        assert pipeline.kept_calibration is None


def test_too_few_questions_say_how_many_it_takes(index: Path) -> None:
    result = CliRunner().invoke(
        app, ["calibrate", str(index), "-t", str(index.parent / "t.jsonl"), "--max-wrong", "1%"]
    )
    assert result.exit_code == 1
    assert "99 are the least" in str(result.exception)


@pytest.mark.parametrize("share", ["0", "100%", "five", "1.5"])
def test_what_is_no_share_is_wrong_usage(index: Path, share: str) -> None:
    result = CliRunner().invoke(app, ["calibrate", str(index), "-t", "t.jsonl", "--max-wrong", share])
    assert result.exit_code == 2
