"""What searches an index: the recipe's arms, fusion and rerankers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.errors import RecipeError

if TYPE_CHECKING:
    from rag.index import Snapshot
    from rag.protocols import Embedder, Reranker, Retriever
    from rag.recipe.sections import Recipe
    from rag.retrieval import RetrievalStages


def build_stages(
    recipe: Recipe, snapshot: Snapshot, embedder: Embedder | None, reranker: Reranker | None
) -> RetrievalStages:
    """The arms over a snapshot, fused, diversified and reranked as the recipe says. Raises RecipeError."""
    from rag import retrieval

    config = recipe.retrieval
    arms: dict[str, retrieval.DenseRetriever | retrieval.SparseRetriever] = {}
    weights: list[float] = []
    if "dense" in config.arms:
        if embedder is None:
            raise RecipeError(
                "retrieval.arms names dense, but embedder.backend is none", hint='set retrieval.arms = ["sparse"]'
            )
        arms["dense"] = retrieval.DenseRetriever(snapshot, embedder)
        weights.append(config.weight)
    if "sparse" in config.arms:
        arms["sparse"] = retrieval.SparseRetriever(snapshot)
        weights.append(1 - config.weight)
    first, *others = arms.values()
    fused = (
        retrieval.HybridRetriever([first, *others], fusion=config.fusion, weights=weights, depth=config.depth)
        if others
        else first
    )
    diverse = retrieval.DiverseRetriever(fused, snapshot, relevance=config.mmr) if config.mmr < 1 else None
    reranked = (
        retrieval.RerankedRetriever(diverse or fused, reranker, depth=recipe.reranker.depth) if reranker else None
    )
    return retrieval.RetrievalStages(arms, fused, diverse, reranked)


def build_retriever(
    recipe: Recipe, snapshot: Snapshot, embedder: Embedder | None, reranker: Reranker | None
) -> Retriever:
    """The last of ``build_stages``: the recipe's retrieval as a whole. Raises RecipeError."""
    return build_stages(recipe, snapshot, embedder, reranker).final


def build_reranker(recipe: Recipe) -> Reranker | None:
    """The cross-encoder, or None where the recipe names none. Raises ModelError if it is not available."""
    if not recipe.reranker.model:
        return None
    from rag.rerankers import CrossEncoderReranker

    return CrossEncoderReranker(recipe.reranker.model)
