"""What an index remembers about how it was built, and the small records it answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from rag.errors import StorageError
from rag.types import Metadata

Variant: TypeAlias = Literal["lucene", "okapi"]


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """How an index is built and scored.

    ``embedder`` is a name for people and ``fingerprint`` what is compared; both are empty, and
    ``dim`` 0, for an index without vectors. ``variant``, ``k1`` and ``b`` choose the BM25 formula
    (see ``rag.index.bm25``) and may change without rebuilding. A segment of more than ``ann_above``
    rows gets a FAISS index beside its vectors; below that, search is exact.
    """

    embedder: str = ""
    fingerprint: str = ""
    dim: int = 0
    variant: Variant = "lucene"
    k1: float = 1.2
    b: float = 0.75
    ann_above: int = 100_000

    def __post_init__(self) -> None:
        problem = ""
        if self.variant not in ("lucene", "okapi"):
            problem = f"variant {self.variant!r} is neither 'lucene' nor 'okapi'"
        elif not self.k1 >= 0:
            problem = f"k1 is {self.k1}, expected 0 or more"
        elif not 0 <= self.b <= 1:
            problem = f"b is {self.b}, expected 0 to 1"
        elif self.dim < 0 or self.ann_above < 1:
            problem = f"dim is {self.dim} and ann_above {self.ann_above}, expected at least 0 and 1"
        elif bool(self.fingerprint) != bool(self.dim):
            problem = "a fingerprint needs a dim, and a dim a fingerprint"
        if problem:
            raise StorageError(problem, where="index settings")


@dataclass(frozen=True, slots=True)
class DocumentState:
    """What a writer knows of a document already held: the caller's ``state`` says whether it is current."""

    uri: str
    state: str
    source: str
    chunks: int


@dataclass(frozen=True, slots=True)
class Place:
    """A chunk without its text: ``document.text[start:end]``, its size in tokens and its heading path."""

    start: int
    end: int
    tokens: int
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """How a chunk begins: its document's uri, its title, and the first characters of its text."""

    uri: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class SourceState:
    """A file (or other origin of documents) as last read; ``complete`` if it was read to its end.

    ``documents`` of the index come from it.
    """

    source: str
    sha256: str
    size: int
    settings: str
    complete: bool
    documents: int


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document of the index without its text; ``characters`` is the text's length in code points.

    ``indexed`` says when it was last put, in ISO 8601 (UTC), "" where an older format did not keep it.
    """

    id: str
    uri: str
    title: str
    media_type: str
    language: str
    characters: int
    chunks: int
    source: str
    metadata: Metadata = field(default_factory=dict)
    indexed: str = ""


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """What is in an index.

    ``tokens`` is by the chunker's tokenizer, ``languages`` counts chunks, ``bytes`` is on disk, and ``dead``
    are rows of deleted passages that a merge or compaction will drop.
    """

    path: str
    format: int
    analyzer: str
    generation: int
    created: str
    modified: str
    documents: int
    chunks: int
    tokens: int
    languages: Mapping[str, int]
    segments: int
    dead: int
    bytes: int
    settings: IndexSettings
