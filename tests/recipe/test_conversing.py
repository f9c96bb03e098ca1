"""Conversations as a recipe has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rag.chains.memory import Budget, Exchange, Summary, Window, everything
from rag.chains.sessions import SessionStore
from rag.errors import RecipeError
from rag.pipeline import Pipeline
from rag.queries.standalone import ModelRewriter, RuleRewriter
from rag.recipe import Recipe, parse_recipe
from rag.recipe.conversing import build_conversation, build_memory, build_rewrite
from rag.types import Message


class Model:
    """A generator that always writes the same."""

    context_size = 4000

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        yield "Who built Trim Castle?"


def recipe(text: str = "", generator: str = "llama.cpp") -> Recipe:
    return parse_recipe(f'[generator]\nkind = "{generator}"\n[conversation]\n{text}', where="test")


HISTORY = [Message("user", "When was Trim Castle built?"), Message("assistant", "In 1174.")]


def test_rewrites() -> None:
    model = Model()
    assert isinstance(build_rewrite(recipe(), model), RuleRewriter)
    assert isinstance(build_rewrite(recipe('rewrite = "llm"'), model), ModelRewriter)
    assert build_rewrite(recipe('rewrite = "none"'), model) is None
    both = build_rewrite(recipe('rewrite = "both"'), model)
    assert both is not None
    assert both("Who built it?", HISTORY) == [
        "Who built it?",
        "Who built Trim Castle? (1174)",
        "Who built Trim Castle?",
    ]


def test_memories() -> None:
    model = Model()
    assert build_memory(recipe(), model) == Window(2)
    assert build_memory(recipe('memory = "none"'), model)([Exchange("a", "b")]) == []
    assert build_memory(recipe('memory = "full"'), model) is everything
    assert isinstance(build_memory(recipe('memory = "summary"\nturns = 4'), model), Summary)
    budget = build_memory(recipe('memory = "budget"\nbudget = 99'), model)
    assert isinstance(budget, Budget)
    assert budget.tokens == 99
    written = build_memory(recipe('memory = "summary"\nturns = 0\nsummary = "llm"'), model)([Exchange("a", "b")])
    assert written[1].content == "Who built Trim Castle?"


@pytest.mark.parametrize("key", ['rewrite = "llm"', 'rewrite = "both"', 'memory = "summary"\nsummary = "llm"'])
def test_what_needs_a_model_says_so(key: str) -> None:
    config = recipe(key, "extractive")
    with pytest.raises(RecipeError, match="needs a language model"):
        build_rewrite(config, Model())
        build_memory(config, Model())


def test_a_conversation_sees_the_index_as_it_is_now(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Trim Castle was built in 1174.")
    (tmp_path / "b.txt").write_text("The keep of Trim Castle is 25 metres high.")
    with Pipeline(tmp_path / "index", "bm25") as pipeline, SessionStore.in_memory() as store:
        pipeline.add(tmp_path / "a.txt")
        talk = build_conversation(pipeline, store.open("x", "here"))
        assert "1174" in talk.say("When was Trim Castle built?").text
        pipeline.add(tmp_path / "b.txt")
        assert "25 metres" in talk.say("How high is its keep?").text
        pipeline.delete((tmp_path / "a.txt").as_uri())
        answer = talk.say("When was Trim Castle built?")
        assert "1174" not in "".join(hit.chunk.text for hit in answer.hits)
