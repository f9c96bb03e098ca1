"""Recipes: strict keys, helpful errors, and the files that ship."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import RecipeError
from rag.recipe import Recipe, build_chunker, build_embedder, build_retriever, load_recipe, parse_recipe, recipe_names

SHIPPED = ["best-local", "bm25", "default", "dense", "extractive", "hybrid-rerank", "multihop"]


def test_the_named_recipes_ship() -> None:
    assert recipe_names() == SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_recipe_is_valid_and_says_what_it_is(name: str) -> None:
    assert load_recipe(name).description.endswith(".") or load_recipe(name).description


def test_the_default_file_is_the_defaults_of_the_code() -> None:
    shipped = load_recipe("default")
    assert shipped.model_copy(update={"description": ""}) == Recipe()


def test_an_unknown_key_is_named_with_its_path_and_the_nearest_valid_key() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe("[retrieval]\nwieght = 0.3\n", where="mine.toml")
    assert str(caught.value) == "mine.toml: unknown key 'retrieval.wieght'; did you mean 'weight'?"


def test_an_unknown_section_is_named() -> None:
    with pytest.raises(RecipeError, match="unknown key 'retreival'; did you mean 'retrieval'"):
        parse_recipe("[retreival]\n")


def test_an_unknown_key_like_no_other_lists_the_valid_ones() -> None:
    with pytest.raises(RecipeError, match=r"'index\.zzz'; valid keys: ann_above"):
        parse_recipe("[index]\nzzz = 1\n")


def test_a_wrong_value_is_named_with_what_was_expected() -> None:
    with pytest.raises(RecipeError, match=r"retrieval\.weight: .*less than or equal to 1, not 3\.0"):
        parse_recipe("[retrieval]\nweight = 3.0\n")


def test_a_string_is_no_number() -> None:
    with pytest.raises(RecipeError, match=r"retrieval\.k"):
        parse_recipe('[retrieval]\nk = "6"\n')


def test_broken_toml_names_the_line() -> None:
    with pytest.raises(RecipeError, match="line 2"):
        parse_recipe("[retrieval]\nk = = 2\n", where="mine.toml")


def test_an_unknown_recipe_suggests_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean 'default'"):
        load_recipe("defualt")


def test_a_recipe_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "none.toml")


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe("[bm25]\nk1 = -1.0\nbee = 2\n")
    assert "bm25.k1" in str(caught.value)
    assert "'bm25.bee'" in str(caught.value)


def test_a_recipe_survives_json() -> None:
    recipe = load_recipe("hybrid-rerank")
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_no_embedder_means_none() -> None:
    assert build_embedder(load_recipe("bm25")) is None


def test_dense_search_without_an_embedder_is_an_error() -> None:
    recipe = parse_recipe('[embedder]\nbackend = "none"\n')
    with pytest.raises(RecipeError, match=r'set retrieval.arms = \["sparse"\]'):
        build_retriever(recipe, None, None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["auto", "structure", "sentences", "tokens", "document"])
def test_every_kind_of_chunker_is_built(kind: str) -> None:
    from rag.types import Document

    chunker = build_chunker(parse_recipe(f'[chunker]\nkind = "{kind}"\nmax_tokens = 64\n'), None)
    document = Document(uri="a", text="One sentence. Another sentence.", language="en")
    assert [chunk.text for chunk in chunker.chunk(document)] == [document.text]


def test_every_key_is_documented_with_its_default(root: Path) -> None:
    table = (root / "docs" / "recipes.md").read_text(encoding="utf-8")
    rows = dict(line.split(" | ")[:2] for line in table.splitlines() if line.startswith("| `"))
    documented = {key.strip("| `"): json.loads(default.strip("`")) for key, default in rows.items()}
    defaults = {"description": ""}
    for section, value in Recipe().model_dump(exclude={"description"}).items():
        defaults |= {f"{section}.{key}": default for key, default in value.items()}
    assert documented == defaults
