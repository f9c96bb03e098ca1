"""The records that flow through Ragstone. All are frozen; offsets are code points of ``text``.

Invariants, held by property tests: ``document.text[chunk.start:chunk.end] == chunk.text`` and
``document.text[citation.start:citation.end] == citation.quote``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Scalar: TypeAlias = str | int | float | bool | None
Value: TypeAlias = Scalar | tuple[Scalar, ...]
Metadata: TypeAlias = Mapping[str, Value]
Vectors: TypeAlias = npt.NDArray[np.float32]

ConflictKind: TypeAlias = Literal["number", "date", "time", "version", "denial"]
BlockKind: TypeAlias = Literal["heading", "paragraph", "list", "table", "code", "row"]
Verdict: TypeAlias = Literal["supported", "partly", "not in the documents"]


def content_hash(*parts: str) -> str:
    """128-bit BLAKE2b of the parts as 32 hex digits; parts are length-prefixed, so no two collide by joining."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Page:
    """A page (numbered from 1) of a document and the offsets its text fills."""

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Block:
    """A structural piece of a document. ``level`` is 1 to 6 for headings and 0 otherwise."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A loaded text. ``uri`` is its identity in an index: loading it again replaces it.

    ``blocks`` are in order and do not overlap; they may be empty for plain text.
    ``language`` is an ISO 639-1 code, or "" where it has not been detected.
    """

    uri: str
    text: str
    title: str = ""
    media_type: str = "text/plain"
    metadata: Metadata = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    pages: tuple[Page, ...] = ()
    language: str = ""

    @property
    def id(self) -> str:
        """32 hex digits, a hash of the uri."""
        return content_hash(self.uri)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage: ``document.text[start:end] == text``.

    ``title`` and ``headings`` are the context header: embedded and indexed with the text, never
    part of its offsets. ``context`` is a sentence that situates the passage in its document, written by a rule or a
    model: embedded and indexed as well, but never shown, cited or taken for evidence.
    ``pages`` are the document's pages that the passage touches.
    ``tokens`` is the size of ``content`` by the chunker's tokenizer.
    """

    document_id: str
    uri: str
    start: int
    end: int
    text: str
    title: str = ""
    headings: tuple[str, ...] = ()
    pages: tuple[Page, ...] = ()
    language: str = ""
    tokens: int = 0
    context: str = ""

    @property
    def header(self) -> str:
        """Title and heading path on one line, without a heading that only repeats the title; may be empty."""
        parts = [self.title, *(h for h in self.headings if h != self.title)]
        return " > ".join(part for part in parts if part)

    @property
    def content(self) -> str:
        """What is embedded and indexed: the header, the context and the text, a line each."""
        return "\n".join([*filter(None, (self.header, self.context)), self.text])

    @property
    def shown(self) -> str:
        """What a reader is given: the header, a newline, the text."""
        return f"{self.header}\n{self.text}" if self.header else self.text

    @property
    def content_id(self) -> str:
        """Hash of ``content``: equal for passages that need the same vector."""
        return content_hash(self.content)

    @property
    def id(self) -> str:
        """Hash of document, offsets and content: indexing the same folder twice changes nothing."""
        return content_hash(self.document_id, str(self.start), str(self.end), self.content)

    def page_at(self, offset: int) -> int | None:
        """The number of the page that holds a document offset within the passage."""
        for page in reversed(self.pages):
            if page.start <= offset:
                return page.number
        return None


@dataclass(frozen=True, slots=True)
class ArmScore:
    """Where one retriever placed a passage: rank from 1, and its raw score."""

    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved passage. ``arms`` holds its place in every retriever that found it ("dense", "sparse", ...).

    An expanded hit's ``chunk`` is more of the document than any passage of the index: ``within`` names those that lie
    in it. ``duplicates`` are hits of nearly the same text, which this one, the best of them, stands for.
    """

    chunk: Chunk
    score: float
    rank: int
    arms: Mapping[str, ArmScore] = field(default_factory=dict)
    metadata: Metadata = field(default_factory=dict)
    within: tuple[str, ...] = ()
    duplicates: tuple[Hit, ...] = ()

    @property
    def chunk_ids(self) -> tuple[str, ...]:
        """The passages of the index that this hit gives, the others of nearly the same text included."""
        own = self.within or (self.chunk.id,)
        return (*own, *(chunk_id for hit in self.duplicates for chunk_id in hit.chunk_ids))


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat.

    ``question`` and ``passages`` are what ``content`` was rendered from, where it was rendered from
    a question and retrieved passages: a generator that needs no prompt reads these instead.
    """

    role: Literal["system", "user", "assistant"]
    content: str
    question: str = ""
    passages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Citation:
    """The words that support a sentence: ``document.text[start:end] == quote``.

    ``number`` is the source's number in the answer, from 1; ``page`` is where ``start`` lies.
    """

    number: int
    document_id: str
    chunk_id: str
    uri: str
    title: str
    start: int
    end: int
    quote: str
    score: float
    page: int | None = None
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer, ``answer.text[start:end]``, with the proof found for it.

    ``unsupported`` lists its numbers, dates and names that occur in none of the evidence.
    """

    text: str
    start: int
    end: int
    support: float
    supported: bool
    citations: tuple[Citation, ...] = ()
    unsupported: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two documents that say different things of one matter, each by its own words.

    ``values`` are what they say, as written, in the order of ``citations``, and ``about`` the words they share.
    ``preferred`` is 0 or 1, the citation that the answer follows, and ``reason`` why; None where no rule decides.
    """

    kind: ConflictKind
    about: str
    values: tuple[str, str]
    citations: tuple[Citation, Citation]
    preferred: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run: what went in, what came out, what it cost.

    ``started`` counts seconds from the start of the trace. The tokens are the step's own; those of the
    ``steps`` taken within it are theirs. ``error`` is the message of what it raised, if it did, and
    ``error_type`` that error's class.
    """

    name: str
    inputs: Metadata
    outputs: Metadata
    started: float
    seconds: float
    prompt_tokens: int = 0
    output_tokens: int = 0
    steps: tuple[Step, ...] = ()
    error: str = ""
    error_type: str = ""

    def walk(self) -> Iterator[Step]:
        """The step itself and all within it, in the order in which they started."""
        yield self
        for step in self.steps:
            yield from step.walk()


@dataclass(frozen=True, slots=True)
class Trace:
    """What a run did, step by step. ``began`` is in seconds since 1970 (UTC)."""

    name: str
    began: float
    seconds: float
    steps: tuple[Step, ...] = ()

    def walk(self) -> Iterator[Step]:
        """All steps, outer before inner, in the order in which they started."""
        for step in self.steps:
            yield from step.walk()

    @property
    def prompt_tokens(self) -> int:
        """Tokens that language models read."""
        return sum(step.prompt_tokens for step in self.walk())

    @property
    def output_tokens(self) -> int:
        """Tokens that language models wrote."""
        return sum(step.output_tokens for step in self.walk())


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question came to.

    ``text`` is what to show: the grounded answer, or a refusal that lists the nearest passages.
    ``draft`` is what the generator wrote before the verdict. ``dropped`` are the hits that the
    generator was not shown. ``quoted`` says that nothing in the draft could be proved, and that
    the text is quoted from the documents instead. ``score`` is how sure it is that the documents hold the
    answer, from 0 to 1, and ``trace`` says how it came about, where that was recorded. ``conflicts`` are
    documents that disagree about what the answer says. ``risk`` is the share of wrong answers that the line between
    answers and refusals was calibrated for; None where it was not.
    """

    question: str
    text: str
    verdict: Verdict
    sentences: tuple[Sentence, ...]
    draft: str
    hits: tuple[Hit, ...]
    dropped: tuple[Hit, ...] = ()
    quoted: bool = False
    score: float = 0.0
    trace: Trace | None = None
    conflicts: tuple[Conflict, ...] = ()
    risk: float | None = None

    @property
    def citations(self) -> tuple[Citation, ...]:
        """All citations, in the order of the sentences."""
        return tuple(citation for sentence in self.sentences for citation in sentence.citations)

    @property
    def refused(self) -> bool:
        """True when the documents do not hold the answer."""
        return self.verdict == "not in the documents"
