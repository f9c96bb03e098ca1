"""A file of routes (docs/queries.md) -> which of several indexes to ask."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rag.errors import RecipeError
from rag.protocols import Chooser
from rag.queries.routing import Choice, Route, Router
from rag.recipe.answering import build_generator
from rag.recipe.indexing import build_embedder
from rag.recipe.reading import parse_toml, read_text
from rag.recipe.sections import Recipe, RoutesConfig

__all__ = ["Routed", "choose_index"]


@dataclass(frozen=True, slots=True)
class Routed:
    """The index to ask, and why that one."""

    index: Path
    choice: Choice


def choose_index(question: str, file: str | Path) -> Routed:
    """The likeliest of the file's indexes. Raises RecipeError, QueryError, ModelError, GenerationError."""
    path = Path(file)
    config = parse_toml(RoutesConfig, read_text(path), where=str(path))
    indexes = {route.name or Path(route.index).name: path.parent / route.index for route in config.routes}
    if len(indexes) < len(config.routes):
        raise RecipeError("two routes have one name", where=str(path), hint="give each a name that differs")
    routes = [
        Route(name, route.description, tuple(route.patterns))
        for name, route in zip(indexes, config.routes, strict=True)
    ]
    best = _router(config, routes, where=str(path))(question)[0]
    return Routed(indexes[best.name], best)


def _router(config: RoutesConfig, routes: list[Route], *, where: str) -> Router:
    recipe = Recipe(embedder=config.embedder, generator=config.generator)
    embedder = build_embedder(recipe)
    generator = build_generator(recipe, embedder) if config.ask_model else None
    if generator is not None and not isinstance(generator, Chooser):
        raise RecipeError(
            f"the generator {config.generator.kind!r} cannot choose",
            where=f"{where}: ask_model",
            hint='set ask_model to false, or generator.kind to "llama.cpp"',
        )
    return Router(routes, embedder=embedder, chooser=generator, sure=config.sure)
