"""TOML, or the note in an index -> a Recipe. An unknown key is an error that names the nearest valid one."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from rag.errors import RecipeError
from rag.recipe.problems import explain
from rag.recipe.sections import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

Section = TypeVar("Section", bound=BaseModel)


def _recipe_folders() -> Iterator[Path]:
    package = Path(__file__).parent.parent
    yield package / "recipes"  # an installed wheel
    yield package.parent / "indexes"  # a checkout


def _shipped() -> dict[str, Path]:
    for folder in _recipe_folders():
        if folder.is_dir():
            return {path.stem: path for path in sorted(folder.glob("*.toml"))}
    return {}


def recipe_names() -> list[str]:
    """Names of the recipes that ship with Ragstone, sorted."""
    return sorted({"default", *_shipped()})


def load_recipe(name: str | Path) -> Recipe:
    """A shipped recipe by name, or a TOML file by path. Raises RecipeError.

    ``default`` is the code's own defaults, so it needs no file.
    """
    path = Path(name)
    if path.suffix != ".toml" and not path.is_file():
        shipped = _shipped()
        if str(name) == "default" and "default" not in shipped:
            return Recipe()
        if str(name) not in shipped:
            near = difflib.get_close_matches(str(name), recipe_names(), 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise RecipeError(
                f"there is no recipe {str(name)!r}",
                hint=f"{hint}recipes: {', '.join(recipe_names())}; or give the path of a .toml file",
            )
        path = shipped[str(name)]
    return parse_recipe(read_text(path), where=str(path))


def read_text(path: Path) -> str:
    """A settings file's text. Raises RecipeError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"it cannot be read: {error}", where=str(path)) from error


def parse_recipe(text: str, *, where: str = "recipe") -> Recipe:
    """A recipe from TOML text. Raises RecipeError naming the line, or the key and the nearest valid one."""
    return parse_toml(Recipe, text, where=where)


def parse_toml(model: type[Section], text: str, *, where: str) -> Section:
    """What ``model`` describes, from TOML text. Raises RecipeError as ``parse_recipe`` does."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"this is not TOML: {error}", where=where) from error
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise RecipeError(_explain(error, model), where=where) from error


def recall_recipe(note: str, *, where: str) -> Recipe:
    """The recipe an index was built with, from JSON. Raises RecipeError for one of another version's."""
    try:
        return Recipe.model_validate_json(note)
    except ValidationError as error:
        raise RecipeError(
            f"the recipe it was built with does not fit this version: {_explain(error, Recipe)}",
            where=where,
            hint="give one with --recipe",
        ) from error


def _explain(error: ValidationError, model: type[BaseModel]) -> str:
    return "; ".join(said for _, said in explain(error, model))
