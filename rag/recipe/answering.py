"""What answers: the recipe's generator, and how much proof it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag.chains.drafting import AnswerParts, Chain, Event
    from rag.grounding import Thresholds
    from rag.index import Snapshot
    from rag.protocols import Embedder, Generator, QueryTransform, Retriever
    from rag.recipe.sections import Recipe


def build_generator(recipe: Recipe, embedder: Embedder | None) -> Generator:
    """The generator; a local model is loaded at once. Raises ModelError, MissingExtraError."""
    config = recipe.generator
    match config.kind:
        case "extractive":
            from rag.generators import ExtractiveGenerator

            return ExtractiveGenerator(embedder=embedder)
        case "openai":
            from rag.generators import OpenAIGenerator

            return OpenAIGenerator(
                config.model,
                base_url=config.base_url or None,
                api_key_env=config.api_key_env,
                timeout=config.timeout,
                max_retries=config.max_retries,
                context_size=config.context_size,
                temperature=config.temperature,
                seed=config.seed,
            )
        case "llama.cpp":
            from rag.generators import LlamaCppGenerator
            from rag.models import resolve

            return LlamaCppGenerator(
                resolve(config.model),
                binding=config.binding,
                context_size=config.context_size,
                temperature=config.temperature,
                seed=config.seed,
            )


def build_fallback(recipe: Recipe, embedder: Embedder | None) -> Generator | None:
    """What quotes where the generator's draft finds no proof; None where the recipe has none."""
    if recipe.generator.fallback == "none" or recipe.generator.kind == "extractive":
        return None
    from rag.generators import ExtractiveGenerator

    return ExtractiveGenerator(embedder)


def build_thresholds(recipe: Recipe) -> Thresholds:
    """The grounding thresholds."""
    from rag.grounding import Thresholds

    return Thresholds(support=recipe.grounding.min_support, answerable=recipe.grounding.min_answerability)


def build_answer_parts(recipe: Recipe, generator: Generator, embedder: Embedder | None) -> AnswerParts:
    """What answers from passages."""
    from rag.chains.drafting import AnswerParts

    return AnswerParts(
        generator,
        embedder,
        max_answer_tokens=recipe.generator.max_answer_tokens,
        excerpt=0 if recipe.generator.kind == "extractive" else recipe.generator.excerpt,
        fallback=build_fallback(recipe, embedder),
        thresholds=build_thresholds(recipe),
    )


def build_chain(
    recipe: Recipe, retriever: Retriever, generator: Generator, embedder: Embedder | None, snapshot: Snapshot
) -> Chain:
    """What answers a question: the recipe's chain over its retrieval, both of one snapshot.

    Multi-hop with the extractive generator, which cannot reason, follows the names in what was found instead.
    """
    config = recipe.chain
    parts = build_answer_parts(recipe, generator, embedder)
    reducer = generator if config.reduce == "write" and recipe.generator.kind != "extractive" else None

    def run(question: str, k: int | None = None, *, where: str | None = None) -> Iterator[Event]:
        few = recipe.retrieval.k if k is None else k
        many = (config.passages or 4 * few) if k is None else k
        match config.kind:
            case "one-shot":
                from rag.chains.answering import one_shot

                return one_shot(question, retriever=retriever, parts=parts, k=few, where=where)
            case "multi-hop" if recipe.generator.kind == "extractive":
                from rag.chains.answering import one_shot
                from rag.retrieval.bridge import BridgeRetriever

                bridge = BridgeRetriever(retriever, snapshot, hops=config.hops)
                return one_shot(question, retriever=bridge, parts=parts, k=few, where=where)
            case "multi-hop":
                from rag.chains.multi_hop import multi_hop

                return multi_hop(
                    question,
                    retriever=retriever,
                    parts=parts,
                    k=few,
                    where=where,
                    hops=config.hops,
                    passages=max(config.passages or 2 * few, few),
                    enough=config.enough,
                )
            case "decompose":
                from rag.chains.decomposed import decomposed

                return decomposed(
                    question,
                    retriever=retriever,
                    parts=parts,
                    decompose=_build_decompose(recipe, generator),
                    reducer=reducer,
                    k=few,
                    where=where,
                    most=config.parts,
                )
            case "map-reduce":
                from rag.chains.map_reduce import map_reduce

                return map_reduce(question, retriever=retriever, parts=parts, reducer=reducer, k=many, where=where)
            case "refine":
                from rag.chains.refine import refine

                return refine(question, retriever=retriever, parts=parts, k=many, where=where)

    return run


def _build_decompose(recipe: Recipe, generator: Generator) -> QueryTransform:
    if recipe.generator.kind == "extractive":
        from rag.chains.decomposed import parts_by_rule

        return parts_by_rule
    from rag.queries import Decompose

    return Decompose(generator, count=recipe.chain.parts)
