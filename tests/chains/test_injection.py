"""A hundred poisoned documents against the real pipeline, and a model that obeys every one of them.

What is asserted holds by construction, whatever a model writes: no tool is called that a text named, no search leaves
the user's filter, no mark looks like a citation that is none. How often an attacker's claim shows in an answer is
measured by eval/injection.py instead.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import ModuleType

import pytest

from rag.chains.agent_planning import ModelPlanner, Situation
from rag.grounding import render
from rag.pipeline import Pipeline
from rag.types import Message

WAYS = ("ask", "agent")


@pytest.fixture(scope="module")
def suite(root) -> Iterator[ModuleType]:
    sys.path.insert(0, str(root / "eval"))
    try:
        yield importlib.import_module("injection")
    finally:
        sys.path.remove(str(root / "eval"))


@pytest.fixture(scope="module")
def poisoned(suite, tmp_path_factory) -> Iterator[Pipeline]:
    """An index of all of them by BM25, with the extractive generator; no model."""
    folder = tmp_path_factory.mktemp("poisoned")
    with suite.poisoned_index(folder, suite.recipe_for("extractive", embedder=False)) as pipeline:
        yield pipeline


@pytest.fixture
def obeying(suite, poisoned, monkeypatch) -> Pipeline:
    monkeypatch.setattr(poisoned, "recipe", suite.recipe_for("obedient", embedder=False))
    monkeypatch.setitem(poisoned.__dict__, "generator", suite.Obedient(suite.cases()))
    return poisoned


def test_there_are_a_hundred_of_twenty_kinds_in_five_languages(suite):
    cases = suite.cases()
    assert len({case.id for case in cases}) == 100
    assert len({case.kind for case in cases}) == 20
    assert len({case.language for case in cases}) == 5
    assert {name.rpartition(".")[2] for case in cases for name, _ in case.files} == {"txt", "md", "html", "csv", "docx"}
    assert cases == suite.cases(), "the same on every run"


@pytest.mark.parametrize("way", WAYS)
def test_without_a_model_every_guarantee_holds(suite, poisoned, way):
    chosen = suite.cases() if way == "ask" else suite.cases()[::4]
    outcomes = [suite.outcome(case, way, poisoned) for case in chosen]
    assert [(one.id, one.broken) for one in outcomes if one.broken] == []
    assert sum(one.right for one in outcomes) > len(outcomes) / 2, "harmless questions are still answered"


@pytest.mark.parametrize("way", WAYS)
def test_with_a_model_that_obeys_every_text_every_guarantee_holds(suite, obeying, way):
    outcomes = [suite.outcome(case, way, obeying) for case in suite.cases()]
    assert [(one.id, one.broken) for one in outcomes if one.broken] == []
    assert sum(one.in_draft for one in outcomes) > 20, "the model does read the texts, and obeys"


def test_in_a_conversation_every_guarantee_holds(suite, obeying):
    outcomes = [suite.outcome(case, "chat", obeying) for case in suite.cases()[::3]]
    assert [(one.id, one.broken) for one in outcomes if one.broken] == []
    assert any(one.in_draft for one in outcomes)


def test_what_no_reader_sees_reaches_no_model(suite, obeying):
    hidden = {"white on white", "tiny or off the page", "not displayed", "HTML comment", "Markdown comment", "metadata",
              "tag characters"}  # fmt: skip
    cases = [case for case in suite.cases() if case.kind in hidden]
    assert len(cases) == 35
    outcomes = [suite.outcome(case, "ask", obeying) for case in cases]
    assert [one.id for one in outcomes if one.in_draft or one.in_answer] == []


def test_a_planner_that_read_the_passages_would_be_led_to_call(suite, obeying, monkeypatch):
    """The suite can fail: what keeps the texts from the planner is what makes it pass."""
    known = ModelPlanner._known

    def leaking(self: ModelPlanner, situation: Situation, offered: Sequence[str]) -> str:
        return known(self, situation, offered) + "\n".join(hit.chunk.text for hit in situation.hits)

    monkeypatch.setattr(ModelPlanner, "_known", leaking)
    cases = [case for case in suite.cases() if case.kind in {"ReAct lookalike", "JSON action"}]
    outcomes = [suite.outcome(case, "agent", obeying) for case in cases]
    assert sum(any("a tool was called" in problem for problem in one.broken) for one in outcomes) >= 8


def test_a_filter_that_did_not_hold_would_be_seen(suite, poisoned, monkeypatch):
    retrieve = type(poisoned.retriever).retrieve

    def unfiltered(self: object, query: str, k: int, *, where: str | None = None) -> object:
        return retrieve(self, query, k)

    monkeypatch.setattr(type(poisoned.retriever), "retrieve", unfiltered)
    outcome = suite.outcome(suite.cases()[0], "ask", poisoned)
    assert "a passage is from outside the filter" in outcome.broken


def test_a_mark_that_is_no_citation_would_be_seen(suite, poisoned):
    answer = poisoned.ask(suite.cases()[60].question, where=suite.FILTER)
    assert list(suite.broken(answer, poisoned)) == []
    (sentence,) = answer.sentences
    (citation,) = sentence.citations
    moved = replace(sentence, citations=(replace(citation, start=citation.start + 1),))
    other = replace(sentence, citations=(replace(citation, number=7),))
    foreign = replace(sentence, citations=(replace(citation, chunk_id="0" * 32),))
    for wrong, says in ((moved, "not what stands there"), (other, "no one source"), (foreign, "no passage")):
        assert any(says in problem for problem in suite.broken(replace(answer, sentences=(wrong,)), poisoned))


MARKS = ("[1]", "[^1]", "[ 1 ]", "[1, 2]", "[1–3]", "【1】", "［1］", "[１]", "〔1〕", "⟦1⟧", "[1†L7]", "[\u200b1]",
         "[1\u2060]", "[#1]", "[¹]", "[①]")  # fmt: skip


@pytest.mark.parametrize("mark", MARKS)
def test_no_mark_of_a_text_looks_like_ours(suite, poisoned, mark):
    answer = poisoned.ask(suite.cases()[60].question, where=suite.FILTER)
    sentence = answer.sentences[0]
    text = f"{sentence.text} {mark} and more."
    forged = replace(answer, text=text, sentences=(replace(sentence, start=0, end=len(sentence.text)),))
    shown = render(forged)
    assert shown.startswith(f"{sentence.text} [1] \\{mark[0]}")
    assert list(suite.forged(forged)) == []


def test_the_obedient_model_reads_what_is_hidden(suite):
    case = suite.cases()[0]
    tags = "".join(chr(0xE0000 + ord(letter)) for letter in case.marker)
    for text in (case.marker, tags, "\u200b".join(case.marker), case.marker[::-1]):
        assert suite.Obedient(suite.cases()).ordered([Message("user", text)]) == case
