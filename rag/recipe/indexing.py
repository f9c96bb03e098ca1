"""What fills an index: the recipe's embedder and chunker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag.protocols import Chunker, Embedder, Generator, Tokenizer
    from rag.recipe.sections import Recipe


def build_embedder(recipe: Recipe) -> Embedder | None:
    """The embedder, or None for backend "none". Reads no weights yet. Raises ModelError."""
    config = recipe.embedder
    if recipe.chunker.late and config.backend in ("none", "openai"):
        raise RecipeError(
            f"late chunking reads a model's states, which embedder.backend {config.backend} does not give",
            where="chunker.late",
            hint='set embedder.backend = "auto", or chunker.late = false',
        )
    if config.backend == "none":
        return None
    if config.backend == "openai":
        from rag.embedders import OpenAIEmbedder

        return OpenAIEmbedder(
            config.model, base_url=config.base_url or None, api_key_env=config.api_key_env, dim=config.dim or None
        )
    from rag.embedders import LateEmbedder, load_embedder

    embedder = load_embedder(config.model, backend=config.backend)
    return LateEmbedder(embedder) if recipe.chunker.late else embedder


def build_chunker(
    recipe: Recipe, embedder: Embedder | None, generator: Callable[[], Generator] | None = None
) -> Chunker:
    """The chunker, counting by the embedder's own tokenizer, or in words without one.

    ``generator`` is called where the recipe needs a language model to cut or describe passages; without it, the
    recipe's own is made. Raises ChunkError, RecipeError, ModelError.
    """
    from rag import chunkers
    from rag.text import WordTokenizer

    config = recipe.chunker
    tokenizer = embedder.tokenizer if embedder else WordTokenizer()
    if config.context == "headers":
        return _build_cutter(recipe, embedder, tokenizer, config.max_tokens, generator)
    room = config.max_tokens - chunkers.CONTEXT_TOKENS
    if room < chunkers.CONTEXT_TOKENS:
        raise RecipeError(
            f"chunker.max_tokens is {config.max_tokens}, and a context takes {chunkers.CONTEXT_TOKENS} of them",
            where="chunker.context",
            hint=f"set chunker.max_tokens to {2 * chunkers.CONTEXT_TOKENS} or more",
        )
    cutter = _build_cutter(recipe, embedder, tokenizer, room, generator)
    lead = config.context == "lead"
    situate = chunkers.lead_sentence if lead else chunkers.GeneratedContext(_asked(recipe, embedder, generator))
    return chunkers.ContextualChunker(cutter, situate, tokenizer=tokenizer, max_tokens=config.max_tokens)


def _build_cutter(
    recipe: Recipe,
    embedder: Embedder | None,
    tokenizer: Tokenizer,
    max_tokens: int,
    generator: Callable[[], Generator] | None,
) -> Chunker:
    from rag import chunkers
    from rag.protocols import Chooser

    config = recipe.chunker
    made: Chunker
    match config.kind:
        case "auto":
            made = chunkers.AutoChunker(tokenizer=tokenizer, max_tokens=max_tokens)
        case "structure":
            made = chunkers.StructureChunker(tokenizer=tokenizer, max_tokens=max_tokens)
        case "sentences":
            made = chunkers.SentenceChunker(tokenizer=tokenizer, max_tokens=max_tokens)
        case "tokens":
            made = chunkers.TokenWindowChunker(tokenizer=tokenizer, max_tokens=max_tokens, overlap=config.overlap)
        case "document":
            made = chunkers.WholeDocumentChunker(tokenizer=tokenizer, max_tokens=max_tokens)
        case "sentence-window":
            made = chunkers.SentenceWindowChunker(
                tokenizer=tokenizer, max_tokens=max_tokens, sentences=config.sentences
            )
        case "semantic":
            if embedder is None:
                raise RecipeError(
                    "chunker.kind semantic compares vectors, but embedder.backend is none",
                    where="chunker.kind",
                    hint='set embedder.backend, or chunker.kind = "auto"',
                )
            made = chunkers.SemanticChunker(embedder=embedder, max_tokens=max_tokens, percentile=config.percentile)
        case "llm":
            chooser = _asked(recipe, embedder, generator)
            if not isinstance(chooser, Chooser):
                raise RecipeError("the generator cannot choose between yes and no", where="chunker.kind")
            made = chunkers.GuidedChunker(
                chooser, tokenizer=tokenizer, max_tokens=max_tokens, questions=config.questions
            )
    return made


def _asked(recipe: Recipe, embedder: Embedder | None, generator: Callable[[], Generator] | None) -> Generator:
    """The language model that cuts or describes passages."""
    if recipe.generator.kind == "extractive":
        key = "chunker.kind" if recipe.chunker.kind == "llm" else "chunker.context"
        raise RecipeError(
            f"{key} llm needs a language model, and generator.kind is extractive",
            where=key,
            hint='set generator.kind to "llama.cpp" or "openai"',
        )
    if generator is not None:
        return generator()
    from rag.recipe.answering import build_generator

    return build_generator(recipe, embedder)
