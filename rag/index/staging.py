"""Chunks on their way into a segment, held in memory until there are enough of them."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rag.index.segments import Mask, Postings, Rows, SegmentData
from rag.types import Vectors


@dataclass(slots=True)
class Staging:
    """Rows of the next segment. ``mark`` and ``cut`` take back what an interrupted call added."""

    dim: int
    ids: list[bytes] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    documents: array[int] = field(default_factory=lambda: array("q"))
    seqs: array[int] = field(default_factory=lambda: array("q"))
    vectors: list[Vectors] = field(default_factory=list)
    vocabulary: dict[str, int] = field(default_factory=dict)
    distinct: array[int] = field(default_factory=lambda: array("I"))
    terms: array[int] = field(default_factory=lambda: array("I"))
    frequencies: array[int] = field(default_factory=lambda: array("I"))
    _blocks: list[int] = field(default_factory=list)
    _row_of: dict[bytes, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, document: int, seq: int, chunk_id: str, content_id: str, terms: Sequence[str]) -> None:
        """Stage one chunk; its vector comes with ``add_vectors``."""
        counts = Counter(terms)
        vocabulary = self.vocabulary
        self.terms.extend([vocabulary.setdefault(term, len(vocabulary)) for term in counts])
        self.frequencies.extend(counts.values())
        self.distinct.append(len(counts))
        self.documents.append(document)
        self.seqs.append(seq)
        content = bytes.fromhex(content_id)
        self._row_of[content] = len(self.contents)
        self.contents.append(content)
        self.ids.append(bytes.fromhex(chunk_id))

    def add_vectors(self, vectors: Vectors) -> None:
        """Stage the vectors (n, dim) of the n chunks just added."""
        self._blocks.append(len(self.ids) - len(vectors))
        self.vectors.append(np.array(vectors, np.float32))

    def vector_of(self, content: bytes) -> Vectors | None:
        """The vector (dim,) of a staged content id."""
        row = self._row_of.get(content)
        if row is None or row >= len(self.contents) or self.contents[row] != content or not self.vectors:
            return None
        block = bisect_right(self._blocks, row) - 1
        vector: Vectors = self.vectors[block][row - self._blocks[block]]
        return vector

    def mark(self) -> tuple[int, int, int]:
        """A place to go back to."""
        return len(self.ids), len(self.terms), len(self.vectors)

    def cut(self, mark: tuple[int, int, int]) -> None:
        """Forget what was added since ``mark``."""
        rows, postings, blocks = mark
        for column in (self.ids, self.contents, self.documents, self.seqs, self.distinct):
            del column[rows:]
        for column in (self.terms, self.frequencies):
            del column[postings:]
        del self.vectors[blocks:], self._blocks[blocks:]

    def data(self, dead: set[int]) -> SegmentData:
        """The segment of all rows but those of the ``dead`` documents."""
        documents = np.array(self.documents, np.int64)
        live = ~np.isin(documents, np.fromiter(dead, np.int64, len(dead)))
        ids = np.frombuffer(b"".join(self.ids), np.uint8).reshape(-1, 16)[live]
        contents = np.frombuffer(b"".join(self.contents), np.uint8).reshape(-1, 16)[live]
        postings, terms, counts = self._postings(live)
        lengths = np.zeros(len(ids), np.int64)
        np.add.at(lengths, postings[:, 0], postings[:, 1])
        vectors = np.concatenate(self.vectors)[live] if self.vectors else np.zeros((0, self.dim), np.float32)
        return SegmentData(
            ids=np.stack([ids, contents], axis=1),
            rows=np.stack([documents[live], np.array(self.seqs, np.int64)[live], lengths], axis=1),
            vectors=[vectors] if self.dim else None,
            dim=self.dim,
            terms=terms,
            postings=iter([(counts, postings)]),
            total=len(postings),
        )

    def _postings(self, live: Mask) -> tuple[Postings, list[bytes], Rows]:
        words = [word.encode("utf-8", "surrogatepass") for word in self.vocabulary]
        order = sorted(range(len(words)), key=words.__getitem__)
        rank = np.zeros(len(words), np.int64)
        rank[order] = np.arange(len(words))
        distinct = np.array(self.distinct, np.int64)
        kept = np.repeat(live, distinct)
        place = np.repeat(np.cumsum(live) - 1, distinct)[kept]
        terms = rank[np.array(self.terms, np.int64)[kept]]
        sequence = np.argsort(terms, kind="stable")
        postings = np.stack([place, np.array(self.frequencies, np.int64)[kept]], axis=1)[sequence]
        counts = np.bincount(terms, minlength=len(words)).astype(np.int64)
        return postings.astype(np.uint32), [words[index] for index in order], counts
