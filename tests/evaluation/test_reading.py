"""Results are read back as they were written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import EvaluationError
from rag.evaluation.experiment.folder import FINISHED, MISSES, SCORES, SUMMARY
from rag.evaluation.experiment.reading import read_results
from rag.evaluation.experiment.run import Request, run_experiment
from rag.evaluation.experiment.summary import Summary
from rag.evaluation.scores import Score
from rag.pipeline import Pipeline


@pytest.fixture
def index(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "meter.txt").write_text("The meter QX-100 was presented in 2001.")
    (folder / "pump.txt").write_text("The pump was built by Marit Aune.")
    with Pipeline(tmp_path / "index", "bm25") as pipeline:
        pipeline.add(folder)
    return tmp_path / "index"


@pytest.fixture
def testset(index: Path) -> Path:
    with Pipeline(index) as pipeline:
        meter, pump = (one.uri for one in pipeline.snapshot.documents())
    rows = [
        {"_id": "a", "question": "When was the meter QX-100 presented?", "answers": ["2001"], "passages": [meter]},
        {"_id": "b", "question": "Who makes sandwiches?", "answers": ["Marit Aune"], "passages": [pump]},
    ]
    path = index.with_name("two.jsonl")
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.fixture
def written(index: Path, testset: Path, tmp_path: Path) -> tuple[Path, Summary]:
    request = Request(testset, index=index, answers=True, explain_misses=True, out=tmp_path / "out")
    (summary,) = run_experiment(request)
    return tmp_path / "out", summary


def test_what_was_written_is_read(written: tuple[Path, Summary]) -> None:
    folder, summary = written
    found = read_results(folder)
    assert found.summary == summary
    assert [query.id for query in found.queries] == ["a", "b"]
    assert found.queries[0].scores["nDCG@10"] == Score(1.0)
    assert found.queries[0].ranking[0].document.endswith("meter.txt")
    assert found.queries[0].answer is not None
    assert "2001" in found.queries[0].answer.text
    assert found.queries[1].scores["nDCG@10"] == Score(0.0)
    (miss,) = found.misses
    assert (miss.query, miss.stage) == ("b", "missed by sparse")
    assert miss.document.endswith("pump.txt")


def test_an_answer_of_another_time_is_not_a_result_of_this(
    written: tuple[Path, Summary], index: Path, testset: Path
) -> None:
    folder, _ = written
    run_experiment(Request(testset, index=index, out=folder))
    found = read_results(folder)
    assert all(query.answer is None for query in found.queries)
    assert found.misses == ()


@pytest.mark.parametrize("file", [FINISHED, SCORES, MISSES, SUMMARY])
def test_what_is_gone_or_broken_is_named(written: tuple[Path, Summary], file: str) -> None:
    folder, _ = written
    (folder / file).write_text('{"id": 3}\n')
    with pytest.raises(EvaluationError, match=file):
        read_results(folder)
    (folder / file).unlink()
    with pytest.raises(EvaluationError, match=f"cannot be read.*{file}"):
        read_results(folder)
