"""What searches an index: the recipe's arms, fusion and rerankers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.errors import RecipeError

if TYPE_CHECKING:
    from rag.index import Snapshot
    from rag.protocols import Embedder, Generator, QueryTransform, Reranker, Retriever
    from rag.recipe.sections import Recipe
    from rag.retrieval import MultiQueryRetriever, RetrievalStages


def build_stages(
    recipe: Recipe,
    snapshot: Snapshot,
    embedder: Embedder | None,
    reranker: Reranker | None,
    transform: QueryTransform | None = None,
) -> RetrievalStages:
    """The arms over a snapshot, fused, diversified and reranked as the recipe says, for all queries of ``transform``.

    That is what ``build_transform`` makes. Raises RecipeError, also where the recipe names one and none is given.
    """
    from rag import retrieval

    config = recipe.retrieval
    arms: dict[str, retrieval.DenseRetriever | retrieval.SparseRetriever | retrieval.SentenceRetriever] = {}
    weights: list[float] = []
    if "dense" in config.arms:
        if embedder is None:
            raise RecipeError(
                "retrieval.arms names dense, but embedder.backend is none", hint='set retrieval.arms = ["sparse"]'
            )
        arms["dense"] = retrieval.DenseRetriever(snapshot, embedder)
        weights.append(config.weight)
    if "sparse" in config.arms:
        arms["sparse"] = sparse = retrieval.SparseRetriever(snapshot)
        share = 1 - config.weight
        weights.append(share * (1 - config.sentences))
        if config.sentences > 0:
            arms["sentences"] = retrieval.SentenceRetriever(sparse, depth=config.depth)
            weights.append(share * config.sentences)
    elif config.sentences > 0:
        raise RecipeError(
            "retrieval.sentences scores the sentences of what BM25 finds, and retrieval.arms has no sparse arm",
            where="retrieval.sentences",
            hint='set retrieval.arms = ["dense", "sparse"], or retrieval.sentences to 0',
        )
    first, *others = arms.values()
    hybrid = retrieval.HybridRetriever(
        [first, *others], fusion=config.fusion, weights=weights if others else None, depth=config.depth
    )
    fused = hybrid if others else first
    feedback = retrieval.FeedbackRetriever(hybrid, trust=config.feedback) if config.feedback > 0 else None
    bridged = (
        retrieval.BridgeRetriever(
            feedback or fused, snapshot, hops=config.hops, pool=config.depth, leading=config.hop_names == "leading"
        )
        if config.hops > 0
        else None
    )
    found = bridged or feedback or fused
    diverse = retrieval.DiverseRetriever(found, snapshot, relevance=config.mmr) if config.mmr < 1 else None
    reranked = (
        retrieval.RerankedRetriever(diverse or found, reranker, depth=recipe.reranker.depth) if reranker else None
    )
    queries = _for_queries(recipe, reranked or diverse or found, snapshot, embedder, transform)
    last: Retriever = queries or reranked or diverse or found
    distinct = (
        retrieval.DeduplicatedRetriever(last, threshold=config.near_duplicates) if config.near_duplicates else None
    )
    expanded = (
        retrieval.ExpandedRetriever(
            distinct or last, snapshot, around=config.expand, by=config.expand_by, tokens=config.expand_tokens
        )
        if config.expand != "none"
        else None
    )
    return retrieval.RetrievalStages(
        arms, fused, diverse, reranked, queries, distinct, expanded, feedback=feedback, bridged=bridged
    )


def _for_queries(
    recipe: Recipe,
    retriever: Retriever,
    snapshot: Snapshot,
    embedder: Embedder | None,
    transform: QueryTransform | None,
) -> MultiQueryRetriever | None:
    from rag import retrieval

    config = recipe.queries
    if transform is None:
        if config.transform == "none":
            return None
        raise RecipeError(f"queries.transform is {config.transform!r}, and none was built", where="queries.transform")
    others = retrieval.PassageRetriever(snapshot, embedder) if config.transform == "hyde" and embedder else None
    return retrieval.MultiQueryRetriever(
        retriever,
        transform,
        others=others,
        raw_weight=config.raw_weight,
        fusion=config.fusion,
        depth=config.depth,
    )


def build_transform(recipe: Recipe, generator: Generator) -> QueryTransform | None:
    """What makes further queries of a question; None where the recipe names nothing. Raises RecipeError."""
    config = recipe.queries
    if config.transform == "none":
        return None
    if recipe.generator.kind == "extractive":
        raise RecipeError(
            f"queries.transform {config.transform!r} needs a language model, and generator.kind is extractive",
            where="queries.transform",
            hint='set generator.kind to "llama.cpp" or "openai", or queries.transform to "none"',
        )
    if config.transform == "hyde" and "dense" not in recipe.retrieval.arms:
        raise RecipeError(
            "hyde searches by the vector of a passage, and retrieval.arms has no dense arm",
            where="queries.transform",
            hint='set retrieval.arms = ["dense", "sparse"], or take another transform',
        )
    from rag import queries

    prompt = queries.load_prompts(config.prompts)[config.transform]
    match config.transform:
        case "multi-query":
            return queries.MultiQuery(generator, config.count, prompt)
        case "decompose":
            return queries.Decompose(generator, config.count, prompt)
        case "step-back":
            return queries.StepBack(generator, prompt)
        case "hyde":
            return queries.Hyde(generator, prompt=prompt)


def build_retriever(
    recipe: Recipe,
    snapshot: Snapshot,
    embedder: Embedder | None,
    reranker: Reranker | None,
    transform: QueryTransform | None = None,
) -> Retriever:
    """The last of ``build_stages``: the recipe's retrieval as a whole. Raises RecipeError."""
    return build_stages(recipe, snapshot, embedder, reranker, transform).final


def build_reranker(recipe: Recipe) -> Reranker | None:
    """The cross-encoder, or None where the recipe names none. Raises ModelError if it is not available."""
    if not recipe.reranker.model:
        return None
    from rag.rerankers import CrossEncoderReranker

    return CrossEncoderReranker(recipe.reranker.model)
