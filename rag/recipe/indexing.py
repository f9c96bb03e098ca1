"""What fills an index: the recipe's embedder and chunker."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.protocols import Chunker, Embedder
    from rag.recipe.sections import Recipe


def build_embedder(recipe: Recipe) -> Embedder | None:
    """The embedder, or None for backend "none". Reads no weights yet. Raises ModelError."""
    config = recipe.embedder
    if config.backend == "none":
        return None
    if config.backend == "openai":
        from rag.embedders import OpenAIEmbedder

        return OpenAIEmbedder(
            config.model, base_url=config.base_url or None, api_key_env=config.api_key_env, dim=config.dim or None
        )
    from rag.embedders import load_embedder

    return load_embedder(config.model, backend=config.backend)


def build_chunker(recipe: Recipe, embedder: Embedder | None) -> Chunker:
    """The chunker, counting by the embedder's own tokenizer, or in words without one."""
    from rag import chunkers
    from rag.text import WordTokenizer

    config = recipe.chunker
    tokenizer = embedder.tokenizer if embedder else WordTokenizer()
    match config.kind:
        case "auto":
            return chunkers.AutoChunker(tokenizer=tokenizer, max_tokens=config.max_tokens)
        case "structure":
            return chunkers.StructureChunker(tokenizer=tokenizer, max_tokens=config.max_tokens)
        case "sentences":
            return chunkers.SentenceChunker(tokenizer=tokenizer, max_tokens=config.max_tokens)
        case "tokens":
            return chunkers.TokenWindowChunker(
                tokenizer=tokenizer, max_tokens=config.max_tokens, overlap=config.overlap
            )
        case "document":
            return chunkers.WholeDocumentChunker(tokenizer=tokenizer, max_tokens=config.max_tokens)
