"""Recipes that need an index made otherwise than the one at hand: in what, and a trial index that they can search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from rag.chains.ingest import file_settings
from rag.evaluation.tuning.index import TrialIndexes
from rag.index import Snapshot, read_note
from rag.pipeline import RECIPE_NOTE, Pipeline
from rag.recipe import Recipe, build_embedder

__all__ = ["Part", "departures", "departures_of", "make_trial", "told"]

Part: TypeAlias = Literal["embedder", "chunker", "bm25"]


def departures(snapshot: Snapshot, recipe: Recipe, *, fingerprint: str | None = None) -> tuple[Part, ...]:
    """In what an index is not as the recipe would make it: its vectors, its passages, the formula of its BM25.

    A recipe without an embedder can search any vectors. ``fingerprint`` is that of the recipe's embedder; without it,
    embedders are compared by their model's name.
    """
    held, bm25 = snapshot.settings, recipe.bm25
    if recipe.embedder.backend == "none":
        embedded = True
    elif fingerprint is None:
        embedded = held.embedder == recipe.embedder.model
    else:
        embedded = held.fingerprint == fingerprint
    as_is: dict[Part, bool] = {
        "embedder": embedded,
        "chunker": _is_cut_by(recipe, snapshot),
        "bm25": (held.variant, held.k1, held.b) == (bm25.variant, bm25.k1, bm25.b),
    }
    return tuple(part for part, same in as_is.items() if not same)


def _is_cut_by(recipe: Recipe, snapshot: Snapshot) -> bool:
    """Whether every file was last read under the recipe's settings of the chunker."""
    kept = {state.source: state.settings for state in snapshot.sources()}
    return all(
        kept[document.source] == file_settings(recipe.chunk_settings, str(document.metadata.get("path", "")))
        for document in snapshot.documents()
    )


def departures_of(index: Path, models: Pipeline) -> tuple[Part, ...]:
    """As ``departures``, for the recipe of ``models``; none for the index's own, which searches it as it is."""
    if read_note(index, RECIPE_NOTE) == models.recipe.model_dump_json():
        return ()
    with Snapshot.open(index) as snapshot:
        fingerprint = models.embedder.fingerprint if models.embedder else None
        return departures(snapshot, models.recipe, fingerprint=fingerprint)


def make_trial(source: Path, recipe: Recipe, folder: Path, *, watch: Callable[[int, int], None]) -> Path:
    """An index, in ``folder``, of the documents that ``source`` holds, made as the recipe says.

    One that was begun is finished. ``watch`` is told documents done, and in all. Raises ChunkError, ModelError,
    StorageError.
    """
    with Snapshot.open(source) as snapshot:
        return TrialIndexes(snapshot, build_embedder(recipe), folder, watch=watch).ready(recipe)


def told(parts: Sequence[Part], *, trial: bool) -> tuple[str, ...]:
    """What a reader of the results must know of it; nothing where the index is as the recipe would make it."""
    if not parts:
        return ()
    named = " and ".join(parts)
    if trial:
        return (f"measured on a trial index of the same documents, since the index was made with another {named}",)
    return (f"the index was made with another {named} than the recipe's: only the rest of the recipe is measured",)
