"""Counts and offsets: what chunkers rely on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.embedders import EstimatingTokenizer, HuggingFaceTokenizer

TEXT = st.text(st.characters(), max_size=80)  # lone surrogates among them


@pytest.fixture(scope="module")
def tokenizer(encoder) -> HuggingFaceTokenizer:
    return HuggingFaceTokenizer(encoder("bert") / "tokenizer.json")


def check(tokenizer, text):
    offsets = tokenizer.offsets(text)
    assert tokenizer.count(text) == len(offsets) + 2
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    assert offsets == sorted(offsets)


@given(text=TEXT)
def test_offsets_are_within_the_text_and_counted(tokenizer, text):
    check(tokenizer, text)


@given(text=TEXT)
def test_estimates_keep_the_same_promises(text):
    check(EstimatingTokenizer(), text)


@given(text=TEXT, limit=st.integers(2, 20))
def test_cutting_keeps_the_head_and_the_special_tokens(tokenizer, text, limit):
    whole, cut = tokenizer.encode_batch([text])[0], tokenizer.cut(text, limit)
    assert len(cut) == min(len(whole), limit)
    assert cut[:-1] == whole[: len(cut) - 1]
    assert cut[-1] == whole[-1]


def test_offsets_are_code_points(tokenizer):
    text = "𝔸 Wings é"
    starts = {text[start:end] for start, end in tokenizer.offsets(text)}
    assert {"Wings", "é"} <= starts or {"Wing", "s"} <= starts


def test_a_prompt_is_counted_but_has_no_offsets(encoder):
    plain, prompted = (HuggingFaceTokenizer(encoder("bert") / "tokenizer.json", prompt=p) for p in ("", "query: "))
    extra = len(plain.offsets("query: "))
    assert extra > 0
    assert prompted.count("wing") == plain.count("wing") + extra
    assert prompted.offsets("wing") == plain.offsets("wing")


@pytest.mark.models
@pytest.mark.collections
def test_estimates_are_on_the_high_side(collections_dir):
    import json

    from rag import models

    real = HuggingFaceTokenizer(models.resolve("minilm") / "tokenizer.json")
    for name in ("squad2", "xquad-zh"):
        lines = (collections_dir / name / "corpus.jsonl").read_text("utf-8").splitlines()[:30]
        for text in (json.loads(line)["text"] for line in lines):
            assert EstimatingTokenizer().count(text) > 0.9 * real.count(text)
