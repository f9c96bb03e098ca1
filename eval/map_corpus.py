"""A corpus of any size for bench_map.py: the passages of real collections, blurred many times over."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rag.index import IndexSettings, Snapshot, Writer
from rag.types import Chunk, Document, Vectors

SEED = 0
BLUR = 0.6  # length of the noise added to a unit vector: a copy is then as near to its own as to its neighbours
TOGETHER = 10  # passages of a document
BREAK = "\n\n"


def blurred(indexes: Sequence[Path], folder: Path, count: int) -> None:
    """Write an index of ``count`` passages, whose texts and vectors are those of the indexes' passages, with noise.

    A text begins at another word in each copy. Vectors of copies differ by Gaussian noise and are of unit length.
    """
    texts, vectors, settings = _read(indexes)
    random = np.random.default_rng(SEED)
    chosen = np.sort(random.integers(0, len(texts), count))  # so that a document holds what belongs together
    with Writer.open(folder, settings) as writer:
        for start in range(0, count, TOGETHER):
            own = chosen[start : start + TOGETHER]
            noise = random.normal(size=(len(own), settings.dim)) * BLUR / np.sqrt(settings.dim)
            moved = vectors[own] + noise
            unit = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
            document, chunks = _document(start // TOGETHER, [_from(texts[each], random) for each in own])
            writer.put(document, chunks, unit, source="file:///blurred", state="1")
        writer.commit()


def _read(indexes: Sequence[Path]) -> tuple[list[Chunk], Vectors, IndexSettings]:
    chunks: list[Chunk] = []
    vectors: list[Vectors] = []
    for path in indexes:
        with Snapshot.open(path) as snapshot:
            settings, info = snapshot.settings, snapshot.info()
            rows = snapshot.admitted(range(info.chunks + info.dead))
            chunks += snapshot.chunks(rows)
            vectors.append(snapshot.vectors(rows))
    return chunks, np.concatenate(vectors), settings


def _from(chunk: Chunk, random: np.random.Generator) -> str:
    words = chunk.text.split(" ")
    return " ".join(words[int(random.integers(0, len(words) // 2 + 1)) :])


def _document(number: int, texts: Sequence[str]) -> tuple[Document, list[Chunk]]:
    document = Document(
        uri=f"file:///blurred/{number:05d}.txt", text=BREAK.join(texts), title=f"Volume {number}", language="en"
    )
    chunks: list[Chunk] = []
    start = 0
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
        start += len(text) + len(BREAK)
    return document, chunks
