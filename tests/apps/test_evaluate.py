"""Evaluating in the app: test sets, experiments that stop and go on, what is said of them, and a recipe into use."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("streamlit")
from experiments import (
    ExperimentJob,
    Measuring,
    begin_experiment,
    damaged_experiments,
    experiments,
    forget,
    prepare,
    questions_of,
    recipe_files,
    results_of,
    title_of,
)
from findings import comparisons_table, measures_table, verdict, zipped
from library import Library
from per_question import STAGES, by_difference, misses_table, ranking_table
from settings import AppSettings
from streamlit.testing.v1 import AppTest
from testsets import MakingJob, QuestionSet, begin_making, for_retrieval, free_place, sets_of, take_in, with_gold
from uploads import Upload
from users import User
from visitor import Visitor
from words import saying

from rag.errors import EvaluationError
from rag.evaluation.datasets import Question
from rag.evaluation.experiment.folder import INDEX
from rag.evaluation.misses.explain import STAGES as ALL_STAGES
from rag.evaluation.ranking.significance import compare
from rag.evaluation.results import Miss, QueryResult, Retrieved
from rag.pipeline import Pipeline
from rag.recipe import ChunkerConfig, GeneratorConfig, Recipe, load_recipe

if TYPE_CHECKING:
    from browsing import App
    from playwright.sync_api import Page

PLAIN = load_recipe("bm25")
SHORT = PLAIN.model_copy(update={"chunker": ChunkerConfig(kind="sentences", max_tokens=16)})
WHO = Visitor(User(), "me", saying("en"), "en")
FACTS = [
    ("meter", "1961"),
    ("pump", "1872"),
    ("gauge", "1793"),
    ("valve", "1620"),
    ("crane", "1911"),
    ("lathe", "1834"),
]


@pytest.fixture
def settings(tmp_path: Path) -> AppSettings:
    folder = tmp_path / "docs"
    folder.mkdir()
    for thing, year in FACTS:
        (folder / f"{thing}.txt").write_text(f"The {thing} QX was presented in {year}. It is made of brass and oak.")
    with Pipeline(tmp_path / "index", PLAIN) as pipeline:
        pipeline.add(folder)
    return AppSettings(tmp_path / "index")


@pytest.fixture
def questions(settings: AppSettings) -> QuestionSet:
    """Six that have an answer, one that has none, and one of which nobody has said what is right."""
    with Pipeline(settings.index) as pipeline:
        uris = {Path(one.uri).stem: one.uri for one in pipeline.snapshot.documents()}
    rows: list[dict[str, object]] = [
        {"_id": thing, "question": f"When was the {thing} presented?", "answers": [year], "passages": [uris[thing]]}
        for thing, year in FACTS
    ]
    rows.append({"_id": "price", "question": "What does the aquarium cost?", "answerable": False})
    rows.append({"_id": "bad", "question": "How heavy is it?"})
    return take_in(Upload("my set.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows).encode()), settings)


def measured(settings: AppSettings, questions: QuestionSet, **recipes: Recipe) -> ExperimentJob:
    with Pipeline(settings.index) as pipeline:
        generation = pipeline.snapshot.generation
    asked = prepare(settings, questions, recipes, answers=False, limit=0, generation=generation)
    job = begin_experiment(settings, asked, ExperimentJob("me"))
    assert job.done.wait(120)
    return job


def test_a_test_set_is_kept_under_a_name_of_its_own(settings: AppSettings, questions: QuestionSet):
    assert questions.path.parent == settings.testsets
    assert [one.text for one in questions.questions[:1]] == ["When was the meter presented?"]
    again = take_in(Upload("../../my set.jsonl", questions.path.read_bytes()), settings)
    assert again.path.parent == settings.testsets
    assert list(sets_of(settings)) == ["my set", "my set-2"]
    assert free_place(settings, "RATED").stem != "RATED"


def test_of_which_questions_is_known_what_is_right(questions: QuestionSet):
    assert len(for_retrieval(questions.questions)) == 6
    assert [one.id for one in questions.questions if one not in with_gold(questions.questions)] == ["bad"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"_id": "1", "question": "Who?"}\n{"_id": "2", "text": "Who?"}\n', r"^mine\.jsonl:2: row\.question: "),
        (b'{"_id": "1", "question": "Who?"}\nnothing\n', r"^mine\.jsonl:2: this is not JSON"),
        (b'{"_id": "1", "question": "Who?"}\n{"_id": "1", "question": "Whom?"}\n', r"^mine\.jsonl:2: .*twice"),
        (b'{"_id": "1", "question": "Who?", "spans": [{"document": "d", "start": -1, "end": 2}]}', r"jsonl:1: .*start"),
        (b"\n", r"no question"),
        (b"\xff\xfe\xfd", r"mine\.jsonl: .*read"),
    ],
)
def test_a_broken_test_set_says_where_and_is_not_kept(settings: AppSettings, data: bytes, said: str):
    with pytest.raises(EvaluationError, match=said) as raised:
        take_in(Upload("mine.jsonl", data), settings)
    assert "/tmp" not in str(raised.value)
    assert sets_of(settings) == {}


def test_recipes_are_measured_and_compared(settings: AppSettings, questions: QuestionSet):
    job = measured(settings, questions, bm25=PLAIN, short=SHORT)
    assert job.error is None
    (experiment,) = experiments(settings)
    assert job.result == experiment
    assert (experiment.recipes, experiment.left_out, bool(experiment.finished)) == (("bm25", "short"), 2, True)
    results = results_of(settings, experiment)
    assert [query.id for query in results["short"].queries] == [thing for thing, _ in FACTS]
    assert list(questions_of(settings, experiment)) == [thing for thing, _ in FACTS]
    table = measures_table(results, WHO)
    row = table["Measure"].index("nDCG@10")
    assert table["bm25: mean [95% interval]"][row] == "1.000 [1.000, 1.000]"
    assert table["short: questions"][row] == "6 / 6"
    assert table["Meaning"][row].startswith("how high")
    said = verdict([one.comparison for one in results["short"].summary.comparisons], WHO)
    assert said.startswith("No measurable difference between short and bm25")
    # what the trial index of `short` took is freed, and the index itself is as it was
    assert not list(settings.evaluations.glob(f"*/results/*/{INDEX}"))
    with zipfile.ZipFile(io.BytesIO(zipped(next(settings.evaluations.glob("*/results/short"))))) as archive:
        assert {"report.html", "run.trec", "scores.jsonl", "summary.json", "misses.jsonl"} <= set(archive.namelist())
    forget(settings, experiment)
    assert experiments(settings) == []


def test_an_experiment_that_was_stopped_goes_on_where_it_was(settings: AppSettings, questions: QuestionSet):
    with Pipeline(settings.index) as pipeline:
        generation = pipeline.snapshot.generation
    asked = prepare(settings, questions, {"bm25": PLAIN}, answers=False, limit=0, generation=generation)

    class StopAfterThree(ExperimentJob):
        def tell(self, progress: Measuring) -> None:
            if progress.stage == "asking" and progress.done == 3:
                self.stop.set()
            super().tell(progress)

    job = begin_experiment(settings, asked, StopAfterThree("me"))
    assert job.done.wait(60)
    assert job.stopped
    finished = next(settings.evaluations.glob("*/results/bm25/finished.jsonl"))
    assert len(finished.read_text().splitlines()) == 3
    (kept,) = experiments(settings)
    assert not kept.finished
    assert prepare(settings, questions, {"bm25": PLAIN}, answers=False, limit=0, generation=generation) == kept
    seen: list[int] = []

    class Seeing(ExperimentJob):
        def tell(self, progress: Measuring) -> None:
            seen.extend([progress.done] if progress.stage == "asking" else [])
            super().tell(progress)

    job = begin_experiment(settings, kept, Seeing("me"))
    assert job.done.wait(60)
    assert job.error is None
    assert seen == [3, 4, 5, 6]
    assert len(finished.read_text().splitlines()) == 6


def test_a_damaged_experiment_does_not_hide_the_others(settings: AppSettings, questions: QuestionSet):
    good = prepare(settings, questions, {"bm25": PLAIN}, answers=False, limit=0, generation=1)
    bad = prepare(settings, questions, {"bm25": PLAIN}, answers=False, limit=0, generation=2)
    (settings.evaluations / bad.id / "experiment.json").write_text('{"id": ')
    assert experiments(settings) == [good]
    (told,) = damaged_experiments(settings)
    assert bad.id in str(told)


def test_other_documents_or_recipes_are_another_experiment(settings: AppSettings, questions: QuestionSet):
    def identity(recipe: Recipe = PLAIN, *, answers: bool = False, limit: int = 0, generation: int = 1) -> str:
        made = prepare(settings, questions, {"x": recipe}, answers=answers, limit=limit, generation=generation)
        return made.id

    others = [identity(SHORT), identity(answers=True), identity(limit=2), identity(generation=2)]
    assert len({identity(), *others}) == 5


def test_a_set_without_gold_cannot_be_measured(settings: AppSettings):
    only = take_in(Upload("bad.jsonl", b'{"_id": "1", "question": "Who?"}\n'), settings)
    with pytest.raises(EvaluationError, match="no question of this test set"):
        prepare(settings, only, {"bm25": PLAIN}, answers=True, limit=0, generation=1)
    assert experiments(settings) == []


def test_a_model_that_is_missing_is_found_out_before_the_first_question(settings: AppSettings, questions: QuestionSet):
    lame = PLAIN.model_copy(update={"reranker": PLAIN.reranker.model_copy(update={"model": "/nowhere/model"})})
    job = measured(settings, questions, bm25=PLAIN, lame=lame)
    assert "/nowhere/model" in str(job.error)
    assert not list(settings.evaluations.glob("*/results/*/finished.jsonl"))


def test_a_recipe_without_a_name_gets_one_of_what_it_says(settings: AppSettings):
    settings.recipes.mkdir()
    (settings.recipes / "broken.toml").write_text("[chunker")
    (settings.recipes / "short.toml").write_text('[chunker]\nkind = "sentences"\nmax_tokens = 16\n')
    assert list(recipe_files(settings))[-2:] == ["broken", "short"]
    assert title_of(PLAIN, settings) == "bm25"
    assert title_of(load_recipe(settings.recipes / "short.toml"), settings) == "short"
    assert title_of(SHORT, settings).startswith("recipe-")
    assert title_of(SHORT, settings) != title_of(Recipe(chunker=ChunkerConfig(max_tokens=20)), settings)


def test_the_share_grows_from_recipe_to_recipe():
    shares = [
        Measuring(recipe, 2, stage, done, 4, None).share
        for recipe in (1, 2)
        for stage, done in (("indexing", 2), ("asking", 0), ("asking", 4), ("scoring", 2), ("explaining", 4))
    ]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(1)


def test_what_may_be_said_of_a_comparison():
    base = {"nDCG@10": {str(n): 0.0 for n in range(30)}, "RR": {str(n): n % 2 for n in range(30)}}
    other = {"nDCG@10": {str(n): 1.0 for n in range(30)}, "RR": {str(n): n % 2 for n in range(30)}}
    said = verdict(list(compare({"new": other}, base, baseline="old")), WHO)
    assert said == "new is better than old by nDCG\\@\u206010. No measurable difference by RR."
    said = verdict(list(compare({"new": base}, other, baseline="old")), WHO)
    assert said.startswith("new is worse than old by nDCG")
    table = comparisons_table(list(compare({"new": other}, base, baseline="old")), WHO)
    assert table["Difference"] == ["+1.000 [+1.000, +1.000]", "+0.000 [+0.000, +0.000]"]
    assert table["Better / equal / worse"] == ["30 / 0 / 0", "0 / 30 / 0"]
    assert table["Verdict"] == ["better", "no measurable difference"]


def test_questions_are_listed_by_how_far_recipes_are_apart():
    assert by_difference({"a": 0.5, "b": 1.0, "c": 0.0}, {"a": 0.6, "b": 0.2, "d": 1.0}) == ["b", "a"]


def test_a_ranking_marks_the_documents_that_hold_the_gold():
    found = QueryResult("1", "Who?", (Retrieved("file:///a%20b.txt", 2.0), Retrieved("file:///c.jsonl#7", 1.23456)))
    table = ranking_table(found, Question("1", "Who?", documents=("file:///c.jsonl#7",)), WHO)
    assert table == {"#": [1, 2], "Right": ["", "✓"], "Document": ["a b.txt", "c.jsonl#7"], "Score": [2.0, 1.2346]}


def test_misses_are_counted_by_stage_and_recipe():
    assert list(STAGES) == list(ALL_STAGES)
    misses = {
        "a": [Miss("1", "below the cut", ""), Miss("2", "missed by both", "")],
        "b": [Miss("1", "below the cut", "")],
    }
    table = misses_table(misses, WHO)
    assert table["Lost where"] == ["missed by both arms", "ranked below the cut"]
    assert (table["a: misses"], table["b: misses"]) == ([1, 1], [0, 1])


def _page(held, who):  # its text is run alone
    from evaluate import evaluate_page

    evaluate_page(held, who)


@pytest.mark.parametrize("user", [User("ann", "tenant = 'a'"), User("ann", manages=False)])
def test_only_who_sees_and_manages_everything_sees_the_page(settings: AppSettings, questions: QuestionSet, user: User):
    measured(settings, questions, bm25=PLAIN)
    held = Library(settings, Pipeline(settings.index))
    for who, allowed in ((WHO, True), (Visitor(user, "user ann", saying("en"), "en"), False)):
        page = AppTest.from_function(_page, kwargs={"held": held, "who": who}, default_timeout=30).run()
        assert not page.exception
        assert bool(page.dataframe) == bool(page.button) == bool(page.selectbox) == allowed
        assert [one.value for one in page.info] == ([] if allowed else [WHO.say("evaluate.nobody")])


def test_the_page_measures_what_was_chosen_and_shows_it(settings: AppSettings, questions: QuestionSet):
    held = Library(settings, Pipeline(settings.index))
    page = AppTest.from_function(_page, kwargs={"held": held, "who": WHO}, default_timeout=60).run()
    assert "8 questions: 6 for retrieval, 7 for answers" in [one.value for one in page.caption]
    assert page.multiselect(key="recipes").value == ["bm25"]
    page.number_input(key="limit").set_value(2)
    next(one for one in page.button if one.label == "Measure").click().run()  # which waits for the job's end
    assert not page.exception
    (experiment,) = experiments(settings)
    assert held.evaluation is not None
    assert held.evaluation.result == experiment
    assert len(results_of(settings, experiment)["bm25"].queries) == 2
    (said,) = (one.value for one in page.caption if "were asked" in one.value)
    assert said.startswith("2 questions were asked. Left out of the test set: 2")
    assert "bm25 is in use." in [one.value for one in page.text]


@pytest.mark.models
def test_a_test_set_is_made_and_kept_where_it_was_stopped(settings: AppSettings):
    class StopAfterTwo(MakingJob):
        def tell(self, progress: object) -> None:
            if getattr(progress, "done", 0) == 2:
                self.stop.set()
            super().tell(progress)  # type: ignore[arg-type]

    place = free_place(settings, "made")
    job = begin_making(settings.index, PLAIN, StopAfterTwo("me", path=place, wanted=4), GeneratorConfig())
    assert job.done.wait(120)
    assert job.stopped
    assert len(sets_of(settings)["made"].questions) == 2
    job = begin_making(settings.index, PLAIN, MakingJob("me", path=place, wanted=4), GeneratorConfig())
    assert job.done.wait(120)
    assert job.result is not None
    assert (job.result.resumed, job.result.made) == (2, 4)


@pytest.mark.models
@pytest.mark.slow
def test_from_a_test_set_to_a_recipe_in_use(sampled: App, tmp_path: Path):
    page = sampled.open("/evaluate")
    page.get_by_label("How many questions").fill("4")
    page.get_by_role("button", name="Make the test set").click()
    page.get_by_text("4 questions made in").wait_for()
    choose_recipe(page, "bm25")
    choose_recipe(page, "extractive")
    page.get_by_role("button", name="Measure", exact=True).click()
    page.get_by_text("questions were asked.").wait_for()
    page.get_by_text("No measurable difference between bm25 and default").first.wait_for()
    page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first.wait_for()
    page.get_by_role("tab", name="Files").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report of bm25").click()
    assert "<html" in download.value.path().read_text()
    page.reload()
    page.get_by_text("No measurable difference between bm25 and default").first.wait_for()
    page.get_by_role("tab", name="Promote").click()
    page.get_by_role("button", name="Promote extractive").click()
    page.get_by_text(re.compile("generator.kind: .*llama.cpp.* → .*extractive")).wait_for()
    assert Pipeline(sampled.index).recipe.generator.kind == "llama.cpp"
    page.get_by_role("button", name="Use it", exact=True).click()
    page.get_by_text("extractive is in use.").wait_for()
    with Pipeline(sampled.index) as pipeline:
        assert pipeline.recipe.generator.kind == "extractive"
    page.context.close()


def choose_recipe(page: Page, name: str) -> None:
    page.get_by_label("Recipes to measure").click()
    page.get_by_role("option", name=name, exact=True).click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name=f"Remove {name}").or_(
        page.locator(f"[data-baseweb=tag]:has-text('{name}')")
    ).first.wait_for()


@pytest.mark.models
@pytest.mark.slow
def test_a_broken_upload_names_its_line_and_a_phone_shows_all(sampled: App, tmp_path: Path):
    from playwright.sync_api import expect

    (tmp_path / "broken.jsonl").write_text('{"_id": "1", "question": "Who?"}\n{"_id": "2"}\n')
    page = sampled.open("/evaluate", width=390)
    page.get_by_text("Upload one").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "broken.jsonl")
    page.get_by_text("broken.jsonl").wait_for()
    page.get_by_role("button", name="Check and keep").click()
    page.get_by_test_id("stAlert").get_by_text("row.question").wait_for()
    expect(page.get_by_test_id("stAlert").first).to_contain_text("broken.jsonl")
    evil = '<img src="http://evil.example/1.png"> ![x](http://evil.example/2.png) http://evil.example/3'
    (tmp_path / "![x](http:evil.example).jsonl").write_text(
        json.dumps({"_id": "1", "question": evil, "answerable": False})
    )
    page.locator("input[type=file]").set_input_files(tmp_path / "![x](http:evil.example).jsonl")
    expect(page.get_by_test_id("stFileChip")).not_to_contain_text("broken")
    page.get_by_role("button", name="Check and keep").click()
    page.get_by_text("1 questions: 0 for retrieval, 1 for answers").wait_for()
    page.get_by_text("Show the questions").click()
    page.get_by_text("With answers", exact=True).click()
    page.get_by_role("button", name="Measure", exact=True).click()
    page.get_by_text("1 questions were asked.").wait_for()
    page.wait_for_load_state("networkidle")
    assert not sampled.foreign
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
