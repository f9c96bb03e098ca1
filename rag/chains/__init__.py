"""Loops over the parts: files -> an index, a question -> an answer.

Names are imported when first used: indexing waits for nothing that answering needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.chains.answering import Event, ask, ask_stream
    from rag.chains.ingest import IndexProgress, IndexReport, Skipped, index_files

__all__ = ["Event", "IndexProgress", "IndexReport", "Skipped", "ask", "ask_stream", "index_files"]

_HOMES = {
    "rag.chains.answering": ("Event", "ask", "ask_stream"),
    "rag.chains.ingest": ("IndexProgress", "IndexReport", "Skipped", "index_files"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  PEP 562
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'rag.chains' has no attribute {name!r}")
