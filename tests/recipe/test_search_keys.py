"""What sentences, feedback and hops in [retrieval] build, that defaults build none of them, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import RecipeError
from rag.pipeline import Pipeline
from rag.recipe import Recipe, build_stages, load_recipe, parse_recipe
from rag.retrieval import BridgeRetriever, FeedbackRetriever, HybridRetriever, SentenceRetriever, SparseRetriever

SPARSE = '[embedder]\nbackend = "none"\n[generator]\nkind = "extractive"\n[retrieval]\narms = ["sparse"]\n'
ROWS = {"Leland": "Near Leland the film Overdrive was shot.", "Overdrive": "By King.", "Chess": "A game on a board."}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("keys")
    corpus = folder / "corpus.jsonl"
    corpus.write_text(
        "".join(json.dumps({"_id": key, "title": key, "text": text}) + "\n" for key, text in ROWS.items())
    )
    with Pipeline(folder / "index", parse_recipe(SPARSE)) as opened:
        opened.add(corpus)
        yield opened


def stages(pipeline: Pipeline, keys: str):  # type: ignore[no-untyped-def]
    return build_stages(parse_recipe(SPARSE + keys), pipeline.snapshot, None, None)


def test_the_defaults_search_once(pipeline: Pipeline) -> None:
    built = stages(pipeline, "")
    assert built.final is built.fused and isinstance(built.fused, SparseRetriever)
    assert built.feedback is None and built.bridged is None
    assert (
        Recipe().retrieval.model_dump() | {"sentences": 0.0, "feedback": 0.0, "hops": 0}
        == Recipe().retrieval.model_dump()
    )


def test_each_key_builds_its_part(pipeline: Pipeline) -> None:
    built = stages(pipeline, "sentences = 0.25\nfeedback = 0.5\nhops = 2\nmmr = 0.9\n")
    assert list(built.arms) == ["sparse", "sentences"] and isinstance(built.arms["sentences"], SentenceRetriever)
    assert isinstance(built.fused, HybridRetriever) and built.fused.weights == (0.75, 0.25)
    assert isinstance(built.feedback, FeedbackRetriever) and built.feedback.trust == 0.5
    assert isinstance(built.bridged, BridgeRetriever) and built.bridged.hops == 2
    assert built.bridged.retriever is built.feedback and built.diverse and built.final is built.diverse
    assert stages(pipeline, "feedback = 1.0").final.retrieve("chess", 1)


def test_a_search_by_the_recipe_makes_the_hop(pipeline: Pipeline) -> None:
    plain = pipeline.search("What was shot near leland?", 3)
    with Pipeline(pipeline.path, parse_recipe(SPARSE + "hops = 1\n")) as hopping:
        hits = hopping.search("What was shot near leland?", 3)
        assert hopping.search("What was shot near leland?", 3, where="_id = 'Chess'") == []
    assert [hit.chunk.title for hit in plain] == ["Leland"]
    assert [hit.chunk.title for hit in hits] == ["Leland", "Overdrive"]


def test_sentences_need_bm25(pipeline: Pipeline) -> None:
    class Embedder:
        dim = 0
        fingerprint = ""

    recipe = parse_recipe('[retrieval]\narms = ["dense"]\nsentences = 0.5\n')
    with pytest.raises(RecipeError, match="no sparse arm"):
        build_stages(recipe, pipeline.snapshot, Embedder(), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("line", ["sentences = 1.5", "feedback = -1.0", "hops = 6", 'hop_names = "any"'])
def test_what_is_out_of_range_is_refused(line: str) -> None:
    with pytest.raises(RecipeError):
        parse_recipe(f"[retrieval]\n{line}\n")


def test_the_shipped_recipes_need_no_language_model_to_search() -> None:
    for name in ("multihop", "best-local"):
        recipe = load_recipe(name)
        assert recipe.retrieval.hops > 0 and not recipe.reranker.model and recipe.queries.transform == "none"


@pytest.mark.collections
def test_two_passages_are_found_where_one_search_finds_one(collections_dir: Path, tmp_path: Path) -> None:
    """On HotpotQA, by BM25 alone: two supporting passages each."""
    folder = collections_dir / "hotpotqa-100"
    questions = [json.loads(line) for line in (folder / "qa.jsonl").read_text(encoding="utf-8").splitlines()]
    recall = []
    for keys in ("", "hops = 2\n"):
        with Pipeline(tmp_path / "index", parse_recipe(SPARSE + keys)) as pipeline:
            pipeline.add(folder / "corpus.jsonl")
            hits = [pipeline.search(one["question"], 5) for one in questions]
        found = [{str(hit.metadata["_id"]) for hit in five} for five in hits]
        shares = [len(ids & set(one["passages"])) / 2 for ids, one in zip(found, questions, strict=True)]
        recall.append(sum(shares) / len(shares))
    assert recall[1] >= recall[0] + 0.1
