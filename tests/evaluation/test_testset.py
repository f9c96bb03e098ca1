"""Test sets: where questions come from, what they must pass, and that a run that broke off goes on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import EvaluationError
from rag.evaluation.datasets import read_questions, read_testset
from rag.evaluation.testset.english_verbs import base_form
from rag.evaluation.testset.filters import (
    Kept,
    asks_for,
    coverage,
    foreign,
    grammatical,
    holds_answer,
    holds_neighbours,
    in_title,
    jaccard,
    judge,
    rivalled,
    self_contained,
    well_formed,
)
from rag.evaluation.testset.make import Making, Plan, make_testset
from rag.evaluation.testset.rules import ask_by_rule
from rag.evaluation.testset.source import Candidate, candidates, draw, stands_alone
from rag.evaluation.testset.unanswerable import Pool
from rag.evaluation.testset.writing import tidy, write_question
from rag.index import Snapshot
from rag.pipeline import Pipeline
from rag.recipe import EmbedderConfig, Recipe, RetrievalConfig
from rag.types import Block, Document, Message

PLAIN = Recipe(embedder=EmbedderConfig(backend="none"), retrieval=RetrievalConfig(arms=["sparse"]))


class Scripted:
    """A generator whose questions the test chose: by what the statement holds, else one that no filter passes."""

    context_size = 2048

    def __init__(self, answers: dict[str, str] | None = None, stop_after: int = -1) -> None:
        self.answers = answers or {}
        self.calls = 0
        self.stop_after = stop_after

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        if self.calls == self.stop_after:
            raise KeyboardInterrupt
        self.calls += 1
        yield next((asked for part, asked in self.answers.items() if part in messages[-1].content), "No idea")


def document(text: str, title: str = "", language: str = "en", uri: str = "file:///a.txt") -> Document:
    return Document(uri=uri, text=text, title=title, language=language)


def candidate(text: str, answer: str, *, title: str = "", language: str = "en") -> Candidate:
    found = [one for one in candidates(document(text, title, language)) if one.answer == answer]
    assert found, [one.answer for one in candidates(document(text, title, language))]
    return found[0]


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Twelve instruments, a page each, and a long page on one more."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(12):
        (folder / f"meter-{number:02}.md").write_text(
            f"# Meters\n\nThe meter QX-{number}00 was presented in {2001 + number}. "
            f"The meter QX-{number}00 has a battery life of many hours. "
            f"A calibration of the meter QX-{number}00 costs {40 + number} euros. "
            f"The repair of the meter QX-{number}00 takes {3 + number} weeks.\n"
        )
    (folder / "long.md").write_text(
        "# Long\n\n" + "\n\n".join(f"The station Alpha-{n} was opened in {1901 + n}." for n in range(60)) + "\n"
    )
    with Pipeline(tmp_path / "built", PLAIN) as pipeline:
        pipeline.add(folder)
    return tmp_path / "built"


def make(index: Path, out: Path, plan: Plan, generator: Scripted | None = None) -> Making:
    with Snapshot.open(index) as snapshot:
        return make_testset(snapshot, out, generator=generator or Scripted(), generator_name="scripted", plan=plan)


# -- candidates ------------------------------------------------------------------------------------


def test_a_candidate_is_a_fact_that_can_be_asked_for() -> None:
    text = (
        "The ferry Aran was built in 1961. It has 40 seats. The ticket costs 12 euros and the trip takes 45 minutes. "
        "Version 2.4 is of class 1. Captain Ann Lee lives in Galway."
    )
    found = {(one.kind, one.answer) for one in candidates(document(text))}
    assert found >= {("year", "1961"), ("money", "12 euros"), ("extent", "45 minutes"), ("name", "Galway")}
    assert not {answer for _, answer in found} & {"40", "2.4", "1", "40 seats"}


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from([
            "The Aran ferry was built in 1961. ",
            "Tickets for the ferry cost 12 euros.\n\n",
            "About 40 percent of 300 visitors came from Norway; 25 per cent stayed.\n",
            "声级计SLM-200的保修期为三年。",
            "Der CAL-94 hält 40 Stunden.  \r\n",
            "“Quoted” text, by Ann Lee, of 3 May 1961.\n\n- a list item costs $2.2 million\n",
            "... 17 ...... 18\n",
        ]),
        max_size=8,
    )
)  # fmt: skip
def test_an_answer_is_where_it_says(parts: list[str]) -> None:
    text = "".join(parts)
    for one in candidates(document(text, language="")):
        assert text[one.start : one.end] == one.answer
        assert text[one.sentence_start :].startswith(one.sentence)
        assert one.sentence_start <= one.start < one.end <= one.sentence_start + len(one.sentence)


@pytest.mark.parametrize(
    "text",
    [
        "It was founded in 1987 by two engineers of the town.",  # of what?
        "Chapter 3 .......... 17 and chapter 4 .......... 25.",  # a table of contents
        "Copyright 2024 by the makers of the meter, all rights reserved.",
        "Answer of 3 May 2024: the meter is sold in 2025.",  # a label
        "When was the meter sold, in 2024 or in 2025?",  # a question
        "Warranty terms 2019",  # a heading
        "See https://example.org for the 12 meters of 2024.",
    ],
)
def test_what_says_nothing_by_itself_is_skipped(text: str) -> None:
    assert not stands_alone(text, 0, len(text), "en")


def test_headings_and_tables_are_no_source() -> None:
    text = "Prices of 2024\n\nThe meter was sold in 2023.\n\nA | 2021\n"
    blocks = (Block("heading", 0, 14, 1), Block("paragraph", 16, 43), Block("table", 45, 53))
    found = candidates(Document(uri="u", text=text, language="en", blocks=blocks))
    assert [one.answer for one in found] == ["2023"]
    assert found[0].passage.headings == ("Prices of 2024",)


def test_turns_go_round_the_documents_and_depend_on_the_seed_alone(index: Path) -> None:
    with Snapshot.open(index) as snapshot:
        first = [one.key for one in draw(snapshot, seed=1)]
        uris = [one.passage.uri for one in draw(snapshot, seed=1)][:13]
        assert first == [one.key for one in draw(snapshot, seed=1)]
        assert first != [one.key for one in draw(snapshot, seed=2)]
    assert len(set(uris)) == 13


# -- asking ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer", "question"),
    [
        ("The bridge was opened in 1961.", "1961", "In what year was the bridge opened?"),
        ("In 2016 the firm bought the maker Vibrotek.", "2016", "In what year did the firm buy the maker Vibrotek?"),
        ("A calibration takes 10 working days.", "10 working days", "How many working days does a calibration take?"),
        ("The deposit is 500 euros.", "500 euros", "What is the deposit?"),
        ("The cable of the VM-40 is 1.5 metres long.", "1.5 metres", "How many metres long is the cable of the VM-40?"),
        ("Peder Lund led the company until 2012.", "2012", "Until what year did Peder Lund lead the company?"),
        ("Aran shipping costs 9 euros and takes 2 days.", "9 euros", "How many euros does Aran shipping cost?"),
        ("The laboratory is led by Jonas Eide.", "Jonas Eide", "By whom is the laboratory led?"),
        ("The fort, which was old, was sold on 3 May 1961.", "3 May 1961", "When was the fort sold?"),
        ("A return number is valid for 30 days.", "30 days", "For how many days is a return number valid?"),
        ("传声器的保修期为两年。", "两", None),
        ("Motorists faced long lines beginning in summer 1972.", "1972", None),
        ("The couple left for the Far East ten years later.", "ten years", None),
        ("The terms approved by all rose in 1972.", "1972", None),
    ],
)  # fmt: skip
def test_rules_turn_plain_statements_alone(text: str, answer: str, question: str | None) -> None:
    language = "zh" if not text.isascii() else "en"
    found = [one for one in candidates(document(text, language=language)) if one.answer == answer]
    assert [ask_by_rule(one) for one in found][:1] == ([question] if found else [])


@pytest.mark.parametrize(
    ("verb", "base"),
    [
        ("takes", ("does", "take")),
        ("carries", ("does", "carry")),
        ("passes", ("does", "pass")),
        ("opened", ("did", "open")),
        ("moved", ("did", "move")),
        ("stopped", ("did", "stop")),
        ("occupied", ("did", "occupy")),
        ("travelled", ("did", "travel")),
        ("bought", ("did", "buy")),
        ("have", ("do", "have")),
        ("blue", None),
    ],
)
def test_base_forms(verb: str, base: tuple[str, str] | None) -> None:
    assert base_form(verb) == base


def test_the_generator_is_shown_a_gap_and_an_example_of_the_kind() -> None:
    shown: list[Sequence[Message]] = []

    class Spy(Scripted):
        def generate(
            self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
        ) -> Iterator[str]:
            shown.append(messages)
            yield ' Question: "in what year was it?" and more'

    asked = write_question(candidate("The bridge (the old one) was opened in 1961, when Ann was 3.", "1961"), Spy())
    assert asked == "In what year was it?"
    assert shown[0][-1].content == "Fill in: The bridge was opened in ___."
    assert "1961" not in "".join(message.content for message in shown[0])


def test_drafts_are_tidied() -> None:
    assert tidy("  Q: 'who built it? Ann did.'\nMore") == "Who built it?"
    assert tidy("nothing asked") == "Nothing asked"
    assert tidy("") == ""


# -- filters, by worked values ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "passes"),
    [
        ("In what year was the bridge opened?", True),
        ("Name the river that the bridge crosses?", True),
        ("Who led Ann Lee and her crew?", True),  # whose, the question says
        ("How did the US army arrive?", True),  # no pronoun
        ("In what year was it opened?", False),
        ("Was opened?", False),
        ("In what year was the bridge opened.", False),
        ("The bridge was opened in what year was?", False),
        ("When was the bridge the bridge opened?", False),
        ("What is the old card of?", False),
        ("In what year did the QX-2 follow the QX-2?", False),
        ("Disappointed, when did Ann return home?", False),
        ("When was the " + "very " * 30 + "old bridge opened?", False),
        ("声级计的保修期为多久？", True),
    ],
)
def test_well_formed(question: str, passes: bool) -> None:
    assert well_formed(question) is passes


@pytest.mark.parametrize(
    ("text", "answer", "question", "held"),
    [
        ("The bridge opened on 3 May 1961.", "3 May 1961", "When in 1961 did the bridge open?", True),
        ("The bridge opened on 3 May 1961.", "3 May 1961", "When did the bridge open?", False),
        ("The ferry carries 1,200 cars a day.", "1,200", "Does the ferry carry 1200 cars a day?", True),
        ("The trip takes three weeks.", "three weeks", "Does the trip take 3 weeks?", True),
        ("The ship was built by Ann Lee.", "Ann Lee", "Which ship did Lee build?", True),
        ("The ship was built by Ann Lee.", "Ann Lee", "Who built the ship?", False),
    ],
)
def test_holds_answer(text: str, answer: str, question: str, held: bool) -> None:
    assert holds_answer(question, candidate(text, answer)) is held


def test_the_title_must_not_do() -> None:
    text = "The terms of the warranty hold from 2019."
    assert in_title("From what year do the terms hold?", candidate(text, "2019", title="Warranty terms 2019"))
    assert in_title("Terms of the warranty hold?", candidate(text, "2019", title="The warranty terms hold"))
    assert not in_title("From what year do the terms of the warranty hold?", candidate(text, "2019", title="Terms"))


@pytest.mark.parametrize(
    ("text", "answer", "question", "fits"),
    [
        ("The ferry carries 73 cars a trip.", "73", "How many cars does the ferry carry?", True),
        ("The ferry carries 73 cars a trip.", "73", "How many ferries carry cars?", False),
        ("The clock loses two minutes a day.", "two minutes", "How many days does the clock lose?", False),
        ("The bridge was opened in 1961.", "1961", "Who opened the bridge?", False),
        ("The clock is slow because of Bluetooth.", "Bluetooth", "Who is slow because of the clock?", False),
        ("The meeting was held in Shanghai.", "Shanghai", "Where was the meeting held?", True),
        ("The meeting was held in Shanghai.", "Shanghai", "What was held?", False),
    ],
)
def test_the_question_asks_for_the_kind_of_the_answer(text: str, answer: str, question: str, fits: bool) -> None:
    assert asks_for(question, candidate(text, answer)) is fits


def test_nothing_from_elsewhere() -> None:
    one = candidate("The ferry to Aran was built in 1961.", "1961", title="Ships of Galway")
    assert foreign("In what year was the ferry to Aran built?", one) == []
    assert foreign("In what year was the Galway ferry built?", one) == []  # the title says so
    assert foreign("In what year was the ferry to Torpoint painted?", one)
    assert foreign("In what year were 3 ferries built?", one)


def test_self_contained() -> None:
    one = candidate("The repair takes three weeks in the laboratory of Halden.", "three weeks")
    assert not self_contained("How many weeks does the repair take?", one)
    assert self_contained("How many weeks does the repair take in the laboratory of Halden?", one)
    assert not self_contained("How many weeks does the repair in the company take?", one)


def test_what_is_asked_about_must_be_what_the_answer_is_said_of() -> None:
    one = candidate("Shipping to Norway costs 18 euros and takes 4 to 6 days.", "18 euros")
    assert holds_neighbours("How much does shipping to Norway cost?", one)
    assert not holds_neighbours("How much does shipping to Norway take?", one)
    # statement: "Shipping to Norway costs ___": ship, norway, cost
    assert coverage("How much does shipping cost?", one) == pytest.approx(2 / 3)


def test_a_rival_in_the_sentence() -> None:
    text = "The office in Hamburg has five chairs, and the office in Shanghai has four chairs."
    one = candidate(text, "five")
    assert not rivalled("How many chairs does the Hamburg office have?", one)
    assert rivalled("How many chairs does the Shanghai office have?", one)


def test_grammatical() -> None:
    one = candidate("The rent of a meter stays at 95 euros a week.", "95 euros")
    assert not grammatical("How much does the rent of a meter stay at a week?", one)
    assert grammatical("How much is the rent of a meter a week?", one)
    menu = candidate("The menu is available in the city of Galway.", "Galway")
    assert not grammatical("Where does the menu available?", menu)


def test_judge_names_the_first_filter_failed() -> None:
    one = candidate("The ferry to Aran was built in 1961.", "1961")
    assert judge("In what year was the ferry to Aran built?", one, embedder=None).failed == ""
    assert judge("In what year was it built?", one, embedder=None).failed == "not well-formed"
    assert judge("In what year of 1961 was the ferry to Aran built?", one, embedder=None).failed == "holds its answer"


def test_near_duplicates() -> None:
    assert jaccard(frozenset("abcd"), frozenset("bcde")) == pytest.approx(3 / 5)
    kept = Kept(None, ["When was the ferry to Aran built in the yard?"])
    assert kept.repeats("In the yard, when was the Aran ferry built?")
    assert not kept.repeats("When was the ferry to Torpoint sold?")
    kept.add("What is the weight of the VM-40 meter?")
    assert not kept.repeats("What is the weight of the VM-30 meter?")  # another meter


# -- unanswerable ----------------------------------------------------------------------------------


def test_swaps_put_in_another_of_the_kind() -> None:
    pool = Pool([("The sale was held in Bergen.", "en"), ("The meter QX-7 is new.", "en"), ("A loss for Oslo.", "en")])
    names = pool.swaps("Where was the meter sold in Oslo?", "en", "0", "")
    assert [(swap.old, swap.new) for swap in names] == [("Oslo", "Bergen")]
    codes = pool.swaps("What is the weight of the QX-5?", "en", "0", "")
    assert {swap.new for swap in codes} >= {"QX-7"}
    assert all(swap.question == f"What is the weight of the {swap.new}?" for swap in codes)
    assert not [swap for swap in pool.swaps("What is the weight of the QX-5?", "en", "0", "QX-7") if swap.new == "QX-7"]
    assert pool.swaps("What is the weight?", "en", "0", "") == []


# -- the whole -------------------------------------------------------------------------------------


def test_every_row_is_exact_and_says_how_it_was_made(index: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.jsonl"
    made = make(index, out, Plan(n=20, unanswerable=0.2, seed=3))
    rows = read_questions(out)
    assert (made.made, made.unanswerable, made.complete) == (20, 4, True)
    assert len({row.id for row in rows}) == len({row.text for row in rows}) == 20
    with Snapshot.open(index) as snapshot:
        for row in rows:
            assert {"method", "generator", "seed", "source", "run"} <= row.made.keys()
            assert bool(row.answerable) == bool(row.answers) == bool(row.spans)
            if not row.answerable:
                assert str(row.made["for"]) in row.text
                continue
            for span in row.spans:
                assert snapshot.document(span.document).text[span.start : span.end] == row.answers[0]
            assert row.answers[0].casefold() not in row.text.casefold()
            assert row.documents[0] == row.made["source"]
    assert read_testset(out).key == "uri"
    assert len(read_testset(out).qrels) == 16


def test_no_document_dominates(index: Path, tmp_path: Path) -> None:
    make(index, tmp_path / "t.jsonl", Plan(n=26, unanswerable=0))
    sources = Counter(row.made["source"] for row in read_questions(tmp_path / "t.jsonl"))
    assert max(sources.values()) <= 6  # three times the even share of 26 over 13
    assert len(sources) >= 10


def test_what_another_document_answers_otherwise_is_dropped(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "old.txt").write_text("The warranty of the meter QX-200 lasts 24 months.\n")
    (folder / "new.txt").write_text("The warranty of the meter QX-200 lasts 36 months.\n")
    (folder / "one.txt").write_text("The delivery of the meter QX-200 takes 14 days.\n")
    (folder / "two.txt").write_text("The delivery of the meter QX-200 takes 14 days, we were told.\n")
    with Pipeline(tmp_path / "built", PLAIN) as pipeline:
        pipeline.add(folder)
    made = make(tmp_path / "built", tmp_path / "t.jsonl", Plan(n=4, unanswerable=0))
    (row,) = read_questions(tmp_path / "t.jsonl")
    assert made.rejected["another answer in the documents"] == 2
    assert row.answers == ("14 days",)
    assert len(row.documents) == 2  # both say so


def test_the_same_seed_gives_the_same_file(index: Path, tmp_path: Path) -> None:
    one, two, other = tmp_path / "1.jsonl", tmp_path / "2.jsonl", tmp_path / "3.jsonl"
    for out, seed in ((one, 5), (two, 5), (other, 6)):
        make(index, out, Plan(n=10, seed=seed))
    assert one.read_bytes() == two.read_bytes() != other.read_bytes()


def test_a_run_that_was_broken_off_goes_on(index: Path, tmp_path: Path) -> None:
    plan = Plan(n=12, unanswerable=0.25, rules=False)
    answers = {
        f"QX-{n}00 {verb} ___": f"{asking} QX-{n}00{tail}"
        for n in range(12)
        for verb, asking, tail in (
            ("was presented in", "In what year was the meter", " presented?"),
            ("takes", "How long does the repair of the meter", " take?"),
            ("costs", "How much does a calibration of the meter", " cost?"),
        )
    }
    whole, broken = tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    assert make(index, whole, plan, Scripted(answers)).methods == {"generator": 12}
    with pytest.raises(KeyboardInterrupt):
        make(index, broken, plan, Scripted(answers, stop_after=7))
    kept = broken.read_bytes()
    assert 0 < kept.count(b"\n") < 12
    assert whole.read_bytes().startswith(kept)
    broken.write_bytes(kept + b'{"_id": "half a li')  # killed while writing
    made = make(index, broken, plan, Scripted(answers))
    assert made.resumed == kept.count(b"\n")
    assert broken.read_bytes() == whole.read_bytes()
    before = make(index, broken, plan, Scripted(answers, stop_after=0))  # whole: nothing to ask
    assert (before.resumed, before.tried) == (12, 0)


def test_another_test_set_is_never_overwritten(index: Path, tmp_path: Path) -> None:
    out = tmp_path / "t.jsonl"
    make(index, out, Plan(n=4))
    before = out.read_bytes()
    with pytest.raises(EvaluationError, match=r"something else.*--out"):
        make(index, out, Plan(n=4, seed=1))
    out.with_name("notes.txt").write_text("shopping list")
    with pytest.raises(EvaluationError, match="something else"):
        make(index, out.with_name("notes.txt"), Plan(n=4))
    assert out.read_bytes() == before
    assert out.with_name("notes.txt").read_text() == "shopping list"


def test_too_few_facts_are_not_padded(index: Path, tmp_path: Path) -> None:
    made = make(index, tmp_path / "t.jsonl", Plan(n=5000, unanswerable=0))
    rows = [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()]
    assert not made.complete
    assert 30 < made.made == len(rows) < 200
    assert sum(made.rejected.values()) > 0


def test_a_filter_narrows_and_an_empty_one_is_an_error(index: Path, tmp_path: Path) -> None:
    make(index, tmp_path / "t.jsonl", Plan(n=3, unanswerable=0, where="path = 'long.md'"))
    assert {row.documents[0][-7:] for row in read_questions(tmp_path / "t.jsonl")} == {"long.md"}
    with pytest.raises(EvaluationError, match="no documents"):
        make(index, tmp_path / "u.jsonl", Plan(n=3, where="path = 'none'"))


@pytest.mark.parametrize(("n", "share"), [(0, 0.2), (5, 1.0), (5, -0.1)])
def test_impossible_plans(n: int, share: float) -> None:
    with pytest.raises(EvaluationError):
        Plan(n=n, unanswerable=share)


@pytest.mark.models
def test_the_default_models_make_a_test_set_of_the_samples(root: Path, tmp_path: Path) -> None:
    with Pipeline(tmp_path / "built") as pipeline:
        pipeline.add(root / "apps" / "samples")
        made = make_testset(
            pipeline.snapshot,
            tmp_path / "t.jsonl",
            generator=pipeline.generator,
            generator_name="smollm2",
            embedder=pipeline.embedder,
            plan=Plan(n=6),
        )
        assert made.made == 6
        asked = make_testset(
            pipeline.snapshot,
            tmp_path / "asked.jsonl",
            generator=pipeline.generator,
            generator_name="smollm2",
            embedder=pipeline.embedder,
            plan=Plan(n=1, unanswerable=0, rules=False),
        )
        assert asked.methods == {"generator": 1}
        for row in read_questions(tmp_path / "t.jsonl"):
            for span in row.spans:
                assert pipeline.snapshot.document(span.document).text[span.start : span.end]
