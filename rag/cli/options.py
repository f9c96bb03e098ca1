"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DEFAULT_INDEX",
    "IndexOption",
    "JsonOption",
    "RecipeOption",
    "RoutesOption",
    "TopOption",
    "TraceOption",
    "WhereOption",
]

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
RoutesOption = Annotated[
    Path | None,
    typer.Option("--routes", help="Choose the index by this file of routes, instead of --index (docs/queries.md)."),
]
TopOption = Annotated[int | None, typer.Option("--top", "-k", help="How many passages. \\[default: the recipe's k]")]
TraceOption = Annotated[bool, typer.Option("--trace", help="Also show every step and what it cost.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON; `rag schema` describes it.")]
