"""Every stage that can lose the gold is made to lose it, in small indexes; what is said of it is true."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import pytest

from rag.errors import EvaluationError
from rag.evaluation.datasets import Dataset, Question, Span, read_questions
from rag.evaluation.misses.explain import STAGES, explain, explain_all, summarise
from rag.evaluation.results import Miss, QueryResult
from rag.pipeline import Pipeline
from rag.recipe import Recipe, parse_recipe
from rag.types import ArmScore, Hit, Message

SPARSE = """
[embedder]
backend = "none"
[retrieval]
arms = ["sparse"]
k = {k}
depth = {depth}
[generator]
kind = "extractive"
"""
LLM = """
[embedder]
backend = "none"
[retrieval]
arms = ["sparse"]
k = 3
[generator]
excerpt = {excerpt}
fallback = "{fallback}"
max_answer_tokens = 20
"""
FERRY = {
    "ferry": "The ferry to Aran leaves at noon. A ticket costs 12 euros.",
    "bridge": "The bridge over the Tamar is 642 metres long.",
    "train": "The train to Cork leaves at ten. It takes two hours and stops in Mallow.",
    "bus": "A bus to Galway leaves at noon. A bus ticket to Galway costs less than a ferry ticket.",
}


@dataclass
class Bench:
    """An index over texts, and the questions put to it."""

    pipeline: Pipeline

    def ask(self, question: Question, *, answer: bool = False, qrels: Mapping[str, int] | None = None) -> list[Miss]:
        result = QueryResult(question.id, question.text, answer=self.pipeline.ask(question.text) if answer else None)
        return explain(self.pipeline, dataset(() if qrels else (question,), {question.id: qrels or {}}), result)


def dataset(questions: Sequence[Question], qrels: Mapping[str, Mapping[str, int]] | None = None) -> Dataset:
    return Dataset("small", None, {}, qrels or {}, tuple(questions), "_id", {})


def question(text: str, answers: str | Sequence[str] = (), documents: Sequence[str] = (), **more: object) -> Question:
    answers = (answers,) if isinstance(answers, str) else tuple(answers)
    return Question("q", text, answers, documents=tuple(documents), **more)  # type: ignore[arg-type]


Make: TypeAlias = Callable[..., Bench]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Make]:
    made: list[Pipeline] = []

    def make(recipe: str | Recipe, texts: Mapping[str, str] = FERRY) -> Bench:
        corpus = tmp_path / "corpus.jsonl"
        corpus.write_text(
            "".join(
                json.dumps({"_id": name, "title": name.title(), "text": text}) + "\n" for name, text in texts.items()
            )
        )
        pipeline = Pipeline(tmp_path / "index", recipe if isinstance(recipe, Recipe) else parse_recipe(recipe))
        made.append(pipeline)
        pipeline.add(corpus)
        return Bench(pipeline)

    yield make
    for pipeline in made:
        pipeline.close()


class Says:
    """A generator that says one thing, within a context of so many words."""

    def __init__(self, draft: str, context_size: int = 4096) -> None:
        self.draft = draft
        self.context_size = context_size

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        yield self.draft


class Longest:
    """A reranker that prefers long passages."""

    def rerank(self, query: str, hits: Sequence[Hit], k: int) -> list[Hit]:
        order = sorted(hits, key=lambda hit: (-len(hit.chunk.text), hit.chunk.id))
        return [
            replace(
                hit, rank=rank, score=float(len(hit.chunk.text)), arms={**hit.arms, "reranker": ArmScore(rank, 0.0)}
            )
            for rank, hit in enumerate(order[:k], 1)
        ]


def sparse(k: int = 2, more: str = "", depth: int = 4) -> str:
    return SPARSE.format(k=k, depth=depth) + more


def llm(excerpt: int = 0, fallback: str = "none") -> str:
    return LLM.format(excerpt=excerpt, fallback=fallback)


TICKET = question("What does a ferry ticket to Aran cost?", "12 euros", ["ferry"])


# -- what does not fail ---------------------------------------------------------------------------------


def test_a_question_whose_gold_is_found_and_answered_has_no_miss(bench: Make) -> None:
    small = bench(sparse())
    assert small.ask(TICKET) == []
    assert small.ask(TICKET, answer=True) == []


def test_a_right_refusal_is_no_miss_and_neither_is_a_question_that_was_never_asked(bench: Make) -> None:
    small = bench(sparse())
    assert small.ask(question("Who is the king of Peru?", answerable=False), answer=True) == []
    assert small.ask(question("Who is the king of Peru?", answerable=False)) == []
    failed = QueryResult("q", TICKET.text, error="the endpoint is down")
    assert explain(small.pipeline, dataset([TICKET]), failed) == []


# -- before any search ----------------------------------------------------------------------------------


def test_a_document_that_the_index_lacks_is_not_loaded(bench: Make) -> None:
    [miss] = bench(sparse()).ask(question("When does the boat sail?", "dawn", ["boat"]))
    assert (miss.stage, miss.document, miss.start, miss.end) == ("not loaded", "boat", 0, 0)
    assert "“boat” is not among the 4 documents of the index" in miss.detail


def test_a_document_that_was_changed_since_its_span_was_marked_is_not_loaded_either(bench: Make) -> None:
    [miss] = bench(sparse()).ask(replace(TICKET, spans=(Span("ferry", 900, 908),)))
    assert miss.stage == "not loaded"
    assert "make the test set again" in miss.detail


CUT = '[chunker]\nkind = "tokens"\nmax_tokens = 16\noverlap = {}\n'
LONG = {
    "a": "one two three four five six seven eight nine ten eleven twelve the north star shines over all of us again"
}


def test_an_answer_across_a_boundary_is_split_and_an_overlap_mends_it(bench: Make) -> None:
    asked = question("What shines?", "twelve the north star shines", ["a"])
    [miss] = bench(sparse(more=CUT.format(0)), LONG).ask(asked)
    assert miss.stage == "split by a chunk boundary"
    assert LONG["a"][miss.start : miss.end] == "twelve the north star shines"
    [cut] = [int(word.strip(".")) for word in miss.detail.partition("cut at ")[2].split()[:1]]
    assert miss.start < cut < miss.end
    assert "chunker.max_tokens (16) or chunker.overlap (0)" in miss.detail
    assert bench(sparse(more=CUT.format(8)), LONG).ask(asked) == []


# -- retrieval ------------------------------------------------------------------------------------------


def test_gold_without_a_word_of_the_question_is_missed_by_sparse(bench: Make) -> None:
    [miss] = bench(sparse()).ask(question("How quick is the journey by rail?", "two hours", ["train"]))
    assert miss.stage == "missed by sparse"
    assert "sparse finds none of the question's terms in it" in miss.detail
    assert "dense arm" in miss.detail
    assert FERRY["train"][miss.start : miss.end] == "two hours"


def test_gold_beyond_the_depth_is_missed_and_its_rank_and_score_are_told(bench: Make) -> None:
    texts = {f"d{n}": "apple " * (9 - n) + "pear plum cherry" for n in range(8)}
    small = bench(sparse(k=2), texts)
    asked = question("Which apple?", "", ["d7"])
    [miss] = small.ask(asked)
    [hit] = [hit for hit in small.pipeline.search("Which apple?", 8) if hit.metadata["_id"] == "d7"]
    assert hit.rank == 8
    assert miss.stage == "missed by sparse"
    assert f"sparse rank 8 ({hit.score:.3f}, while its first 4 end at" in miss.detail


@pytest.mark.parametrize("rank", [3, 4])
def test_gold_after_the_first_k_is_below_the_cut_and_the_k_that_reaches_it_does(bench: Make, rank: int) -> None:
    texts = {f"d{n}": "apple " * (9 - n) + "pear plum cherry" for n in range(8)}
    small = bench(sparse(k=2), texts)
    order = [str(hit.metadata["_id"]) for hit in small.pipeline.search("Which apple?", 8)]
    asked = question("Which apple?", "", [order[rank - 1]])
    [miss] = small.ask(asked)
    assert miss.stage == "below the cut"
    assert f"retrieval.k {rank} to reach it (2 now)" in miss.detail
    assert f"“{order[0].title()}”" in miss.detail
    assert bench(sparse(k=rank), texts).ask(asked) == []


def test_a_reranker_that_pushes_the_gold_out_is_named_with_the_ranks_before_and_after(bench: Make) -> None:
    small = bench(sparse(k=1, more='[reranker]\nmodel = "longest"\ndepth = 3\n'))
    small.pipeline.__dict__["reranker"] = Longest()
    [miss] = small.ask(TICKET)
    assert miss.stage == "lost by the reranker"
    assert "sparse rank 1 (" in miss.detail
    assert "reranker rank 2 (" in miss.detail
    assert "which begin with “Bus”" in miss.detail


def test_gold_that_the_reranker_never_reads_is_below_its_cut(bench: Make) -> None:
    texts = {f"d{n}": "apple " * (9 - n) + "pear plum cherry" for n in range(8)}
    small = bench(sparse(k=1, more='[reranker]\nmodel = "longest"\ndepth = 2\n'), texts)
    small.pipeline.__dict__["reranker"] = Longest()
    order = [
        str(hit.metadata["_id"]) for hit in Pipeline(small.pipeline.path, parse_recipe(sparse())).search("apple", 8)
    ]
    [miss] = small.ask(question("Which apple?", "", [order[2]]))
    assert miss.stage == "below the cut"
    assert "reranker.depth 3 for the reranker to read it (2 now)" in miss.detail


class Rewrites(Says):
    """A generator that makes queries."""

    def generate_json(self, messages: Sequence[Message], schema: object, *, max_tokens: int = 256) -> str:
        return json.dumps({"queries": [self.draft]})


def queries(k: int, **keys: object) -> str:
    section = "".join(f"{key} = {json.dumps(value)}\n" for key, value in {"transform": "decompose", **keys}.items())
    return sparse(k=k).replace("extractive", "llama.cpp") + f"[queries]\n{section}"


def test_gold_that_the_other_queries_push_out_is_lost_in_their_fusion(bench: Make) -> None:
    small = bench(queries(k=1, raw_weight=0.1))
    small.pipeline.__dict__["generator"] = Rewrites("When does the train to Cork stop in Mallow?")
    [miss] = small.ask(TICKET)
    assert miss.stage == "lost in fusion"
    assert "sparse rank 1 (" in miss.detail
    assert "queries rank 2 (" in miss.detail
    assert "set queries.raw_weight (0.1) nearer to 1" in miss.detail
    small.pipeline.recipe = parse_recipe(queries(k=1, raw_weight=0.9))
    assert small.ask(TICKET) == []


def test_gold_that_only_another_query_finds_may_still_rank_below_the_cut(bench: Make) -> None:
    small = bench(queries(k=1, raw_weight=0.9))
    small.pipeline.__dict__["generator"] = Rewrites("bridge Tamar")
    far = question("Where does a ferry ticket take one?", "642 metres", ["bridge"])
    [miss] = small.ask(far)
    assert miss.stage == "below the cut"
    assert "sparse finds none of the question's terms in it" in miss.detail
    assert "It takes retrieval.k 3 to reach it (1 now)" in miss.detail


def with_keys(recipe: str, keys: str) -> str:
    return recipe.replace("[retrieval]\n", f"[retrieval]\n{keys}\n")


def test_gold_whose_place_a_linked_passage_takes_is_lost_by_a_hop(bench: Make) -> None:
    texts = {"leland": "Near Leland stands the Bridge.", "bridge": "It is 642 metres long.", "far": "Far, and near."}
    asked = question("What stands near Leland?", "", ["far"])
    small = bench(sparse(k=2), texts)
    assert small.ask(asked) == []
    small.pipeline.recipe = parse_recipe(with_keys(sparse(k=2), "hops = 1"))
    [miss] = small.ask(asked)
    assert miss.stage == "lost by a hop"
    assert "sparse rank 2 (" in miss.detail
    assert "hops rank 3 (" in miss.detail


def test_gold_that_only_a_hop_reaches_may_still_rank_below_the_cut(bench: Make) -> None:
    texts = {"leland": "Near Leland stands the Bridge.", "bridge": "It is 642 metres long.", "train": "Near and far."}
    small = bench(with_keys(sparse(k=1), "hops = 1"), texts)
    [miss] = small.ask(question("What stands near Leland?", "642 metres", ["bridge"]))
    assert miss.stage == "below the cut"
    assert "sparse finds none of the question's terms in it" in miss.detail
    assert "It takes retrieval.k 2 to reach it (1 now)" in miss.detail


def test_gold_that_the_first_passages_push_out_is_lost_by_feedback(bench: Make) -> None:
    texts = {"apple": "apple", **{f"d{n}": "apple pear cherry " + "plum " * n for n in range(12)}}
    small = bench(sparse(k=1, depth=20), texts)
    asked = question("Which apple?", "", ["apple"])
    assert small.ask(asked) == []
    small.pipeline.recipe = parse_recipe(with_keys(sparse(k=1, depth=20), "feedback = 1.0"))
    [miss] = small.ask(asked)
    assert miss.stage == "lost by feedback"
    assert "sparse rank 1 (" in miss.detail and "retrieval.feedback is 1" in miss.detail


def test_sentences_are_no_arm_that_could_miss_by_itself(bench: Make) -> None:
    small = bench(with_keys(sparse(k=1), "sentences = 0.5"))
    [miss] = small.ask(question("Where does a ferry ticket take one?", "642 metres", ["bridge"]))
    assert miss.stage == "missed by sparse"
    [miss] = small.ask(question("What does a ticket to Aran cost?", "", ["bus"]))
    assert miss.stage == "below the cut"
    assert "sentences rank 2 (" in miss.detail and "fusion rank 2 (" in miss.detail


def test_each_lost_document_of_a_question_is_a_miss(bench: Make) -> None:
    both = question("Does the ferry to Aran leave before the train?", "no", ["ferry", "boat", "bridge"])
    misses = bench(sparse(k=1)).ask(both)
    assert [(miss.document, miss.stage) for miss in misses] == [("boat", "not loaded"), ("bridge", "missed by sparse")]


# -- judgements alone -----------------------------------------------------------------------------------


def test_with_judgements_alone_one_relevant_hit_will_do_and_the_nearest_is_reported(bench: Make) -> None:
    small = bench(sparse(k=1))
    asked = question("ferry ticket to Aran")
    assert small.ask(asked, qrels={"ferry": 1, "bridge": 2, "boat": 1}) == []
    [miss] = small.ask(asked, qrels={"ferry": 0, "bridge": 1, "bus": 1, "boat": 3})
    assert (miss.stage, miss.document) == ("below the cut", "bus")
    assert small.ask(asked, qrels={"ferry": 0}) == []


# -- answers --------------------------------------------------------------------------------------------


def test_a_passage_that_does_not_fit_the_context_is_cut_by_the_budget(bench: Make) -> None:
    small = bench(llm())
    hits = small.pipeline.search(TICKET.text)
    assert hits[0].metadata["_id"] == "ferry"
    # all of the prompt but the ferry's passage, which comes first, and an answer of 20
    small.pipeline.__dict__["generator"] = Says("A bus leaves at noon.", 20 + 62)
    answer = small.pipeline.ask(question("When does a bus to Galway leave?").text)
    assert answer.dropped
    gone = str(answer.dropped[0].metadata["_id"])
    asked = question("When does a bus to Galway leave?", FERRY[gone].split(". ")[0], [gone])
    [miss] = small.ask(asked, answer=True)
    assert (miss.stage, miss.document) == ("cut by the context budget", gone)
    assert f"{len(answer.dropped)} of 3 were dropped. Raise generator.context_size" in miss.detail


def test_a_sentence_outside_the_excerpt_is_cut_by_the_budget_and_the_excerpt_that_shows_it_does(bench: Make) -> None:
    asked = question("When does the ferry to Aran leave?", "12 euros", ["ferry"])
    small = bench(llm(1))
    small.pipeline.__dict__["generator"] = Says("The ferry to Aran leaves at noon.")
    [miss] = small.ask(asked, answer=True)
    assert miss.stage == "cut by the context budget"
    assert "“A ticket costs 12 euros.” is only number " in miss.detail
    needed = int(miss.detail.partition("Raise generator.excerpt (1) to ")[2].split(",")[0])
    for excerpt, stage in ((needed - 1, "cut by the context budget"), (needed, "generated wrong")):
        again = bench(llm(excerpt))
        again.pipeline.__dict__["generator"] = Says("The ferry to Aran leaves at noon.")
        assert [miss.stage for miss in again.ask(asked, answer=True)] == [stage]


def test_gold_that_was_shown_and_not_said_is_generated_wrong(bench: Make) -> None:
    [miss] = bench(sparse()).ask(question("Does the ferry to Aran leave at noon?", "yes", ["ferry"]), answer=True)
    assert miss.stage == "generated wrong"
    assert "It said “The ferry to Aran leaves at noon.” from “Ferry”, not “yes”" in miss.detail
    assert "cannot say yes or no (generator.kind)" in miss.detail


def test_quotes_in_place_of_a_right_draft_are_told(bench: Make) -> None:
    small = bench(llm(fallback="quote"))
    small.pipeline.__dict__["generator"] = Says("Aran is reached at dawn, as ferries go.")
    [miss] = small.ask(question("When does the ferry to Aran leave?", "dawn", ["ferry"]), answer=True)
    assert miss.stage == "generated wrong"
    assert "It quoted “The ferry to Aran leaves at noon.”" in miss.detail
    assert "draft held the answer, but could not be proved" in miss.detail


def test_what_the_generator_was_shown_is_quoted(bench: Make) -> None:
    small = bench(llm())
    small.pipeline.__dict__["generator"] = Says("A bus ticket to Galway costs less than a ferry ticket.")
    [miss] = small.ask(question("What does a ferry ticket cost?", "12 euros", ["ferry"]), answer=True)
    assert miss.stage == "generated wrong"
    assert miss.detail.endswith("It was shown “A ticket costs 12 euros.” from “Ferry”")


def test_every_stage_is_in_the_docs_in_order(root: Path) -> None:
    text = (root / "docs" / "evaluation-misses.md").read_text(encoding="utf-8").partition("## The stages")[2]
    rows = [line.split(" | ")[0].strip("| ") for line in text.splitlines() if line.startswith("| ")]
    named = [name for row in rows[1:] for name in row.split(", ")]
    assert sorted(named) == sorted(STAGES)
    order = [STAGES.index(name) for name in named if not name.startswith("missed")]  # type: ignore[arg-type]
    assert order == sorted(order)


def test_a_refusal_by_the_threshold_tells_score_and_threshold_and_lowering_it_answers(bench: Make) -> None:
    strict = "[grounding]\nmin_answerability = 1.0\n"
    [miss] = bench(sparse(more=strict)).ask(TICKET, answer=True)
    assert miss.stage == "wrongly refused"
    assert "The draft holds the answer: it takes grounding.min_answerability 0." in miss.detail
    score = float(miss.detail.partition("it takes grounding.min_answerability ")[2].split()[0])
    lower = f"[grounding]\nmin_answerability = {score}\n"
    assert bench(sparse(more=lower)).ask(TICKET, answer=True) == []


@pytest.mark.parametrize(
    ("draft", "reason"),
    [
        ("", "an empty draft"),
        ("It costs 40 euros.", "holds a number, date or name that the nearest passage does not state"),
        ("Fish sing.", "The draft does not hold the answer, so nothing right was refused"),
    ],
)
def test_a_refusal_says_why_the_draft_was_not_proved(bench: Make, draft: str, reason: str) -> None:
    small = bench(llm())
    small.pipeline.__dict__["generator"] = Says(draft)
    [miss] = small.ask(TICKET, answer=True)
    assert miss.stage == "wrongly refused"
    assert reason in miss.detail


def test_the_thresholds_said_to_show_a_draft_that_was_not_proved_show_it(bench: Make) -> None:
    asked = question("When does the ferry to Aran leave?", "noon", ["ferry"])
    small = bench(llm())
    small.pipeline.__dict__["generator"] = Says("Boats sail at noon.")
    [miss] = small.ask(asked, answer=True)
    assert miss.stage == "wrongly refused"
    assert "the best support is 0.16. The draft holds the answer: it takes grounding.min_support 0.16 " in miss.detail
    advice = miss.detail.partition("it takes ")[2].split(" and ")
    keys = dict(part.removeprefix("grounding.").split()[:2] for part in advice)
    lower = "[grounding]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())
    again = bench(llm() + lower)
    again.pipeline.__dict__["generator"] = Says("Boats sail at noon.")
    assert again.ask(asked, answer=True) == []


def test_an_answer_to_an_unanswerable_question_tells_the_score_that_would_refuse_it(bench: Make) -> None:
    loose = "[grounding]\nmin_answerability = 0.0\n"
    asked = question("What does a train ticket to Cork cost?", answerable=False)
    [miss] = bench(sparse(more=loose)).ask(asked, answer=True)
    assert (miss.stage, miss.document) == ("wrongly answered", "")
    score = float(miss.detail.partition("Above ")[2].split()[0])
    assert bench(sparse(more=f"[grounding]\nmin_answerability = {score + 0.001}\n")).ask(asked, answer=True) == []


def test_an_answer_made_from_another_index_is_an_error(bench: Make) -> None:
    small = bench(sparse(k=1))
    other = small.pipeline.ask("When does the train to Cork leave?")
    result = QueryResult("q", TICKET.text, answer=other)
    with pytest.raises(EvaluationError, match=r"from other hits than its search gives now .*evaluate again"):
        explain(small.pipeline, dataset([TICKET]), result)


# -- all together ---------------------------------------------------------------------------------------


def test_misses_keep_the_order_of_the_results_and_are_counted_in_the_order_of_the_pipeline(bench: Make) -> None:
    small = bench(sparse(k=1))
    questions = [
        Question("a", "ferry ticket to Aran", ("x",), documents=("bus",)),
        Question("b", "boats", ("x",), documents=("boat", "canoe")),
        Question("c", "ferry to Aran", ("12 euros",), documents=("ferry",)),
        Question("d", "boats", ("x",), documents=("boat",)),
    ]
    seen: list[tuple[int, int]] = []
    results = [QueryResult(one.id, one.text) for one in questions]
    misses = explain_all(
        small.pipeline, dataset(questions), results, progress=lambda done, total: seen.append((done, total))
    )
    assert [miss.query for miss in misses] == ["a", "b", "b", "d"]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    summary = summarise(misses, examples=2)
    assert [(one.stage, one.misses, one.questions) for one in summary] == [
        ("not loaded", 3, 2),
        ("below the cut", 1, 1),
    ]
    assert summary[0].examples == (misses[1], misses[2])
    assert sorted({one.stage for one in summary}, key=STAGES.index) == [one.stage for one in summary]
    assert summarise([]) == []


@pytest.mark.collections
def test_of_hotpotqa_every_cut_that_is_named_is_the_one_that_reaches_the_gold(
    tmp_path: Path, collections_dir: Path
) -> None:
    questions = read_questions(collections_dir / "hotpotqa-100" / "qa.jsonl")[:40]
    with Pipeline(tmp_path / "index", parse_recipe(sparse(k=4, depth=8))) as pipeline:
        pipeline.add(collections_dir / "hotpotqa-100" / "corpus.jsonl")
        results = [QueryResult(one.id, one.text) for one in questions]
        misses = explain_all(pipeline, dataset(questions), results)
        assert {miss.stage for miss in misses} == {"below the cut", "missed by sparse"}
        texts = {one.id: one.text for one in questions}
        gold = {(one.id, document) for one in questions for document in one.documents}
        lost = {(miss.query, miss.document) for miss in misses}
        for query, document in gold:
            # each passage here is a document
            found = {str(hit.metadata["_id"]) for hit in pipeline.search(texts[query])}
            assert (document in found) != ((query, document) in lost)
        for miss in misses:
            if miss.stage == "below the cut":
                k = int(miss.detail.partition("retrieval.k ")[2].split()[0])
                hits = pipeline.search(texts[miss.query], k)
                assert str(hits[-1].metadata["_id"]) == miss.document


# -- several arms -----------------------------------------------------------------------------------------

HARBOUR = {
    "ferry": "The ferry to Aran leaves at noon. A ticket costs 12 euros.",
    "boat": "Ships carry travellers across the sea to the islands each midday, weather permitting.",
    "bridge": "The bridge over the Tamar is 642 metres long.",
    "train": "The train to Cork leaves at ten. It takes two hours and stops in Mallow.",
    "bus": "A bus to Galway leaves at noon. A bus ticket to Galway costs less than a ferry ticket.",
    "fare": "Fares for the crossing: adults pay a dozen euros, children half of that.",
    "code": "Part X17-B is in stock. Part X18 is not.",
    "cat": "A cat sleeps two thirds of its life, most of it by day.",
}
ASKED = [
    "What does a ferry ticket to Aran cost?",
    "How do people travel over water to the islands?",
    "How much is the price of the sea crossing?",
    "When does the ticket office open at noon?",
    "Is part X17 there?",
    "How long do felines rest?",
    "Is the train in stock for half of its day?",
]
HYBRID = """
[retrieval]
k = {k}
depth = {depth}
weight = {weight}
mmr = {mmr}
[generator]
kind = "extractive"
"""


def hybrid(k: int = 2, depth: int = 3, weight: float = 0.5, mmr: float = 1.0, more: str = "") -> Recipe:
    return parse_recipe(HYBRID.format(k=k, depth=depth, weight=weight, mmr=mmr) + more)


@pytest.fixture
def other(tmp_path: Path) -> Callable[[Pipeline, Recipe], Pipeline]:
    """The same index and embedder under another recipe."""

    def make(pipeline: Pipeline, recipe: Recipe) -> Pipeline:
        made = Pipeline(pipeline.path, recipe)
        made.__dict__["embedder"] = pipeline.embedder
        return made

    return make


def ranking(pipeline: Pipeline, text: str, k: int) -> list[str]:
    return [str(hit.metadata["_id"]) for hit in pipeline.search(text, k)]


@pytest.mark.models
@pytest.mark.parametrize(("depth", "weight"), [(1, 0.5), (3, 0.2), (3, 0.9)])
def test_of_two_arms_and_their_fusion_the_one_is_named_that_lost_the_gold(
    bench: Make, other: Callable[[Pipeline, Recipe], Pipeline], depth: int, weight: float
) -> None:
    k = 1
    small = bench(hybrid(k=k, depth=depth, weight=weight), HARBOUR)
    dense = other(small.pipeline, parse_recipe('[retrieval]\narms = ["dense"]\n'))
    sparse = other(small.pipeline, parse_recipe('[retrieval]\narms = ["sparse"]\n'))
    stages = set()
    for text in ASKED:
        by_meaning, by_words = ranking(dense, text, 8), ranking(sparse, text, 8)
        shown = ranking(small.pipeline, text, k)
        for gold in HARBOUR:
            misses = small.ask(question(text, "", [gold]))
            in_dense, in_sparse = gold in by_meaning[:depth], gold in by_words[:depth]
            if gold in shown:
                expected = []
            elif not in_dense and not in_sparse:
                expected = ["missed by both"]
            elif gold in by_meaning[:k] or gold in by_words[:k]:
                expected = ["lost in fusion"]
            elif in_dense and in_sparse:
                expected = ["below the cut"]
            else:
                expected = ["missed by sparse" if in_dense else "missed by dense"]
            assert [miss.stage for miss in misses] == expected
            stages.update(expected)
            for miss in misses:
                assert f"dense rank {by_meaning.index(gold) + 1} (" in miss.detail
                words = (
                    f"rank {by_words.index(gold) + 1} (" if gold in by_words else "finds none of the question's terms"
                )
                assert f"sparse {words}" in miss.detail
                if match := re.search(r"retrieval.weight (\S+) instead of \S+ it would rank (\d+)", miss.detail):
                    mended = other(small.pipeline, hybrid(k=k, depth=depth, weight=float(match[1])))
                    assert ranking(mended, text, k).index(gold) + 1 <= int(match[2]) <= k
                else:
                    assert miss.stage != "lost in fusion"
    wanted = {"missed by both", "lost in fusion"}
    assert stages >= (wanted if depth == 1 else wanted | {"missed by dense", "missed by sparse"})


@pytest.mark.models
def test_diversity_that_takes_the_golds_place_is_named(
    bench: Make, other: Callable[[Pipeline, Recipe], Pipeline]
) -> None:
    small = bench(hybrid(k=2, depth=8, mmr=0.3), HARBOUR)
    plain = other(small.pipeline, hybrid(k=2, depth=8))
    lost = []
    for text in ASKED:
        for gold in set(ranking(plain, text, 2)) - set(ranking(small.pipeline, text, 2)):
            [miss] = small.ask(question(text, "", [gold]))
            assert miss.stage == "lost by the reranker"
            assert "set retrieval.mmr (0.3) nearer to 1" in miss.detail
            lost.append(miss)
    assert lost


@pytest.mark.models
def test_a_local_model_that_is_shown_one_sentence_is_diagnosed(bench: Make) -> None:
    recipe = hybrid(k=3, depth=8).model_copy(update={"generator": parse_recipe("[generator]\nexcerpt = 1\n").generator})
    small = bench(recipe, HARBOUR)
    asked = question("When does the ferry to Aran leave?", "12 euros", ["ferry"])
    [miss] = small.ask(asked, answer=True)
    assert miss.stage == "cut by the context budget"
    assert "“A ticket costs 12 euros.” is only number " in miss.detail
