"""CrossEncoderReranker gives the plain CrossEncoder's scores and the order that follows from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.errors import ModelError, QueryError, RerankError
from rag.models.torch_runtime import quiet_loading
from rag.protocols import Reranker
from rag.rerankers import CrossEncoderReranker
from rag.types import ArmScore, Chunk, Hit

QUERY = "what lifts a wing"
TEXTS = ["The wing lifts.", "Nothing here.", "A wing is lifted by flow.", "Sheet metal gauges.", "lifts " * 40]


def make_model(folder: Path, labels: int = 1) -> Path:
    """A random BERT cross-encoder whose scores differ from pair to pair."""
    import torch
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors, trainers
    from tokenizers.models import WordPiece
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=names, show_progress=False)
    tokenizer.train_from_iterator([*TEXTS, QUERY], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=48,
    ).save_pretrained(folder)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=48,
        initializer_range=0.3,
        num_labels=labels,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("cross-encoder"))


def hit(text: str, rank: int, title: str = "") -> Hit:
    chunk = Chunk(document_id="d", uri="file:///d", start=0, end=len(text), text=text, title=title)
    return Hit(chunk, score=1 / rank, rank=rank, arms={"sparse": ArmScore(rank, 1 / rank)})


def plain_scores(model: Path, texts: list[str]) -> np.ndarray:
    from sentence_transformers import CrossEncoder

    with quiet_loading():
        encoder = CrossEncoder(str(model), device="cpu", local_files_only=True)
    return encoder.predict([(QUERY, text) for text in texts], show_progress_bar=False)


def test_scores_and_order_equal_the_plain_cross_encoder(model):
    reranker = CrossEncoderReranker(model, device="cpu")
    assert isinstance(reranker, Reranker)
    hits = [hit(text, rank) for rank, text in enumerate(TEXTS, 1)]
    found = reranker.rerank(QUERY, hits, len(hits))
    scores = plain_scores(model, TEXTS)
    assert np.ptp(scores) > 0.01
    assert [h.chunk.text for h in found] == [TEXTS[i] for i in np.argsort(-scores)]
    np.testing.assert_allclose([h.score for h in found], np.sort(scores)[::-1], rtol=1e-5)
    assert [h.rank for h in found] == [1, 2, 3, 4, 5]
    for h in found:
        before = TEXTS.index(h.chunk.text) + 1
        assert h.arms == {"sparse": ArmScore(before, 1 / before), "reranker": ArmScore(h.rank, h.score)}


def test_the_best_k_of_all(model):
    hits = [hit(text, rank) for rank, text in enumerate(TEXTS, 1)]
    reranker = CrossEncoderReranker(model, device="cpu")
    assert reranker.rerank(QUERY, hits, 2) == reranker.rerank(QUERY, hits, 5)[:2]
    assert reranker.rerank(QUERY, [], 3) == []
    assert len(reranker.rerank(QUERY, hits, 99)) == 5
    with pytest.raises(QueryError, match="k is 0"):
        reranker.rerank(QUERY, hits, 0)


def test_the_title_is_read_with_the_text(model):
    reranker = CrossEncoderReranker(model, device="cpu")
    found = reranker.rerank(QUERY, [hit("lifts", 1, title="The wing")], 1)
    np.testing.assert_allclose(found[0].score, plain_scores(model, ["The wing\nlifts"]), rtol=1e-5)


def test_ties_go_by_chunk_id_whatever_the_order(model):
    reranker = CrossEncoderReranker(model, device="cpu")
    # Equal content, other documents: equal scores.
    hits = [
        Hit(Chunk(document_id=name, uri=name, start=0, end=5, text="wings"), score=0, rank=rank)
        for rank, name in enumerate("dacb", 1)
    ]
    expected = sorted(h.chunk.id for h in hits)
    for order in (hits, hits[::-1]):
        assert [h.chunk.id for h in reranker.rerank(QUERY, order, 4)] == expected


def test_a_model_that_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(ModelError, match="neither a path nor registered"):
        CrossEncoderReranker("no-such-reranker")
    with pytest.raises(ModelError, match="never read"):
        CrossEncoderReranker(tmp_path)


def test_damage_and_several_labels_are_errors(tmp_path):
    several = make_model(tmp_path / "several", labels=3)
    with pytest.raises(RerankError, match="3 scores a pair instead of one"):
        CrossEncoderReranker(several, device="cpu").rerank(QUERY, [hit("a", 1), hit("b", 2)], 1)
    (several / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(ModelError, match="cannot be loaded"):
        CrossEncoderReranker(several, device="cpu").rerank(QUERY, [hit("a", 1)], 1)


def test_a_device_that_is_not_there(model):
    with pytest.raises(ModelError, match="device 'cuda:7' cannot be used"):
        CrossEncoderReranker(model, device="cuda:7").rerank(QUERY, [hit("a", 1)], 1)
