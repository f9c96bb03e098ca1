"""Words, lifted by embeddings: a paraphrase shares few words with its evidence and points the same way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rag.grounding.verifiers.batch import Pair
from rag.grounding.verify import measure_text
from rag.protocols import Embedder
from rag.text import detect_language, sentences
from rag.types import Vectors


class EmbeddingVerifier:
    """LexicalVerifier's measure, lifted by the best cosine of the claim and a sentence of the evidence.

    A missing number, date or name and a negation on one side only veto it as they do by words alone. Implements
    Verifier and BatchVerifier.
    """

    def __init__(self, embedder: Embedder, language: str = "") -> None:
        self._embedder = embedder
        self._language = language

    def support(self, claim: str, evidence: str) -> float:
        """From 0 to 1, never less than by words alone."""
        return self.supports([(claim, evidence)])[0]

    def supports(self, pairs: Sequence[Pair]) -> list[float]:
        """``support`` of each pair; all texts are embedded at once."""
        cosines = best_cosines(pairs, self._embedder)
        return [
            measure_text(claim, evidence, self._language, cosine).score
            for (claim, evidence), cosine in zip(pairs, cosines, strict=True)
        ]


def best_cosines(pairs: Sequence[Pair], embedder: Embedder) -> list[float]:
    """For each (claim, evidence) the cosine of the claim and what is nearest: a sentence of the evidence, or all of it.

    0 where nothing fits the model. All texts are embedded in one batch, each once.
    """
    fits = embedder.tokenizer.count
    split = {evidence: [*_sentences(evidence), evidence.strip()] for _, evidence in pairs}
    wanted = dict.fromkeys(claim for claim, _ in pairs) | dict.fromkeys(s for units in split.values() for s in units)
    texts = [text for text in wanted if text.strip() and fits(text) <= embedder.max_tokens]
    if not texts:
        return [0.0] * len(pairs)
    vectors: dict[str, Vectors] = dict(zip(texts, embedder.embed_documents(texts), strict=True))
    found = []
    for claim, evidence in pairs:
        near = [vectors[unit] for unit in split[evidence] if unit in vectors]
        if claim not in vectors or not near:
            found.append(0.0)
            continue
        found.append(float((np.stack(near) @ vectors[claim]).max()))
    return found


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text, detect_language(text))]
