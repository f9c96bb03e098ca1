"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["DEFAULT_INDEX", "IndexOption", "JsonOption", "RecipeOption", "TopOption", "WhereOption"]

DEFAULT_INDEX = Path("indexes/built/default")

IndexOption = Annotated[Path, typer.Option("--index", "-i", envvar="RAGSTONE_INDEX", help="The index folder.")]
RecipeOption = Annotated[
    str | None,
    typer.Option("--recipe", "-r", help="A shipped recipe's name or a TOML file. \\[default: the index's own]"),
]
WhereOption = Annotated[
    str | None,
    typer.Option("--where", "-w", help="A filter on metadata, such as: year >= 2020 and path != 'old.md'"),
]
TopOption = Annotated[int | None, typer.Option("--top", "-k", help="How many passages. \\[default: the recipe's k]")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON; `rag schema` describes it.")]
