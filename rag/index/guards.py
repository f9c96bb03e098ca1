"""Checks that what opens an index fits what built it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rag import text as analysis
from rag.errors import EmbedderMismatchError, StorageError
from rag.index.settings import IndexSettings


def check_embedder(held: IndexSettings, fingerprint: str, embedder: str, path: Path) -> None:
    """Raise EmbedderMismatchError unless the fingerprint is the index's own."""
    if fingerprint != held.fingerprint:
        raise EmbedderMismatchError(
            f"the index was built with {_named(held.embedder, held.fingerprint)},"
            f" not with {_named(embedder, fingerprint)}",
            where=str(path),
            hint=f"use that embedder, or build it anew: rag index PATH... --index {path} --reembed",
        )


def check_analyzer(meta: Mapping[str, str | int | float], path: Path) -> None:
    """Raise StorageError unless the index's terms were made by this version of the analyzer."""
    if meta["analyzer"] != analysis.ANALYZER_VERSION:
        raise StorageError(
            f"the index was built with text analyzer {meta['analyzer']}, this version has {analysis.ANALYZER_VERSION}",
            where=str(path),
            hint=f"build it anew: rag index PATH... --index {path} --reembed",
        )


def _named(embedder: str, fingerprint: str) -> str:
    return f"embedder {embedder or '(unnamed)'} (fingerprint {fingerprint})" if fingerprint else "no embedder"
