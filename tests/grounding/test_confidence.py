"""The confidence models: logistic by hand, features that say what they should, and the shipped weights."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from rag.errors import ModelError
from rag.grounding import ground
from rag.grounding.confidence import Confidence, Logistic, load_confidence, read_confidence
from rag.grounding.features import Features
from rag.grounding.opposites import Vocabulary
from rag.grounding.withholding import withhold
from rag.types import Answer, ArmScore, Chunk, Hit, Vectors


class WordVectors:
    """A SpanEmbedder in which a stretch of text is its words: equal words have cosine 1, others nearly 0."""

    dim = 64

    def embed_spans(self, text: str, spans: Sequence[tuple[int, int]], *, prefix: str = "") -> Vectors:
        return np.stack([self._mean(text[start:end]) for start, end in spans])

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._mean(text) for text in texts])

    embed_queries = embed_documents

    @property
    def max_tokens(self) -> int:
        return 512

    @property
    def fingerprint(self) -> str:
        return "words"

    @property
    def tokenizer(self) -> WordVectors:
        return self

    def count(self, text: str) -> int:
        return len(text.split())

    def offsets(self, text: str) -> list[tuple[int, int]]:
        raise NotImplementedError

    def _mean(self, text: str) -> Vectors:
        total = np.sum([self._word(word.strip(".,?").casefold()) for word in text.split()], axis=0)
        unit: Vectors = (total / np.linalg.norm(total)).astype(np.float32)
        return unit

    def _word(self, word: str) -> Vectors:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "little")
        drawn: Vectors = np.random.default_rng(seed).standard_normal(self.dim).astype(np.float32)
        return drawn


PASSAGE = (
    "The Treaty of Oslo was signed by Norway in 1921. Local rule is generally less costly than direct rule. "
    "The treaty was not popular in the south."
)


def _hits(text: str = PASSAGE, language: str = "en") -> list[Hit]:
    chunk = Chunk("d", "d.txt", 0, len(text), text, language=language)
    return [Hit(chunk, 1.0, 1, {"dense": ArmScore(1, 0.7), "sparse": ArmScore(2, 9.0)})]


def _features(question: str, draft: str = "The Treaty of Oslo was signed by Norway in 1921.") -> Features:
    seen: list[Features] = []

    def estimate(features: Features) -> Confidence:
        seen.append(features)
        return Confidence(1.0, 1.0)

    ground(question, draft, _hits(), embedder=WordVectors(), confidence=estimate)
    (features,) = seen
    return features


def test_a_question_in_the_words_of_the_sentence_loses_nothing() -> None:
    read = _features("Who signed the Treaty of Oslo in 1921?")
    assert read["worst word"] == pytest.approx(1.0, abs=1e-5)
    assert [read[name] for name in ("lost weight", "special lost", "lost figures, passage", "negated")] == [0, 0, 0, 0]
    assert (read["dense"], read["dense place"], read["sparse place"]) == (0.7, 1.0, 0.5)


@pytest.mark.parametrize("question", ["???", "…", "→ ?"])
def test_a_question_without_words_is_judged_by_the_rules(question: str) -> None:
    draft = "The Treaty of Oslo was signed by Norway in 1921."
    by_rules = ground(question, draft, _hits(), embedder=WordVectors())

    def never(features: Features) -> Confidence:
        raise AssertionError(features)

    assert ground(question, draft, _hits(), embedder=WordVectors(), confidence=never) == by_rules


def test_a_year_that_stands_nowhere_is_lost() -> None:
    assert _features("Who signed the Treaty of Oslo in 1935?")["lost figures, passage"] == 1


def test_a_name_swapped_is_lost_and_aligns_badly() -> None:
    read = _features("Who signed the Treaty of Bergen in 1921?")
    assert (read["lost names"], read["lost, passage"]) == (1, 1)
    assert read["worst word"] < 0.6


def test_a_misspelt_word_is_not_lost() -> None:
    draft = "The treaty was not popular in the south."
    assert _features("Where was the treaty not popullar?", draft)["special lost"] == 0
    assert _features("Where was the treaty not binding?", draft)["special lost"] == 1


def test_a_denial_is_seen_where_the_sentence_affirms() -> None:
    denied = _features("Who never signed the Treaty of Oslo?")
    assert (denied["negated"], denied["negated, unlike"]) == (1, 1)
    same = _features("Where was the treaty not popular?", "The treaty was not popular in the south.")
    assert (same["negated"], same["negated, unlike"]) == (1, 0)


def test_an_opposite_is_seen() -> None:
    draft = "Local rule is generally less costly than direct rule."
    assert _features("What is generally more costly than direct rule?", draft)["opposites"] == 1
    assert _features("What is generally less costly than direct rule?", draft)["opposites"] == 0


@pytest.mark.parametrize(
    ("word", "text", "contrary"),
    [
        ("more", "less costly", True),
        ("less", "less or more", False),
        ("unimportant", "it was important", True),
        ("civilized", "the uncivilized people", True),
        ("under", "der Hund", False),
        ("north", "in the south", True),
        ("cat", "a dog", False),
    ],
)
def test_contraries_by_list_and_by_prefix(word: str, text: str, contrary: bool) -> None:
    assert Vocabulary.of(text.split()).contradicts(word) is contrary


@pytest.mark.parametrize(
    ("answerable", "right", "verdict"),
    [(0.9, 0.9, "supported"), (0.9, 0.5, "partly"), (0.2, 0.9, "not in the documents")],
)
def test_the_verdict_follows_the_estimate(answerable: float, right: float, verdict: str) -> None:
    answer = ground(
        "Who signed the Treaty of Oslo?",
        "The Treaty of Oslo was signed by Norway in 1921.",
        _hits(),
        embedder=WordVectors(),
        confidence=lambda features: Confidence(answerable, right),
    )
    assert (answer.verdict, answer.score) == (verdict, answerable)


def test_other_languages_are_left_to_the_rules() -> None:
    text = "挪威于1921年签署了奥斯陆条约。"

    def never(features: Features) -> Confidence:
        raise AssertionError("asked")

    answer = ground("谁签署了奥斯陆条约？", text, _hits(text, "zh"), embedder=WordVectors(), confidence=never)
    assert answer == ground("谁签署了奥斯陆条约？", text, _hits(text, "zh"), embedder=WordVectors())


def test_a_logistic_by_hand() -> None:
    model = Logistic(bias=0.5, weights=(2.0, -1.0), mean=(1.0, 0.0), scale=(2.0, 1.0))
    assert model((3.0, 1.5)) == pytest.approx(1 / (1 + math.exp(-(0.5 + 2.0 - 1.5))))
    assert model((-1e6, 0.0)) == 0.0


def test_the_shipped_model_reads_what_is_there() -> None:
    model = load_confidence()
    found = model(_features("Who signed the Treaty of Oslo in 1921?"))
    swapped = model(_features("Who never signed the Treaty of Bergen in 1935?"))
    assert 0 < swapped.answerable < found.answerable < 1
    assert len(model.features) <= 30


def test_a_model_for_other_features_is_an_error() -> None:
    model = replace(load_confidence(), features=("nothing", *load_confidence().features[1:]))
    with pytest.raises(ModelError, match="nothing"):
        model(_features("Who signed the Treaty of Oslo?"))


@pytest.mark.parametrize("text", ["{", "{}", json.dumps({"features": ["a"], "embedder": "e", "trained_on": {}})])
def test_what_is_no_model_is_an_error(text: str) -> None:
    with pytest.raises(ModelError, match="not a confidence model"):
        read_confidence(text, where="w.json")


def test_withholding_takes_away_and_never_gives() -> None:
    answer = ground("Who signed the Treaty of Oslo?", "The Treaty of Oslo was signed by Norway in 1921.", _hits())
    assert answer.verdict == "supported"
    kept = withhold(answer, answer.score, 0.05)
    assert kept == replace(answer, risk=0.05)
    gone: Answer = withhold(answer, answer.score + 0.01, 0.05)
    assert gone.refused
    assert (gone.sentences, gone.score, gone.risk) == ((), answer.score, 0.05)
    assert gone.text != answer.text
