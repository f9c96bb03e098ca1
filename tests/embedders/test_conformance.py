"""Every embedder gives the vectors of plain sentence-transformers in float32, and keeps the protocol."""

from __future__ import annotations

import numpy as np
import pytest

from rag.embedders import OpenVinoEmbedder, SentenceTransformerEmbedder, load_embedder
from rag.errors import EmbeddingError
from rag.protocols import Embedder, Tokenizer

CASES = [
    pytest.param(make, kind, id=f"{label}-{kind}")
    for label, make in {
        "openvino-f32": lambda path: OpenVinoEmbedder(path, precision="f32"),
        "openvino-auto": OpenVinoEmbedder,
        "sentence-transformers": lambda path: SentenceTransformerEmbedder(path, device="cpu"),
    }.items()
    for kind in ("bert", "bert-cls-prompts", "bert-tanh", "roberta", "xlm-roberta", "distilbert")
    if not (label.startswith("openvino") and kind == "distilbert")
]
PROMPTS = {"bert-cls-prompts": ("query: ", "doc: ")}


@pytest.mark.parametrize(("make", "kind"), CASES)
def test_vectors_equal_the_plain_package(make, kind, encoder, texts, reference, request):
    path = encoder(kind)
    embedder = make(path)
    query_prompt, document_prompt = PROMPTS.get(kind, ("", ""))
    least = 0.999 if "auto" in request.node.callspec.id else 0.999_999
    for found, prompt in (
        (embedder.embed_documents(texts), document_prompt),
        (embedder.embed_queries(texts), query_prompt),
    ):
        expected = reference(path, texts, prompt)
        assert found.dtype == np.float32
        assert found.shape == (len(texts), embedder.dim)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
        assert (found * expected).sum(axis=1).min() >= least
    # The check can fail: vectors of different texts are far apart.
    assert (expected[0] * expected[5]).sum() < 0.99


@pytest.mark.parametrize(("make", "kind"), CASES)
def test_protocol(make, kind, encoder, texts):
    embedder = make(encoder(kind))
    assert isinstance(embedder, Embedder)
    assert isinstance(embedder.tokenizer, Tokenizer)
    assert (embedder.dim, embedder.max_tokens) == (48, 64)
    assert embedder.embed_documents([]).shape == embedder.embed_queries([]).shape == (0, 48)
    repeated = embedder.embed_documents([texts[0], texts[1], texts[0]])
    assert (repeated[0] == repeated[2]).all()
    assert not np.allclose(repeated[0], repeated[1])


@pytest.mark.parametrize(("make", "kind"), CASES)
def test_a_document_over_the_limit_is_refused_and_a_query_is_cut(make, kind, encoder, reference):
    path = encoder(kind)
    embedder = make(path)
    long = "wing " * 100
    assert embedder.tokenizer.count(long) > 64
    with pytest.raises(EmbeddingError, match=r"text 1 has \d+ tokens; the model reads 64"):
        embedder.embed_documents(["short", long])
    expected = reference(path, [long], PROMPTS.get(kind, ("", ""))[0])
    assert (embedder.embed_queries([long]) * expected).sum() >= 0.999


@pytest.mark.parametrize(("make", "kind"), CASES)
def test_the_count_is_what_the_model_sees(make, kind, encoder):
    """A passage that fits the budget by ``count`` is never refused, prompt or not."""
    embedder = make(encoder(kind))
    words = 0
    while embedder.tokenizer.count("wing " * (words + 1)) <= embedder.max_tokens:
        words += 1
    embedder.embed_documents(["wing " * words])
    with pytest.raises(EmbeddingError):
        embedder.embed_documents(["wing " * (words + 1)])


def test_fingerprints_are_equal_across_backends_and_folders_only(encoder, fresh_encoder):
    path = encoder("bert")
    prints = {make(path).fingerprint for make in (OpenVinoEmbedder, SentenceTransformerEmbedder)}
    assert prints == {OpenVinoEmbedder(fresh_encoder).fingerprint}  # the same bytes elsewhere
    (fresh_encoder / "README.json").write_text("{}")  # says nothing about the vectors
    assert prints == {OpenVinoEmbedder(fresh_encoder).fingerprint}
    others = {OpenVinoEmbedder(encoder(kind)).fingerprint for kind in ("bert-cls-prompts", "bert-tanh", "roberta")}
    assert len(prints | others) == 4


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "1_Pooling/config.json"])
def test_a_changed_file_changes_the_fingerprint(fresh_encoder, file):
    before = OpenVinoEmbedder(fresh_encoder).fingerprint
    path = fresh_encoder / file
    path.write_bytes(path.read_bytes() + b" ")
    assert SentenceTransformerEmbedder(fresh_encoder).fingerprint != before


def test_auto_takes_the_fast_path_where_it_can(encoder, monkeypatch):
    monkeypatch.setattr("rag.embedders.choice.gpu", lambda: "")
    assert isinstance(load_embedder(encoder("bert")), OpenVinoEmbedder)
    assert isinstance(load_embedder(encoder("distilbert")), SentenceTransformerEmbedder)
    assert isinstance(load_embedder(encoder("bert"), backend="sentence-transformers"), SentenceTransformerEmbedder)
    with pytest.raises(EmbeddingError, match=r"does not run architecture 'distilbert'.*SentenceTransformerEmbedder"):
        load_embedder(encoder("distilbert"), backend="openvino")
    monkeypatch.setattr("rag.embedders.choice.gpu", lambda: "cuda")
    assert isinstance(load_embedder(encoder("bert")), SentenceTransformerEmbedder)
