"""[chain] in a recipe, from the index to the answer: every kind without a language model, and with the small one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import rag
from rag.chains.drafting import last
from rag.errors import FilterError, QueryError, RecipeError
from rag.generators import ExtractiveGenerator, LlamaCppGenerator
from rag.models import resolve
from rag.pipeline import Pipeline
from rag.protocols import Generator
from rag.recipe import (
    ChainConfig,
    GeneratorConfig,
    QueriesConfig,
    Recipe,
    RetrievalConfig,
    build_chain,
    load_recipe,
    parse_recipe,
)
from rag.types import Answer

DOCUMENTS = {
    "Tamar Bridge": "The Tamar Bridge was designed by Ann Weller. It was opened in 1961.",
    "Ann Weller": "Ann Weller was an engineer. She was born in Bude.",
    "HX-100": "The pump HX-100 costs 500 euros. It weighs 3 kg.",
    "HX-200": "The pump HX-200 costs 700 euros. It weighs 4 kg.",
    "Office": "Our office is in Hamburg. It opens at 9:00.",
}
KINDS = ["one-shot", "multi-hop", "decompose", "map-reduce", "refine"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chains")
    for title, text in DOCUMENTS.items():
        (folder / f"{title}.md").write_text(f"# {title}\n\n{text}\n", encoding="utf-8")
    with rag.open(folder / "index", "bm25") as pipeline:
        pipeline.add(*folder.glob("*.md"))
    return folder / "index"


def recipe(**chain: object) -> Recipe:
    return load_recipe("bm25").model_copy(update={"chain": ChainConfig.model_validate(chain)})


def checked(answer: Answer, pipeline: Pipeline) -> Answer:
    """Every citation is a slice of its document, every sentence of the answer."""
    for one in answer.citations:
        assert pipeline.snapshot.document(one.document_id).text[one.start : one.end] == one.quote
    for sentence in answer.sentences:
        assert answer.text[sentence.start : sentence.end] == sentence.text
    return answer


@pytest.mark.parametrize("kind", KINDS)
def test_a_sum_is_not_searched_for_unless_the_recipe_says_so(index, kind):
    with rag.open(index, recipe(kind=kind)) as pipeline:
        assert pipeline.ask("What is 15 percent of 80?").text == "15% of 80 = 12"
        assert pipeline.ask("Thank you!").hits == ()
        pipeline.recipe = pipeline.recipe.model_copy(update={"queries": QueriesConfig(intent="none")})
        assert pipeline.ask("What is 15 percent of 80?").refused


@pytest.mark.parametrize("asked", ["ask", "agent"])
def test_a_commit_while_the_model_loads_does_not_close_what_is_searched(tmp_path, monkeypatch, asked):
    for name in ("pump", "office"):
        (tmp_path / f"{name}.md").write_text("# HX-100\n\nThe pump HX-100 costs 500 euros.\n", encoding="utf-8")
    with rag.open(tmp_path / "index", "bm25") as pipeline:
        pipeline.add(tmp_path / "pump.md")

        def slowly(*_: object) -> Generator:
            with rag.open(tmp_path / "index") as other:
                other.add(tmp_path / "office.md")
            return ExtractiveGenerator()

        monkeypatch.setattr("rag.pipeline.build_generator", slowly)
        question = "What does the pump HX-100 cost?"
        answer = pipeline.ask(question) if asked == "ask" else [*pipeline.agent_stream(question)][-1].answer
        assert "500 euros" in answer.text


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_answers_with_proof(index, kind):
    with rag.open(index, recipe(kind=kind)) as pipeline:
        answer = checked(pipeline.ask("What does the pump HX-100 cost?"), pipeline)
        assert answer.verdict == "supported"
        assert "The pump HX-100 costs 500 euros." in [one.quote for one in answer.citations]
        assert answer.trace is not None
        assert answer.trace.steps[0].name == "retrieve"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_refuses_and_takes_arguments_alike(index, kind):
    with rag.open(index, recipe(kind=kind)) as pipeline:
        assert pipeline.ask("What is the capital of Peru?").refused
        assert pipeline.ask("What does the pump HX-100 cost?", where="path = 'Office.md'").refused
        with pytest.raises(QueryError):
            pipeline.ask_stream(" ")
        with pytest.raises(QueryError):
            pipeline.ask_stream("What?", 0)
        with pytest.raises(FilterError):
            pipeline.ask_stream("What does the pump cost?", where="path ~~ 3")


def test_a_list_is_whole_where_one_shot_says_one(index):
    question = "What does each pump cost?"
    with rag.open(index, recipe(kind="map-reduce")) as pipeline:
        answer = checked(pipeline.ask(question), pipeline)
        assert {one.title for one in answer.citations} == {"HX-100", "HX-200"}
        assert sorted(answer.text.splitlines()) == [
            "The pump HX-100 costs 500 euros.",
            "The pump HX-200 costs 700 euros.",
        ]


def test_names_lead_on_without_a_language_model(index):
    question = "Where did the designer of the Tamar Bridge come from?"
    with rag.open(index, recipe(kind="multi-hop")) as pipeline:
        answer = pipeline.ask(question, 2)
        assert [hit.chunk.title for hit in (*answer.hits, *answer.dropped)] == ["Tamar Bridge", "Ann Weller"]
    with rag.open(index, recipe(kind="one-shot")) as pipeline:
        assert "Ann Weller" not in [hit.chunk.title for hit in pipeline.ask(question, 2).hits]


def test_k_is_the_askers_or_the_recipes(index):
    def read(pipeline: Pipeline, k: int | None = None) -> int:
        answer = pipeline.ask("What does the pump in Hamburg cost, and who designed the Tamar Bridge?", k)
        assert answer.trace is not None
        asked = answer.trace.steps[0].inputs["k"]
        assert isinstance(asked, int)
        return asked

    with rag.open(index, recipe(kind="map-reduce")) as pipeline:
        assert (read(pipeline), read(pipeline, 3)) == (24, 3)
    with rag.open(index, recipe(kind="refine", passages=9)) as pipeline:
        assert (read(pipeline), read(pipeline, 3)) == (9, 3)
    with rag.open(index, recipe(kind="decompose", passages=9)) as pipeline:
        assert (read(pipeline), read(pipeline, 3)) == (6, 3)


def test_keys_are_strict():
    assert Recipe().chain.kind == "one-shot"
    assert parse_recipe('[chain]\nkind = "refine"\npassages = 9').chain == ChainConfig(kind="refine", passages=9)
    with pytest.raises(RecipeError, match=r"unknown key 'chain.hop'; did you mean 'hops'"):
        parse_recipe("[chain]\nhop = 3")
    for wrong in ('kind = "tree"', "hops = 0", "parts = 1", "passages = -1", "enough = 1.5"):
        with pytest.raises(RecipeError, match=r"chain\."):
            parse_recipe(f"[chain]\n{wrong}")


@pytest.fixture(scope="module")
def small() -> Iterator[Generator]:
    """The default local model; one thread, as CI's machines are shared."""
    with LlamaCppGenerator(resolve("smollm2"), context_size=1024, threads=1) as generator:
        yield generator


@pytest.mark.models
@pytest.mark.parametrize("kind", KINDS[1:])
def test_with_the_small_model(index, small, kind):
    config = recipe(kind=kind, hops=1, passages=3 if kind in {"map-reduce", "refine"} else 6, reduce="write")
    config = config.model_copy(
        update={"generator": GeneratorConfig(max_answer_tokens=32), "retrieval": RetrievalConfig(arms=["sparse"], k=3)}
    )
    with rag.open(index, config) as pipeline:
        chain = build_chain(config, pipeline.retriever, small, None, pipeline.snapshot)
        answer = checked(last(chain("What does the pump HX-100 cost?")), pipeline)
        assert answer.trace is not None
        assert answer.trace.prompt_tokens > 0
        assert answer.trace.output_tokens > 0
        assert answer.verdict != "not in the documents"
        assert "500" in answer.text


@pytest.fixture(scope="module")
def hotpot(collections_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[str, set[str]]]]:
    """An index of HotpotQA's passages by BM25, and ten questions with the titles of their two passages."""
    folder = collections_dir / "hotpotqa-100"
    index = tmp_path_factory.mktemp("hotpot") / "index"
    with rag.open(index, "bm25") as pipeline:
        pipeline.add(folder / "corpus.jsonl")
    rows = [json.loads(line) for line in (folder / "qa.jsonl").read_text(encoding="utf-8").splitlines()[:10]]
    return index, [(row["question"], set(row["passages"])) for row in rows]


@pytest.mark.collections
@pytest.mark.parametrize("kind", KINDS)
def test_hotpot_questions(hotpot, kind):
    index, questions = hotpot
    read = 0
    with rag.open(index, recipe(kind=kind, passages=12)) as pipeline:
        for question, titles in questions:
            answer = checked(pipeline.ask(question), pipeline)
            read += len(titles & {hit.chunk.title for hit in (*answer.hits, *answer.dropped)})
    # of twenty passages; BM25 alone finds seven in ten among its first six
    assert read >= {"multi-hop": 17, "map-reduce": 15, "refine": 15}.get(kind, 14)
