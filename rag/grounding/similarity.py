"""The evidence nearest to a claim by embeddings: one batch, a limited number of candidates."""

from __future__ import annotations

from collections.abc import Sequence

from rag.grounding.claims import Claim
from rag.grounding.evidence import Evidence
from rag.grounding.verify import Weights
from rag.protocols import Embedder

_PER_CLAIM = 8  # candidates by common terms
_LEADING = 16  # and the first sentences of the best passages, which may share no word
_AT_MOST = 48


def nearest(
    claims: Sequence[Claim], evidence: Sequence[Evidence], weights: Weights, embedder: Embedder
) -> list[tuple[int, float]]:
    """For each claim the place of the nearest evidence sentence and its cosine; (0, 0.0) where none fits the model."""
    wanted: dict[int, None] = {}
    for claim in claims:
        shares = [weights.sum(claim.terms & unit.source.terms) for unit in evidence]
        ranked = sorted(range(len(evidence)), key=lambda i: (-shares[i], i))
        wanted |= dict.fromkeys(i for i in ranked[:_PER_CLAIM] if shares[i] > 0)
    wanted |= dict.fromkeys(range(min(_LEADING, len(evidence))))
    fits = embedder.tokenizer.count
    places = [i for i in list(wanted)[:_AT_MOST] if fits(evidence[i].text) <= embedder.max_tokens]
    readable = [i for i, claim in enumerate(claims) if fits(claim.text) <= embedder.max_tokens]
    if not places or not readable:
        return [(0, 0.0)] * len(claims)
    vectors = embedder.embed_documents([*(claims[i].text for i in readable), *(evidence[i].text for i in places)])
    cosines = vectors[: len(readable)] @ vectors[len(readable) :].T
    found = [(0, 0.0)] * len(claims)
    for i, row in zip(readable, cosines, strict=True):
        best = int(row.argmax())
        found[i] = (places[best], float(row[best]))
    return found
