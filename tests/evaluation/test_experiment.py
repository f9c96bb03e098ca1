"""Whole evaluations over a small data set: results, going on, comparing, bad input."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ir_measures
import pytest
from pydantic import TypeAdapter

from rag.errors import EvaluationError, GenerationError, RecipeError
from rag.evaluation.datasets import document_key, read_dataset, read_questions, read_testset
from rag.evaluation.experiment import judging
from rag.evaluation.experiment.asking import Ask, ask_all, choose_questions
from rag.evaluation.experiment.chosen import Chosen
from rag.evaluation.experiment.evaluate import run_of
from rag.evaluation.experiment.folder import FINISHED, REPORT, RUN, SCORES, SUMMARY, EvaluationFolder
from rag.evaluation.experiment.judging import judge_all
from rag.evaluation.experiment.run import Request, run_experiment
from rag.evaluation.experiment.suite import load_suite
from rag.evaluation.experiment.summary import Summary
from rag.evaluation.ranking.judgements import ranking, read_run
from rag.evaluation.results import QueryResult
from rag.evaluation.scores import Score
from rag.pipeline import Pipeline
from rag.types import Message

FACTS = {
    "bridge": ("Tamar Bridge", "The Tamar Bridge was opened in 1961. It is 642 metres long."),
    "tower": ("Smeaton's Tower", "Smeaton's Tower stands on Plymouth Hoe. It was built by John Smeaton in 1759."),
    "ship": ("Mayflower", "The Mayflower left Plymouth in 1620 with 102 passengers."),
    "gin": ("Plymouth Gin", "Plymouth Gin has been distilled at Black Friars since 1793."),
    "rail": ("Royal Albert Bridge", "The Royal Albert Bridge was designed by Isambard Kingdom Brunel."),
    "fort": ("Crownhill Fort", "Crownhill Fort was finished in 1872 and held 300 soldiers."),
}
QUESTIONS = [
    ("q1", "When was the Tamar Bridge opened?", ["1961"], "bridge"),
    ("q2", "Who built Smeaton's Tower?", ["John Smeaton"], "tower"),
    ("q3", "How many passengers did the Mayflower carry?", ["102"], "ship"),
    ("q4", "Where is Plymouth Gin distilled?", ["Black Friars"], "gin"),
    ("q5", "Who designed the Royal Albert Bridge?", ["Isambard Kingdom Brunel"], "rail"),
    ("q6", "How many soldiers did Crownhill Fort hold?", ["300"], "fort"),
    ("q7", "What does a ticket to the aquarium cost?", [], ""),
]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "plymouth"
    (folder / "qrels").mkdir(parents=True)
    write(folder / "corpus.jsonl", [{"_id": one, "title": title, "text": text} for one, (title, text) in FACTS.items()])
    write(folder / "queries.jsonl", [{"_id": one, "text": text} for one, text, answers, _ in QUESTIONS if answers])
    rows = [f"{one}\t{document}\t1\n" for one, _, answers, document in QUESTIONS if answers]
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(rows))
    write(
        folder / "qa.jsonl",
        [
            {
                "_id": one,
                "question": text,
                "answers": answers,
                "answerable": bool(answers),
                "passages": [document] if document else [],
            }
            for one, text, answers, document in QUESTIONS
        ],
    )
    return folder


def write(path: Path, rows: Sequence[object]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def request(dataset: Path, out: Path, **more: object) -> Request:
    return Request(**{"target": dataset, "recipes": ("bm25",), "out": out, **more})  # type: ignore[arg-type]


def mean(summary: Summary, name: str) -> float | None:
    return next(one.mean for one in summary.measures if one.name == name)


def test_an_evaluation_writes_run_scores_summary_and_report(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (summary,) = run_experiment(request(dataset, out, answers=True, explain_misses=True))
    qrels = [ir_measures.Qrel(one, document, 1) for one, _, answers, document in QUESTIONS if answers]
    run = list(ir_measures.read_trec_run(str(out / RUN)))
    measures = [ir_measures.parse_measure(name) for name in ("nDCG@10", "AP", "RR", "R@10", "R@100")]
    for measure, value in ir_measures.calc_aggregate(measures, qrels, run).items():
        assert mean(summary, str(measure)) == pytest.approx(value, abs=1e-12)
    scores = [json.loads(line) for line in (out / SCORES).read_text().splitlines()]
    assert [row["id"] for row in scores] == [one for one, *_ in QUESTIONS]
    ndcg = [row["scores"]["nDCG@10"]["value"] for row in scores if "nDCG@10" in row["scores"]]
    assert len(ndcg) == 6
    assert sum(ndcg) / 6 == mean(summary, "nDCG@10")
    assert json.loads((out / SUMMARY).read_text())["measures"][0]["mean"] == summary.measures[0].mean
    assert "<html" in (out / REPORT).read_text()
    assert mean(summary, "contains") == pytest.approx(sum(row["scores"]["contains"]["value"] for row in scores) / 7)
    assert mean(summary, "citation_exactness") == 1.0
    assert summary.passed
    assert set(summary.provenance.hashes) >= {"corpus.jsonl", "queries.jsonl", "qrels/test.tsv", "qa.jsonl"}


def test_a_stopped_evaluation_goes_on(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def stop_after_three(what: str, done: int, total: int) -> None:
        if "asking" in what and done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_experiment(request(dataset, out, answers=True), progress=stop_after_three)
    kept = (out / FINISHED).read_text()
    assert len(kept.splitlines()) == 3
    with (out / FINISHED).open("a") as file:
        file.write('{"id": "torn by a kil')
    asked: list[tuple[int, int]] = []
    (resumed,) = run_experiment(
        request(dataset, out, answers=True),
        progress=lambda what, done, total: asked.append((done, total)) if "asking" in what else None,
    )
    assert asked == [(3, 7), (4, 7), (5, 7), (6, 7), (7, 7)]
    assert (out / FINISHED).read_text().startswith(kept)
    (at_once,) = run_experiment(request(dataset, tmp_path / "other", answers=True))
    assert resumed.measures == at_once.measures


def test_questions_asked_at_once_come_to_the_same(dataset: Path, tmp_path: Path) -> None:
    (one,) = run_experiment(request(dataset, tmp_path / "one", answers=True))
    (four,) = run_experiment(request(dataset, tmp_path / "four", answers=True, jobs=4))
    assert four.measures == one.measures
    assert (tmp_path / "four" / RUN).read_text() == (tmp_path / "one" / RUN).read_text()


def test_a_folder_is_kept_for_its_evaluation(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_experiment(request(dataset, out))
    recipe = tmp_path / "other.toml"
    recipe.write_text('[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n[bm25]\nk1 = 2.0\n')
    with pytest.raises(EvaluationError, match=r"another evaluation: recipe differ.*--fresh"):
        run_experiment(request(dataset, out, recipes=(str(recipe),)))
    run_experiment(request(dataset, out, recipes=(str(recipe),), fresh=True))
    notes = tmp_path / "notes"
    notes.mkdir()
    (notes / "thesis.txt").write_text("years of work")
    with pytest.raises(EvaluationError, match=r"other files \(thesis.txt\)"):
        run_experiment(request(dataset, notes, fresh=True))
    assert (notes / "thesis.txt").read_text() == "years of work"


def test_a_folder_is_for_one_process(tmp_path: Path) -> None:
    with EvaluationFolder(tmp_path / "out", {"ragstone": "1"}), pytest.raises(EvaluationError, match="another process"):
        EvaluationFolder(tmp_path / "out", {"ragstone": "1"})


@pytest.mark.parametrize("full", [FINISHED, "state.json"])
def test_a_full_disk_is_an_error_that_says_where(dataset: Path, tmp_path: Path, full: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, a device without space")
    out = tmp_path / "out"
    run_experiment(request(dataset, out, limit=1))
    if full == FINISHED:
        (out / FINISHED).unlink()
    (out / (FINISHED if full == FINISHED else f".{full}.tmp")).symlink_to("/dev/full")
    with pytest.raises(EvaluationError, match=f"{full}: cannot be written: No space left"):
        run_experiment(request(dataset, out))


def test_an_index_is_searched_by_its_own_recipe(dataset: Path, tmp_path: Path) -> None:
    with Pipeline(tmp_path / "index", "bm25") as pipeline:
        pipeline.add(dataset / "corpus.jsonl")
    (tmp_path / "suite.toml").write_text('dataset = "plymouth"\n')
    for target in (dataset, tmp_path / "suite.toml"):
        out = tmp_path / target.stem / "out"
        (summary,) = run_experiment(Request(target=target, index=tmp_path / "index", out=out))
        assert (summary.name, mean(summary, "RR")) == ("index", 1.0)
        assert 'arms = ["sparse"]' in summary.provenance.recipe_toml


def test_a_line_that_is_not_torn_but_wrong_is_named(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_experiment(request(dataset, out))
    lines = (out / FINISHED).read_text().splitlines(keepends=True)
    (out / FINISHED).write_text("".join([lines[0], '{"id": 3}\n', *lines[1:]]))
    with pytest.raises(EvaluationError, match=r"finished.jsonl:2.*--fresh"):
        run_experiment(request(dataset, out))


class Flaky:
    """A generator that fails on some questions."""

    context_size = 4096

    def __init__(self, fails: Callable[[str], bool]) -> None:
        self._fails = fails

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        if self._fails(messages[-1].question):
            raise GenerationError("the endpoint does not answer", where="http://127.0.0.1:9")
        yield messages[-1].passages[0]


def ask_some(
    pipeline: Pipeline, asks: Sequence[Ask], finished: Mapping[str, QueryResult] | None = None, **more: Any
) -> list[QueryResult]:
    given = {"key": "_id", "depth": 100, "jobs": 1, "save": lambda one: None, "progress": lambda done, total: None}
    return ask_all(pipeline, asks, finished=finished or {}, **{**given, **more})


def ask_flaky(dataset: Path, tmp_path: Path, fails: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    with Pipeline(tmp_path / "index", "bm25") as pipeline:
        pipeline.add(dataset / "corpus.jsonl")
        pipeline.__dict__["generator"] = Flaky(fails)
        saved: list[str] = []
        results = ask_all(
            pipeline,
            choose_questions(read_dataset(dataset), answers=True, limit=None, seed=0),
            key="_id",
            depth=100,
            jobs=1,
            finished={},
            save=lambda result: saved.append(result.id),
            progress=lambda done, total: None,
        )
        return saved, [result.id for result in results if result.error]


def test_a_failed_question_is_kept_as_failed_and_asked_again(dataset: Path, tmp_path: Path) -> None:
    saved, failed = ask_flaky(dataset, tmp_path, lambda question: "Mayflower" in question)
    assert failed == ["q3"]
    assert saved == ["q1", "q2", "q4", "q5", "q6", "q7"]


def test_a_dead_endpoint_ends_the_evaluation_and_keeps_what_is_finished(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(
        EvaluationError, match=r"5 questions in a row failed.*does not answer.*1 of 7 questions are finished"
    ):
        ask_flaky(dataset, tmp_path, lambda question: "Tamar" not in question)


def test_a_failed_question_lowers_the_coverage(dataset: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "dead.toml"
    recipe.write_text(
        '[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n[generator]\nkind = "openai"\nmodel = "m"\n'
        'api_key_env = ""\nbase_url = "http://127.0.0.1:9/v1"\nmax_retries = 0\ntimeout = 2.0\n'
    )
    rows = (dataset / "qa.jsonl").read_text().splitlines(keepends=True)
    (dataset / "qa.jsonl").write_text("".join(rows[:3]))
    (summary,) = run_experiment(request(dataset, tmp_path / "out", recipes=(str(recipe),), answers=True))
    contains = next(one for one in summary.measures if one.name == "contains")
    assert (contains.mean, contains.scored, contains.total) == (None, 0, 3)
    assert contains.statuses == {"failed": 3}
    assert not contains.covered
    assert not summary.passed
    assert any("3 of 3 questions failed" in note for note in summary.notes)


def test_several_recipes_are_compared_with_the_first(dataset: Path, tmp_path: Path) -> None:
    blind = tmp_path / "blind.toml"
    blind.write_text('[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n[bm25]\nk1 = 0.0\nb = 0.0\n')
    first, second = run_experiment(request(dataset, tmp_path / "out", recipes=("bm25", str(blind))))
    assert not first.comparisons
    comparisons = [one.comparison for one in second.comparisons]
    assert {one.measure for one in comparisons} == {one.name for one in second.measures} - {"Judged@10"}
    assert all(one.baseline == "bm25" and one.n == 6 for one in comparisons)
    assert (tmp_path / "out" / "bm25" / REPORT).is_file()
    assert (tmp_path / "out" / "blind" / REPORT).is_file()


@pytest.mark.parametrize("kind", ["folder", "scores", "run"])
def test_the_same_again_is_no_significant_difference(dataset: Path, tmp_path: Path, kind: str) -> None:
    run_experiment(request(dataset, tmp_path / "before"))
    baseline = {"folder": Path(), "scores": Path(SCORES), "run": Path(RUN)}[kind]
    (again,) = run_experiment(request(dataset, tmp_path / "after", baseline=tmp_path / "before" / baseline))
    assert again.comparisons
    assert {one.verdict for one in again.comparisons} == {"no significant difference"}
    assert {one.comparison.difference for one in again.comparisons} == {0.0}
    assert again.passed


def test_a_finished_question_is_searched_again_as_deep_as_asked_but_not_answered_again(
    dataset: Path, tmp_path: Path
) -> None:
    with Pipeline(tmp_path / "index", "bm25") as pipeline:
        pipeline.add(dataset / "corpus.jsonl")
        asks = [Ask("q1", "When was the Tamar Bridge opened?", answer=True)]
        (shallow,) = ask_some(pipeline, asks, depth=1)
        pipeline.__dict__["generator"] = Flaky(lambda question: True)
        (deep,) = ask_some(pipeline, asks, {"q1": shallow}, depth=100)
        assert (len(shallow.ranking), len(deep.ranking)) == (1, 2)
        assert (deep.answer, deep.answer_seconds, deep.error) == (shallow.answer, shallow.answer_seconds, "")
        (searched,) = ask_some(pipeline, [replace(asks[0], answer=False)], {"q1": deep})
        assert (searched.ranking, searched.answer) == (deep.ranking, None)
        (other,) = ask_some(pipeline, [replace(asks[0], text="Who built Smeaton's Tower?")], {"q1": deep})
        assert "does not answer" in other.error


@pytest.mark.models
def test_a_diversified_ranking_keeps_its_order_in_the_run(dataset: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "diverse.toml"
    recipe.write_text('[generator]\nkind = "extractive"\n[retrieval]\nmmr = 0.1\n')
    with Pipeline(tmp_path / "index", recipe) as pipeline:
        pipeline.add(dataset / "corpus.jsonl")
        text = "Which bridge was designed in Plymouth?"
        hits = pipeline.search(text, 100)
        assert [hit.score for hit in hits] != sorted((hit.score for hit in hits), reverse=True)
        (result,) = ask_some(pipeline, [Ask("q", text, answer=False)])
    assert ranking(run_of([result])["q"]) == [document_key(hit, "_id") for hit in hits]


def test_a_blank_question_fails_alone(dataset: Path, tmp_path: Path) -> None:
    rows = [{"_id": one, "text": "" if one != "q6" else text} for one, text, *_ in QUESTIONS]
    write(dataset / "queries.jsonl", rows)
    (summary,) = run_experiment(request(dataset, tmp_path / "out"))
    assert (summary.questions, summary.failed) == (6, 5)
    write(dataset / "queries.jsonl", [{**row, "text": " "} for row in rows])
    (summary,) = run_experiment(request(dataset, tmp_path / "all"))
    assert [(one.mean, one.scored, one.total) for one in summary.measures] == [(None, 0, 6)] * 6
    assert not summary.passed


def test_measures_without_a_cutoff_are_taken_alone(dataset: Path, tmp_path: Path) -> None:
    (summary,) = run_experiment(request(dataset, tmp_path / "out", measures=("AP",)))
    assert [one.name for one in summary.measures] == ["AP"]


def test_scores_of_another_time_are_not_in_the_results(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_experiment(request(dataset, out))
    rows = [json.loads(line) for line in (out / FINISHED).read_text().splitlines()]
    write(out / FINISHED, [{**row, "scores": {"judged.fluency": {"value": 0.5}, "AP": {"value": 0.1}}} for row in rows])
    run_experiment(request(dataset, out, measures=("AP",)))
    scores = [json.loads(line)["scores"] for line in (out / SCORES).read_text().splitlines()]
    assert scores == [{"AP": {"value": 1.0}}] * 6


def test_documents_that_the_index_lacks_are_told(dataset: Path, tmp_path: Path) -> None:
    with (dataset / "qrels" / "test.tsv").open("a") as file:
        file.write("q1\tlost\t1\n")
    (summary,) = run_experiment(request(dataset, tmp_path / "out"))
    assert any("1 of 7 relevant documents are not in the index, such as lost" in note for note in summary.notes)
    write(dataset / "corpus.jsonl", [{"_id": "z", "title": "", "text": "Nothing of the kind."}])
    with pytest.raises(EvaluationError, match=r"none of the documents that are relevant.*such as bridge"):
        run_experiment(request(dataset, tmp_path / "none"))


def test_judged_queries_without_a_row_of_answers_are_told(dataset: Path, tmp_path: Path) -> None:
    rows = (dataset / "qa.jsonl").read_text().splitlines(keepends=True)
    (dataset / "qa.jsonl").write_text("".join(rows[2:]))
    (summary,) = run_experiment(request(dataset, tmp_path / "out", answers=True))
    assert any("2 of 6 judged queries are not in qa.jsonl by their _id (such as q1)" in one for one in summary.notes)


def test_a_split_is_chosen(dataset: Path, tmp_path: Path) -> None:
    (dataset / "qrels" / "test.tsv").rename(dataset / "qrels" / "dev.tsv")
    with pytest.raises(EvaluationError, match="--split: dev"):
        run_experiment(request(dataset, tmp_path / "out"))
    (summary,) = run_experiment(request(dataset, tmp_path / "out", split="dev"))
    assert mean(summary, "RR") == 1.0


def test_a_baseline_is_read_before_anything_is_asked(dataset: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write(other / SCORES, [{"id": "x1", "scores": {"AP": {"value": 0.5}}}])
    for baseline, message in ((tmp_path / "no.trec", "no.trec"), (other, "none of these questions")):
        with pytest.raises(EvaluationError, match=message):
            run_experiment(request(dataset, tmp_path / "out", baseline=baseline))
    (other / SCORES).write_text('{"id": "q1", "scores": {"AP": {"value": NaN}}}\n')
    with pytest.raises(EvaluationError, match=r"scores\.jsonl:1"):
        run_experiment(request(dataset, tmp_path / "out", baseline=other))
    assert not (tmp_path / "out").exists()


def test_a_measure_that_no_question_has_of_both_is_not_compared(dataset: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    rows = [{"id": "q1", "scores": {"AP": {"value": 0.5}, "refusal_precision": {"value": 0.0}}}]
    rows[0]["question"] = "one line\u2028in JSON"
    (other / SCORES).write_text(json.dumps(rows[0], ensure_ascii=False) + "\n", encoding="utf-8")
    (summary,) = run_experiment(request(dataset, tmp_path / "out", baseline=other, answers=True))
    assert [one.comparison.measure for one in summary.comparisons] == ["AP"]
    assert any(note.startswith("refusal_precision") and "0 are compared" in note for note in summary.notes)


def test_folders_of_others_stay_as_they_are(dataset: Path, tmp_path: Path) -> None:
    for name, state in (("index alone", None), ("state of another program", '{"version": 4}'), ("torn", '{"rag')):
        folder = tmp_path / name
        (folder / "index").mkdir(parents=True)
        (folder / "index" / "mine").write_text("years of work")
        if state:
            (folder / "state.json").write_text(state)
        with pytest.raises(EvaluationError, match="other files"):
            run_experiment(request(dataset, folder, fresh=True))
        assert (folder / "index" / "mine").read_text() == "years of work"


def test_two_recipes_of_one_name_are_refused(dataset: Path, tmp_path: Path) -> None:
    paths = [tmp_path / folder / "same.toml" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text('[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n')
    with pytest.raises(EvaluationError, match="two recipes are called 'same'"):
        run_experiment(request(dataset, tmp_path / "out", recipes=tuple(map(str, paths))))
    assert not (tmp_path / "out").exists()


def test_answers_come_to_a_folder_that_has_none(tmp_path: Path) -> None:
    settings = {"ragstone": "1"}
    for generator, judge in (
        ({}, None),
        ({"generator m": "a"}, None),
        ({}, {"model": "m"}),
        ({"generator m": "a"}, None),
    ):
        EvaluationFolder(tmp_path / "out", settings, {"generator": generator, "judge": judge}).close()
    with pytest.raises(EvaluationError, match="generator, judge differ"):
        EvaluationFolder(tmp_path / "out", settings, {"generator": {"generator m": "b"}, "judge": {"model": "n"}})


@pytest.mark.parametrize("jobs", [1, 4])
def test_ctrl_c_ends_the_command_and_keeps_what_is_finished(dataset: Path, tmp_path: Path, jobs: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes requests, never answers
        recipe = tmp_path / "silent.toml"
        recipe.write_text(
            '[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n[generator]\nkind = "openai"\nmodel = "m"\n'
            f'api_key_env = ""\nbase_url = "http://127.0.0.1:{silent.getsockname()[1]}/v1"\ntimeout = 60.0\n'
        )
        rows = (dataset / "qa.jsonl").read_text().splitlines(keepends=True)
        (dataset / "qa.jsonl").write_text("".join([rows[-1], *rows[:-1]]))  # refused without the model, so finished
        command = [Path(sys.executable).with_name("rag"), "eval", dataset, "-r", recipe, "--answers", "-j", str(jobs)]
        running = subprocess.Popen([*command, "--out", tmp_path / "out"], stderr=subprocess.PIPE, text=True)
        silent.settimeout(60)
        with silent.accept()[0]:
            running.send_signal(signal.SIGINT)
            _, said = running.communicate(timeout=15)
    assert running.returncode == 130
    assert "the same command goes on" in said
    assert [json.loads(line)["id"] for line in (tmp_path / "out" / FINISHED).read_text().splitlines()] == ["q7"]


@pytest.mark.collections
def test_a_broken_recipe_is_significantly_worse(collections_dir: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text('[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n[bm25]\nk1 = 0.0\n')
    out = tmp_path / "out"
    good, bad = run_experiment(request(collections_dir / "cranfield", out, recipes=("bm25", str(broken))))
    (ndcg,) = [one.comparison for one in bad.comparisons if one.comparison.measure == "nDCG@10"]
    assert ndcg.verdict == "worse"
    assert ndcg.p_corrected < 0.01
    assert not bad.passed
    assert good.passed
    assert any("2 documents could not be indexed" in note for note in good.notes)


def test_a_limit_takes_part_of_a_larger_sample(dataset: Path) -> None:
    loaded = read_dataset(dataset)
    three = choose_questions(loaded, answers=True, limit=3, seed=0)
    five = choose_questions(loaded, answers=True, limit=5, seed=0)
    assert set(three) < set(five)
    assert [ask.id for ask in five] == sorted(ask.id for ask in five)
    assert any(set(choose_questions(loaded, answers=True, limit=3, seed=seed)) != set(three) for seed in range(1, 9))
    assert choose_questions(loaded, answers=False, limit=None, seed=0)[0] == Ask("q1", QUESTIONS[0][1], answer=False)


def test_a_test_set_is_asked_of_its_index(dataset: Path, tmp_path: Path) -> None:
    with Pipeline(tmp_path / "index", "bm25") as pipeline:
        pipeline.add(dataset / "corpus.jsonl")
        uris = [one.uri for one in pipeline.snapshot.documents()]
        uri = next(uri for uri in uris if uri.endswith("#bridge"))
        text = pipeline.snapshot.document(uri).text
    start = text.index("1961")
    row = {
        "_id": "t1",
        "question": "When was the Tamar Bridge opened?",
        "answers": ["1961"],
        "passages": [uri],
        "spans": [{"document": uri, "start": start, "end": start + 4}],
    }
    testset = tmp_path / "testset.jsonl"
    write(testset, [row])
    assert read_testset(testset).qrels == {"t1": {uri: 1}}
    with pytest.raises(EvaluationError, match="--index"):
        run_experiment(request(testset, tmp_path / "out", recipes=()))
    (summary,) = run_experiment(
        request(testset, tmp_path / "out", recipes=(), index=tmp_path / "index", answers=True, explain_misses=True)
    )
    assert mean(summary, "RR") == 1.0
    assert mean(summary, "contains") == 1.0
    assert not (tmp_path / "out" / "index").exists()


@pytest.mark.parametrize(
    ("file", "lines", "message"),
    [
        (
            "queries.jsonl",
            ['{"_id": "q1", "text": "a"}', '{"_id": "q1", "text": "b"}'],
            r"queries.jsonl:2.*twice.*line 1",
        ),
        ("queries.jsonl", ['{"_id": "q1", "text": "a"}', "{"], r"queries.jsonl:2.*not JSON"),
        ("queries.jsonl", ['{"_id": "q1", "text": "half of \\ud83d"}'], r"queries.jsonl:1.*hex escape"),
        ("queries.jsonl", ['{"_id": "q1"}'], r"queries.jsonl:1.*text"),
        ("queries.jsonl", ['{"_id": "q9", "text": "a"}'], r"test.tsv.*'q1' is judged, but not in queries.jsonl"),
        ("qa.jsonl", ['{"_id": "q1", "question": 3}'], r"qa.jsonl:1.*question"),
        ("qrels/test.tsv", ["query-id\tcorpus-id\tscore", "q1\tbridge\thigh"], r"test.tsv:2"),
        ("qrels/test.tsv", ["query-id\tcorpus-id\tscore"], r"test.tsv"),
    ],
)
def test_bad_data_is_named_by_file_and_line(
    dataset: Path, tmp_path: Path, file: str, lines: list[str], message: str
) -> None:
    (dataset / file).write_text("\n".join(lines) + "\n")
    with pytest.raises(EvaluationError, match=message):
        run_experiment(request(dataset, tmp_path / "out", answers=True))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"measures": ("nDCGG@10",)}, "nDCG@10"),
        ({"measures": ("contain",)}, "did you mean contains"),
        ({"measures": ("contains",)}, "add --answers"),
        ({"recipes": ("bm52",)}, "did you mean 'bm25'"),
        ({"measures": ("judged.fluency",), "answers": True}, "--judge"),
        ({"baseline": Path("no/such/run.trec")}, "no/such/run.trec"),
        ({"target": Path("no/such/data")}, "there is no data set"),
    ],
)
def test_bad_requests_say_what_to_do(dataset: Path, tmp_path: Path, more: dict[str, object], message: str) -> None:
    with pytest.raises((EvaluationError, RecipeError), match=message):
        run_experiment(request(dataset, tmp_path / "out", **more))


def test_rankings_survive_the_run_file(dataset: Path, tmp_path: Path) -> None:
    run_experiment(request(dataset, tmp_path / "out"))
    rows = (tmp_path / "out" / FINISHED).read_bytes().splitlines()
    results = [TypeAdapter(QueryResult).validate_json(row) for row in rows]
    assert read_run(tmp_path / "out" / RUN) == run_of(results)


class YesSayer(Flaky):
    """A judge that agrees, and counts how often it was asked."""

    asked = 0

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        self.asked += 1
        yield "Yes"


def test_a_judge_is_asked_only_for_what_is_missing(dataset: Path, tmp_path: Path) -> None:
    questions = {one.id: one for one in read_questions(dataset / "qa.jsonl")}
    with Pipeline(tmp_path / "index", "bm25") as pipeline:
        pipeline.add(dataset / "corpus.jsonl")
        asks = choose_questions(read_dataset(dataset), answers=True, limit=None, seed=0)
        results = ask_some(pipeline, asks)
        judge = YesSayer(lambda question: False)
        pipeline.__dict__["generator"] = judge
        saved: list[QueryResult] = []

        def judged(results: Sequence[QueryResult], *names: str) -> list[QueryResult]:
            judge.asked = 0
            return judge_all(
                pipeline,
                questions,
                results,
                Chosen(judged=names),
                pipeline.recipe.generator,
                jobs=1,
                save=saved.append,
                progress=lambda what, done, total: None,
            )

        fluent = judged(results, "judged.fluency")
        assert judge.asked == len(saved) == 6  # q7 is rightly refused: no such score applies
        timed_out = {**fluent[0].scores, "judged.fluency": Score.missing("timeout")}
        both = judged([replace(fluent[0], scores=timed_out), *fluent[1:]], "judged.fluency", "judged.utility")
        assert judge.asked == 1 + 6
        assert [list(one.scores) for one in both] == [["judged.fluency", "judged.utility"]] * 6 + [[]]
        saved.clear()
        judged(both, "judged.fluency", "judged.utility")
        assert (judge.asked, saved) == (0, [])


def test_ragas_is_asked_only_for_what_is_missing(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[int, tuple[str, ...]]] = []

    def score_rows(rows: Sequence[object], names: Sequence[str], *, on_row: Callable[..., None], **_: object) -> None:
        calls.append((len(rows), tuple(names)))
        for number in range(len(rows)):
            on_row(number, {name: Score(number / 10) for name in names})

    monkeypatch.setattr(judging, "score_rows", score_rows)
    monkeypatch.setattr(judging, "endpoint_of", lambda *args, **more: None)
    one, two = "ragas.faithfulness", "ragas.context_recall"
    done = [
        {one: Score(0.5)},
        {},
        {one: Score(0.5)},
        {one: Score.missing("timeout")},
        {one: Score(1.0), two: Score(1.0)},
    ]
    results = [QueryResult(f"q{number}", "?", scores=scores) for number, scores in enumerate(done, 1)]
    questions = {question.id: question for question in read_questions(dataset / "qa.jsonl")}
    with Pipeline(tmp_path / "index", "bm25") as pipeline:
        found = judge_all(
            pipeline,
            questions,
            results,
            Chosen(ragas=(one, two)),
            pipeline.recipe.generator,
            jobs=1,
            save=lambda result: None,
            progress=lambda what, done, total: None,
        )
    assert calls == [(2, (two,)), (2, (one, two))]
    assert [[result.scores[name].value for name in (one, two)] for result in found] == [
        [0.5, 0.0], [0.0, 0.0], [0.5, 0.1], [0.1, 0.1], [1.0, 1.0],
    ]  # fmt: skip


class TestSuites:
    def test_every_shipped_suite_is_read(self, root: Path) -> None:
        suites = sorted((root / "eval").glob("*.toml"))
        assert len(suites) >= 6
        for path in suites:
            suite = load_suite(path)
            assert suite.description, path.name
            assert set(suite.expect) == set(suite.recipes), path.name

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('dataset = "x"\nmeasure = ["AP"]', "unknown key 'measure'; did you mean 'measures'"),
            ("recipes = ['bm25']", "dataset"),
            ('dataset = "x"\n[expect.bm25]\nAP = 0.5', "expect.bm25.AP"),
            ('dataset = "x"\n[expect.bm52.AP]\nvalue = 0.5', "expect.bm52 is for no recipe"),
            ('dataset = "x"\nseed = -1', "seed"),
            ("dataset = ", "not TOML"),
        ],
    )
    def test_a_wrong_suite_names_the_key(self, tmp_path: Path, text: str, message: str) -> None:
        (tmp_path / "suite.toml").write_text(text)
        with pytest.raises(EvaluationError, match=message):
            load_suite(tmp_path / "suite.toml")

    def test_expectations_decide(self, dataset: Path, tmp_path: Path) -> None:
        suite = tmp_path / "suite.toml"
        suite.write_text(
            'dataset = "plymouth"\nrecipes = ["bm25"]\n[expect.bm25]\n"RR" = { value = 0.2, tolerance = 0.01 }\n'
        )
        (summary,) = run_experiment(Request(target=suite, out=tmp_path / "out"))
        assert any(failure.startswith("RR is 1.0000, expected 0.2000") for failure in summary.failures)
        command = [Path(sys.executable).with_name("rag"), "eval", str(suite), "--out", str(tmp_path / "out")]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 5, done.stderr
        assert "FAILED: RR is 1.0000, expected 0.2000 ± 0.01" in done.stdout

    def test_an_expectation_of_what_is_not_measured_is_an_error(self, dataset: Path, tmp_path: Path) -> None:
        suite = tmp_path / "suite.toml"
        suite.write_text('dataset = "plymouth"\nrecipes = ["bm25"]\n[expect.bm25]\n"nDCG@1O" = { value = 0.2 }\n')
        with pytest.raises(EvaluationError, match=r"expect.bm25 has 'nDCG@1O', which is not measured.*nDCG@10"):
            run_experiment(Request(target=suite, out=tmp_path / "out"))
        suite.write_text(suite.read_text().replace("nDCG@1O", "AUROC").replace('"bm25"]', '"bm25"]\nanswers = true'))
        rows = (dataset / "qa.jsonl").read_text().splitlines(keepends=True)
        (dataset / "qa.jsonl").write_text("".join(rows[:-1]))  # nothing to tell apart
        (summary,) = run_experiment(Request(target=suite, out=tmp_path / "out"))
        assert "AUROC is no value, expected 0.2000 ± 0.01" in summary.failures

    def test_seed_limit_and_coverage_are_the_suites_unless_given(self, dataset: Path, tmp_path: Path) -> None:
        suite = tmp_path / "suite.toml"
        expect = '[expect.bm25]\n"RR" = { value = 1.0 }\n'
        suite.write_text(f'dataset = "plymouth"\nrecipes = ["bm25"]\nlimit = 3\nseed = 5\n{expect}')
        (summary,) = run_experiment(Request(target=suite, out=tmp_path / "out"))
        assert summary.provenance.seed == 5
        asked = [json.loads(line)["id"] for line in (tmp_path / "out" / SCORES).read_text().splitlines()]
        chosen = choose_questions(read_dataset(dataset), answers=False, limit=3, seed=5)
        assert asked == [ask.id for ask in chosen]
        (other,) = run_experiment(Request(target=suite, out=tmp_path / "out", seed=6))
        assert other.provenance.seed == 6
        assert any("expected scores are not checked" in note for note in other.notes)
        write(
            dataset / "queries.jsonl", [{"_id": one, "text": "" if one == asked[0] else t} for one, t, *_ in QUESTIONS]
        )
        (covered,) = run_experiment(Request(target=suite, out=tmp_path / "new", min_coverage=0.5))
        assert covered.passed

    @pytest.mark.models
    @pytest.mark.collections
    def test_a_slice_scores_as_expected(self, root: Path, collections_dir: Path, tmp_path: Path) -> None:
        request = Request(target=root / "eval" / "slice.toml", data=collections_dir, out=tmp_path / "out")
        (summary,) = run_experiment(request)
        assert summary.failures == ()
        assert summary.questions == 30


def test_questions_are_read_back(dataset: Path) -> None:
    questions = read_questions(dataset / "qa.jsonl")
    assert [one.answerable for one in questions] == [True] * 6 + [False]
