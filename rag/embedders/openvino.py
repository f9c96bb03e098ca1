"""The fast CPU path: BERT encoders on OpenVINO, in bfloat16 where the processor has it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from rag import models
from rag.embedders.bert_graph import build, read_weights, unsupported
from rag.embedders.encoder_folder import read_encoder_folder
from rag.embedders.late import check_pooling, embed_late
from rag.embedders.openvino_runtime import core, import_openvino
from rag.embedders.tokenization import HuggingFaceTokenizer, distinct_texts
from rag.errors import EmbeddingError
from rag.types import Vectors

if TYPE_CHECKING:
    import openvino as ov

Precision: TypeAlias = Literal["auto", "bf16", "f32"]
Ids: TypeAlias = npt.NDArray[np.int32]

BUCKET = 16  # lengths are padded to a multiple of this: the height of an AMX tile
BATCH_TOKENS = 1024  # activations of a batch this size stay in the second-level cache


@dataclass(frozen=True, slots=True)
class Batch:
    """Token ids padded to (rows, length), the true lengths, and the rows of the result they fill."""

    ids: Ids
    lengths: Ids
    rows: list[int]


class OpenVinoEmbedder:
    """BERT-like encoders (BERT, RoBERTa, XLM-RoBERTa; mean or CLS pooling) on the CPU. Implements Embedder.

    Tokenizer and weights are read when first used, so an embedder that is never asked costs nothing.
    ``precision`` "auto" is bfloat16 where the CPU computes it and float32 elsewhere; vectors in
    bfloat16 have a cosine of at least .999 to float32's, and share their fingerprint with
    SentenceTransformerEmbedder: an index built on one can be searched with the other.

    Texts are batched only with texts of the same padded length, so a vector does not depend on
    what else is embedded with it. ``threads`` defaults to the CPUs this process may use.
    """

    def __init__(self, name_or_path: str | Path, *, precision: Precision = "auto", threads: int | None = None) -> None:
        """Raises ModelError for a missing model and EmbeddingError for one this path cannot run."""
        self._folder = read_encoder_folder(models.ensure(name_or_path))
        if reason := unsupported(self._folder):
            raise EmbeddingError(
                f"the OpenVINO path does not run {reason}",
                where=str(self._folder.path),
                hint="use SentenceTransformerEmbedder (backend 'sentence-transformers')",
            )
        self._precision = precision
        self._threads = threads or usable_cpus()
        self._lock = threading.Lock()

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._folder.dim

    @property
    def max_tokens(self) -> int:
        """The longest input, special tokens included."""
        return self._folder.max_tokens

    @cached_property
    def tokenizer(self) -> HuggingFaceTokenizer:
        """The model's own tokenizer, read when first used. Raises ModelError."""
        return HuggingFaceTokenizer(
            self._folder.transformer / "tokenizer.json",
            prompt=self._folder.document_prompt,
            lowercase=self._folder.lowercase,
        )

    @cached_property
    def fingerprint(self) -> str:
        """Equal for every embedder over the same files, pooling, prompts and max_tokens, whatever its backend."""
        return self._folder.fingerprint()

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, dim), in the order of ``texts``; equal texts are computed once.

        Raises EmbeddingError on a text over ``max_tokens``.
        """
        _, encoded, places = distinct_texts(texts, self.tokenizer, self._folder.document_prompt, self.max_tokens)
        return self._embed(encoded)[places]

    def embed_spans(self, text: str, spans: Sequence[tuple[int, int]], *, prefix: str = "") -> Vectors:
        """Unit vectors (n, dim) of ``text[start:end]`` by late chunking: see ``rag.embedders.late``.

        Raises EmbeddingError for a model without mean pooling.
        """
        check_pooling(self._folder)
        return embed_late(
            text,
            spans,
            prefix=self._folder.document_prompt + prefix,
            tokenizer=self.tokenizer,
            max_tokens=self.max_tokens,
            dim=self.dim,
            states=self._states,
        )

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, dim), in the order of ``texts``; a question over ``max_tokens`` loses its tail."""
        prompted = [self._folder.query_prompt + text for text in texts]
        encoded = self.tokenizer.encode_batch(prompted)
        for index, ids in enumerate(encoded):
            if len(ids) > self.max_tokens:
                encoded[index] = self.tokenizer.cut(prompted[index], self.max_tokens)
        return self._embed(encoded)

    def _embed(self, encoded: Sequence[Sequence[int]]) -> Vectors:
        vectors = np.empty((len(encoded), self.dim), np.float32)
        batches = list(plan_batches(encoded, self.tokenizer.pad_id(0), self.max_tokens))
        with self._lock:
            if len(batches) == 1:
                self._run_one(batches[0], vectors)
            elif batches:
                self._run_all(self._queue, batches, lambda output, batch: vectors.__setitem__(batch.rows, output))
        if not np.isfinite(vectors).all():
            raise EmbeddingError("the model gave numbers that are not finite", where=str(self._folder.path))
        return vectors

    def _run_one(self, batch: Batch, vectors: Vectors) -> None:
        """Least time to one answer: all threads on one request."""
        self._request.infer({"ids": batch.ids, "lengths": batch.lengths}, share_inputs=True)
        vectors[batch.rows] = self._request.get_output_tensor(0).data

    def _run_all(
        self, requests: ov.AsyncInferQueue, batches: Iterable[Batch], take: Callable[[Vectors, Batch], None]
    ) -> None:
        """Most texts a second: a stream for each thread, two requests for each stream."""

        def store(request: ov.InferRequest, batch: Batch) -> None:
            take(request.get_output_tensor(0).data, batch)

        requests.set_callback(store)
        try:
            for batch in batches:
                requests.start_async({"ids": batch.ids, "lengths": batch.lengths}, batch)
        finally:  # also when interrupted: the requests read from our arrays
            requests.wait_all()

    def _states(self, encoded: Sequence[Sequence[int]]) -> list[Vectors]:
        """The states (tokens, dim) of each text."""
        found = [np.empty((0, self.dim), np.float32) for _ in encoded]

        def take(output: Vectors, batch: Batch) -> None:
            for row, states, length in zip(batch.rows, output, batch.lengths, strict=True):
                found[row] = states[:length].copy()

        with self._lock:
            self._run_all(self._state_queue, plan_batches(encoded, self.tokenizer.pad_id(0), self.max_tokens), take)
        return found

    @cached_property
    def _model(self) -> ov.Model:
        return build(self._folder, read_weights(self._folder))

    @cached_property
    def _request(self) -> ov.InferRequest:
        return self._compile(self._model, "LATENCY", 1).create_infer_request()

    @cached_property
    def _queue(self) -> ov.AsyncInferQueue:
        return self._requests(self._model)

    @cached_property
    def _state_queue(self) -> ov.AsyncInferQueue:
        return self._requests(build(self._folder, read_weights(self._folder), pooled=False))

    def _requests(self, model: ov.Model) -> ov.AsyncInferQueue:
        compiled = self._compile(model, "THROUGHPUT", self._threads)
        return import_openvino().AsyncInferQueue(compiled, 2 * self._threads)

    def _compile(self, model: ov.Model, hint: str, streams: int) -> ov.CompiledModel:
        can_bf16 = "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        precision = ("bf16" if can_bf16 else "f32") if self._precision == "auto" else self._precision
        settings = {
            "PERFORMANCE_HINT": hint,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": self._threads,
            "INFERENCE_PRECISION_HINT": precision,
        }
        return core().compile_model(model, "CPU", settings)


def plan_batches(encoded: Sequence[Sequence[int]], pad_id: int, max_tokens: int) -> Iterable[Batch]:
    """Batches of one padded length each, longest first, about BATCH_TOKENS tokens big."""
    buckets: dict[int, list[int]] = {}
    for row, ids in enumerate(encoded):
        padded = min(-(-len(ids) // BUCKET) * BUCKET, max_tokens)
        buckets.setdefault(padded, []).append(row)
    for length in sorted(buckets, reverse=True):
        rows = buckets[length]
        size = max(1, BATCH_TOKENS // length)
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            padded_ids = np.full((len(some), length), pad_id, np.int32)
            for index, row in enumerate(some):
                padded_ids[index, : len(encoded[row])] = encoded[row]
            yield Batch(padded_ids, np.array([len(encoded[row]) for row in some], np.int32), some)


def usable_cpus() -> int:
    """CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
