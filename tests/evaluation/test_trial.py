"""Recipes that an index was not made for: what differs is named, and they are measured on a trial index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.evaluation.datasets import Question, Span, question_row
from rag.evaluation.experiment.folder import INDEX
from rag.evaluation.experiment.run import Request, run_experiment
from rag.evaluation.experiment.trial import departures
from rag.index import Snapshot
from rag.pipeline import Pipeline
from rag.recipe import Bm25Config, ChunkerConfig, EmbedderConfig, Recipe, load_recipe

PLAIN = load_recipe("bm25")
SHORT = PLAIN.model_copy(update={"chunker": ChunkerConfig(kind="sentences", max_tokens=16)})
FLAT = PLAIN.model_copy(update={"bm25": Bm25Config(k1=0.0)})
DENSE = Recipe(embedder=EmbedderConfig(model="letters"))


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.md").write_text(
            f"# Lot {number}\n\nLot {number} lies by the water. The lot was sold to Bidder{number} for "
            f"{1000 + number} crowns. It has a well, a gate and an old barn with a roof of slate."
        )
    with Pipeline(tmp_path / "index", PLAIN) as pipeline:
        pipeline.add(folder)
    return tmp_path / "index"


@pytest.fixture
def testset(index: Path, tmp_path: Path) -> Path:
    with Snapshot.open(index) as snapshot:
        rows = []
        for number, summary in enumerate(snapshot.documents()):
            text = snapshot.document(summary.uri).text
            start = text.index(f"Bidder{number}")
            span = Span(summary.uri, start, start + len(f"Bidder{number}"))
            asked = f"Who bought lot {number}?"
            gold = Question(str(number), asked, (f"Bidder{number}",), documents=(summary.uri,), spans=(span,))
            rows.append(question_row(gold))
    path = tmp_path / "lots.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("recipe", "parts"),
    [(PLAIN, ()), (SHORT, ("chunker",)), (FLAT, ("bm25",)), (DENSE, ("embedder",))],
)
def test_what_an_index_lacks_for_a_recipe_is_named(index: Path, recipe: Recipe, parts: tuple[str, ...]) -> None:
    with Snapshot.open(index) as snapshot:
        assert departures(snapshot, recipe) == parts


def test_a_recipe_that_was_adopted_cuts_nothing_until_files_are_read_again(index: Path) -> None:
    with Pipeline(index, SHORT) as pipeline:
        pipeline.adopt()
        assert departures(pipeline.snapshot, SHORT) == ("chunker",)
        pipeline.add(index.with_name("docs"))
        assert departures(pipeline.snapshot, SHORT) == ()
        assert departures(pipeline.snapshot, PLAIN) == ("chunker",)


def written(recipe: Recipe, path: Path) -> str:
    from rag.evaluation.tuning.recipe import recipe_toml

    path.write_text(recipe_toml(recipe))
    return str(path)


def test_another_cutting_is_measured_on_an_index_of_its_own(index: Path, testset: Path, tmp_path: Path) -> None:
    recipes = (written(PLAIN, tmp_path / "own.toml"), written(SHORT, tmp_path / "short.toml"))
    before = sorted(path.name for path in index.rglob("*"))
    own, short = run_experiment(
        Request(testset, recipes, index=index, trial=True, explain_misses=True, out=tmp_path / "out")
    )
    assert own.provenance.index == str(index)
    assert Path(short.provenance.index).is_relative_to(tmp_path / "out" / "short" / INDEX)
    assert any("trial index of the same documents" in note and "chunker" in note for note in short.notes)
    assert not any("trial" in note for note in own.notes)
    with Snapshot.open(index) as held, Snapshot.open(short.provenance.index) as trial:
        assert len(trial) > len(held)
        assert {one.uri for one in trial.documents()} == {one.uri for one in held.documents()}
    assert short.questions == 8
    assert sorted(path.name for path in index.rglob("*")) == before


def test_without_a_trial_index_results_say_what_was_not_measured(index: Path, testset: Path, tmp_path: Path) -> None:
    short = written(SHORT, tmp_path / "short.toml")
    (summary,) = run_experiment(Request(testset, (short,), index=index, out=tmp_path / "out"))
    assert summary.provenance.index == str(index)
    assert any("another chunker than the recipe's" in note for note in summary.notes)


def test_an_index_that_changes_meanwhile_is_told(index: Path, testset: Path, tmp_path: Path) -> None:
    def change(what: str, done: int, total: int) -> None:
        if what.endswith("asking") and done == 4:
            with Pipeline(index) as other:
                uri = next(one.uri for one in other.snapshot.documents())
                other.delete(uri)

    (summary,) = run_experiment(Request(testset, index=index, out=tmp_path / "out"), progress=change)
    assert any("the index changed meanwhile" in note for note in summary.notes)
