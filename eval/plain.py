"""The plain stack that Ragstone is compared with: sentence-transformers + FAISS + bm25s, as their READMEs use them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import bm25s
import faiss
import numpy as np
import numpy.typing as npt
import Stemmer
from sentence_transformers import SentenceTransformer

DEPTH = 100


class PlainStack:
    """Embeds in fp32 with the library's own batching, searches exactly, fuses the mean of min-max scores."""

    def __init__(self, model: Path) -> None:
        self.model = SentenceTransformer(str(model), device="cpu")
        self.stemmer = Stemmer.Stemmer("english")

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.asarray(
            self.model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False), np.float32
        )

    def build(self, texts: Sequence[str]) -> None:
        vectors = self.embed(texts)
        self.faiss = faiss.IndexFlatIP(vectors.shape[1])
        self.faiss.add(vectors)
        self.bm25 = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
        self.bm25.index(self._tokens(list(texts)), show_progress=False)
        self.size = len(texts)

    def search(self, query: str, k: int = 10) -> list[int]:
        depth = min(DEPTH, self.size)
        dense, rows = self.faiss.search(self.embed([query]), depth)
        found, scores = self.bm25.retrieve(self._tokens([query]), k=depth, show_progress=False)
        fused: dict[int, float] = {}
        for ids, values in ((rows[0], dense[0]), (found[0], scores[0])):
            low, high = float(values.min()), float(values.max())
            for row, value in zip(ids.tolist(), values.tolist(), strict=True):
                fused[row] = fused.get(row, 0.0) + (value - low) / ((high - low) or 1.0) / 2
        return sorted(fused, key=lambda row: -fused[row])[:k]

    def _tokens(self, texts: list[str]) -> object:
        return bm25s.tokenize(texts, stopwords="en", stemmer=self.stemmer, show_progress=False)
