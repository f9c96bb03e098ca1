"""Ragstone: retrieval-augmented generation and semantic search whose answers show their proof.

>>> import rag
>>> handbook = rag.open("handbook.index")            # doctest: +SKIP
>>> handbook.add("docs/")                            # doctest: +SKIP
>>> handbook.ask("How long is the warranty?").text   # doctest: +SKIP

Names are imported when first used, so that ``import rag`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.errors import RagError
    from rag.pipeline import Pipeline
    from rag.pipeline import open_index as open  # noqa: A004  rag.open reads as it should
    from rag.recipe import Recipe, load_recipe
    from rag.types import Answer, Chunk, Citation, Document, Hit, Message, Sentence

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Chunk",
    "Citation",
    "Document",
    "Hit",
    "Message",
    "Pipeline",
    "RagError",
    "Recipe",
    "Sentence",
    "load_recipe",
    "open",
]

_HOMES = {
    "Answer": ("rag.types", "Answer"),
    "Chunk": ("rag.types", "Chunk"),
    "Citation": ("rag.types", "Citation"),
    "Document": ("rag.types", "Document"),
    "Hit": ("rag.types", "Hit"),
    "Message": ("rag.types", "Message"),
    "Pipeline": ("rag.pipeline", "Pipeline"),
    "RagError": ("rag.errors", "RagError"),
    "Recipe": ("rag.recipe", "Recipe"),
    "Sentence": ("rag.types", "Sentence"),
    "load_recipe": ("rag.recipe", "load_recipe"),
    "open": ("rag.pipeline", "open_index"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  PEP 562
    if name not in _HOMES:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    value = getattr(import_module(module), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
