"""Which sentences of the passages bear on a question; shared by extraction and by excerpts for small models."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rag.text import detect_language, query_terms, sentences, terms

# cosine of the question to each sentence, in order
Similarity: TypeAlias = Callable[[str, Sequence[str]], Sequence[float]]

_QUESTION = re.compile(r"[?？؟;]['\"»”’)\]]*$|[?？؟]\s*$")
_ENDED = re.compile(r"[.!…。！．｡।॥。][)\]'\"»”’*_`]*$")
_SHORT = 6
# a heading or a question repeats the words of the question and says nothing about it
_NO_STATEMENT = 0.25
# a sentence may say "it" where its passage names the thing
_PASSAGE_SHARE = 0.2
# as b in BM25, over sentences: a long sentence holds more words by chance
_LENGTH_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class RankedSentence:
    """A sentence, ``passages[passage][start:end] == text``; ``covered`` are the question's terms it holds.

    ``score`` runs from 0 (nothing in common) to about 1.
    """

    passage: int
    start: int
    end: int
    text: str
    covered: frozenset[str]
    score: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """Sentences, best first, ties in the order of the passages; ``weights`` of the question's terms add up to 1."""

    sentences: tuple[RankedSentence, ...]
    weights: dict[str, float]

    def weight(self, covered: Iterable[str]) -> float:
        """The share of the question that these terms make up."""
        return sum(self.weights[term] for term in covered)


def rank_sentences(question: str, passages: Sequence[str], similarity: Similarity | None = None) -> Ranking:
    """Score every sentence by the share of the question's terms it holds, weighted by idf over the sentences.

    idf is BM25's, ``ln(1 + (N - n + 0.5) / (n + 0.5))``; a sentence's length discounts as in BM25, and its
    passage's share of the terms counts a little. With ``similarity``, the score is the mean of that
    and of the cosine. What is no statement (a heading, a question) scores a quarter.
    """
    languages = [detect_language(passage) for passage in passages]
    spans = [
        (number, start, end)
        for number, (passage, language) in enumerate(zip(passages, languages, strict=True))
        for start, end in sentences(passage, language)
    ]
    texts = [passages[number][start:end] for number, start, end in spans]
    bags = [terms(text, languages[number]) for (number, _, _), text in zip(spans, texts, strict=True)]
    weights = _weights(query_terms(question, languages), bags)
    mean_length = sum(map(len, bags)) / len(bags) if bags else 1.0
    in_passage = [frozenset[str]()] * len(passages)
    covered = [frozenset(weights.keys() & set(bag)) for bag in bags]
    for (number, _, _), held in zip(spans, covered, strict=True):
        in_passage[number] |= held
    cosines = similarity(question, texts) if similarity and texts else None

    ranked = []
    for i, ((number, start, end), text) in enumerate(zip(spans, texts, strict=True)):
        length = 1 - _LENGTH_SHARE + _LENGTH_SHARE * len(bags[i]) / max(mean_length, 1.0)
        own = sum(weights[term] for term in covered[i])
        score = own / length * (1 - _PASSAGE_SHARE)
        if own or cosines is not None:
            score += _PASSAGE_SHARE * sum(weights[term] for term in in_passage[number])
        if cosines is not None:
            score = (score + max(float(cosines[i]), 0.0)) / 2
        if not _is_statement(text, len(bags[i])):
            score *= _NO_STATEMENT
        ranked.append(RankedSentence(number, start, end, text, covered[i], score))
    ranked.sort(key=lambda s: (-s.score, s.passage, s.start))
    return Ranking(tuple(ranked), weights)


def _weights(question_terms: Sequence[str], bags: Sequence[Sequence[str]]) -> dict[str, float]:
    frequency = Counter(term for bag in bags for term in set(bag))
    idf = {
        term: math.log(1 + (len(bags) - frequency[term] + 0.5) / (frequency[term] + 0.5))
        for term in dict.fromkeys(question_terms)
    }
    total = math.fsum(idf.values())
    return {term: value / total for term, value in idf.items()}


def _is_statement(text: str, length: int) -> bool:
    if _QUESTION.search(text) or text.startswith("#"):
        return False
    # a row or a list item has no full stop either, but it has figures or more words than a heading
    return bool(_ENDED.search(text)) or length > _SHORT or any(c.isdecimal() for c in text)


def excerpts(question: str, passages: Sequence[str], count: int) -> list[str]:
    """For each passage those of its sentences that are among the ``count`` best of all, in order; may be ""."""
    kept = sorted(rank_sentences(question, passages).sentences[:count], key=lambda s: s.start)
    return [" ".join(s.text for s in kept if s.passage == number) for number in range(len(passages))]
