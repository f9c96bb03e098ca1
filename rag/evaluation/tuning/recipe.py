"""Recipes as TOML, and what one changes of another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from rag.recipe import Recipe
from rag.types import Value

Changes: TypeAlias = Mapping[str, Value]


def recipe_toml(recipe: Recipe, *, comments: Sequence[str] = ()) -> str:
    """The whole recipe as TOML that ``parse_recipe`` reads back, after comment lines."""
    sections = recipe.model_dump()
    lines = [f"# {comment}".rstrip() for text in comments for comment in (_printable(text).split("\n") or [""])]
    if lines:
        lines.append("")
    lines.append(f"description = {_toml(sections.pop('description'))}")
    for name, keys in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in keys.items())]
    return "\n".join(lines) + "\n"


def changes(recipe: Recipe, current: Recipe) -> Changes:
    """The keys, as section.key, in which a recipe differs from the current one, with its values."""
    own, others = recipe.model_dump(), current.model_dump()
    return {
        f"{section}.{key}": tuple(value) if isinstance(value, list) else value
        for section, keys in own.items()
        if isinstance(keys, dict)
        for key, value in keys.items()
        if value != others[section][key]
    }


def describe(different: Changes) -> str:
    """Changes on one line."""
    return ", ".join(f"{key} = {_toml(value)}" for key, value in different.items()) or "nothing changed"


def _toml(value: object) -> str:
    # TOML's strings, numbers, booleans and arrays are written as JSON's, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() or character == "\n" else " " for character in text)
