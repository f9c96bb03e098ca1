"""Embeddings lift a paraphrase, and nothing that breaks a hard rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rag.grounding import ground
from rag.text import WordTokenizer
from rag.types import Vectors


class Topics:
    """An embedder that knows two topics by their words; counts the texts it embeds."""

    dim = 2
    fingerprint = "topics"
    max_tokens = 20
    tokenizer = WordTokenizer()

    def __init__(self) -> None:
        self.embedded = 0

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.embedded += len(texts)
        money = ("refund", "reimburse", "money")
        rows = [(1.0, 0.0) if any(word in text for word in money) else (0.0, 1.0) for text in texts]
        return np.array(rows, dtype=np.float32)

    embed_queries = embed_documents


TEXT = "Every purchaser gets a refund upon sending goods back. The office plant is green."
QUESTION = "What happens upon sending goods back?"


@pytest.mark.parametrize(
    ("draft", "verdict"),
    [
        ("Customers sending things are reimbursed.", "supported"),
        ("Customers sending things are reimbursed 500 euros.", "not in the documents"),
        ("Customers sending things to Berlin are reimbursed.", "not in the documents"),
        ("Trees grow slowly upwards.", "not in the documents"),
        # near, but not one word in common: likeness alone is no proof
        ("Reimbursement follows: money.", "not in the documents"),
    ],
)
def test_a_paraphrase_needs_the_embedder_and_its_facts(hit, draft, verdict):
    found = hit(TEXT)[1]
    assert ground(QUESTION, draft, [found]).refused
    answer = ground(QUESTION, draft, [found], embedder=Topics())
    assert answer.verdict == verdict
    if verdict == "supported":
        assert [c.quote for c in answer.citations] == ["Every purchaser gets a refund upon sending goods back."]


def test_nothing_is_embedded_where_words_decide(hit):
    embedder = Topics()
    ground(QUESTION, "Every purchaser gets a refund upon sending goods back.", [hit(TEXT)[1]], embedder=embedder)
    assert embedder.embedded == 0


def test_a_sentence_too_long_for_the_model_is_left_out(hit):
    found = hit("refund " * 40 + ".")[1]
    assert ground(QUESTION, "Customers are reimbursed.", [found], embedder=Topics()).refused
