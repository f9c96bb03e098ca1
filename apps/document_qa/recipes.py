"""Recipes that people have kept: files beside the index, INDEX.recipes/NAME.toml, as they were typed."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from uploads import safe_name

from rag.errors import RecipeError
from rag.recipe import Recipe, load_recipe, parse_recipe, recipe_names


def kept_recipes(folder: Path) -> dict[str, Path]:
    """The files of the folder by name, sorted; none where there is no folder. What they say is not checked."""
    return {path.stem: path for path in sorted(folder.glob("*.toml")) if not path.name.startswith(".")}


def name_of(recipe: Recipe, folder: Path) -> str:
    """The name that a recipe has among those that ship and those that are kept; "" where it has none."""
    for name in recipe_names():
        if load_recipe(name) == recipe:
            return name
    for name, path in kept_recipes(folder).items():
        try:
            if load_recipe(path) == recipe:
                return name
        except RecipeError:  # whoever opens it is told
            continue
    return ""


def keep_recipe(folder: Path, name: str, text: str) -> Path:
    """Write a recipe, in the place of an earlier one of that name, whole or not at all.

    Raises RecipeError for text that is no recipe, and for a name that a shipped recipe or no file can have; OSError.
    """
    file = safe_name(f"{name.strip()}.toml") if any(each.isalnum() for each in name) else ""
    if not file.endswith(".toml"):
        raise RecipeError("a recipe needs a name", hint="use letters or digits")
    place = folder / file
    if place.stem.casefold() in recipe_names():
        raise RecipeError(f"{place.stem} is the name of a recipe that ships with Ragstone", hint="take another name")
    parse_recipe(text, where=place.stem)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = folder / f".{secrets.token_hex(8)}.new"
    try:
        with new.open("x", encoding="utf-8", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        new.replace(place)
    finally:
        new.unlink(missing_ok=True)
    return place


def forget_recipe(folder: Path, name: str) -> None:
    """Remove the file of a kept recipe; of any other name, nothing. Raises OSError."""
    if path := kept_recipes(folder).get(name):
        path.unlink(missing_ok=True)
