"""What tells a question that the evidence answers from one that only looks so: some thirty numbers, no language model.

Questions written to deceive repeat a passage's words and change one of them: a name, a number, a verb turned round.
So each word of the question is aligned with the word of the evidence that is nearest in context (cosine of the
embedder's token states; the greedy matching of BERTScore, Zhang et al. 2020, section 3), and what matters is the word
that fits worst, what kind of word it is, and whether its opposite stands there instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rag.grounding.answerability import Answerability
from rag.grounding.evidence import Evidence
from rag.grounding.opposites import Vocabulary
from rag.grounding.verify import Weights
from rag.protocols import SpanEmbedder
from rag.text import is_stop_word, sentences, stem, words
from rag.types import Hit

__all__ = ["Features", "read_features"]

Features: TypeAlias = dict[str, float]
Matrix: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.bool_]

_LANGUAGE = "en"  # what the model was trained on; others are judged by the rules alone
_NEGATION = re.compile(r"\b(?:not|never|no|none|neither|nor|without|cannot|\w+n['’]t)\b", re.IGNORECASE)
_WH = frozenset({"who", "whom", "whose", "what", "which", "when", "where", "why", "how"})
_ASKING = _WH | {"many", "much", "name", "names", "type", "kind", "called", "term"}
# Stems of what is asked for ("in which city", "what happened"): that the evidence lacks these says little.
_GENERIC_WORDS = """
happen issue person people case thing way entity example reason event group kind place country city state year date
number amount percent percentage century position title part role purpose result effect word language region area
organization company member type name other another
"""
_GENERIC = frozenset(stem(word, _LANGUAGE) for word in _GENERIC_WORDS.split())
# The kinds of question before "which" in order, as the model was trained: "in which year" is a when.
_OTHER_KINDS = re.compile(
    r"\b(?:who|whom|whose|when|where|why|how)\b|\b(?:what|which) (?:year|date|century|decade)\b", re.IGNORECASE
)
_WHICH = re.compile(r"\bwhich\b", re.IGNORECASE)
_TOGETHER = 3  # words between the places of two neighbouring words of the question
_NEAR_MATCH = 0.6  # of the character trigrams of two words, for a misspelling


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a text, their stems, and unit vectors of them in their context, shape (n, dim)."""

    spans: tuple[tuple[int, int], ...]
    texts: tuple[str, ...]
    stems: tuple[str, ...]
    vectors: Matrix


def _read(text: str, embedder: SpanEmbedder, more: Sequence[tuple[int, int]] = ()) -> tuple[_Words, Matrix]:
    """The words of a text, and the vectors of ``more`` spans of it."""
    spans = tuple(words(text))
    vectors = embedder.embed_spans(text, [*spans, *more])
    texts = tuple(text[start:end] for start, end in spans)
    stems = tuple(stem(word.casefold(), _LANGUAGE) for word in texts)
    return _Words(spans, texts, stems, vectors[: len(spans)]), vectors[len(spans) :]


def read_features(
    question: str,
    judged: Answerability,
    direct: float,
    cited: Sequence[Evidence],
    hits: Sequence[Hit],
    weights: Weights,
    embedder: SpanEmbedder,
) -> Features:
    """The features of a question and the sentences cited in answer to it, at least one.

    ``judged`` and ``direct`` are what the rules say (see answerability); ``weights`` are over the evidence. The
    embedder reads the question, and the passage of the first cited sentence.
    """
    hit = cited[0].hit
    passage = hit.chunk.text
    run = [unit for unit in cited if unit.hit is hit]
    asked, (whole,) = _read(question, embedder, [(0, len(question))])
    around = sentences(passage, hit.chunk.language)
    told, said = _read(passage, embedder, around)
    inside = np.array([any(unit.start <= start < unit.end for unit in run[:1]) for start, _ in told.spans])
    if not inside.any():
        inside[:] = True
    sentence = " ".join(unit.text for unit in run[:1])
    cosines = said @ whole
    own = [i for i, (start, end) in enumerate(around) if start < run[0].end and end > run[0].start]
    best = max((float(cosines[i]) for i in own), default=0.0)
    rest = max((float(cosine) for i, cosine in enumerate(cosines) if i not in own), default=0.0)
    return {
        **_retrieval(hit, hits),
        "direct": direct,
        "named": 1.0 if judged.named is None else judged.named,
        "names": float(judged.named is not None),
        "known": judged.known,
        "retrieved": judged.retrieved,
        "typed": float(judged.typed),
        "sentence cosine": best,
        "sentence gap": best - rest,
        "quotes": float(len(cited)),
        **_alignment(asked, told, inside, weights),
        **_polarity(question, asked, sentence, told, inside),
        "asks which": float(bool(_WHICH.search(question)) and not _OTHER_KINDS.search(question)),
        "question words": float(len(asked.texts)),
    }


def _retrieval(hit: Hit, hits: Sequence[Hit]) -> Features:
    dense = [one.arms["dense"].score for one in hits if "dense" in one.arms]
    places = {name: 1 / arm.rank for name, arm in hit.arms.items()}
    return {
        "dense": max(dense, default=0.0),
        "dense place": places.get("dense", 0.0),
        "sparse place": places.get("sparse", 0.0),
    }


def _alignment(asked: _Words, told: _Words, inside: Mask, weights: Weights) -> Features:
    cosines = asked.vectors @ told.vectors.T
    here, anywhere = cosines[:, inside].max(axis=1), cosines.max(axis=1)
    own = frozenset(one for one, kept in zip(told.stems, inside, strict=True) if kept)
    whole = frozenset(told.stems)
    topic = _content(asked)
    lost = [i for i in topic if not _held(asked.stems[i], own)]
    figures = [i for i, text in enumerate(asked.texts) if any(c.isdigit() for c in text)]
    places = np.flatnonzero(inside)
    order = [int(places[cosines[i][inside].argmax()]) for i in topic]
    steps = [abs(after - before) for before, after in pairwise(order)]
    return {
        "worst word": float(here[topic].min()),
        "worst two": float(np.sort(here[topic])[:2].mean()),
        "mean word, passage": float(anywhere[topic].mean()),
        "lost cosine": float(here[lost].mean()) if lost else 1.0,
        "special lost": float(sum(asked.stems[i] not in _GENERIC for i in lost)),
        "lost, passage": float(sum(not _held(asked.stems[i], whole) for i in topic)),
        "lost weight": weights.sum(asked.stems[i] for i in lost),
        "lost names": float(sum(i > 0 and asked.texts[i][:1].isupper() for i in lost)),
        "lost figures, passage": float(sum(asked.stems[i] not in whole for i in figures)),
        "together": float(np.mean([step <= _TOGETHER for step in steps])) if steps else 0.5,
        "spread": (max(order) - min(order)) / float(inside.sum()),
    }


def _content(asked: _Words) -> list[int]:
    """The words that the question is about, or all of them."""
    folded = [text.casefold() for text in asked.texts]
    found = [i for i, word in enumerate(folded) if word not in _ASKING and not is_stop_word(word, _LANGUAGE)]
    return found or list(range(len(folded)))


def _polarity(question: str, asked: _Words, sentence: str, told: _Words, inside: Mask) -> Features:
    negated = bool(_NEGATION.search(question))
    own = Vocabulary.of(text.casefold() for text, kept in zip(told.texts, inside, strict=True) if kept)
    whole = Vocabulary.of(text.casefold() for text in told.texts)
    folded = [text.casefold() for text in asked.texts]
    return {
        "negated": float(negated),
        "negated, unlike": float(negated and not _NEGATION.search(sentence)),
        "opposites": float(sum(map(own.contradicts, folded))),
        "opposites, passage": float(sum(map(whole.contradicts, folded))),
    }


@lru_cache(maxsize=8192)
def _trigrams(word: str) -> frozenset[str]:
    padded = f"_{word}_"
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


def _held(word: str, held: frozenset[str]) -> bool:
    """Whether a stem is among others; one of five letters or more may be misspelt."""
    if word in held:
        return True
    if len(word) < 5 or any(c.isdigit() for c in word):
        return False
    mine = _trigrams(word)
    return any(
        len(other) >= 5 and len(mine & _trigrams(other)) >= _NEAR_MATCH * len(mine | _trigrams(other)) for other in held
    )
