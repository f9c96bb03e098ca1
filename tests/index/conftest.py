"""Documents, chunks and vectors made from a seed, and an index of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from rag.index import IndexSettings, Snapshot, Writer
from rag.types import Chunk, Document, Vectors

DIM = 8


class Kit:
    """Builds small inputs; everything follows from the text."""

    settings = IndexSettings(embedder="fake", fingerprint="fake-1", dim=DIM)

    def document(self, key: str, text: str, **metadata) -> Document:
        return Document(uri=f"file:///{key}", text=text, title=f"Title {key}", language="en", metadata=metadata)

    def chunks(self, document: Document, words: int = 6) -> list[Chunk]:
        """A chunk for every run of words."""
        spans = [match.span() for match in re.finditer(r"\S+", document.text)]
        runs = [spans[i : i + words] for i in range(0, len(spans), words)]
        return [
            Chunk(
                document_id=document.id,
                uri=document.uri,
                start=run[0][0],
                end=run[-1][1],
                text=document.text[run[0][0] : run[-1][1]],
                title=document.title,
                headings=("Part", str(number)) if number % 2 else (),
                language=document.language,
                tokens=len(run),
            )
            for number, run in enumerate(runs)
        ]

    def vector(self, text: str) -> np.ndarray:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        vector = np.random.default_rng(seed).normal(size=DIM)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    def vectors(self, chunks: Iterable[Chunk]) -> Vectors:
        rows = [self.vector(chunk.content) for chunk in chunks]
        return np.stack(rows) if rows else np.zeros((0, DIM), np.float32)

    def put(self, writer: Writer, document: Document, *, source: str = "file:///s", state: str = "1") -> list[Chunk]:
        chunks = self.chunks(document)
        vectors = self.vectors(chunks) if writer.settings.dim else None
        writer.put(document, chunks, vectors, source=source, state=state)
        return chunks

    def build(self, path: Path, documents: Iterable[Document], settings: IndexSettings | None = None) -> Path:
        with Writer.open(path, settings or self.settings) as writer:
            for document in documents:
                self.put(writer, document)
            writer.commit()
        return path

    def found(self, snapshot: Snapshot, ranking) -> list[tuple[str, float]]:
        """Chunk ids and scores of a ranking."""
        chunks = snapshot.chunks(ranking.refs.tolist())
        return [(chunk.id, score) for chunk, score in zip(chunks, ranking.scores.tolist(), strict=True)]

    def contents(self, path: Path) -> dict[str, tuple[str, dict]]:
        """What an index holds, by uri."""
        with Snapshot.open(path) as snapshot:
            held = [snapshot.document(summary.uri) for summary in snapshot.documents()]
            return {document.uri: (document.text, dict(document.metadata)) for document in held}


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()
