"""A recipe's verifier and what it says of documents that disagree: built, or an error that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

import rag
from rag.errors import ModelError, RecipeError
from rag.generators import ExtractiveGenerator
from rag.recipe import build_answer_parts, build_preference, build_verifier, parse_recipe

PLAIN = '[generator]\nkind = "extractive"\n[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n[grounding]\n'


def recipe(text: str = ""):
    return parse_recipe(PLAIN + text, where="mine.toml")


@pytest.mark.parametrize("name", ["rules", "embedding"])
def test_words_and_embeddings_are_groundings_own(name):
    assert build_verifier(recipe(f'verifier = "{name}"'), None, ExtractiveGenerator()) is None


def test_rules_leave_the_embedder_out():
    embedder = object()
    assert build_answer_parts(recipe('verifier = "rules"'), ExtractiveGenerator(), embedder).embedder is None
    assert build_answer_parts(recipe(), ExtractiveGenerator(), embedder).embedder is embedder


@pytest.mark.parametrize(
    ("text", "key", "hint"),
    [
        ('verifier = "nli"', "grounding.nli_model", "name a sequence classification model"),
        ('verifier = "judge"', "grounding.verifier", "generator.kind"),
        ('verifier = "combined"', "grounding.verifier", "embedder"),
    ],
)
def test_a_verifier_without_its_parts_is_an_error(text, key, hint):
    with pytest.raises(RecipeError) as raised:
        build_verifier(recipe(text), None, ExtractiveGenerator())
    assert raised.value.where == key
    assert hint in raised.value.hint


def test_weights_of_another_embedder_are_an_error():
    class Other:
        fingerprint = "other"

    with pytest.raises(RecipeError, match="another embedder") as raised:
        build_verifier(recipe('verifier = "combined"'), Other(), ExtractiveGenerator())
    assert "verifier_weights" in raised.value.hint


def test_a_model_that_is_not_there_is_an_error():
    with pytest.raises(ModelError, match="no-such-model"):
        build_verifier(recipe('verifier = "nli"\nnli_model = "no-such-model"'), None, ExtractiveGenerator())


def test_preferences():
    assert build_preference(recipe('conflicts = "ignore"')) is None
    found = build_preference(recipe('prefer = "trusted"\ntrusted = ["source=handbook"]'))
    assert found is not None
    assert (found.rule, found.date_key, found.trusted) == ("trusted", "date", ("source=handbook",))
    with pytest.raises(RecipeError, match="no trusted label"):
        build_preference(recipe('prefer = "trusted"'))


def write(folder: Path) -> Path:
    folder.mkdir()
    (folder / "old.md").write_text("---\ndate: 2023-01-05\n---\n# Warranty\n\nThe standard warranty lasts 24 months.\n")
    (folder / "new.md").write_text("---\ndate: 2024-06-01\n---\n# Handbook\n\nThe warranty lasts 36 months.\n")
    return folder


@pytest.mark.parametrize(
    ("text", "first", "conflicts"),
    [('prefer = "newest"', "36 months", 1), ("", "", 1), ('conflicts = "ignore"', "", 0)],
)
def test_an_index_tells_of_documents_that_disagree(tmp_path, text, first, conflicts):
    with rag.open(tmp_path / "index", recipe=recipe(text)) as index:
        index.add(write(tmp_path / "docs"))
        answer = index.ask("How long is the warranty?")
    assert len(answer.conflicts) == conflicts
    assert first in answer.sentences[0].text
    assert ("24 months" in answer.text and "36 months" in answer.text) == bool(conflicts)
