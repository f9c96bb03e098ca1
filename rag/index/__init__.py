"""The durable hybrid index: text, metadata, vectors and BM25 in one folder, committed as one."""

from rag.index.catalogue import read_note
from rag.index.guards import check_embedder
from rag.index.settings import (
    DocumentState,
    DocumentSummary,
    IndexInfo,
    IndexSettings,
    Opening,
    Place,
    SourceState,
    Variant,
)
from rag.index.snapshot import Passage, Ranking, Ref, Snapshot
from rag.index.verify import verify
from rag.index.writer import Writer

__all__ = [
    "DocumentState",
    "DocumentSummary",
    "IndexInfo",
    "IndexSettings",
    "Opening",
    "Passage",
    "Place",
    "Ranking",
    "Ref",
    "Snapshot",
    "SourceState",
    "Variant",
    "Writer",
    "check_embedder",
    "read_note",
    "verify",
]
