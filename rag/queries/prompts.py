"""Prompts as data: what a model is told and shown when it rewrites a question; ``prompts.toml`` holds those that ship.

A file of one's own has the same sections, any of which may be left out:

    [multi-query]
    instruction = "Write {count} other ways to ask the question."
    [[multi-query.examples]]
    question = "..."
    replies = ["...", "..."]
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rag.errors import RecipeError
from rag.text import detect_language
from rag.types import Message

__all__ = ["Example", "QueryPrompt", "load_prompts", "shipped_prompts"]

_SHIPPED = Path(__file__).with_name("prompts.toml")


@dataclass(frozen=True, slots=True)
class Example:
    """A question and good replies to it."""

    question: str
    replies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueryPrompt:
    """What a model is told, where ``{count}`` is the number of replies, and the examples it is shown.

    Of the examples it is shown those in the language of the question, or where there are none, of the first example.
    """

    instruction: str
    examples: tuple[Example, ...] = ()

    @property
    def said(self) -> tuple[str, ...]:
        """All texts of the examples: a small model tends to repeat them."""
        return tuple(text for example in self.examples for text in (example.question, *example.replies))

    def as_text(self, question: str) -> tuple[Message, ...]:
        """Messages that ask for one reply, as plain text."""
        return self._messages(question, 1, lambda replies: replies[0])

    def as_list(self, question: str, count: int, key: str) -> tuple[Message, ...]:
        """Messages that ask for up to ``count`` replies, as a JSON object that has them under ``key``."""
        return self._messages(question, count, lambda replies: json.dumps({key: replies}, ensure_ascii=False))

    def _messages(self, question: str, count: int, written: Callable[[tuple[str, ...]], str]) -> tuple[Message, ...]:
        turns = [
            turn
            for example in self._examples_for(question)
            for turn in (Message("user", example.question), Message("assistant", written(example.replies[:count])))
        ]
        system = Message("system", self.instruction.replace("{count}", str(count)))
        return (system, *turns, Message("user", question))

    def _examples_for(self, question: str) -> list[Example]:
        """Those in the question's language: shown several languages, a small model mixes them up."""
        spoken = [detect_language(example.question) for example in self.examples]
        language = detect_language(question)
        wanted = language if language in spoken else next(iter(spoken), "")
        return [example for example, own in zip(self.examples, spoken, strict=True) if own == wanted]


def load_prompts(path: str | Path = "") -> dict[str, QueryPrompt]:
    """The prompts of a TOML file by the name of their transform, the shipped ones where it has none, or is "".

    Raises RecipeError that names the file and the key.
    """
    return {**shipped_prompts(), **(_read(Path(path)) if path else {})}


@cache
def shipped_prompts() -> Mapping[str, QueryPrompt]:
    """The prompts that ship with Ragstone, by the name of their transform."""
    return _read(_SHIPPED)


def _read(path: Path) -> dict[str, QueryPrompt]:
    where = str(path)
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the prompts cannot be read: {error}", where=where) from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"this is not TOML: {error}", where=where) from error
    if path != _SHIPPED:
        for name in sections:
            _known(name, list(shipped_prompts()), where)
    return {name: _prompt(section, f"{where}: {name}") for name, section in sections.items()}


def _prompt(section: object, where: str) -> QueryPrompt:
    if not isinstance(section, dict):
        raise RecipeError("this is no section", where=where, hint='write it as a table, with "instruction"')
    for key in section:
        _known(key, ["instruction", "examples"], where)
    instruction, examples = section.get("instruction"), section.get("examples", [])
    if not isinstance(instruction, str) or not instruction.strip():
        raise RecipeError("there is no instruction", where=f"{where}.instruction", hint="say what to write")
    if not isinstance(examples, list):
        raise RecipeError("examples are no list", where=f"{where}.examples", hint=f"write [[{where}.examples]]")
    return QueryPrompt(instruction, tuple(_example(each, f"{where}.examples[{i}]") for i, each in enumerate(examples)))


def _example(given: object, where: str) -> Example:
    if not isinstance(given, dict):
        raise RecipeError("this is no table", where=where, hint='give it a "question" and "replies"')
    for key in given:
        _known(key, ["question", "replies"], where)
    question, replies = given.get("question"), given.get("replies")
    if not isinstance(question, str) or not question.strip():
        raise RecipeError("there is no question", where=f"{where}.question")
    if not isinstance(replies, list) or not replies or not all(isinstance(reply, str) for reply in replies):
        raise RecipeError("replies are no list of texts", where=f"{where}.replies", hint="give at least one")
    return Example(question, tuple(replies))


def _known(key: str, keys: list[str], where: str) -> None:
    if key not in keys:
        near = difflib.get_close_matches(key, keys, 1)
        advice = f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(keys)}"
        raise RecipeError(f"unknown key {key!r}; {advice}", where=where)
