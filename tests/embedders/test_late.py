"""Late chunking: vectors of spans are means of the plain package's token states over windows that cover the text."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.embedders import OpenVinoEmbedder, SentenceTransformerEmbedder
from rag.embedders.late import plan_windows
from rag.errors import EmbeddingError
from rag.protocols import SpanEmbedder

MAKERS = {
    "openvino-f32": lambda path: OpenVinoEmbedder(path, precision="f32"),
    "sentence-transformers": lambda path: SentenceTransformerEmbedder(path, device="cpu"),
}
TEXT = "The wing of a thin aerofoil. 中文句子没有空格，也要切分。 A warranty covers parts."


@pytest.fixture(params=MAKERS)
def make(request):
    return MAKERS[request.param]


@given(st.integers(1, 2000), st.integers(1, 300))
def test_windows_fit_and_each_token_has_one_with_context_on_both_sides(tokens, room):
    windows = plan_windows(tokens, room)
    owned = [token for window in windows for token in range(window.own_first, window.own_last)]
    assert owned == list(range(tokens))
    for window in windows:
        assert 0 <= window.first <= window.own_first < window.own_last <= window.last <= tokens
        assert window.last - window.first <= room
    if len(windows) > 1:
        shared = [one.last - other.first for one, other in pairwise(windows)]
        assert min(shared) >= room // 4
        for one, other in pairwise(windows):
            assert abs((one.last - one.own_last) - (other.own_first - other.first)) <= 1


def spans_of(text):
    middle = text.index("中")
    return [(0, middle), (middle, len(text)), (4, 8), (0, len(text))]


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_vectors_are_means_of_the_plain_packages_states(make, kind, encoder):
    from sentence_transformers import SentenceTransformer

    from rag.models.torch_runtime import quiet_loading

    path = encoder(kind)
    embedder = make(path)
    assert isinstance(embedder, SpanEmbedder)
    with quiet_loading():
        plain = SentenceTransformer(str(path), device="cpu", local_files_only=True)
    states = plain.encode(TEXT, output_value="token_embeddings", show_progress_bar=False).numpy()
    encoding = plain.tokenizer(TEXT, return_offsets_mapping=True, return_special_tokens_mask=True)
    spans = spans_of(TEXT)
    found = embedder.embed_spans(TEXT, spans)
    assert found.shape == (4, 48)
    assert found.dtype == np.float32
    for vector, (start, end) in zip(found, spans, strict=True):
        own = [
            state
            for state, (first, last), special in zip(
                states, encoding["offset_mapping"], encoding["special_tokens_mask"], strict=True
            )
            if not special and first < end and start < last
        ]
        expected = np.mean(own, axis=0)
        assert vector @ (expected / np.linalg.norm(expected)) > 0.99999
    assert found[0] @ found[1] < 0.999  # the check can fail


def test_the_same_words_differ_by_what_stands_around_them(make, encoder):
    embedder = make(encoder("bert"))
    one, other = ("The wing. It opens.", "A warranty. It opens.")
    here = embedder.embed_spans(one, [(10, 19)])[0]
    there = embedder.embed_spans(other, [(12, 21)])[0]
    assert one[10:19] == other[12:21] == "It opens."
    assert here @ there < 0.9999
    titled = embedder.embed_spans(one, [(10, 19)], prefix="Warranty\n")[0]
    assert here @ titled < 0.9999


def test_a_text_over_the_limit_is_read_in_windows(make, encoder):
    embedder = make(encoder("bert"))
    text = " ".join(f"wing {number} parts" for number in range(400))
    spans = [(start, min(start + 60, len(text))) for start in range(0, len(text), 60)]
    found = embedder.embed_spans(text, spans, prefix="title " * 300)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    # a stretch well within one window of the long text is what it is in a text of that window alone
    assert np.isfinite(found).all()
    np.testing.assert_allclose(embedder.embed_spans(text, spans, prefix="title " * 300), found, atol=1e-6)
    again = embedder.embed_spans(text, spans[:3] + spans[5:6])
    alone = embedder.embed_spans(text, spans)
    np.testing.assert_allclose(again, alone[[0, 1, 2, 5]], atol=1e-6)


@pytest.mark.parametrize("text", ["\u200b", "\x00", "a\u200b b"])
def test_a_span_without_tokens_has_a_vector_too(make, encoder, text):
    found = make(encoder("bert")).embed_spans(text, [(0, 1), (len(text) - 1, len(text))])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_no_spans_no_vectors(make, encoder):
    assert make(encoder("bert")).embed_spans("wing", []).shape == (0, 48)


def test_another_pooling_is_refused(make, encoder):
    with pytest.raises(EmbeddingError, match=r"not cls.*chunker\.late"):
        make(encoder("bert-cls-prompts")).embed_spans("wing", [(0, 4)])
