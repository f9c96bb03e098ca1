"""All that is wrong with a recipe's TOML, each with its key and its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from rag.recipe.sections import Recipe

__all__ = ["Problem", "explain", "find_problems"]

_AT = re.compile(r"at line (\d+)")
_HEADER = re.compile(r"\s*\[\s*([\w.\s\"'-]+?)\s*\]\s*(?:#.*)?$")
_ENTRY = re.compile(r"\s*([\w.\s\"'-]+?)\s*=")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong: ``key`` is "" of text that is no TOML; ``line`` counts from 1 and is 0 where it is not known."""

    key: str
    line: int
    text: str


def find_problems(text: str, model: type[BaseModel] = Recipe) -> list[Problem]:
    """What keeps the text from being a recipe, in the order of the recipe's keys; nothing where it is one."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT.search(str(error))
        return [Problem("", int(at[1]) if at else text.count("\n") + 1, f"this is not TOML: {error}")]
    try:
        model.model_validate(data)
    except ValidationError as error:
        lines = _lines(text)
        return [Problem(key, _line(lines, key), said) for key, said in explain(error, model)]
    return []


def explain(error: ValidationError, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Each key that is wrong, and what is wrong with it; of an unknown one, the nearest valid one."""
    for problem in error.errors(include_url=False):
        location = [part for part in problem["loc"] if isinstance(part, str)]
        path = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            valid = _keys_at(location[:-1], model)
            near = difflib.get_close_matches(location[-1], valid, 1)
            advice = f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(valid)}"
            yield path, f"unknown key {path!r}; {advice}"
        else:
            yield path, f"{path}: {problem['msg']}, not {problem['input']!r}"


def _keys_at(location: list[str], model: type[BaseModel]) -> list[str]:
    found: Any = model
    for part in location:
        found = found.model_fields[part].annotation
        found = next(iter(get_args(found)), found)  # of a list, what it lists
    return list(found.model_fields)


def _lines(text: str) -> dict[str, int]:
    """The line of every table and key of a TOML text."""
    found: dict[str, int] = {}
    lines = text.split("\n")
    table = ""
    for number, line in enumerate(lines, 1):
        header, entry = _HEADER.match(line), _ENTRY.match(line)
        if not (header or entry) or not _is_toml("\n".join(lines[: number - 1])):
            continue  # within a string or an array of several lines
        if header:
            table = _plain(header[1])
            found.setdefault(table, number)
        elif entry:
            found.setdefault(f"{table}.{_plain(entry[1])}".lstrip("."), number)
    return found


def _line(lines: dict[str, int], key: str) -> int:
    """That of the key, or of what holds it."""
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return lines.get(key, 0)


def _plain(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
