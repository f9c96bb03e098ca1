"""Prompts as data: those that ship, those of a user, and what is said of a mistake in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.errors import RecipeError
from rag.queries import Example, QueryPrompt, load_prompts, shipped_prompts
from rag.types import Message


def test_the_shipped_prompts_state_the_language_and_show_enough() -> None:
    prompts = shipped_prompts()
    for name in ("multi-query", "hyde", "step-back", "decompose"):
        prompt = prompts[name]
        assert "language of the question" in prompt.instruction
        assert len(prompt.examples) >= 2
    assert all(len(example.replies) >= 3 for example in prompts["multi-query"].examples)


def test_messages_are_the_instruction_the_examples_and_the_question() -> None:
    prompt = QueryPrompt("Write {count} {curly}.", (Example("Who is it?", ("one", "“two”", "three")),))
    assert prompt.as_list("And now {count}?", 2, "queries") == (
        Message("system", "Write 2 {curly}."),
        Message("user", "Who is it?"),
        Message("assistant", '{"queries": ["one", "“two”"]}'),
        Message("user", "And now {count}?"),
    )
    assert prompt.as_text("Now?") == (
        Message("system", "Write 1 {curly}."),
        Message("user", "Who is it?"),
        Message("assistant", "one"),
        Message("user", "Now?"),
    )


def test_examples_are_those_of_the_questions_language_or_of_the_first() -> None:
    prompt = shipped_prompts()["multi-query"]

    def shown(question: str) -> set[bool]:
        contents = [message.content for message in prompt.as_list(question, 3, "queries")[1:-1]]
        return {any("\u4e00" <= character <= "\u9fff" for character in content) for content in contents}

    assert shown("Who designed the cathedral of Exeter in the Middle Ages?") == {False}
    assert shown("谁设计了这座大教堂？") == {True}
    assert shown("Кто построил этот собор в средние века?") == {False}
    assert json.loads(prompt.as_list("谁设计了这座大教堂？", 2, "queries")[2].content)["queries"]


def test_a_file_replaces_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[hyde]\ninstruction = "Answer."\n[[hyde.examples]]\nquestion = "Q?"\nreplies = ["R."]\n')
    prompts = load_prompts(file)
    assert prompts["hyde"] == QueryPrompt("Answer.", (Example("Q?", ("R.",)),))
    assert prompts["decompose"] == shipped_prompts()["decompose"]


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("[hide]\ninstruction = 'x'", "", "unknown key 'hide'; did you mean 'hyde'?"),
        ("[hyde]\ninstructions = 'x'", ": hyde", "did you mean 'instruction'"),
        ("[hyde]\nexamples = []", ": hyde.instruction", "no instruction"),
        ("[hyde]\ninstruction = 3", ": hyde.instruction", "no instruction"),
        ("hyde = 3", ": hyde", "no section"),
        ("[hyde]\ninstruction = 'x'\nexamples = 3", ": hyde.examples", "no list"),
        ("[hyde]\ninstruction = 'x'\nexamples = [3]", ": hyde.examples[0]", "no table"),
        ("[hyde]\ninstruction = 'x'\n[[hyde.examples]]\nreplies = ['x']", ": hyde.examples[0].question", "no question"),
        (
            "[hyde]\ninstruction = 'x'\n[[hyde.examples]]\nquestion = 'x'\nreplies = []",
            ": hyde.examples[0].replies",
            "no list",
        ),
        (
            "[hyde]\ninstruction = 'x'\n[[hyde.examples]]\nquestion = 'x'\nreply = 'y'",
            ": hyde.examples[0]",
            "did you mean 'replies'",
        ),
        ("[hyde\n", "", "not TOML"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path: Path, text: str, where: str, said: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_prompts(file)
    assert said in str(caught.value)
    assert caught.value.where == f"{file}{where}"


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        load_prompts(tmp_path / "none.toml")
