"""What a recipe may say: one config object a section, strict and frozen. Making one does nothing but check it."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SourcesConfig(_Section):
    """Which files of a folder are read; globs match the path below the root, or the bare name."""

    include: list[str] = []
    exclude: list[str] = []


class ChunkerConfig(_Section):
    """How documents are cut. ``auto`` takes structure where there is some, records whole, sentences elsewhere.

    ``context`` is what a passage is found by beside its text: title and headings, with a first sentence or one that
    the generator writes. With ``late``, vectors are pooled from the whole text (docs/chunking.md).
    """

    kind: Literal["auto", "structure", "sentences", "tokens", "document", "semantic", "llm", "sentence-window"] = "auto"
    max_tokens: int = Field(default=256, ge=16)
    overlap: int = Field(default=32, ge=0)
    sentences: int = Field(default=1, ge=1)
    percentile: float = Field(default=90.0, ge=0, le=100)
    questions: int = Field(default=4, ge=1)
    context: Literal["headers", "lead", "llm"] = "headers"
    late: bool = False


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
    read; ``mmr`` between 0 and 1 trades relevance (1) for diversity (0), 1 leaves it off. ``expand`` gives more
    of the document than was found; ``near_duplicates`` above 0 is how alike two texts are of which one is shown.
    ``sentences`` is the part of the sparse arm's share that goes to the best sentence, ``feedback`` how far the first
    passages are trusted to say what was meant, ``hops`` how often titles named in what was found are followed.
    """

    arms: list[Literal["dense", "sparse"]] = Field(default=["dense", "sparse"], min_length=1, max_length=2)
    fusion: Literal["convex", "rrf"] = "convex"
    weight: float = Field(default=0.5, ge=0, le=1)
    depth: int = Field(default=100, ge=1)
    k: int = Field(default=6, ge=1)
    mmr: float = Field(default=1.0, ge=0, le=1)
    expand: Literal["none", "neighbours", "parent"] = "none"
    expand_by: int = Field(default=1, ge=1)
    expand_tokens: int = Field(default=512, ge=1)
    near_duplicates: float = Field(default=0.0, ge=0, le=1)
    sentences: float = Field(default=0.0, ge=0, le=1)
    feedback: float = Field(default=0.0, ge=0, le=1)
    hops: int = Field(default=0, ge=0, le=5)
    hop_names: Literal["titles", "leading"] = "titles"


class QueriesConfig(_Section):
    """What is searched for beside the question; every transform but ``none`` asks the generator (docs/queries.md).

    ``raw_weight`` is the question's own share when the lists of all queries are fused, ``depth`` how much of each is.
    ``prompts`` is a TOML file of one's own. ``intent`` is how sums and small talk are told, which need no search.
    """

    intent: Literal["rules", "similarity", "none"] = "rules"

    transform: Literal["none", "multi-query", "hyde", "step-back", "decompose"] = "none"
    count: int = Field(default=3, ge=1, le=8)
    raw_weight: float = Field(default=0.8, gt=0, le=1)
    fusion: Literal["convex", "rrf"] = "convex"
    depth: int = Field(default=50, ge=1)
    prompts: str = ""


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
    """How much proof an answer needs (docs/grounding.md), who checks it, and what of documents that disagree.

    ``confidence`` "learned" refuses below ``min_confidence``, and calls "partly" what is below ``min_right``
    (docs/refusals.md). With ``ask_model`` and ``samples`` the generator has a say in the first: whether it would say
    yes, and how far so many further drafts at ``sample_temperature`` agree.
    ``verifier`` measures the support of a sentence; ``rules`` are the words alone, ``embedding`` lifts paraphrases
    (docs/verification.md). ``prefer`` says which of two documents that disagree the answer follows: the one newer by
    ``date_key``, or one with a ``trusted`` label, "key=value".
    """

    min_support: float = Field(default=0.55, ge=0, le=1)
    min_answerability: float = Field(default=0.5, ge=0, le=1)
    confidence: Literal["learned", "rules"] = "learned"
    min_confidence: float = Field(default=0.5, ge=0, le=1)
    min_right: float = Field(default=0.75, ge=0, le=1)
    ask_model: bool = False
    samples: int = Field(default=0, ge=0, le=16)
    sample_temperature: float = Field(default=0.7, gt=0)
    model_weights: str = ""
    verifier: Literal["rules", "embedding", "nli", "judge", "combined"] = "embedding"
    nli_model: str = ""
    verifier_weights: str = ""
    conflicts: Literal["report", "ignore"] = "report"
    prefer: Literal["none", "newest", "trusted"] = "none"
    date_key: str = "date"
    trusted: list[str] = []


class AgentConfig(_Section):
    """How an agent goes about a question: its built-in tools, who decides the steps, and where they end.

    Tools of the user's own and MCP servers are not named here: an index carries its recipe, and opening somebody's
    index must not run anything.
    """

    planner: Literal["auto", "model", "rules"] = "auto"
    tools: list[Literal["search", "read", "documents", "calculate"]] = ["search", "read", "calculate"]
    filters: bool = False
    max_steps: int = Field(default=6, ge=1)
    max_tokens: int = Field(default=20_000, ge=1)
    max_seconds: float = Field(default=60.0, gt=0)


class ChainConfig(_Section):
    """How many searches and how many answers go into one; see docs/chains.md.

    ``passages`` that a chain reads at most are twice ``retrieval.k`` for multi-hop and four times for map-reduce and
    refine where it is 0. ``hops``, and ``enough`` (the score at which thoughts are taken for an answer), are of
    multi-hop, ``parts`` of decompose. ``reduce`` says whether the generator writes one answer from what was
    quoted, or the items are listed.
    """

    kind: Literal["one-shot", "multi-hop", "decompose", "map-reduce", "refine"] = "one-shot"
    hops: int = Field(default=3, ge=1)
    enough: float = Field(default=0.9, ge=0, le=1)
    parts: int = Field(default=3, ge=2)
    passages: int = Field(default=0, ge=0)
    reduce: Literal["list", "write"] = "list"


class ConversationConfig(_Section):
    """How follow-ups are understood, and what the generator is shown of the turns before; see docs/conversation.md.

    ``turns`` are shown verbatim with memory "window" and "summary", ``budget`` bounds "budget" in tokens. ``carried``
    passages that earlier turns cite may be cited again without being found again.
    """

    rewrite: Literal["rules", "llm", "both", "none"] = "rules"
    memory: Literal["none", "full", "window", "summary", "budget"] = "window"
    turns: int = Field(default=2, ge=0)
    budget: int = Field(default=512, ge=16)
    summary: Literal["rules", "llm"] = "rules"
    carried: int = Field(default=2, ge=0)


class Recipe(_Section):
    """Everything that decides what an index holds and how it answers."""

    description: str = ""
    sources: SourcesConfig = SourcesConfig()
    chunker: ChunkerConfig = ChunkerConfig()
    embedder: EmbedderConfig = EmbedderConfig()
    bm25: Bm25Config = Bm25Config()
    index: IndexConfig = IndexConfig()
    retrieval: RetrievalConfig = RetrievalConfig()
    queries: QueriesConfig = QueriesConfig()
    reranker: RerankerConfig = RerankerConfig()
    generator: GeneratorConfig = GeneratorConfig()
    grounding: GroundingConfig = GroundingConfig()
    chain: ChainConfig = ChainConfig()
    agent: AgentConfig = AgentConfig()
    conversation: ConversationConfig = ConversationConfig()

    @property
    def chunk_settings(self) -> str:
        """What decides how a file is cut, as canonical JSON: when it changes, files are cut anew."""
        # Keys that came later count where they are set: files cut before they were known need not be cut anew.
        first = {"kind", "max_tokens", "overlap"}
        settings = self.chunker.model_dump(include=first) | self.chunker.model_dump(exclude_defaults=True)
        if self.chunker.kind == "llm" or self.chunker.context == "llm":
            asked = {"kind", "model", "base_url", "context_size", "temperature", "seed"}
            settings["generator"] = self.generator.model_dump(include=asked)
        return json.dumps(settings, sort_keys=True)


class RouteConfig(_Section):
    """An index to choose: its folder, from the file's own, and what it holds; ``name`` is the folder's otherwise."""

    index: str = Field(min_length=1)
    name: str = ""
    description: str = ""
    patterns: list[str] = []


class RoutesConfig(_Section):
    """Which of several indexes to ask: by patterns, else by descriptions, else, where not ``sure``, by a model."""

    routes: list[RouteConfig] = Field(min_length=1)
    sure: float = Field(default=0.9, ge=0, le=1)
    ask_model: bool = False
    embedder: EmbedderConfig = EmbedderConfig()
    generator: GeneratorConfig = GeneratorConfig()
