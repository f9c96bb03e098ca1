"""Recipes: strict TOML -> config objects -> built parts. The only room that knows class names.

Making a config does nothing but check it; the ``build_*`` functions make the parts.
"""

from rag.recipe.answering import (
    build_answer_parts,
    build_chain,
    build_confidence,
    build_fallback,
    build_generator,
    build_preference,
    build_thresholds,
    build_verifier,
)
from rag.recipe.conversing import build_conversation
from rag.recipe.indexing import build_chunker, build_embedder
from rag.recipe.problems import Problem, find_problems
from rag.recipe.reading import load_recipe, parse_recipe, recall_recipe, recipe_names
from rag.recipe.searching import build_reranker, build_retriever, build_stages, build_transform
from rag.recipe.sections import (
    Bm25Config,
    ChainConfig,
    ChunkerConfig,
    ConversationConfig,
    EmbedderConfig,
    GeneratorConfig,
    GroundingConfig,
    IndexConfig,
    QueriesConfig,
    Recipe,
    RerankerConfig,
    RetrievalConfig,
    SourcesConfig,
)

__all__ = [
    "Bm25Config",
    "ChainConfig",
    "ChunkerConfig",
    "ConversationConfig",
    "EmbedderConfig",
    "GeneratorConfig",
    "GroundingConfig",
    "IndexConfig",
    "Problem",
    "QueriesConfig",
    "Recipe",
    "RerankerConfig",
    "RetrievalConfig",
    "SourcesConfig",
    "build_answer_parts",
    "build_chain",
    "build_chunker",
    "build_confidence",
    "build_conversation",
    "build_embedder",
    "build_fallback",
    "build_generator",
    "build_preference",
    "build_reranker",
    "build_retriever",
    "build_stages",
    "build_thresholds",
    "build_transform",
    "build_verifier",
    "find_problems",
    "load_recipe",
    "parse_recipe",
    "recall_recipe",
    "recipe_names",
]
