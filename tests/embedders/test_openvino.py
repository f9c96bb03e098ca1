"""The fast CPU path: batches change nothing, nothing is sent anywhere, nothing is loaded early."""

from __future__ import annotations

import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.embedders import OpenVinoEmbedder
from rag.embedders.openvino import BATCH_TOKENS, BUCKET, plan_batches


@given(st.lists(st.integers(1, 250), max_size=60))
def test_batches_hold_every_text_once_with_its_own_length_class(lengths):
    encoded = [[row + 1] * length for row, length in enumerate(lengths)]
    batches = list(plan_batches(encoded, 0, 250))
    assert sorted(row for batch in batches for row in batch.rows) == list(range(len(lengths)))
    for batch in batches:
        rows, padded = batch.ids.shape
        assert rows == len(batch.rows) == len(batch.lengths)
        assert rows == 1 or batch.ids.size <= BATCH_TOKENS
        for row, ids, length in zip(batch.rows, batch.ids, batch.lengths, strict=True):
            assert length == lengths[row]
            assert padded - BUCKET < length <= padded or padded == 250
            assert ids[:length].tolist() == encoded[row]
            assert not ids[length:].any()


def test_a_vector_does_not_depend_on_its_batch(encoder, texts):
    embedder = OpenVinoEmbedder(encoder("bert"), threads=2)
    many = [f"{text} {number}" for number in range(8) for text in texts[:4]]
    together = embedder.embed_documents(many)
    alone = np.concatenate([embedder.embed_documents([text]) for text in many])
    backwards = embedder.embed_documents(many[::-1])[::-1]
    np.testing.assert_array_equal(together, backwards)
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_threads_may_share_an_embedder(encoder, texts):
    embedder = OpenVinoEmbedder(encoder("bert"), threads=2)
    expected = embedder.embed_documents(texts)
    wrong = []

    def work() -> None:
        for _ in range(5):
            if not np.array_equal(embedder.embed_documents(texts), expected):
                wrong.append("documents")
            if not np.array_equal(embedder.embed_queries(texts[:1]), expected[:1]):
                wrong.append("queries")

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_no_torch_no_socket_no_early_weights(encoder):
    """In a process of its own: nothing is loaded before the first text, and no socket is ever made."""
    program = """
import socket, sys
def refuse(*_, **__): raise SystemExit("a socket was made")
socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
import rag.embedders
assert not {"openvino", "torch", "tokenizers", "openai", "transformers"} & set(sys.modules), "import"
embedder = rag.embedders.load_embedder(sys.argv[1])
assert len(embedder.fingerprint) > 30 and embedder.dim == 48 and embedder.tokenizer.count("x") >= 3
assert not {"openvino", "torch", "transformers"} & set(sys.modules), "construction"
assert embedder.embed_queries(["wing"]).shape == embedder.embed_documents(["wing"]).shape == (1, 48)
embedder.embed_documents(["wing " * n for n in range(30)])
assert not {"torch", "transformers", "openvino_telemetry"} & set(sys.modules), "use"
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(encoder("bert"))], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_ctrl_c_after_another_thread_dropped_an_embedder(encoder):
    """OpenVINO lends a thread its stack for signals and may take it back from under it: a crash, not a message."""
    program = (
        "import os, signal, sys, threading, time\n"
        "from rag.embedders import OpenVinoEmbedder\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "held = [OpenVinoEmbedder(sys.argv[1])]\n"
        "held[0].embed_queries(['text'])\n"
        "dropping = threading.Thread(target=held.clear)\n"
        "dropping.start(); dropping.join()\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT); time.sleep(10)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(encoder("bert"))], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "interrupted\n"), done.stderr


@pytest.mark.models
@pytest.mark.collections
def test_the_default_model_on_real_text(collections_dir, reference):
    import json

    from rag import models

    embedder = OpenVinoEmbedder("minilm")
    texts = []
    for name in ("squad2", "cranfield", "xquad-zh"):
        lines = (collections_dir / name / "corpus.jsonl").read_text("utf-8").splitlines()[:15]
        texts += [json.loads(line)["text"] for line in lines]
    texts = [text for text in texts if embedder.tokenizer.count(text) <= embedder.max_tokens]
    assert len(texts) > 20
    found = embedder.embed_documents(texts)
    assert (found * reference(models.resolve("minilm"), texts, "")).sum(axis=1).min() >= 0.9999
    np.testing.assert_array_equal(found, embedder.embed_documents(texts[::-1])[::-1])
