"""Which sentences of the passages bear on a question; shared by extraction and by excerpts for small models."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rag.text import (
    Expected,
    detect_language,
    expected,
    fits_years,
    has_unit,
    is_heading,
    is_stop_word,
    query_terms,
    sentences,
    terms,
    variants,
    without_asking,
    words,
)

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
# of a sentence without the kind of thing that was asked for
_UNTYPED = 0.8
# of a sentence that names years, and none that was asked for
_OTHER_YEAR = 0.7
# and of one that speaks of another product
_OTHER_CODE = 0.5
# a name that stands elsewhere in the passage counts for a sentence by so much
_TOPIC_SHARE = 0.5
_YEAR = re.compile(r"(?<!\d)(?:1\d|20)\d\d(?!\d)")
_CODE = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*", re.ASCII)
_NAME = re.compile(r"(?<=[a-zà-ÿ,\d)'\"] )[A-ZÀ-Þ][\w'’-]*(?: [A-ZÀ-Þ][\w'’-]*)*")
_FIGURE = re.compile(r"[\d一二三四五六七八九十百千万两]")
_NUMBER_WORD = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|"
    r"million|billion|half|once|twice|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|zwölf|deux|trois|quatre|cinq|"
    r"dix|dos|tres|cuatro|cinco|diez)\b",
    re.IGNORECASE,
)
_CAPITALLESS = frozenset(
    {"zh", "ja", "ko", "th", "ar", "hi", "he", "fa", "bn", "ta", "te", "ur", "lo", "km", "my", "ka"}
)


@dataclass(frozen=True, slots=True)
class RankedSentence:
    """A sentence, ``passages[passage][start:end] == text``; ``covered`` are the question's terms it holds.

    ``nearby`` are those that its passage holds; ``states`` is false of a heading, a label and a
    question. ``score`` runs from 0 (nothing in common) to about 1.
    """

    passage: int
    start: int
    end: int
    text: str
    covered: frozenset[str]
    score: float
    nearby: frozenset[str] = frozenset()
    states: bool = True


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
    and of the cosine. What is no statement (a heading, a question) scores a quarter, and a sentence without the
    date, number, price or name that the question wants four fifths.
    """
    languages = [detect_language(passage) for passage in passages]
    spans = [
        (number, start, end)
        for number, (passage, language) in enumerate(zip(passages, languages, strict=True))
        for start, end in sentences(passage, language)
    ]
    texts = [passages[number][start:end] for number, start, end in spans]
    bags = [terms(text, languages[number]) for (number, _, _), text in zip(spans, texts, strict=True)]
    kind = expected(question)
    forms = {
        term: variants(term)
        for term in query_terms(without_asking(question), languages) or query_terms(question, languages)
    }
    bags = [_as_asked(bag, forms) for bag in bags]
    weights = _weights(question, list(forms), bags)
    topics = _topics(question, languages) & weights.keys()
    codes = _codes(question)
    asked = {question[start:end].casefold() for start, end in words(question)}
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
        own += _TOPIC_SHARE * sum(weights[term] for term in (topics & in_passage[number]) - covered[i])
        score = own / length * (1 - _PASSAGE_SHARE)
        if own or cosines is not None:
            score += _PASSAGE_SHARE * sum(weights[term] for term in in_passage[number])
        if cosines is not None:
            score = (score + max(float(cosines[i]), 0.0)) / 2
        if not _is_kind(kind, text, asked, languages[number]):
            score *= _UNTYPED
        if not fits_years(question, text):
            score *= _OTHER_YEAR
        if codes and (said := _codes(text)) and not said & codes:
            score *= _OTHER_CODE
        states = not (_QUESTION.search(text) or is_heading(passages[number], start, end, languages[number]))
        if not states:
            score *= _NO_STATEMENT
        ranked.append(RankedSentence(number, start, end, text, covered[i], score, in_passage[number], states))
    ranked.sort(key=lambda s: (-s.score, s.passage, s.start))
    return Ranking(tuple(ranked), weights)


def _weights(question: str, question_terms: Sequence[str], bags: Sequence[Sequence[str]]) -> dict[str, float]:
    frequency = Counter(term for bag in bags for term in set(bag))
    idf = {
        term: math.log(1 + (len(bags) - frequency[term] + 0.5) / (frequency[term] + 0.5))
        for term in dict.fromkeys(question_terms)
    }
    for code in _CODE.findall(question):
        # "SLM-210" is indexed as three terms and asks for one thing
        parts = [term for term in dict.fromkeys(terms(code)) if term in idf]
        for term in parts:
            idf[term] /= len(parts)
    total = math.fsum(idf.values())
    return {term: value / total for term, value in idf.items()}


def _topics(question: str, languages: Sequence[str]) -> frozenset[str]:
    """The terms of names and codes: a passage that names them need not do so in each of its sentences."""
    named = [
        *_YEAR.findall(without_asking(question)),
        *_CODE.findall(question),
        *(() if detect_language(question) == "de" else _NAME.findall(question)),
    ]
    return frozenset(term for name in named for term in query_terms(name, languages))


def _codes(text: str) -> set[str]:
    return {code.casefold() for code in _CODE.findall(text)}


def _as_asked(bag: list[str], forms: dict[str, frozenset[str]]) -> list[str]:
    """The terms of a sentence and those of the question that they are variants of."""
    held = set(bag)
    return [*bag, *(term for term, same in forms.items() if term not in held and same & held)]


def _is_kind(kind: Expected, text: str, asked: set[str], language: str) -> bool:
    """Whether a sentence holds something of the kind asked for beyond what the question itself says."""
    if not kind:
        return True
    new = [text[start:end] for start, end in words(text) if text[start:end].casefold() not in asked]
    if kind == "name":
        if language in _CAPITALLESS:
            return True
        return any(word[0].isupper() and not is_stop_word(word.casefold(), language) for word in new)
    figure = any(_FIGURE.search(word) or _NUMBER_WORD.fullmatch(word) for word in new)
    return figure and has_unit(kind, text)


def excerpts(question: str, passages: Sequence[str], count: int) -> list[str]:
    """For each passage those of its sentences that are among the ``count`` best of all, in order; may be ""."""
    kept = sorted(rank_sentences(question, passages).sentences[:count], key=lambda s: s.start)
    return [" ".join(s.text for s in kept if s.passage == number) for number in range(len(passages))]
