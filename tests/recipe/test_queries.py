"""What [queries] builds, what it refuses, and that a search by the recipe's own model goes all the way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rag.chains.drafting import last
from rag.errors import QueryError, RecipeError
from rag.pipeline import Pipeline
from rag.queries import Decompose, Hyde, MultiQuery, QueryPrompt, StepBack, shipped_prompts
from rag.recipe import QueriesConfig, Recipe, build_chain, build_retriever, build_transform, parse_recipe
from rag.retrieval import MultiQueryRetriever, PassageRetriever
from rag.tracing import recording
from rag.types import Message

TEXTS = {
    "ferry": "The ferry to Aran leaves at noon.",
    "ticket": "A passage by boat costs 12 euros.",
    "train": "The train to Cork leaves at ten.",
}
SPARSE = '[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n'


class Says:
    """Writes one query, whatever it is asked."""

    context_size = 4000

    def __init__(self, text: str = "passage by boat") -> None:
        self.text = text
        self.asked = 0

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        self.asked += 1
        yield self.text

    def generate_json(self, messages: Sequence[Message], schema: object, *, max_tokens: int = 256) -> str:
        self.asked += 1
        return json.dumps({"queries": [self.text]})


def index(path: Path, recipe: str) -> Pipeline:
    corpus = path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"_id": key, "text": text}) + "\n" for key, text in TEXTS.items()))
    pipeline = Pipeline(path / "index", parse_recipe(recipe))
    pipeline.add(corpus)
    return pipeline


def names(hits: Sequence[object]) -> list[str]:
    return [str(hit.metadata["_id"]) for hit in hits]  # type: ignore[attr-defined]


def test_nothing_is_built_by_default() -> None:
    assert Recipe().queries == QueriesConfig()
    assert build_transform(Recipe(), Says()) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [("multi-query", MultiQuery), ("decompose", Decompose), ("step-back", StepBack), ("hyde", Hyde)],
)
def test_each_name_builds_its_transform_with_the_prompts_that_ship(name: str, expected: type) -> None:
    generator = Says()
    transform = build_transform(parse_recipe(f'[queries]\ntransform = "{name}"\ncount = 5'), generator)
    assert isinstance(transform, expected)
    assert transform.generator is generator  # type: ignore[attr-defined]
    assert transform.prompt == shipped_prompts()[name]  # type: ignore[attr-defined]
    assert getattr(transform, "count", 5) == 5


def test_prompts_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[step-back]\ninstruction = "Ask about the town."\n')
    transform = build_transform(
        parse_recipe(f'[queries]\ntransform = "step-back"\nprompts = {json.dumps(str(file))}'), Says()
    )
    assert isinstance(transform, StepBack)
    assert transform.prompt == QueryPrompt("Ask about the town.", ())
    with pytest.raises(RecipeError, match="cannot be read"):
        build_transform(parse_recipe('[queries]\ntransform = "step-back"\nprompts = "none.toml"'), Says())


def test_prompts_of_ones_own_serve_the_chain_of_parts(tmp_path: Path) -> None:
    class Listens(Says):
        heard = ""

        def generate_json(self, messages: Sequence[Message], schema: object, *, max_tokens: int = 256) -> str:
            self.heard += messages[0].content
            return super().generate_json(messages, schema, max_tokens=max_tokens)

    file = tmp_path / "mine.toml"
    file.write_text('[decompose]\ninstruction = "Part this about the town."\n')
    config = f'{SPARSE}[queries]\nprompts = {json.dumps(str(file))}\n[chain]\nkind = "decompose"\n'
    with index(tmp_path, config) as pipeline:
        listens = Listens()
        chain = build_chain(pipeline.recipe, pipeline.retriever, listens, None, pipeline.snapshot)
        last(chain("What does the ferry to Aran cost?"))
    assert "Part this about the town." in listens.heard


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[queries]\ntransform = "step-back"\n[generator]\nkind = "extractive"', "needs a language model"),
        ('[queries]\ntransform = "hyde"\n' + SPARSE, "no dense arm"),
    ],
)
def test_what_cannot_work_is_refused_with_the_key(text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        build_transform(parse_recipe(text), Says())
    assert caught.value.where == "queries.transform"
    assert caught.value.hint


@pytest.mark.parametrize(
    "key", ["raw_weight = 0.0", "raw_weight = 1.5", "count = 0", "depth = 0", 'transform = "hide"']
)
def test_values_out_of_range_are_refused(key: str) -> None:
    with pytest.raises(RecipeError, match=r"queries\."):
        parse_recipe(f"[queries]\n{key}")


def test_a_search_by_a_recipe_with_a_transform_uses_it_and_its_filter(tmp_path: Path) -> None:
    with index(tmp_path, SPARSE + '[queries]\ntransform = "decompose"\nraw_weight = 0.9\nfusion = "rrf"') as pipeline:
        generator = pipeline.__dict__["generator"] = Says()
        with recording("search") as run:
            hits = pipeline.search("When does the ferry leave?", 3)
        assert names(hits) == ["ferry", "train", "ticket"]
        assert set(hits[2].arms) == {"query 2"}
        assert hits[0].score == pytest.approx(0.9 / 61)
        assert hits[2].score == pytest.approx(0.1 / 61)
        assert [step.name for step in run.trace.steps] == ["decompose", "search", "search", "fusion"]
        assert names(pipeline.search("When does the ferry leave?", 3, where='_id != "ticket"')) == ["ferry", "train"]
        assert generator.asked == 2
        with pytest.raises(QueryError, match="empty"):
            pipeline.search(" ")
        assert generator.asked == 2


def test_a_recipe_with_a_transform_is_never_searched_without_it(tmp_path: Path) -> None:
    with (
        index(tmp_path, SPARSE + '[queries]\ntransform = "step-back"') as pipeline,
        pytest.raises(RecipeError, match="none was built"),
    ):
        build_retriever(pipeline.recipe, pipeline.snapshot, None, None)


@pytest.mark.models
def test_hyde_searches_its_passage_by_the_vector_alone(tmp_path: Path) -> None:
    with index(tmp_path, '[queries]\ntransform = "hyde"\ndepth = 7') as pipeline:
        pipeline.__dict__["generator"] = Says("Going over by boat is 12 euros.")
        retriever = pipeline.retriever
        assert isinstance(retriever, MultiQueryRetriever)
        assert isinstance(retriever.others, PassageRetriever)
        assert retriever.depth == 7
        hits = pipeline.search("What does Aran cost?", 3)
        assert {"dense", "query 1", "query 2"} <= set(hits[0].arms)
        by_passage = sorted(hits, key=lambda hit: hit.arms["query 2"].rank)
        assert names(by_passage)[0] == "ticket"


@pytest.mark.models
def test_the_default_model_serves_a_recipe_from_end_to_end(tmp_path: Path) -> None:
    recipe = SPARSE + '[queries]\ntransform = "multi-query"\ncount = 1\n[generator]\ncontext_size = 1024'
    with index(tmp_path, recipe) as pipeline:
        with recording("search") as run:
            hits = pipeline.search("When does the ferry to Aran leave?", 2)
        assert names(hits)[0] == "ferry"
        assert run.trace.prompt_tokens > 50


def test_a_pipeline_that_is_closed_keeps_no_transform_with_a_closed_model(tmp_path, monkeypatch):
    monkeypatch.setattr("rag.pipeline.build_generator", lambda recipe, embedder: Says())
    pipeline = Pipeline(tmp_path / "index", parse_recipe(SPARSE + '[queries]\ntransform = "step-back"'))
    with pipeline:
        before = pipeline.transform
    assert isinstance(before, StepBack)
    assert pipeline.transform is not before
    assert pipeline.transform.generator is pipeline.generator
