"""`rag measure` and `rag compare` as they are used on files."""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import ir_measures.__main__
import jsonschema
import pytest
from scipy import stats

from rag.cli import main
from rag.evaluation.ranking.judgements import read_qrels, write_qrels, write_run
from rag.evaluation.ranking.significance import holm

Command = Callable[..., str]
MEASURES = "nDCG@10 AP R@100 P@5 RR Bpref"


@pytest.fixture
def rag(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process; what it printed, or with another exit code than 0 its error too."""

    def run(*arguments: str | Path, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["rag", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        assert (stopped.value.code or 0) == code, printed
        assert "Traceback" not in printed.err
        return printed.out + (printed.err if code else "")

    return run


@pytest.fixture
def files(tmp_path: Path) -> Iterator[Path]:
    """Judgements of 30 queries, a run, the same run again, one much worse and one a little different."""
    rng = random.Random(11)
    documents = [f"doc {number}" for number in range(60)]
    qrels = {f"q{n}": {one: rng.choice([0, 0, 1, 2]) for one in rng.sample(documents, 12)} for n in range(30)}

    def system(noise: float) -> dict[str, dict[str, float]]:
        return {
            query: {one: grades.get(one, 0) + rng.gauss(0, noise) for one in documents}
            for query, grades in qrels.items()
        }

    good = system(0.5)
    write_qrels(tmp_path / "qrels.trec", qrels)
    write_qrels(tmp_path / "qrels.tsv", qrels)
    write_run(tmp_path / "good.run", good, "good")
    write_run(tmp_path / "again.run", good, "again")
    write_run(tmp_path / "bad.run", system(5.0), "bad")
    nearly = {query: {one: score + rng.gauss(0, 0.03) for one, score in row.items()} for query, row in good.items()}
    write_run(tmp_path / "nearly.run", nearly, "nearly")
    (tmp_path / "part.run.gz").write_bytes(
        gzip.compress(b"".join(line for line in _lines(tmp_path / "good.run") if not line.startswith((b"q1 ", b"q2 "))))
    )
    return tmp_path


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def _means(printed: str) -> dict[str, str]:
    """First and second column of a table."""
    return {row[0]: row[1] for line in printed.splitlines() if len(row := line.split()) > 1}


def _ir_measures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], qrels: Path, run: Path, measures: str
) -> dict[str, str]:
    monkeypatch.setattr(sys, "argv", ["ir_measures", str(qrels), str(run), *measures.split()])
    capsys.readouterr()
    ir_measures.__main__.main_cli()
    return dict(line.split("\t") for line in capsys.readouterr().out.splitlines())


def _valid(printed: str, command: str, rag: Command) -> dict[str, object]:
    value: dict[str, object] = json.loads(printed)
    jsonschema.validate(value, json.loads(rag("schema", command)))
    return value


@pytest.mark.parametrize("run", ["good.run", "bad.run", "part.run.gz"])
def test_measure_prints_what_ir_measures_prints(
    rag: Command, files: Path, run: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = _means(rag("measure", files / "qrels.trec", files / run, "-m", MEASURES))
    expected = _ir_measures(monkeypatch, capsys, files / "qrels.trec", files / run, MEASURES)
    assert {name: printed[name] for name in expected} == expected
    assert len(expected) == 6
    assert _means(rag("measure", files / "qrels.tsv", files / run, "-m", MEASURES)) == printed, "ids hold spaces there"


@pytest.mark.collections
def test_measure_prints_what_ir_measures_prints_of_cranfield(
    rag: Command,
    collections_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = random.Random(2)
    qrels = read_qrels(collections_dir / "cranfield" / "qrels" / "test.tsv")
    run = {
        query: {str(n): rng.choice([1.0, 2.0, 3.0]) + grades.get(str(n), 0) for n in rng.sample(range(1400), 80)}
        for query, grades in qrels.items()
    }
    write_run(tmp_path / "run", run, "x")
    write_qrels(tmp_path / "qrels", qrels)
    printed = rag("measure", collections_dir / "cranfield", tmp_path / "run", "-m", MEASURES)
    expected = _ir_measures(monkeypatch, capsys, tmp_path / "qrels", tmp_path / "run", MEASURES)
    assert {name: _means(printed)[name] for name in expected} == expected
    assert "225 judged queries" in printed


def test_measure_shows_judged_and_notes(rag: Command, files: Path) -> None:
    printed = rag("measure", files / "qrels.trec", files / "part.run.gz", "-m", "AP nDCG@5")
    assert [line.split()[0] for line in printed.splitlines()[:4]] == ["measure", "AP", "nDCG@5", "Judged@5"]
    assert "30 judged queries\n" in printed
    assert "note: 2 judged queries without results, counted as 0: q1, q2\n" in printed


def test_measure_shows_every_query(rag: Command, files: Path) -> None:
    lines = rag("measure", files / "qrels.trec", files / "part.run.gz", "-m", "AP", "--per-query").splitlines()
    assert lines[0].split() == ["query", "AP", "Judged@10"]
    rows = dict(line.split()[:2] for line in lines[1:31])
    assert rows["q1"] == rows["q2"] == "0.0000"
    mean = sum(float(value) for value in rows.values()) / 30
    assert float(_means("\n".join(lines[31:]))["AP"]) == pytest.approx(mean, abs=1e-4)


def test_measure_json(rag: Command, files: Path) -> None:
    arguments = ("measure", files / "qrels.trec", files / "good.run", "-m", "AP", "--json")
    record = _valid(rag(*arguments), "measure", rag)
    assert record["per_query"] is None
    [ap, judged] = record["measures"]  # type: ignore[misc]
    assert (ap["measure"], judged["measure"]) == ("AP", "Judged@10")
    assert ap["low"] < ap["mean"] < ap["high"]
    full = _valid(rag(*arguments, "--per-query"), "measure", rag)
    values = full["per_query"]["AP"].values()  # type: ignore[index]
    assert sum(values) / 30 == pytest.approx(ap["mean"])


def test_compare_flags_what_is_worse_and_not_a_rerun(rag: Command, files: Path) -> None:
    runs = [files / f"{name}.run" for name in ("good", "bad", "again", "nearly")]
    printed = rag("compare", files / "qrels.trec", *runs, "-m", "nDCG@10 AP", code=5)
    assert re.search(
        r"^bad is significantly worse than good by nDCG@10, at 0\.05 after Holm's correction over 6 comparisons: "
        r"-0\.\d{4} \(p = 0\.\d{4}\)\.$",
        printed,
        re.MULTILINE,
    )
    assert "bad is significantly worse than good by AP" in printed
    assert "again is significantly" not in printed
    assert re.search(r"^AP +again +\+0\.0000 +\+0\.0000 to \+0\.0000 +0/30/0 +1\.0000 +1\.0000 +1\.0000", printed, re.M)
    assert "The other 4 differences are not significant." in printed
    assert "Judged" not in printed.split("verdict")[1], "how much was judged is not tested"


def test_compare_of_equals_is_no_loss(rag: Command, files: Path) -> None:
    printed = rag("compare", files / "qrels.trec", files / "good.run", files / "again.run", "-m", "AP")
    assert "No difference is significant at 0.05; the intervals say how large one could still be." in printed


def test_compare_with_another_baseline_than_the_first(rag: Command, files: Path) -> None:
    runs = [files / "good.run", files / "bad.run"]
    printed = rag("compare", files / "qrels.trec", *runs, "-m", "AP", "--baseline", files / "bad.run")
    assert "good is significantly better than bad by AP, at 0.05: +0." in printed
    same = rag("compare", files / "qrels.trec", runs[0], "-m", "AP", "--baseline", runs[1])
    assert same == printed


def test_compare_json_holds_the_figures(rag: Command, files: Path) -> None:
    runs = [files / f"{name}.run" for name in ("good", "bad", "nearly")]
    printed = rag("compare", files / "qrels.trec", *runs, "-m", "AP RR", "--json", "--alpha", "0.01", code=5)
    record = _valid(printed, "compare", rag)
    found = [one["comparison"] for one in record["comparisons"]]  # type: ignore[attr-defined]
    assert [(one["measure"], one["system"]) for one in found] == [
        *(("AP", "bad"), ("AP", "nearly"), ("RR", "bad"), ("RR", "nearly")),
    ]
    assert [one["p_corrected"] for one in found] == holm([one["p_randomization"] for one in found])
    assert {one["alpha"] for one in found} == {0.01}
    assert record["comparisons"][0]["verdict"] == "worse"  # type: ignore[index]
    left, right = (
        json.loads(rag("measure", files / "qrels.trec", run, "-m", "AP", "-q", "--json"))["per_query"]["AP"]
        for run in runs[:2]
    )
    expected = stats.ttest_rel(list(right.values()), list(left.values())).pvalue
    assert found[0]["p_t"] == pytest.approx(expected, rel=1e-9)
    assert rag("compare", files / "qrels.trec", *runs, "-m", "AP RR", "--json", "--alpha", "0.01", code=5) == printed


def test_compare_tells_which_run_lacks_queries(rag: Command, files: Path) -> None:
    printed = rag("compare", files / "qrels.trec", files / "good.run", files / "part.run.gz", "-m", "AP")
    assert "note: part: 2 judged queries without results, counted as 0: q1, q2" in printed


def test_runs_of_one_file_name_are_told_apart(rag: Command, files: Path) -> None:
    (files / "b").mkdir()
    other = (files / "bad.run").rename(files / "b" / "good.run")
    printed = rag("compare", files / "qrels.trec", files / "good.run", other, "-m", "AP", code=5)
    assert f"{other} is significantly worse than {files / 'good.run'} by AP" in printed


def test_control_characters_never_reach_the_terminal(rag: Command, tmp_path: Path) -> None:
    (tmp_path / "q").write_text("\x1b[31mq 0 d 1\nr 0 d 1\n")
    (tmp_path / "r").write_text("r Q0 d 1 1 x\n")
    printed = rag("measure", tmp_path / "q", tmp_path / "r", "-q")
    assert "\x1b" not in printed
    assert "[31mq" in printed


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["measure", "qrels.trec", "good.run", "-m", "ndcg@10"], 1, "did you mean nDCG@10?"),
        (["measure", "nowhere", "good.run"], 1, "nowhere: cannot be read: No such file"),
        (["measure", "qrels.trec", "nowhere"], 1, "nowhere: cannot be read: No such file"),
        (["measure", "qrels.trec", "qrels.trec"], 1, "qrels.trec:1: there are 4 columns, not 6"),
        (["measure", "good.run", "good.run"], 1, "good.run:1: there are 6 columns, not 4"),
        (["measure", "qrels.trec", "foreign.run"], 1, "no query of the run is judged"),
        (["measure", "qrels.trec", "twice.run"], 1, "twice.run:2: document 'd' is there twice"),
        (["measure", ".", "good.run"], 1, "cannot be read"),
        (["measure", "qrels.trec"], 2, "Missing argument 'RUN'"),
        (["compare", "qrels.trec", "good.run"], 2, "name two runs or more"),
        (["compare", "qrels.trec", "good.run", "good.run"], 2, "a run is named twice"),
        (["compare", "qrels.trec", "good.run", "bad.run", "--samples", "100"], 1, "100 samples are too few"),
        (["compare", "qrels.trec", "good.run", "bad.run", "--alpha", "5"], 1, "alpha is 5"),
    ],
)
def test_wrong_use_gets_a_clear_error(
    rag: Command, files: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(files)
    (files / "foreign.run").write_text("other Q0 d 1 1 t\n")
    (files / "twice.run").write_text("q1 Q0 d 1 1 t\nq1 Q0 d 2 1 t\n")
    assert message in " ".join(rag(*arguments, code=code).split())
