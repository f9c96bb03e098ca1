"""What a model folder may hold, and what is refused with a reason."""

from __future__ import annotations

import json

import pytest

from rag.embedders import HuggingFaceTokenizer, OpenVinoEmbedder, SentenceTransformerEmbedder, load_embedder
from rag.embedders.encoder_folder import read_encoder_folder
from rag.errors import EmbeddingError, ModelError

BACKENDS = [OpenVinoEmbedder, SentenceTransformerEmbedder]


def edit(path, **changes):
    value = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(value | changes), "utf-8")


def add_module(folder, kind, path=""):
    file = folder / "modules.json"
    rows = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps([*rows, {"idx": 3, "name": "3", "path": path, "type": kind}]), "utf-8")


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_model_that_is_not_there(backend, tmp_path):
    with pytest.raises(ModelError, match="neither a path nor registered"):
        backend("no-such-model")
    with pytest.raises(ModelError, match=r"config.json: cannot be read"):
        backend(tmp_path)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("file", ["config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json"])
def test_a_broken_file_is_named(backend, file, fresh_encoder):
    (fresh_encoder / file).write_text("{ broken")
    with pytest.raises(ModelError, match=file):
        backend(fresh_encoder).tokenizer.count("read no later than when it is first used")


@pytest.mark.parametrize("backend", BACKENDS)
def test_pickled_weights_are_never_read(backend, fresh_encoder):
    (fresh_encoder / "model.safetensors").rename(fresh_encoder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled weights"):
        backend(fresh_encoder)


@pytest.mark.parametrize("backend", BACKENDS)
def test_code_of_a_model_is_never_run(backend, fresh_encoder):
    (fresh_encoder / "evil.py").write_text("raise SystemExit('run')")
    add_module(fresh_encoder, "evil.Module")
    with pytest.raises(ModelError, match=r"module evil.Module needs code of its own"):
        backend(fresh_encoder)


@pytest.mark.parametrize("backend", BACKENDS)
def test_damaged_weights(backend, fresh_encoder):
    (fresh_encoder / "model.safetensors").write_bytes(b"not safetensors")
    embedder = backend(fresh_encoder)
    with pytest.raises(ModelError, match=r"cannot (be loaded|read the weights)"):
        embedder.embed_documents(["x"])


def test_weights_that_lack_a_tensor(fresh_encoder):
    edit(fresh_encoder / "config.json", num_hidden_layers=3)
    with pytest.raises(ModelError, match=r"lack 'encoder.layer.2"):
        OpenVinoEmbedder(fresh_encoder).embed_queries(["x"])


def test_weights_that_are_not_numbers(fresh_encoder):
    import numpy as np
    from safetensors.numpy import load_file, save_file

    weights = load_file(fresh_encoder / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][:] = np.nan
    save_file(weights, fresh_encoder / "model.safetensors", {"format": "pt"})
    for backend in BACKENDS:
        with pytest.raises(EmbeddingError, match="not finite"):
            backend(fresh_encoder).embed_documents(["x"])


@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        ("config.json", {"model_type": "mpnet"}, "architecture 'mpnet'"),
        ("config.json", {"hidden_act": "relu"}, "activation 'relu'"),
        ("config.json", {"position_embedding_type": "relative_key"}, "position embeddings 'relative_key'"),
        ("1_Pooling/config.json", {"pooling_mode_max_tokens": True}, r"pooling max\+mean"),
        ("1_Pooling/config.json", {"include_prompt": False}, "leaves the prompt out"),
    ],
)
def test_what_the_fast_path_does_not_run_it_refuses(file, change, reason, fresh_encoder, monkeypatch):
    monkeypatch.setattr("rag.embedders.choice.gpu", lambda: "")
    edit(fresh_encoder / file, **change)
    with pytest.raises(EmbeddingError, match=rf"does not run .*{reason}.*use SentenceTransformerEmbedder"):
        OpenVinoEmbedder(fresh_encoder)
    assert isinstance(load_embedder(fresh_encoder), SentenceTransformerEmbedder)


def test_a_dense_module_sets_the_dimension_and_the_backend(fresh_encoder, monkeypatch, reference):
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense

    monkeypatch.setattr("rag.embedders.choice.gpu", lambda: "")
    torch.manual_seed(1)
    (fresh_encoder / "3_Dense").mkdir()
    Dense(48, 20).save(str(fresh_encoder / "3_Dense"))
    add_module(fresh_encoder, "sentence_transformers.models.Dense", "3_Dense")
    embedder = load_embedder(fresh_encoder)
    assert isinstance(embedder, SentenceTransformerEmbedder)
    assert embedder.dim == 20
    expected = reference(fresh_encoder, ["a wing"], "")
    assert (embedder.embed_documents(["a wing"]) * expected).sum() > 0.999_999


def test_a_plain_transformer_folder_is_mean_pooled(fresh_encoder):
    for name in ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"):
        (fresh_encoder / name).unlink()
    folder = read_encoder_folder(fresh_encoder)
    assert (folder.pooling, folder.dim, folder.max_tokens) == (("mean",), 48, 64)
    found = [backend(fresh_encoder).embed_documents(["a wing"]) for backend in BACKENDS]
    assert (found[0] * found[1]).sum() > 0.999


def test_lower_casing_is_the_models_own(fresh_encoder):
    edit(fresh_encoder / "sentence_bert_config.json", do_lower_case=True)
    tokenizer = json.loads((fresh_encoder / "tokenizer.json").read_text("utf-8"))
    tokenizer["normalizer"]["lowercase"] = False
    (fresh_encoder / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    plain, lower = (HuggingFaceTokenizer(fresh_encoder / "tokenizer.json", lowercase=on) for on in (False, True))
    assert lower.encode_batch(["WINGS Ä"]) == plain.encode_batch(["wings ä"]) != plain.encode_batch(["WINGS Ä"])
    found = [backend(fresh_encoder).embed_documents(["WINGS"]) for backend in BACKENDS]
    assert (found[0] * found[1]).sum() > 0.999
