"""Parts of documents as late chunking reads them: bounded, whatever the length of the document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.protocols import SpanEmbedder
from rag.types import Chunk, Document, Vectors

# Characters around a part that are read with it: more than fill a model's window.
AROUND = 4096


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a document, where its passages lie in it, and the title that is read before it."""

    text: str
    spans: list[tuple[int, int]]
    prefix: str

    @classmethod
    def around(cls, document: Document, chunks: Sequence[Chunk]) -> Stretch:
        """The part of a document that holds these of its passages, one at least, and what stands around them."""
        first = max(0, min(chunk.start for chunk in chunks) - AROUND)
        text = document.text[first : max(chunk.end for chunk in chunks) + AROUND]
        spans = [(chunk.start - first, chunk.end - first) for chunk in chunks]
        return cls(text, spans, f"{document.title}\n" if document.title else "")


def embed_stretches(embedder: SpanEmbedder, stretches: Sequence[Stretch]) -> Vectors:
    """The vectors (n, dim) of all passages, in order, of one stretch or more. Raises EmbeddingError."""
    return np.concatenate([embedder.embed_spans(one.text, one.spans, prefix=one.prefix) for one in stretches])
