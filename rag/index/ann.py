"""Approximate search in a large segment: a FAISS HNSW graph, stored as a content-named file.

The graph only proposes rows; their scores are computed from the vectors themselves.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from rag.errors import CorruptIndexError
from rag.index.files import StoredFile, hash_file, map_array, write_array
from rag.index.segments import Mask, Rows
from rag.types import Vectors

LINKS = 32
BUILD_DEPTH = 80
SEARCH_DEPTH = 128


def build_ann(folder: Path, vectors: StoredFile) -> StoredFile:
    """Build the graph of a vector file already written. Raises OSError."""
    faiss = _faiss()
    rows = map_array(folder, vectors, "<f4", 2)
    graph = faiss.IndexHNSWSQ(rows.shape[1], faiss.ScalarQuantizer.QT_fp16, LINKS, faiss.METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = BUILD_DEPTH
    graph.train(rows[: min(len(rows), 1)])
    graph.add(rows)
    data = faiss.serialize_index(graph)
    return write_array(folder, "|u1", data.shape, [data])


class Ann:
    """A graph read back, after its file's hash was checked: faiss trusts what it reads."""

    def __init__(self, folder: Path, stored: StoredFile, rows: int) -> None:
        faiss = _faiss()
        if hash_file(folder / stored.name) != stored.sha256:
            raise CorruptIndexError("the hash differs from what was written", where=str(folder / stored.name))
        self._graph = faiss.deserialize_index(np.array(map_array(folder, stored, "|u1", 1)))
        if self._graph.ntotal != rows:
            raise CorruptIndexError(
                f"holds {self._graph.ntotal} rows, expected {rows}", where=str(folder / stored.name)
            )

    def candidates(self, query: Vectors, k: int, mask: Mask | None) -> Rows:
        """About the ``k`` rows of ``mask`` nearest to a query (dim,), in no order."""
        faiss = _faiss()
        parameters: dict[str, Any] = {"efSearch": max(SEARCH_DEPTH, 2 * k)}
        if mask is not None:
            bits = np.packbits(mask, bitorder="little")
            parameters["sel"] = faiss.IDSelectorBitmap(bits)
        found = self._graph.search(query[None], k, params=faiss.SearchParametersHNSW(**parameters))[1][0]
        rows: Rows = found[found >= 0]
        return rows


def _faiss() -> ModuleType:
    """faiss, untyped: its annotations describe the C++ signatures that its Python layer replaces."""
    return import_module("faiss")
