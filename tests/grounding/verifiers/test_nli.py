"""NliVerifier gives the probabilities that transformers give by hand, by the label of that name, of all evidence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rag.errors import ModelError
from rag.grounding.verifiers import BatchVerifier, NliVerifier
from rag.grounding.verifiers.nli import entailment_label
from rag.models.torch_runtime import quiet_loading
from rag.protocols import Verifier
from rag.tracing import recording

LABELS = {0: "contradiction", 1: "entailment", 2: "neutral"}
CLAIM = "the warranty lasts two years"
EVIDENCE = [
    "the warranty lasts two years from the day of purchase",
    "a pump lifts water",
    "batteries are not covered by the warranty",
]
LONG = " ".join(EVIDENCE * 12)
LENGTH = 48


def make_model(folder: Path, labels: dict[int, str] = LABELS, *, length: int = LENGTH) -> Path:
    """A random BERT classifier of pairs."""
    import torch
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors, trainers
    from tokenizers.models import WordPiece
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=names, show_progress=False)
    tokenizer.train_from_iterator([CLAIM, *EVIDENCE], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, mask_token="[MASK]", model_max_length=length, **special
    ).save_pretrained(folder)
    torch.manual_seed(5)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=length,
        initializer_range=0.4,
        num_labels=len(labels),
        id2label=labels,
        label2id={name: number for number, name in labels.items()},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("nli"))


def by_hand(model: Path, premises: list[str], claim: str = CLAIM, column: int = 1, **cut: object) -> np.ndarray:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    with quiet_loading():
        tokenizer = AutoTokenizer.from_pretrained(model)
        network = AutoModelForSequenceClassification.from_pretrained(model).eval()
    found = []
    for premise in premises:
        inputs = tokenizer(premise, claim, return_tensors="pt", **cut)
        inputs = {name: inputs[name] for name in ("input_ids", "token_type_ids", "attention_mask") if name in inputs}
        with torch.no_grad():
            found.append(network(**inputs).logits.softmax(-1)[:, column].numpy())
    return np.concatenate(found)


def test_the_probability_of_entailment_is_that_of_the_plain_model(model):
    verifier = NliVerifier(model, device="cpu")
    assert isinstance(verifier, Verifier)
    assert isinstance(verifier, BatchVerifier)
    expected = by_hand(model, EVIDENCE)
    assert np.ptp(expected) > 0.01
    found = verifier.supports([(CLAIM, text) for text in EVIDENCE])
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_allclose([verifier.support(CLAIM, text) for text in EVIDENCE], expected, rtol=1e-4)
    assert verifier.supports([]) == []


@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_batches_do_not_change_a_value(model, batch_size):
    verifier = NliVerifier(model, device="cpu", batch_size=batch_size)
    pairs = [(CLAIM, text) for text in [*EVIDENCE, LONG]]
    np.testing.assert_allclose(
        verifier.supports(pairs), NliVerifier(model, device="cpu").supports(pairs), rtol=1e-4, atol=1e-6
    )


def test_the_label_is_found_by_its_name_not_its_place(tmp_path):
    swapped = make_model(tmp_path / "swapped", {0: "ENTAILMENT", 1: "neutral", 2: "contradiction"})
    found = NliVerifier(swapped, device="cpu").support(CLAIM, EVIDENCE[0])
    np.testing.assert_allclose(found, by_hand(swapped, EVIDENCE[:1], column=0)[0], rtol=1e-4)


def test_labels():
    assert entailment_label({0: "not_entailment", 1: "entailment"}) == 1
    assert entailment_label({0: "Entails", 1: "Contradicts"}) == 0
    with pytest.raises(ModelError, match="no label means entailment among 0: LABEL_0, 1: LABEL_1") as raised:
        entailment_label({0: "LABEL_0", 1: "LABEL_1"}, where="some/model")
    assert raised.value.where == "some/model"
    assert "id2label" in raised.value.hint
    with pytest.raises(ModelError, match="several labels mean entailment"):
        entailment_label({0: "entail", 1: "entailment"})


def test_a_model_without_the_label_is_refused(tmp_path):
    nameless = make_model(tmp_path / "nameless", {0: "LABEL_0", 1: "LABEL_1"})
    with pytest.raises(ModelError, match="LABEL_0"):
        NliVerifier(nameless, device="cpu").support(CLAIM, EVIDENCE[0])


def test_long_evidence_is_read_in_windows_and_the_best_counts(model):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    claim_tokens = len(tokenizer(CLAIM, add_special_tokens=False)["input_ids"])
    assert len(tokenizer(LONG)["input_ids"]) > 3 * LENGTH
    stride = (LENGTH - claim_tokens - 3) // 4
    cut = {"truncation": "only_first", "max_length": LENGTH, "stride": stride, "return_overflowing_tokens": True}
    windows = by_hand(model, [LONG], padding=True, **cut)
    assert len(windows) > 3
    np.testing.assert_allclose(NliVerifier(model, device="cpu").support(CLAIM, LONG), windows.max(), rtol=1e-4)
    # the last sentence is read as well: evidence that says more cannot say less than its last window
    assert NliVerifier(model, device="cpu").support(CLAIM, LONG) >= windows[-1] - 1e-6


def test_each_part_of_a_long_claim_must_be_entailed(model):
    long = " ".join([CLAIM] * 8)
    verifier = NliVerifier(model, device="cpu")
    from transformers import AutoTokenizer

    offsets = AutoTokenizer.from_pretrained(model)(long, add_special_tokens=False, return_offsets_mapping=True)[
        "offset_mapping"
    ]
    size = LENGTH // 2
    assert len(offsets) > size
    parts = [long[offsets[i][0] : offsets[min(i + size, len(offsets)) - 1][1]] for i in range(0, len(offsets), size)]
    expected = min(verifier.support(part, EVIDENCE[0]) for part in parts)
    np.testing.assert_allclose(verifier.support(long, EVIDENCE[0]), expected, rtol=1e-4)


def test_empty_texts_have_a_value(model):
    verifier = NliVerifier(model, device="cpu")
    assert 0 <= verifier.support(CLAIM, "") <= 1
    assert 0 <= verifier.support("", EVIDENCE[0]) <= 1


def test_what_is_not_there_is_an_error_at_once(tmp_path):
    with pytest.raises(ModelError, match="neither a path nor registered"):
        NliVerifier("no-such-model")
    with pytest.raises(ModelError, match="safetensors"):
        NliVerifier(tmp_path)


def test_pickled_weights_and_code_are_never_read(tmp_path):
    pickled = make_model(tmp_path / "pickled")
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickled weights are never read"):
        NliVerifier(pickled)
    remote = make_model(tmp_path / "remote")
    config = json.loads((remote / "config.json").read_text())
    del config["model_type"]
    config["auto_map"] = {
        "AutoConfig": "code.Config",
        "AutoModelForSequenceClassification": "code.Model",
    }
    (remote / "config.json").write_text(json.dumps(config))
    (remote / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(ModelError, match="cannot be loaded"):
        NliVerifier(remote, device="cpu").support(CLAIM, EVIDENCE[0])
    assert not (tmp_path / "ran").exists()


def test_damage_is_an_error(tmp_path):
    broken = make_model(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"junk")
    with pytest.raises(ModelError, match="cannot be loaded"):
        NliVerifier(broken, device="cpu").support(CLAIM, EVIDENCE[0])


def test_it_is_a_step_of_the_trace(model):
    with recording("ask") as run:
        found = NliVerifier(model, device="cpu").support(CLAIM, EVIDENCE[0])
    (taken,) = run.trace.steps
    assert taken.name == "nli"
    assert taken.outputs == {"entailment": (round(found, 4),)}
