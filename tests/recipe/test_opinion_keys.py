"""A recipe that asks the generator what it thinks of an answer: built, or an error that says what to do."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

import rag
from rag.errors import ModelError, RecipeError
from rag.generators import ExtractiveGenerator
from rag.grounding.confidence import Confidence, Logistic
from rag.grounding.opinions import Combination, Combinations
from rag.recipe import Recipe, parse_recipe
from rag.recipe.answering import build_answer_parts, build_opinion
from rag.recipe.calibration import settings_of


class Mute:
    """A generator that weighs replies, and always drafts the same."""

    context_size = 100

    def count_tokens(self, messages):
        return 1

    def generate(self, messages, *, stop=(), max_tokens=256):
        yield "No."

    def choose(self, messages, options):
        return 0.5, 0.5


class Ready(Mute):
    """One that samples as well."""

    def sample(self, messages, *, temperature, seed, max_tokens=256):
        return "No."


def recipe(text=""):
    return parse_recipe(f"[grounding]\n{text}", where="mine.toml")


def sure(features):
    return Confidence(0.5, 0.5)


@pytest.fixture
def weights(tmp_path):
    """A file of weights for the yes alone, and for all signals."""

    def one(*names):
        size = 1 + len(names)
        logistic = Logistic(0.25, (1.0,) + (0.5,) * len(names), (0.0,) * size, (1.0,) * size)
        return Combination(("learned", *names), logistic)

    kept = Combinations((one("yes"), one("yes", "agreement", "cosine agreement")), "smollm2", "words", {"questions": 8})
    path = tmp_path / "weights.json"
    path.write_text(json.dumps(asdict(kept)), "utf-8")
    return path


def test_nothing_is_asked_by_default():
    assert build_opinion(Recipe(), sure, ExtractiveGenerator(), None) is None
    assert build_answer_parts(Recipe(), Ready(), None).opinion is None


@pytest.mark.parametrize(
    ("text", "generator", "key"),
    [
        ("ask_model = true", ExtractiveGenerator(), "grounding.ask_model"),
        ("samples = 2", ExtractiveGenerator(), "grounding.samples"),
        ("samples = 2\nask_model = true", Mute(), "grounding.samples"),
    ],
)
def test_a_generator_without_an_opinion_is_an_error(text, generator, key):
    with pytest.raises(RecipeError) as raised:
        build_opinion(recipe(text), sure, generator, object())
    assert raised.value.where == key
    assert "generator.kind" in raised.value.hint


@pytest.mark.parametrize("text", ['confidence = "rules"', '[chain]\nkind = "refine"', '[embedder]\nbackend = "none"'])
def test_there_must_be_a_learned_confidence_to_add_it_to(text):
    with pytest.raises(RecipeError, match="learned confidence") as raised:
        build_answer_parts(recipe(f"ask_model = true\n{text}"), Ready(), None)
    assert raised.value.where == "grounding.ask_model"


def test_signals_without_weights_are_an_error(weights):
    with pytest.raises(ModelError, match="no weights for agreement"):
        build_opinion(recipe(f'samples = 2\nmodel_weights = "{weights}"'), sure, Ready(), object())
    with pytest.raises(ModelError, match="cannot read"):
        build_opinion(recipe('samples = 2\nmodel_weights = "no-such-file"'), sure, Ready(), object())
    assert build_opinion(recipe(f'ask_model = true\nmodel_weights = "{weights}"'), sure, Mute(), object())


def test_a_calibrated_line_belongs_to_the_weights(weights):
    asking = recipe(f'ask_model = true\nmodel_weights = "{weights}"')
    before = settings_of(asking, "e")
    weights.write_text(weights.read_text("utf-8").replace("0.25", "0.75"), "utf-8")
    assert settings_of(asking, "e") != before


@pytest.mark.models
def test_the_real_model_has_its_say(tmp_path, weights):
    (tmp_path / "tower.md").write_text(
        "# Tower\n\nThe tower was built by Ann Weller in 1921. It is 80 metres high.\n", "utf-8"
    )
    asking = f'ask_model = true\nsamples = 1\nmodel_weights = "{weights}"\n[generator]\nmax_answer_tokens = 24'
    scores = []
    for text in ("", asking):
        with rag.open(tmp_path / f"index{len(scores)}", recipe=recipe(text)) as index:
            index.add(tmp_path / "tower.md")
            answer = index.ask("Who built the tower in 1921?")
        scores.append(answer.score)
    steps = {step.name: step for one in answer.trace.steps for step in one.walk()}
    assert steps["ask model"].output_tokens == 1
    assert steps["sample"].prompt_tokens > 20
    assert scores[0] != scores[1]
