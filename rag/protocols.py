"""The seams: what a part must offer to take another's place. Implementing one needs no import of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from rag.errors import LoadError
from rag.types import Chunk, Document, Hit, Message, Vectors

JsonSchema: TypeAlias = Mapping[str, object]


@runtime_checkable
class Loader(Protocol):
    """Bytes of one media type -> documents."""

    def load(self, data: bytes, *, uri: str) -> Iterator[Document | LoadError]:
        """Yield the documents in ``data``.

        A record that cannot be read is yielded as the LoadError that names its line, and the rest
        goes on; a file that cannot be read at all raises LoadError before anything is yielded.
        """
        ...


@runtime_checkable
class Tokenizer(Protocol):
    """How a model counts. Special tokens are included in ``count`` and absent from ``offsets``."""

    def count(self, text: str) -> int:
        """The number of tokens the model would see, special tokens included."""
        ...

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Code point offsets of each token in ``text``."""
        ...


@runtime_checkable
class Chunker(Protocol):
    """Document -> passages with exact offsets."""

    def chunk(self, document: Document) -> Iterable[Chunk]:
        """Passages in order; every non-blank character of the text is in at least one of them."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Texts -> unit-length float32 vectors of shape (n, dim)."""

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    @property
    def fingerprint(self) -> str:
        """Equal for two embedders that give the same vectors: model, revision, hashes, pooling, prompts."""
        ...

    @property
    def max_tokens(self) -> int:
        """The longest input the model reads, special tokens included."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's own tokenizer."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, in the order of ``texts``. Raises EmbeddingError on a text over max_tokens."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions, in the order of ``texts``. A longer question than max_tokens is cut."""
        ...


@runtime_checkable
class SpanEmbedder(Protocol):
    """A text and stretches of it -> a vector of each that knows the text around it; what an Embedder may offer."""

    def embed_spans(self, text: str, spans: Sequence[tuple[int, int]], *, prefix: str = "") -> Vectors:
        """Unit-length float32 vectors (n, dim) of ``text[start:end]``, in the order of ``spans``.

        The text may be longer than the model reads at once. ``prefix`` is read before it, and is part of no vector.
        Raises EmbeddingError.
        """
        ...


@runtime_checkable
class Retriever(Protocol):
    """Query -> hits, best first, ties by chunk id."""

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits among the passages that ``where`` admits; ranks run from 1."""
        ...


@runtime_checkable
class Reranker(Protocol):
    """Hits -> the same passages in a better order."""

    def rerank(self, query: str, hits: Sequence[Hit], k: int) -> list[Hit]:
        """The best ``k`` of ``hits``; ``arms`` gains this reranker's entry."""
        ...


@runtime_checkable
class Generator(Protocol):
    """Messages -> text, streamed."""

    @property
    def context_size(self) -> int:
        """Tokens that prompt and answer may fill together."""
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt these messages make, chat template included."""
        ...

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        """Yield pieces of the answer. Raises GenerationError, ContextError."""
        ...


@runtime_checkable
class Chooser(Protocol):
    """Messages -> one of several replies; what a Generator offers where it can weigh replies against one another."""

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        """The probability of each option as the beginning of the reply, given that it is one of them.

        In the order of ``options``, adding up to 1. Raises ChoiceError where the reply is none of them,
        GenerationError, ContextError.
        """
        ...


@runtime_checkable
class Sampler(Protocol):
    """Messages -> a reply drawn at random; what a Generator offers where it can say the same thing in several ways."""

    def sample(self, messages: Sequence[Message], *, temperature: float, seed: int, max_tokens: int = 256) -> str:
        """A whole reply, at another temperature and seed than those that ``generate`` takes.

        Raises GenerationError, ContextError.
        """
        ...


@runtime_checkable
class StructuredGenerator(Protocol):
    """Messages -> JSON of a given shape; what a Generator offers where its sampling can be constrained."""

    def generate_json(self, messages: Sequence[Message], schema: JsonSchema, *, max_tokens: int = 256) -> str:
        """A reply that is valid under ``schema`` (JSON Schema), as JSON text.

        Bound every string and array in the schema (maxLength, maxItems), so that the reply fits in ``max_tokens``:
        one that is cut off raises GenerationError. Also raises ContextError.
        """
        ...


@runtime_checkable
class QueryTransform(Protocol):
    """A question, in its conversation, -> what to search for."""

    def __call__(self, query: str, history: Sequence[Message] = ()) -> list[str]:
        """At least one query, the most important first. ``history`` are the turns before, oldest first."""
        ...


@runtime_checkable
class Verifier(Protocol):
    """How far a piece of evidence supports a claim."""

    def support(self, claim: str, evidence: str) -> float:
        """From 0 (not at all) to 1 (entails it)."""
        ...
