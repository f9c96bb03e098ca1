"""Recipes: strict TOML -> config objects -> built parts. The only module that knows class names.

Making a config does nothing but check it; the ``build_*`` functions make the parts. An unknown key is
an error that gives its path and the nearest valid key.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag.grounding import Thresholds
    from rag.index import Snapshot
    from rag.protocols import Chunker, Embedder, Generator, Reranker, Retriever
    from rag.retrieval import RetrievalStages

__all__ = [
    "Bm25Config",
    "ChunkerConfig",
    "EmbedderConfig",
    "GeneratorConfig",
    "GroundingConfig",
    "IndexConfig",
    "Recipe",
    "RerankerConfig",
    "RetrievalConfig",
    "SourcesConfig",
    "build_chunker",
    "build_embedder",
    "build_fallback",
    "build_generator",
    "build_reranker",
    "build_retriever",
    "build_stages",
    "build_thresholds",
    "load_recipe",
    "parse_recipe",
    "recall_recipe",
    "recipe_names",
]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SourcesConfig(_Section):
    """Which files of a folder are read; globs match the path below the root, or the bare name."""

    include: list[str] = []
    exclude: list[str] = []


class ChunkerConfig(_Section):
    """How documents are cut. ``auto`` takes structure where there is some, records whole, sentences elsewhere."""

    kind: Literal["auto", "structure", "sentences", "tokens", "document"] = "auto"
    max_tokens: int = Field(default=256, ge=16)
    overlap: int = Field(default=32, ge=0)


class EmbedderConfig(_Section):
    """What makes the vectors. ``auto`` takes the fast CPU path where the model and machine allow it."""

    backend: Literal["auto", "openvino", "sentence-transformers", "openai", "none"] = "auto"
    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    base_url: str = ""
    api_key_env: str = "OPENAI_API_KEY"
    dim: int = Field(default=0, ge=0)


class Bm25Config(_Section):
    """BM25's formula: Lucene's, or rank_bm25's BM25Okapi."""

    variant: Literal["lucene", "okapi"] = "lucene"
    k1: float = Field(default=1.2, ge=0)
    b: float = Field(default=0.75, ge=0, le=1)


class IndexConfig(_Section):
    """When vectors get a FAISS index beside them: above ``ann_above`` passages; exact search up to there."""

    ann_above: int = Field(default=100_000, ge=1)


class RetrievalConfig(_Section):
    """Which arms search, how they are fused, and how many passages reach the generator.

    ``weight`` is the dense arm's share in the convex combination; ``depth`` is how deep each arm is
    read; ``mmr`` between 0 and 1 trades relevance (1) for diversity (0), 1 leaves it off.
    """

    arms: list[Literal["dense", "sparse"]] = Field(default=["dense", "sparse"], min_length=1, max_length=2)
    fusion: Literal["convex", "rrf"] = "convex"
    weight: float = Field(default=0.5, ge=0, le=1)
    depth: int = Field(default=100, ge=1)
    k: int = Field(default=6, ge=1)
    mmr: float = Field(default=1.0, ge=0, le=1)


class RerankerConfig(_Section):
    """A cross-encoder over the first ``depth`` hits; an empty model leaves it out."""

    model: str = ""
    depth: int = Field(default=50, ge=1)


class GeneratorConfig(_Section):
    """What writes the answer: a GGUF through llama.cpp, an OpenAI-compatible API, or sentences verbatim.

    ``excerpt`` shows it only so many sentences, those nearest to the question (0: whole passages):
    small models answer from few sentences faster and better. With ``fallback`` "quote", an answer of which
    nothing can be proved is replaced by quotes from the documents, if those can, and marked as such.
    """

    kind: Literal["llama.cpp", "openai", "extractive"] = "llama.cpp"
    model: str = "smollm2"
    binding: Literal["xllamacpp", "llama-cpp-python"] = "xllamacpp"
    base_url: str = ""
    api_key_env: str = "OPENAI_API_KEY"
    context_size: int = Field(default=2048, ge=256)
    excerpt: int = Field(default=4, ge=0)
    fallback: Literal["quote", "none"] = "quote"
    max_answer_tokens: int = Field(default=96, ge=1)
    temperature: float = Field(default=0.0, ge=0)
    seed: int = 0
    timeout: float = Field(default=60.0, gt=0)
    max_retries: int = Field(default=3, ge=0)


class GroundingConfig(_Section):
    """How much proof an answer needs; see docs/grounding.md for what the thresholds mean."""

    min_support: float = Field(default=0.55, ge=0, le=1)
    min_answerability: float = Field(default=0.5, ge=0, le=1)


class Recipe(_Section):
    """Everything that decides what an index holds and how it answers."""

    description: str = ""
    sources: SourcesConfig = SourcesConfig()
    chunker: ChunkerConfig = ChunkerConfig()
    embedder: EmbedderConfig = EmbedderConfig()
    bm25: Bm25Config = Bm25Config()
    index: IndexConfig = IndexConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    reranker: RerankerConfig = RerankerConfig()
    generator: GeneratorConfig = GeneratorConfig()
    grounding: GroundingConfig = GroundingConfig()

    @property
    def chunk_settings(self) -> str:
        """What decides how a file is cut, as canonical JSON: when it changes, files are cut anew."""
        return json.dumps(self.chunker.model_dump(), sort_keys=True)


def _recipe_folders() -> Iterator[Path]:
    package = Path(__file__).parent
    yield package / "recipes"  # an installed wheel
    yield package.parent / "indexes"  # a checkout


def _shipped() -> dict[str, Path]:
    for folder in _recipe_folders():
        if folder.is_dir():
            return {path.stem: path for path in sorted(folder.glob("*.toml"))}
    return {}


def recipe_names() -> list[str]:
    """Names of the recipes that ship with Ragstone, sorted."""
    return sorted({"default", *_shipped()})


def load_recipe(name: str | Path) -> Recipe:
    """A shipped recipe by name, or a TOML file by path. Raises RecipeError.

    ``default`` is the code's own defaults, so it needs no file.
    """
    path = Path(name)
    if path.suffix != ".toml" and not path.is_file():
        shipped = _shipped()
        if str(name) == "default" and "default" not in shipped:
            return Recipe()
        if str(name) not in shipped:
            near = difflib.get_close_matches(str(name), recipe_names(), 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise RecipeError(
                f"there is no recipe {str(name)!r}",
                hint=f"{hint}recipes: {', '.join(recipe_names())}; or give the path of a .toml file",
            )
        path = shipped[str(name)]
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"the recipe cannot be read: {error}", where=str(path)) from error
    return parse_recipe(text, where=str(path))


def parse_recipe(text: str, *, where: str = "recipe") -> Recipe:
    """A recipe from TOML text. Raises RecipeError naming the line, or the key and the nearest valid one."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"this is not TOML: {error}", where=where) from error
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError(_explain(error), where=where) from error


def recall_recipe(note: str, *, where: str) -> Recipe:
    """The recipe an index was built with, from JSON. Raises RecipeError for one of another version's."""
    try:
        return Recipe.model_validate_json(note)
    except ValidationError as error:
        raise RecipeError(
            f"the recipe it was built with does not fit this version: {_explain(error)}",
            where=where,
            hint="give one with --recipe",
        ) from error


def _explain(error: ValidationError) -> str:
    problems = []
    for problem in error.errors(include_url=False):
        location = [part for part in problem["loc"] if isinstance(part, str)]
        path = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            valid = _keys_at(location[:-1])
            near = difflib.get_close_matches(location[-1], valid, 1)
            advice = f"did you mean {near[0]!r}?" if near else f"valid keys: {', '.join(valid)}"
            problems.append(f"unknown key {path!r}; {advice}")
        else:
            problems.append(f"{path}: {problem['msg']}, not {problem['input']!r}")
    return "; ".join(problems)


def _keys_at(location: list[str]) -> list[str]:
    model: Any = Recipe
    for part in location:
        model = model.model_fields[part].annotation
    return list(model.model_fields)


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
