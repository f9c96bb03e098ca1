"""Look inside: what is read from a trace, and the page itself with a real answer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("streamlit")
from inside_miss import by_words
from inside_prompt import budget_rows
from inside_searches import hits_table, moves, naming
from inside_times import flat, step_name
from inside_trace import Moved, prompt_of, queries_of, searches_of
from users import User
from visitor import Visitor
from words import saying

from rag.pipeline import Pipeline
from rag.recipe import parse_recipe
from rag.tracing import recording, step
from rag.types import Answer, Trace

if TYPE_CHECKING:
    from browsing import App

RECIPE = """
[embedder]
backend = "none"
[retrieval]
arms = ["sparse"]
k = 2
[generator]
kind = "extractive"
"""
TEXTS = {
    "ferry": "The ferry to Aran leaves at noon. A ticket for the ferry costs 12 euros.",
    "train": "The train to Cork leaves at ten.",
    "secret": "The ferry to Aran is to be sold in May.",
}
WHEN = "When does the ferry to Aran leave?"


def visitor(where: str = "") -> Visitor:
    return Visitor(User("ann", where), "user ann", saying("en"), "en")


@pytest.fixture
def pipeline(tmp_path):
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.txt").write_text(text)
    with Pipeline(tmp_path / "index", parse_recipe(RECIPE)) as opened:
        opened.add(*(tmp_path / f"{name}.txt" for name in TEXTS))
        yield opened


def trace_of_two_queries() -> Trace:
    with recording("chat") as run:
        with step("standalone", query="And its price?", turns=1) as taken:
            taken.note(queries=("And its price?", "And the ferry's price?"))
        with step("retrieve", question="And its price?"):
            for query in ("And its price?", "And the ferry's price?"):
                with (
                    step("search", query=query),
                    step("fusion", method="rrf", arms=("dense",), weights=(1.0,)) as fused,
                ):
                    with step("rank", arm="dense", k=3) as rank:
                        rank.note(found=7, passages=("aa", "bb"), scores=(0.9, 0.1), lowest=0.0)
                    fused.note(found=7, passages=("aa",), scores=(0.5,), **{"from dense": (0.5,)})
            with step("fusion", method="convex", arms=("query 1", "query 2"), weights=(0.25, 0.75)) as fused:
                fused.note(
                    found=1, passages=("aa",), scores=(1.0,), **{"from query 1": (0.25,), "from query 2": (0.75,)}
                )
            with step("rerank", query="x", passages=("aa", "bb")) as moved:
                moved.note(passages=("bb",), scores=(3.5,))
    return run.trace


def test_every_query_has_its_searches_and_after_them_comes_their_fusion():
    first, second, joint = searches_of(trace_of_two_queries())
    assert [one.query for one in (first, second, joint)] == ["And its price?", "And the ferry's price?", ""]
    (ranking,) = second.rankings
    assert (ranking.arm, ranking.passages, ranking.scores, ranking.found) == ("dense", ("aa", "bb"), (0.9, 0.1), 7)
    assert first.fusions[0].method == "rrf"
    (fusion,) = joint.fusions
    assert fusion.shares == {"query 1": (0.25,), "query 2": (0.75,)}
    assert joint.rankings == ()
    assert joint.moves == (Moved("rerank", ("aa", "bb"), ("bb",), (3.5,)),)


def test_what_was_searched_for_is_told_once_in_order():
    assert queries_of(trace_of_two_queries()) == ["And its price?", "And the ferry's price?", "x"]


def test_a_move_is_up_down_or_none():
    moved = Moved("rerank", ("a", "b", "c", "d"), ("c", "b", "a"), (0.9, 0.5, 0.1))
    table = moves(moved, str.upper, visitor())
    assert table["Passage"] == ["C", "B", "A"]
    assert (table["Before"], table["After"]) == ([3, 2, 1], [1, 2, 3])
    assert table["Moved"] == ["▲ 2", "=", "▼ 2"]
    assert table["Score"] == [0.9, 0.5, 0.1]


def test_the_budget_of_a_real_prompt_adds_up_to_its_tokens(pipeline):
    answer = pipeline.ask(WHEN)
    assert answer.trace is not None
    prompt = prompt_of(answer.trace)
    assert prompt is not None
    assert prompt.passages == tuple(hit.chunk.id for hit in answer.hits)
    assert prompt.excerpts == tuple(hit.chunk.text for hit in answer.hits)
    assert prompt.total == answer.trace.prompt_tokens
    rows = dict(budget_rows(prompt, visitor()))
    assert rows["Question"] == 7
    assert sum(rows.values()) == prompt.total + prompt.answer  # no model bounds a quoting generator's context
    role, text = prompt.messages[-1]
    assert role == "user"
    assert all(excerpt in text for excerpt in prompt.excerpts)


def test_steps_within_steps_come_under_them_with_their_arm(pipeline):
    trace = pipeline.ask(WHEN).trace
    named = [(depth, step_name(one, visitor())) for depth, one in flat(trace.steps)]
    assert named[:2] == [(0, "Retrieval"), (1, "Ranking: By words (BM25)")]


def test_a_passage_that_the_user_may_not_see_has_no_name(pipeline):
    ids = {chunk.title: chunk.id for chunk in pipeline.snapshot.chunks(range(3))}
    answer = Answer(WHEN, "", "not in the documents", (), "", ())
    name = naming(pipeline.snapshot, answer, visitor("title != 'secret'"))
    assert name(ids["ferry"]).startswith("ferry: The ferry to Aran")
    assert name(ids["secret"]) == name("0" * 32) == "(not in the index any more, or not for you to see)"
    assert naming(pipeline.snapshot, answer, visitor())(ids["secret"]).startswith("secret: ")


def test_a_passage_is_looked_for_by_its_words_within_the_user_s_filter(pipeline):
    (found,) = by_words(pipeline.snapshot, "to be  SOLD in May", None)
    assert found.label == f"secret: {TEXTS['secret']}"
    assert TEXTS["secret"][found.span.start : found.span.end] == "to be sold in May"
    nearest = by_words(pipeline.snapshot, "to be sold in May", "title != 'secret'")
    assert all("sold" not in one.label for one in nearest)
    assert by_words(pipeline.snapshot, "zeppelin", None) == []


def test_the_hits_of_an_answer_are_told_with_their_arms(pipeline):
    table = hits_table(pipeline.ask(WHEN), visitor())
    assert table["Rank"] == table["By words (BM25)"] == [1, 2]
    assert table["not shown for want of room"] == [False, False]


@pytest.mark.models
@pytest.mark.slow
def test_any_answer_can_be_looked_into_and_a_miss_is_explained(sampled: App):
    from browsing import BATTERY, ask
    from playwright.sync_api import expect

    page = sampled.open()
    ask(page, BATTERY)
    ask(page, "How much does the SLM-220 cost?")
    page.get_by_test_id("stPageLink-NavLink").first.click()
    page.get_by_role("heading", name="What the model was shown").wait_for()
    assert "turn=1" in page.url
    expect(page.get_by_text(re.compile(r"passages in a prompt of \d+ tokens"))).to_have_count(1)
    page.get_by_role("heading", name="Where the time went").wait_for()
    box = page.get_by_label("Words that stand in it")
    box.fill("Shipping within Norway")
    box.press("Enter")
    page.get_by_role("button", name="Explain").click()
    page.get_by_text("The evidence in detail").wait_for()
    told = page.get_by_test_id("stAlert").last.inner_text()
    assert told in {saying("en")(f"inside.miss_{key}") for key in ("cut", "both", "dense", "sparse", "fusion")}
    page.reload()  # the trace is kept with the conversation
    page.get_by_role("heading", name="What the model was shown").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    page.set_viewport_size({"width": 390, "height": 900})
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
