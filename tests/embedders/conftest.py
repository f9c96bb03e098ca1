"""Small random encoders in the sentence-transformers layout, and what the plain package makes of them."""

from __future__ import annotations

import functools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rag import models
from rag.models import hashes

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

TEXTS = (
    "The wing of a thin aerofoil in supersonic flow.",
    "Wings",
    "",
    "Ein Messgerät für die Dicke von Blechen, geprüft am 3. März 2021.",
    "中文句子没有空格，也要切分。",
    "A warranty covers parts and labour for 24 months. " * 4,
    "\n\ttabs, newlines & <markup> {{x}} \x00 nul",
    "e\u0301tude combining",
    "a lone \ud800 surrogate",
    "words " * 45,
)
SETTINGS = {
    "bert": {"model": "bert"},
    "bert-cls-prompts": {"model": "bert", "pooling": "cls", "prompts": {"query": "query: ", "passage": "doc: "}},
    "bert-tanh": {"model": "bert", "act": "gelu_new"},
    "roberta": {"model": "roberta"},
    "xlm-roberta": {"model": "xlm-roberta"},
    "distilbert": {"model": "distilbert"},
}
FAST = [name for name in SETTINGS if name != "distilbert"]


def make_tokenizer(folder: Path) -> int:
    """A WordPiece tokenizer of letters and a few words; returns the size of its vocabulary."""
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors, trainers
    from tokenizers.models import WordPiece
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    texts = [text.replace("\ud800", "") for text in TEXTS]
    tokenizer.train_from_iterator(
        [*texts, "query: doc:"], trainers.WordPieceTrainer(vocab_size=400, special_tokens=special, show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
    ).save_pretrained(folder)
    return tokenizer.get_vocab_size()


def make_encoder(
    folder: Path,
    *,
    model: str = "bert",
    pooling: str = "mean",
    act: str = "gelu",
    prompts: dict[str, str] | None = None,
) -> Path:
    """Random weights, large enough that different texts get clearly different vectors."""
    import torch
    from transformers import AutoConfig, AutoModel

    torch.manual_seed(7)
    size = make_tokenizer(folder)
    if model == "distilbert":
        shape = {"dim": 48, "hidden_dim": 96, "n_layers": 2, "n_heads": 4, "activation": act}
    else:
        shape = {
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "hidden_act": act,
        }
    config = AutoConfig.for_model(
        model, vocab_size=size, max_position_embeddings=80, pad_token_id=0, initializer_range=0.2, **shape
    )
    encoder = AutoModel.from_config(config)
    for name, weight in encoder.named_parameters():  # else biases and norms are all zeros and ones
        if name.endswith("bias") or "LayerNorm" in name:
            torch.nn.init.normal_(weight, mean=float(name.endswith("weight")), std=0.1)
    encoder.save_pretrained(folder)
    kinds = ("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (kind, path) in enumerate(kinds)
    ]
    (folder / "1_Pooling").mkdir()
    write_json(folder / "modules.json", modules)
    write_json(
        folder / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": 48,
            "pooling_mode_cls_token": pooling == "cls",
            "pooling_mode_mean_tokens": pooling == "mean",
        },
    )
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 64, "do_lower_case": False})
    write_json(folder / "config_sentence_transformers.json", {"prompts": prompts or {}})
    return folder


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), "utf-8")


@functools.cache
def plain_model(folder: Path) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer

    from rag.models.torch_runtime import quiet_loading

    with quiet_loading():
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True)


def plain_encode(folder: Path, texts: list[str], prompt: str) -> np.ndarray:
    """What sentence-transformers alone gives in float32."""
    texts = [text.replace("\ud800", "\ufffd") for text in texts]
    return plain_model(folder).encode(texts, prompt=prompt, normalize_embeddings=True, show_progress_bar=False)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of one of SETTINGS, made once a session."""
    made: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name not in made:
            made[name] = make_encoder(tmp_path_factory.mktemp(name), **SETTINGS[name])
        return made[name]

    return get


@pytest.fixture
def fresh_encoder(encoder: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of the BERT folder of the test's own, to be spoilt."""
    return shutil.copytree(encoder("bert"), tmp_path / "copy")


@pytest.fixture(autouse=True)
def hash_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes of files that will soon be gone are not kept in the user's cache."""
    monkeypatch.setattr(models, "file_sha256", lambda path: hashes.file_sha256(path, memory=tmp_path / "memory"))


@pytest.fixture
def texts() -> list[str]:
    return list(TEXTS)


@pytest.fixture(scope="session")
def reference() -> Callable[[Path, list[str], str], np.ndarray]:
    return plain_encode
