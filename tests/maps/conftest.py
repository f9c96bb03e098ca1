"""Indexes of a few clear subjects, whose vectors follow from the subject and a seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from rag.index import IndexSettings, Snapshot, Writer
from rag.types import Chunk, Document

DIM = 16
SUBJECTS = {
    "whales": "The whale swims in the deep ocean, and a calf follows the whale",
    "bread": "The baker kneads the dough, and the oven bakes bread of the dough",
    "chess": "The queen takes the bishop, and the knight leaves the chess board",
}


class Kit:
    """Builds indexes of documents (name, subject, passages), each passage a sentence on its subject."""

    def document(self, name: str, subject: str, count: int, **metadata) -> tuple[Document, list[Chunk], np.ndarray]:
        texts = [f"{SUBJECTS.get(subject, subject)}, {name} {number}." for number in range(count)]
        document = Document(
            uri=f"file:///{name}", text="\n".join(texts), title=f"On {name}", language="en", metadata=metadata
        )
        chunks, start = [], 0
        for text in texts:
            chunks.append(
                Chunk(
                    document_id=document.id,
                    uri=document.uri,
                    start=start,
                    end=start + len(text),
                    text=text,
                    title=document.title,
                    language="en",
                    tokens=len(text.split()),
                )
            )
            start += len(text) + 1
        random = np.random.default_rng([len(name), *name.encode()])
        centre = np.eye(DIM)[sorted(SUBJECTS).index(subject) if subject in SUBJECTS else DIM - 1]
        vectors = centre + 0.15 * random.normal(size=(count, DIM))
        return document, chunks, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    def build(self, path: Path, documents: Sequence[tuple], *, dim: int = DIM) -> Snapshot:
        """A commit for each document."""
        settings = IndexSettings(embedder="made", fingerprint="made-1" if dim else "", dim=dim)
        with Writer.open(path, settings) as writer:
            for document, chunks, vectors in documents:
                writer.put(document, chunks, vectors if dim else None, source="file:///s", state="1")
                writer.commit()
        return Snapshot.open(path)


@pytest.fixture(scope="session")
def kit() -> Kit:
    return Kit()


@pytest.fixture(scope="session")
def subjects(kit: Kit, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Three subjects of 24 passages in six documents; those of bread are of another tenant."""
    documents = [
        kit.document(f"{subject}-{part}", subject, 12, tenant="b" if subject == "bread" else "a")
        for subject in SUBJECTS
        for part in (1, 2)
    ]
    return kit.build(tmp_path_factory.mktemp("maps") / "index", documents)
