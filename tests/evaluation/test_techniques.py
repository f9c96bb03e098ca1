"""docs/techniques.md says what eval/results say, and its advice follows from the tests by its one rule."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import pytest

from rag.evaluation.ranking.significance import compare


@pytest.fixture(scope="module")
def modules(root: Path) -> Iterator[dict[str, ModuleType]]:
    """The scripts of eval/ by name."""
    names = ("techniques", "technique_rows", "technique_checks", "bench_refusals", "bench_queries", "injection")
    sys.path.insert(0, str(root / "eval"))
    try:
        yield {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(root / "eval"))


@pytest.fixture(scope="module")
def techniques(modules) -> ModuleType:
    return modules["techniques"]


@pytest.fixture
def measure(modules):
    return modules["technique_rows"].Measure


@pytest.fixture
def row(modules):
    return modules["technique_rows"].Row


def write(folder: Path, name: str, record: object) -> Path:
    (folder / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_the_page_is_what_the_results_say(techniques):
    text = techniques.PAGE.read_text(encoding="utf-8")
    assert techniques.page(text, techniques.RESULTS) == text, "run python eval/techniques.py"


def test_check_tells_a_figure_that_is_not_in_the_results(techniques, tmp_path, monkeypatch, capsys):
    page = tmp_path / "techniques.md"
    shutil.copy(techniques.PAGE, page)
    monkeypatch.setattr(techniques, "PAGE", page)
    monkeypatch.setattr(sys, "argv", ["techniques.py", "--check"])
    assert techniques.main() == 0
    true = page.read_text(encoding="utf-8")
    forged, count = re.subn(r"(\.\d{3} → )\.\d{3}", r"\1.001", true, count=1)
    assert count == 1
    page.write_text(forged, encoding="utf-8")
    assert techniques.main() == 5
    assert page.read_text(encoding="utf-8") == forged, "--check writes nothing"
    assert "run python eval/techniques.py" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["techniques.py"])
    assert techniques.main() == 0
    assert page.read_text(encoding="utf-8") == true


def test_a_page_without_a_part_is_an_error(techniques, tmp_path):
    with pytest.raises(SystemExit, match="has the parts"):
        techniques.page("<!-- table: search -->\n<!-- end -->", tmp_path)


def test_what_is_absent_is_said_to_be_not_measured_and_nothing_is_invented(techniques, tmp_path):
    for family in techniques.FAMILIES.values():
        rows = list(family(tmp_path))
        assert rows
        for one in rows:
            assert not one.measures
            assert (one.tokens, one.ms) == ("not measured", "not measured")
        assert {techniques.verdict([one]) for one in rows} == {"not measured"}
    assert list(techniques.machines(tmp_path)) == []


@pytest.mark.parametrize(
    ("tests", "verdict"),
    [
        ([], "not measured"),
        ([(0.1, None)], "untested"),
        ([(0.1, 0.05)], "same"),
        ([(0.1, 0.049)], "helps"),
        ([(-0.1, 0.01), (0.1, 0.2)], "harms"),
        ([(0.1, 0.01), (-0.1, 0.01)], "mixed"),
        ([(0.1, 0.01), (-0.1, 0.6)], "helps"),
    ],
)
def test_verdicts_follow_from_differences_and_p(techniques, measure, row, tests, verdict):
    rows = [row("it", "here", (measure("m", 0.5 + change, 0.5, p),)) for change, p in tests] or [row("it", "here")]
    assert techniques.verdict(rows) == verdict


def test_an_interval_decides_where_it_leaves_out_zero(techniques, measure, row):
    for interval, verdict in (((0.01, 0.2), "helps"), ((-0.01, 0.2), "same"), ((-0.2, -0.1), "harms")):
        one = measure("AUROC", 0.5 + sum(interval) / 2, 0.5, interval=interval)
        assert techniques.verdict([row("it", "here", (one,))]) == verdict


def test_a_measure_that_does_not_decide_gives_no_advice(techniques, measure, row):
    one = measure("passages read", 0.9, 0.5, 0.001, decides=False)
    assert techniques.verdict([row("it", "here", (one,))]) == "untested"


@pytest.mark.parametrize(
    ("setting", "on"),
    [
        ("conversation.rewrite = rules", True),
        ("conversation.rewrite = llm", False),
        ("retrieval.hops = 1", False),
        ("chain.kind = one-shot", True),
        ("", False),
    ],
)
def test_the_default_is_read_from_the_recipe(techniques, setting, on):
    assert techniques.is_default(setting) is on


def test_every_setting_named_is_a_key_of_recipes(techniques, tmp_path):
    for results in (tmp_path, techniques.RESULTS):
        for family in techniques.FAMILIES.values():
            for one in family(results):
                techniques.is_default(one.setting)


def test_figures_are_written_alike(techniques, measure):
    assert techniques.quality(measure("R@5", 0.95, 0.815, 0.0004)) == "R@5 .815 → .950 (**+.135, p < .001**)"
    assert techniques.quality(measure("R@5", 1.0, 1.0, 1.0)) == "R@5 1.000 → 1.000 (+.000, p 1.000)"
    assert techniques.quality(measure("recall", 0.8333)) == "recall .833"
    assert techniques.quality(measure("m", 0.5, 0.6)) == "m .600 → .500 (−.100)"


def test_the_sign_test_is_exact(modules):
    assert modules["technique_checks"].sign_test(8, 0) == pytest.approx(2 / 256)
    assert modules["technique_checks"].sign_test(1, 1) == 1.0
    assert modules["technique_checks"].sign_test(0, 0) == 1.0


def test_transforms_are_read_as_the_benchmark_writes_them(techniques, modules, tmp_path):
    bench = modules["bench_queries"]
    raw = {"nDCG@10": dict.fromkeys("abcdefgh", 0.5), "R@5": dict.fromkeys("abcdefgh", 0.5)}
    better = {"nDCG@10": dict.fromkeys("abcdefgh", 0.9), "R@5": dict.fromkeys("abcdefgh", 0.5)}
    report = bench.Report(
        "squad2",
        "default",
        "smollm2",
        8,
        0,
        0,
        (
            bench.Line("none", 1.0, 0.5, 0.5, 1.0, 0.0, 0.0, 0.0, 20.0),
            bench.Line("hyde", 0.5, 0.9, 0.5, 2.0, 200.0, 50.0, 900.0, 30.0),
        ),
        compare({"hyde 0.5": better}, raw, baseline="raw"),
        {},
        {},
        {"machine": "M"},
    )
    results = write(tmp_path, "queries-squad2", asdict(report))
    row = next(one for one in techniques.FAMILIES["queries"](results) if "hyde" in one.technique and one.measures)
    assert (row.on, row.tokens, row.ms) == ("SQuAD 2 (8), smollm2", "0 → 250", "20 → 930")
    assert [(one.base, one.value) for one in row.measures] == [(0.5, 0.9), (0.5, 0.5)]
    assert techniques.verdict([row]) == "helps"
    assert list(techniques.machines(results)) == ["- M: queries-squad2"]


def test_single_searches_are_compared_with_the_default_after_holm(techniques, tmp_path):
    def line(technique: str, ndcg: float, p: float, ms: float) -> dict[str, object]:
        return {"technique": technique, "collection": "squad2", "questions": 10, "ndcg": ndcg, "gain": 0.0, "p": p,
                "recall": 0.9, "milliseconds": ms}  # fmt: skip

    rows = [line("default", 0.5, 1.0, 10.0), line("sentences", 0.6, 0.02, 20.0), line("feedback", 0.5, 1.0, 10.0),
            line("hops", 0.4, 0.03, 11.0)]  # fmt: skip
    found = {one.setting: one for one in techniques.FAMILIES["search"](write(tmp_path, "retrieval", {"rows": rows}))}
    sentences = found["retrieval.sentences = 0.5"]
    assert (sentences.measures[0].base, sentences.measures[0].p) == (0.5, pytest.approx(0.06))
    assert (sentences.tokens, sentences.ms) == ("0", "10 → 20")


def test_chains_are_compared_with_one_shot_of_the_same_generator(techniques, tmp_path):
    def line(generator: str, chain: str, contains: float, tokens: float) -> dict[str, object]:
        return {"data": "hotpotqa-100", "generator": generator, "chain": chain, "n": 50, "contains": contains,
                "f1": 0.1, "read": 0.8, "cited": 0.5, "tokens": tokens, "ms": 100.0}  # fmt: skip

    base = {"contains": {str(n): 0.0 for n in range(12)}}
    (compared,) = compare({"refine": {"contains": {str(n): 1.0 for n in range(12)}}}, base, baseline="one-shot")
    rows = [line("extractive", "one-shot", 0.4, 7), line("smollm2", "one-shot", 0.0, 500),
            line("smollm2", "refine", 1.0, 2500),
            {"data": "hotpotqa-100", "generator": "smollm2", "comparison": asdict(compared)}]  # fmt: skip
    family = techniques.FAMILIES["chains"](write(tmp_path, "chains", {"rows": rows}))
    (refine,) = [one for one in family if one.technique == "`refine`, smollm2"]
    assert (refine.tokens, refine.ms) == ("500 → 2,500", "100")
    assert techniques.verdict([refine]) == "helps"


def test_refusals_are_read_as_the_benchmark_writes_them(techniques, modules, tmp_path):
    bench = modules["bench_refusals"]
    no, yes = "not in the documents", "supported"

    def asked(verdict: str, *, answerable: bool):
        score = 0.9 if answerable else 0.1
        return bench.Asked(answerable, verdict, score, quoted=True, tokens=30, seconds=0.05)

    found = {
        "rules": [asked(yes, answerable=one) for one in (True, False) * 10],
        "learned": [asked(yes if one else no, answerable=one) for one in (True, False) * 10],
    }
    results = [
        {"collection": "squad2", "confidence": way, "rows": [asdict(row) for row in bench.rows_of("squad2", of)]}
        for way, of in found.items()
    ]
    results += [{"collection": "squad2", "comparison": asdict(one)} for one in bench.compared(found)]
    folder = write(tmp_path, "refusals", {"recipe": "extractive", "results": results})
    (learned,) = [one for one in techniques.FAMILIES["refusals"](folder) if one.measures]
    shown = {one.name: (one.base, one.value) for one in learned.measures}
    assert shown["decided rightly"] == (0.5, 1.0)
    assert shown["refusal recall"] == (0.0, 1.0)
    assert shown["over-refusal"] == (0.0, 0.0)
    assert (learned.tokens, learned.ms) == ("30", "50")
    assert techniques.verdict([learned]) == "helps"


def test_attacks_are_read_as_the_suite_writes_them(techniques, modules, tmp_path):
    suite = modules["injection"]
    outcomes = [
        suite.Outcome(
            id=str(number),
            kind="kind",
            language="en",
            way="ask",
            verdict="supported",
            right=True,
            in_draft=True,
            in_answer=number == 0,
            broken=(),
            tokens=100,
            seconds=0.5,
        )
        for number in range(4)
    ]
    folder = write(tmp_path, "injection", {"summaries": [suite.summary("smollm2", "ask", outcomes)]})
    (row,) = techniques.FAMILIES["attacks"](folder)
    assert {one.name: one.value for one in row.measures} == {
        "guarantees broken": 0.0,
        "attack in the draft": 1.0,
        "attack in the answer": 0.25,
        "right": 1.0,
        "refused": 0.0,
    }
    assert (row.tokens, row.ms) == ("100", "500")


def test_the_models_opinion_counts_its_own_steps(techniques, tmp_path):
    cost = {"ms": 40.0, "prompt_tokens": 99, "output_tokens": 1}
    combined = {"measure": "learned + yes", "auroc": 0.8, "gain_low": 0.01, "gain_high": 0.05}
    record = {
        "generator": "smollm2",
        "samples": 3,
        "questions": 180,
        "rows": [{"measure": "learned alone", "auroc": 0.77}, {"measure": "yes alone", "auroc": 0.5}, combined],
        "costs": {"whole": cost, "ask model": cost, "sample": {**cost, "ms": 900.0}},
    }
    rows = techniques.FAMILIES["refusals"](write(tmp_path, "model-confidence", record))
    (row,) = [one for one in rows if one.measures]
    assert (row.tokens, row.ms, row.measures[0].base) == ("100 more", "40 more", 0.77)
    assert techniques.verdict([row]) == "helps"
