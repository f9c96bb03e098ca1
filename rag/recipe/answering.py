"""What answers: the recipe's generator, and how much proof it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.grounding import Thresholds
    from rag.protocols import Embedder, Generator
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
