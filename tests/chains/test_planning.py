"""What a run would do: told before it, and compared with what it then did."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from rag.chains.planning import IndexPlan
from rag.errors import NotAnIndexError
from rag.pipeline import Pipeline
from rag.recipe import Recipe, load_recipe, parse_recipe


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.md", "b.md", "sub/c.md"):
        (folder / name).write_text(f"This is {name}.")
    return folder


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path / "index", "bm25")


def test_without_an_index_there_is_no_plan(pipeline: Pipeline, docs: Path) -> None:
    with pytest.raises(NotAnIndexError):
        pipeline.plan(docs)


def test_a_plan_counts_what_a_run_then_does(pipeline: Pipeline, docs: Path) -> None:
    (docs / "empty.md").write_text("")
    pipeline.add(docs)
    assert pipeline.plan(docs) == IndexPlan(unchanged=3, failed=1)
    (docs / "a.md").write_text("This is A.md.")  # as long as before
    (docs / "new.md").write_text("This is new.")
    (docs / "sub" / "c.md").unlink()
    plan = pipeline.plan(docs)
    assert plan == IndexPlan(new=1, changed=1, unchanged=1, failed=1, removed=1)
    assert plan.files == 4
    report = pipeline.add(docs, sync=True)
    assert (report.added, report.updated, report.unchanged, report.removed) == (1, 1, 1, 1)
    assert pipeline.plan(docs) == IndexPlan(unchanged=3, failed=1)


def test_files_that_would_be_cut_otherwise_are_changed(pipeline: Pipeline, docs: Path) -> None:
    pipeline.add(docs)
    settings = load_recipe("bm25").model_dump(exclude_defaults=True)
    other = Recipe.model_validate({**settings, "chunker": {**settings.get("chunker", {}), "max_tokens": 50}})
    assert Pipeline(pipeline.path, other).plan(docs) == IndexPlan(changed=3)


def test_what_the_system_has_not_changed_since_is_not_read_again(pipeline: Pipeline, docs: Path) -> None:
    pipeline.add(docs)
    later = time.time() + 1
    (docs / "a.md").write_text("This is A.md.")  # as long as before, and before "later"
    assert pipeline.plan(docs, since=later) == IndexPlan(unchanged=3)
    assert pipeline.plan(docs, since=0.0) == IndexPlan(changed=1, unchanged=2)
    (docs / "b.md").write_text("This is longer than b.md was.")
    assert pipeline.plan(docs, since=later) == IndexPlan(changed=1, unchanged=2)


def test_an_older_file_that_took_anothers_place_is_noticed(pipeline: Pipeline, docs: Path) -> None:
    older = docs.parent / "older.md"
    older.write_text("This is A.md.")
    os.utime(older, (1, 1))
    pipeline.add(docs)
    time.sleep(0.05)
    since = time.time()
    time.sleep(0.05)
    older.replace(docs / "a.md")
    assert pipeline.plan(docs, since=since) == IndexPlan(changed=1, unchanged=2)


def test_nothing_counts_as_gone_below_a_folder_that_cannot_be_read(
    pipeline: Pipeline, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.add(docs)
    listed = os.listdir

    def refused(folder: str) -> list[str]:  # as for whoever is not root, who may list everything
        if Path(folder).name == "sub":
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return listed(folder)

    monkeypatch.setattr(os, "listdir", refused)
    assert pipeline.plan(docs) == IndexPlan(unchanged=2, unreadable=1)


def test_a_folder_that_is_not_there_is_unreadable_and_loses_nothing(pipeline: Pipeline, docs: Path) -> None:
    pipeline.add(docs)
    docs.rename(docs.with_name("moved"))
    assert pipeline.plan(docs) == IndexPlan(unreadable=1)


def test_globs_are_those_of_the_recipe_and_of_the_call(tmp_path: Path, docs: Path) -> None:
    pipeline = Pipeline(tmp_path / "index", parse_recipe('[embedder]\nbackend = "none"\n[sources]\nexclude = ["b.md"]'))
    pipeline.add(docs)
    assert pipeline.plan(docs) == IndexPlan(unchanged=2)
    assert pipeline.plan(docs, exclude=["sub"]) == IndexPlan(unchanged=1, removed=1)
