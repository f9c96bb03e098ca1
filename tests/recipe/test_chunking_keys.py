"""What the recipe's keys for chunking, expansion and near-duplicates build; what they refuse; what is cut anew."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rag.chunkers import ContextualChunker, GuidedChunker, SemanticChunker, SentenceWindowChunker
from rag.embedders import LateEmbedder
from rag.errors import RecipeError
from rag.evaluation.misses.trace import trace
from rag.index import verify
from rag.pipeline import Pipeline
from rag.recipe import Recipe, build_chunker, build_embedder, build_stages, parse_recipe
from rag.text import WordTokenizer
from rag.types import Document

TEXT = "The pump is a large blue pump that stands there. " + "".join(
    f"Part number {n} of it is made of steel and brass. " for n in range(20)
)
NONE = '[embedder]\nbackend = "none"\n'


class Embedder:
    dim = 4
    fingerprint = "e"
    max_tokens = 256
    tokenizer = WordTokenizer()

    def embed_documents(self, texts):
        return np.tile(np.array([[1.0, 0.0, 0.0, 0.0]], np.float32), (len(texts), 1))

    embed_queries = embed_documents


class Model:
    """Chooses and writes."""

    context_size = 2048

    def __init__(self):
        self.asked = 0

    def count_tokens(self, messages):
        return 10

    def choose(self, messages, options):
        self.asked += 1
        return 0.5, 0.5

    def generate(self, messages, *, stop=(), max_tokens=256):
        self.asked += 1
        yield "About a pump."


def cut(toml: str, generator=None, embedder=None):
    chunker = build_chunker(parse_recipe(toml), embedder or Embedder(), generator)
    return chunker, list(chunker.chunk(Document("u", TEXT, title="Pump", language="en")))


@pytest.mark.parametrize(
    ("toml", "kind"),
    [
        ('[chunker]\nkind = "semantic"', SemanticChunker),
        ('[chunker]\nkind = "sentence-window"\nsentences = 2', SentenceWindowChunker),
        ('[chunker]\nkind = "llm"\nmax_tokens = 64', GuidedChunker),
        ('[chunker]\ncontext = "lead"', ContextualChunker),
        ('[chunker]\nkind = "semantic"\ncontext = "llm"', ContextualChunker),
    ],
)
def test_each_key_builds_its_chunker(toml, kind):
    model = Model()
    chunker, chunks = cut(toml, lambda: model)
    assert isinstance(chunker, kind)
    assert "".join(chunk.text for chunk in chunks).replace(" ", "") == TEXT.replace(" ", "")
    assert all(chunk.tokens <= 256 for chunk in chunks)
    assert (model.asked > 0) == ("llm" in toml)
    contexts = {chunk.context for chunk in chunks}
    assert contexts == ({"About a pump."} if 'context = "llm"' in toml else contexts & {"", TEXT.split(".")[0] + "."})


def test_the_model_is_not_made_unless_it_is_needed():
    def never():
        raise AssertionError("made")

    cut("", never)
    cut('[chunker]\nkind = "sentence-window"', never)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('[chunker]\nkind = "llm"\n[generator]\nkind = "extractive"', r"chunker\.kind llm needs a language model"),
        ('[chunker]\ncontext = "llm"\n[generator]\nkind = "extractive"', r"chunker\.context llm needs a language"),
        ('[chunker]\ncontext = "lead"\nmax_tokens = 64', r"set chunker\.max_tokens to 96"),
    ],
)
def test_what_cannot_be_built_is_refused_with_what_to_do(toml, message):
    with pytest.raises(RecipeError, match=message):
        cut(toml)


def test_semantic_and_late_need_an_embedder_that_runs_here():
    with pytest.raises(RecipeError, match="semantic compares vectors"):
        build_chunker(parse_recipe(f'{NONE}[chunker]\nkind = "semantic"'), None)
    for backend in ("none", "openai"):
        with pytest.raises(RecipeError, match=r"chunker\.late: late chunking reads a model's states"):
            build_embedder(parse_recipe(f'[embedder]\nbackend = "{backend}"\n[chunker]\nlate = true'))


def test_files_cut_before_these_keys_were_known_are_not_cut_anew():
    assert Recipe().chunk_settings == '{"kind": "auto", "max_tokens": 256, "overlap": 32}'
    assert json.loads(parse_recipe("[chunker]\nlate = true").chunk_settings)["late"] is True


def test_another_model_cuts_anew_only_where_a_model_cuts():
    def settings(toml):
        return parse_recipe(toml).chunk_settings

    other = '[generator]\nmodel = "other.gguf"\n'
    assert settings(other) == settings("")
    for key in ('[chunker]\nkind = "llm"\n', '[chunker]\ncontext = "llm"\n'):
        assert settings(key + other) != settings(key)
        assert settings(key + "[generator]\nmax_answer_tokens = 5") == settings(key)


EXPANDING = f"""{NONE}
[chunker]
kind = "sentence-window"
[retrieval]
arms = ["sparse"]
k = 2
expand = "neighbours"
near_duplicates = 0.9
"""


@pytest.fixture
def pipeline(tmp_path: Path):
    folder = tmp_path / "docs"
    folder.mkdir()
    boiler = "This notice about the pump stands in each of the manuals. "
    for name, color in (("a", "blue"), ("b", "green"), ("c", "white")):
        (folder / f"{name}.txt").write_text(
            f"Manual {name} tells you all about some machine or other. {boiler}"
            f"The {color} valve of this machine is oiled every day. The end of manual {name} has come at last here."
        )
    with Pipeline(tmp_path / "index", parse_recipe(EXPANDING)) as opened:
        opened.add(folder)
        yield opened


def test_a_recipe_expands_and_collapses_last(pipeline):
    stages = build_stages(pipeline.recipe, pipeline.snapshot, None, None)
    assert stages.final is stages.expanded
    assert stages.expanded.retriever is stages.distinct
    found = pipeline.search("notice about the pump")
    assert "notice about the pump" in found[0].chunk.text
    assert "valve" in found[0].chunk.text
    # the same notice of the other manuals is listed, and not lost
    assert len({one.chunk.uri for one in (found[0], *found[0].duplicates)}) == 3
    assert verify(pipeline.path) == []


def test_each_step_is_traced_by_the_passages_of_the_index(pipeline):
    snapshot = pipeline.snapshot
    stages = build_stages(pipeline.recipe, snapshot, None, None)
    uri = next(d.uri for d in snapshot.documents() if d.title == "b")
    wanted = {chunk.id for chunk in snapshot.chunks_of(uri)}
    traced = trace(stages, snapshot, "green valve oiled", k=2, depth=10, wanted=wanted)
    assert [step.name for step in traced.steps] == ["sparse", "near-duplicates", "expansion"]
    assert [step.cut for step in traced.steps[1:]] == [6, 2]
    assert traced.steps[-1].best(wanted).rank == 1
    assert [hit.chunk for hit in traced.hits] == [hit.chunk for hit in pipeline.search("green valve oiled")]


@pytest.mark.models
def test_a_late_index_is_built_and_searched_by_its_recipe(tmp_path):
    recipe = parse_recipe('[chunker]\nkind = "sentence-window"\nlate = true')
    (tmp_path / "a.txt").write_text(TEXT)
    with Pipeline(tmp_path / "index", recipe) as opened:
        assert isinstance(opened.embedder, LateEmbedder)
        opened.add(tmp_path / "a.txt")
        assert opened.info().settings.fingerprint.startswith("late:")
        assert opened.search("part number 7 made of steel", 3)
    assert verify(tmp_path / "index") == []
