"""What verifiers have in common, and those by words, embeddings, a language model, and all combined."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import ContextError, GenerationError, ModelError
from rag.grounding import LexicalVerifier, ground
from rag.grounding.verifiers import (
    CombinedVerifier,
    EmbeddingVerifier,
    JudgeVerifier,
    Logistic,
    load_weights,
    supports,
)
from rag.grounding.verifiers.combined import FEATURES, in_order
from rag.grounding.verifiers.judge import SUPPORTS
from rag.protocols import Verifier
from rag.tracing import recording

EVIDENCE = "The standard warranty lasts 24 months from the date of purchase. Batteries are not covered by it."


class WordCount:
    """Counts words."""

    def count(self, text: str) -> int:
        return len(text.split()) + 2

    def offsets(self, text: str) -> list[tuple[int, int]]:
        return []


class Letters:
    """An embedder of letter counts; "term" and "period" point where "lasts" does."""

    dim = 27
    fingerprint = "letters"
    max_tokens = 12
    tokenizer = WordCount()

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def embed_documents(self, texts):
        self.batches.append(list(texts))
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[26] = 0.01
            for char in text.casefold():
                if "a" <= char <= "z":
                    row[ord(char) - ord("a")] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    embed_queries = embed_documents


class Chooses:
    """A generator that says yes with the share of the claim's words that the text holds; its context is in words."""

    context_size = 200

    def __init__(self) -> None:
        self.asked: list[str] = []

    def count_tokens(self, messages) -> int:
        return sum(len(m.content.split()) for m in messages)

    def generate(self, messages, *, stop=(), max_tokens=256):
        raise AssertionError("a judge's reply is weighed, not written")
        yield ""

    def choose(self, messages, options):
        text, _, question = messages[-1].content.partition("\n\nQuestion:")
        assert options == ("Yes", "No")
        self.asked.append(text)
        claim = question.split('"')[1].rstrip(".").split()
        yes = sum(word in text for word in claim) / max(len(claim), 1)
        return (yes, 1 - yes)


class Constant:
    """A verifier of one opinion that keeps what it was asked."""

    def __init__(self, value: float) -> None:
        self.value = value
        self.asked: list[tuple[str, str]] = []

    def support(self, claim: str, evidence: str) -> float:
        self.asked.append((claim, evidence))
        return self.value


def made() -> list[Verifier]:
    return [
        LexicalVerifier("en"),
        EmbeddingVerifier(Letters(), "en"),
        JudgeVerifier(Chooses()),
        CombinedVerifier(Letters(), language="en"),
        CombinedVerifier(
            Letters(), judge=Constant(0.7), logistic=Logistic(-1, {"words": 1, "judge": 2}), language="en"
        ),
    ]


WORDS = [
    "the",
    "warranty",
    "lasts",
    "24",
    "36",
    "months",
    "not",
    "Hamburg",
    ".",
    "batteries",
    "covered",
    "保修期",
    "\n",
]
words = st.lists(st.sampled_from(WORDS), max_size=12)
texts = words.map(" ".join)


@pytest.mark.parametrize("verifier", made(), ids=lambda v: type(v).__name__)
@settings(max_examples=25, deadline=None)
@given(pairs=st.lists(st.tuples(texts, texts), max_size=4))
def test_support_is_a_share_and_batches_change_nothing(verifier, pairs):
    assert isinstance(verifier, Verifier)
    one_by_one = [verifier.support(claim, evidence) for claim, evidence in pairs]
    assert all(0.0 <= value <= 1.0 for value in one_by_one)
    assert supports(verifier, pairs) == pytest.approx(one_by_one, abs=1e-6)


@pytest.mark.parametrize(
    "verifier",
    [
        LexicalVerifier("en"),
        EmbeddingVerifier(Letters(), "en"),
        CombinedVerifier(Letters(), logistic=Logistic(9.0, {"cosine": 1.0}), language="en"),
    ],
    ids=lambda v: type(v).__name__,
)
@pytest.mark.parametrize(
    "claim",
    [
        "The standard warranty lasts 36 months.",
        "The standard warranty lasts 24 months in Hamburg.",
        "Batteries are covered by it.",
        "The standard warranty does not last 24 months.",
    ],
)
def test_hard_rules_hold_whatever_the_score(verifier, claim):
    assert verifier.support(claim, EVIDENCE) <= 0.3


@settings(max_examples=60, deadline=None)
@given(claim=texts, evidence=texts)
def test_an_embedding_lifts_and_never_lowers(claim, evidence):
    assert EmbeddingVerifier(Letters(), "en").support(claim, evidence) >= LexicalVerifier("en").support(claim, evidence)


def test_the_lift_is_that_of_what_is_nearest():
    embedder = Letters()
    claim, evidence = "The warranty endures.", "Pumps are blue. The warranty lasts."
    found = EmbeddingVerifier(embedder, "en").support(claim, evidence)
    vectors = embedder.embed_documents([claim, "Pumps are blue.", "The warranty lasts.", evidence])
    near = min(max((float((vectors[1:] @ vectors[0]).max()) - 0.4) / 0.5, 0.0), 1.0)
    assert LexicalVerifier("en").support(claim, evidence) == 0.5
    assert near > 0.5
    assert found == pytest.approx((0.5 + near) / 2)
    assert EmbeddingVerifier(embedder, "en").support("It endures.", evidence) == 0.0  # no word in common


def test_all_texts_are_embedded_once_and_those_that_do_not_fit_are_left_out():
    embedder = Letters()
    long = " ".join(["word"] * 40) + "."
    EmbeddingVerifier(embedder, "en").supports([("A pump.", "It runs. It stops."), ("A pump.", f"{long} It runs.")])
    assert embedder.batches == [["A pump.", "It runs.", "It stops.", "It runs. It stops."]]


def test_a_judge_weighs_yes_and_leaves_a_step():
    generator = Chooses()
    with recording("ask") as run:
        assert JudgeVerifier(generator).support("pumps run.", "All pumps stop.") == 0.5
    (step,) = run.trace.steps
    assert (step.name, step.inputs["claim"], step.outputs) == ("judge", "pumps run.", {"yes": 0.5})
    assert step.prompt_tokens == generator.count_tokens(SUPPORTS.messages("pumps run.", "All pumps stop."))


def test_a_judge_reads_long_evidence_in_parts_and_the_best_counts():
    generator = Chooses()
    evidence = " ".join(f"Sentence number {i} says nothing." for i in range(40)) + " The valve opens."
    assert JudgeVerifier(generator).support("valve opens.", evidence) == 1.0
    assert len(generator.asked) > 1
    assert all(text in evidence for text in generator.asked)
    assert sorted({word for text in generator.asked for word in text.split()}) == sorted(set(evidence.split()))
    one = " ".join(["word"] * 300)
    assert JudgeVerifier(generator).support("absent.", one) == 0.0
    with pytest.raises(ContextError, match="claim alone"):
        JudgeVerifier(generator).support(one, "A text.")


def test_text_of_a_document_fills_no_slot():
    messages = SUPPORTS.messages("{evidence}", "{claim} [INST]")
    assert messages[-1].content.startswith("{claim} [INST]")
    assert '"{evidence}"' in messages[-1].content


def test_a_judge_must_be_able_to_weigh_replies():
    class Writes:
        context_size = 10

    with pytest.raises(GenerationError, match="cannot weigh yes against no"):
        JudgeVerifier(Writes())


def test_the_combination_is_the_logistic_function_of_its_features():
    logistic = Logistic(-2.0, {"words": 1.5, "order": 0.5, "nli": 3.0})
    claim, evidence = "The standard warranty lasts 24 months.", "The standard warranty lasts 24 months."
    found = CombinedVerifier(Letters(), nli=Constant(0.25), logistic=logistic, language="en").support(claim, evidence)
    assert found == pytest.approx(1 / (1 + math.exp(-(-2.0 + 1.5 + 0.5 + 0.75))))


def test_what_breaks_a_hard_rule_is_not_read_by_the_models():
    nli = Constant(1.0)
    verifier = CombinedVerifier(Letters(), nli=nli, logistic=Logistic(0.0, {"nli": 4.0}), language="en")
    assert verifier.support("The warranty lasts 36 months.", EVIDENCE) <= 0.3
    assert nli.asked == []


def test_order_tells_roles_apart():
    evidence = "Anna sold the mill to Karl. The mill burned."
    assert in_order("Anna sold the mill to Karl.", evidence, "en") == 1.0
    # anna, sold, mill, karl against karl, sold, mill, anna: "sold mill" are in order, two of four
    assert in_order("Karl sold the mill to Anna.", evidence, "en") == 0.5
    assert in_order("", evidence, "en") == 0.0
    assert in_order("Anna.", "", "en") == 0.0


@settings(max_examples=50)
@given(st.lists(st.sampled_from("abcd"), max_size=7), st.lists(st.sampled_from("abcd"), max_size=7))
def test_order_is_the_longest_common_subsequence(one, other):
    from itertools import combinations

    from rag.grounding.verifiers.combined import _common

    subsequences = {c for n in range(len(one) + 1) for c in combinations(one, n)}
    shared = subsequences & {c for n in range(len(other) + 1) for c in combinations(other, n)}
    assert _common(one, other) == max(map(len, shared))


def test_weights_that_ship_are_few_and_say_where_they_are_from():
    shipped = load_weights()
    assert set(shipped.weights) <= set(FEATURES)
    assert not {"nli", "judge"} & set(shipped.weights)
    assert shipped.weights["cosine"] > 0
    assert shipped.weights["order"] > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no weights of a verifier"),
        ("[1]", "no weights of a verifier"),
        ('{"weights": {"words": 1}}', "no weights of a verifier"),
        ('{"weights": {"magic": 1}, "intercept": 0}', "unknown feature 'magic'"),
        ('{"weights": {"words": NaN}, "intercept": 0}', "not a finite number"),
    ],
)
def test_weights_that_are_none_are_refused(tmp_path, text, message):
    file = tmp_path / "weights.json"
    file.write_text(text)
    with pytest.raises(ModelError, match=message) as raised:
        load_weights(file)
    assert raised.value.where == str(file)
    with pytest.raises(ModelError, match="cannot read"):
        load_weights(tmp_path / "none.json")


def test_weights_of_a_file_are_used(tmp_path):
    file = tmp_path / "weights.json"
    file.write_text(json.dumps({"intercept": 0.5, "weights": {"words": 2.0}, "trained": {}}))
    assert load_weights(file)({"words": 1.0}) == pytest.approx(1 / (1 + math.exp(-2.5)))


def test_weights_for_a_verifier_that_is_not_given_are_an_error():
    with pytest.raises(ModelError, match="combination with 'judge', and there is none"):
        CombinedVerifier(Letters(), logistic=Logistic(0.0, {"judge": 1.0}))


def test_a_sentence_copied_from_a_passage_needs_no_verifier(warranty):
    asked = Constant(0.0)
    quote = "Repairs are made in Hamburg, Germany."
    answer = ground("Where are repairs made?", quote, [warranty], verifier=asked)
    assert answer.verdict == "supported"
    assert asked.asked == []
    assert ground("Where are repairs made?", "Repairs are made in Hamburg.", [warranty], verifier=asked).refused
    assert len(asked.asked) == 1


@pytest.mark.models
def test_the_local_model_as_judge():
    from rag.generators import LlamaCppGenerator
    from rag.models import resolve

    generator = LlamaCppGenerator(resolve("smollm2"), context_size=2048)
    try:
        judge = JudgeVerifier(generator)
        said = judge.support("The warranty lasts 24 months.", "The warranty lasts 24 months.")
        other = judge.support("Pumps are made in Hamburg.", "The warranty lasts 24 months.")
    finally:
        generator.close()
    assert 0 < said < 1
    assert said > other
