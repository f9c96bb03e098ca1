"""Late chunking: the model reads the long text, and a passage's vector is the mean of its own tokens' states.

Günther, Mohr, Williams, Wang & Xiao, "Late Chunking: Contextual Chunk Embeddings Using Long-Context Embedding
Models", 2024 (https://arxiv.org/abs/2409.04701), with its "long late chunking" for a text that is longer than the
model reads: windows that overlap. Here each token's state is taken from the window in which it lies further from an
edge, so that as much as may be stands around it on both sides.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from rag.embedders.encoder_folder import EncoderFolder
from rag.embedders.tokenization import HuggingFaceTokenizer
from rag.errors import EmbeddingError
from rag.protocols import Embedder, SpanEmbedder, Tokenizer
from rag.types import Vectors

# token ids of windows -> the states (tokens, dim) of each
States = Callable[[Sequence[Sequence[int]]], list[Vectors]]

OVERLAP = 4  # neighbouring windows share one in so many of their tokens
PREFIX = 4  # a prefix takes one in so many of a window's tokens at most
AT_ONCE = 64  # windows whose states are held in memory together


class SpansEmbedder(Embedder, SpanEmbedder, Protocol):
    """An embedder of texts and of stretches of a text."""


class LateEmbedder:
    """An embedder whose index holds vectors made by late chunking. Implements Embedder and SpanEmbedder.

    Its vectors of whole texts, questions among them, are the other embedder's. Its fingerprint is not: passages
    embedded in their documents are not to be mixed with passages embedded alone.
    """

    def __init__(self, embedder: SpansEmbedder) -> None:
        self._embedder = embedder

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._embedder.dim

    @property
    def fingerprint(self) -> str:
        """The other embedder's, marked."""
        return f"late:{self._embedder.fingerprint}"

    @property
    def max_tokens(self) -> int:
        """The longest input, special tokens included."""
        return self._embedder.max_tokens

    @property
    def tokenizer(self) -> Tokenizer:
        """The model's own tokenizer."""
        return self._embedder.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts by themselves. Raises EmbeddingError on a text over ``max_tokens``."""
        return self._embedder.embed_documents(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions; a longer one than ``max_tokens`` is cut."""
        return self._embedder.embed_queries(texts)

    def embed_spans(self, text: str, spans: Sequence[tuple[int, int]], *, prefix: str = "") -> Vectors:
        """Unit vectors (n, dim) of ``text[start:end]``, made of the text around them. Raises EmbeddingError."""
        return self._embedder.embed_spans(text, spans, prefix=prefix)


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens ``first`` to ``last`` are read together; the states of ``own_first`` to ``own_last`` are taken."""

    first: int
    last: int
    own_first: int
    own_last: int


def plan_windows(tokens: int, room: int) -> list[Window]:
    """One window or more of at most ``room`` tokens, spread evenly, of which each token belongs to one."""
    if tokens <= room:
        return [Window(0, tokens, 0, tokens)]
    overlap = room // OVERLAP
    count = -(-(tokens - overlap) // (room - overlap))
    starts = [number * (tokens - room) // (count - 1) for number in range(count)]
    borders = [0, *((one + room + other) // 2 for one, other in pairwise(starts)), tokens]
    return [
        Window(start, start + room, own_first, own_last)
        for start, (own_first, own_last) in zip(starts, pairwise(borders), strict=True)
    ]


def check_pooling(folder: EncoderFolder) -> None:
    """Raise EmbeddingError for a model whose vector is not the mean of its tokens' states."""
    if folder.pooling != ("mean",) or "Dense" in folder.modules or folder.modules[0] != "Transformer":
        made = "+".join([*folder.pooling, *folder.modules[2:]]) or folder.modules[0]
        raise EmbeddingError(
            f"late chunking needs a model that takes the mean of its tokens, not {made}",
            where=str(folder.path),
            hint="set chunker.late = false, or choose a model with mean pooling",
        )


def embed_late(
    text: str,
    spans: Sequence[tuple[int, int]],
    *,
    prefix: str,
    tokenizer: HuggingFaceTokenizer,
    max_tokens: int,
    dim: int,
    states: States,
) -> Vectors:
    """Unit vectors (n, dim) of ``text[start:end]``: the mean of the states of the tokens that lie in it.

    A span without a token of its own has the mean of the window it lies in; a text without any, that of the special
    tokens. ``prefix`` stands before every window.
    """
    ids, offsets = tokenizer.pieces(text)
    before, after = tokenizer.frame()
    before = before + tokenizer.pieces(prefix)[0][: max_tokens // PREFIX]
    windows = plan_windows(len(ids), max_tokens - len(before) - len(after))
    begins, ends = [begin for begin, _ in offsets], [end for _, end in offsets]
    # the tokens of each span: those that end behind its start and begin before its end
    members = [(bisect_right(ends, start), bisect_left(begins, end)) for start, end in spans]
    sums = np.zeros((len(spans), dim), np.float64)
    for start in range(0, len(windows), AT_ONCE):
        some = windows[start : start + AT_ONCE]
        read = states([[*before, *ids[window.first : window.last], *after] for window in some])
        for window, found in zip(some, read, strict=True):
            own = found[len(before) : len(found) - len(after)].astype(np.float64)
            for row, (first, last) in enumerate(members):
                if first >= last and window.own_first <= first <= window.own_last:
                    sums[row] = (own if len(own) else found).sum(axis=0)
                elif first < window.own_last and window.own_first < last:
                    low, high = max(first, window.own_first), min(last, window.own_last)
                    sums[row] += own[low - window.first : high - window.first].sum(axis=0)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    if not (np.isfinite(norms) & (norms > 0)).all():
        raise EmbeddingError("the model gave numbers that are not finite")
    unit: Vectors = (sums / norms).astype(np.float32)
    return unit
