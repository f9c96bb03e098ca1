"""Any sentence-transformers model, on the GPU where there is one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag import models
from rag.embedders.encoder_folder import read_encoder_folder
from rag.embedders.late import check_pooling, embed_late
from rag.embedders.tokenization import HuggingFaceTokenizer, distinct_texts, valid
from rag.errors import EmbeddingError, ModelError
from rag.types import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


class SentenceTransformerEmbedder:
    """A model by name or path, through the sentence-transformers package. Implements Embedder.

    ``device`` None is cuda, mps or cpu, the first there is; half precision on a GPU, float32 on the
    CPU. The model's query and document prompts are put before the texts. Only safetensors are read
    and no code of a model is ever run. The weights are loaded at the first embedding.
    """

    def __init__(self, name_or_path: str | Path, *, device: str | None = None, batch_size: int = 32) -> None:
        """Raises ModelError for a missing model or one that only comes as a pickle or with its own code."""
        self._folder = read_encoder_folder(models.ensure(name_or_path))
        self._tokenizer = HuggingFaceTokenizer(
            self._folder.transformer / "tokenizer.json",
            prompt=self._folder.document_prompt,
            lowercase=self._folder.lowercase,
        )
        self._device = device
        self._batch_size = batch_size
        self._lock = threading.Lock()

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        return self._folder.dim or int(self._model.get_embedding_dimension())

    @property
    def max_tokens(self) -> int:
        """The longest input, special tokens included."""
        return self._folder.max_tokens

    @property
    def tokenizer(self) -> HuggingFaceTokenizer:
        """The model's own tokenizer."""
        return self._tokenizer

    @cached_property
    def fingerprint(self) -> str:
        """Equal for every embedder over the same files, pooling, prompts and max_tokens, whatever its backend."""
        return self._folder.fingerprint()

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, dim), in the order of ``texts``; equal texts are computed once.

        Raises EmbeddingError on a text over ``max_tokens``.
        """
        prompt = self._folder.document_prompt
        distinct, _, places = distinct_texts(texts, self._tokenizer, prompt, self.max_tokens)
        return self._encode(distinct, prompt)[places]

    def embed_spans(self, text: str, spans: Sequence[tuple[int, int]], *, prefix: str = "") -> Vectors:
        """Unit vectors (n, dim) of ``text[start:end]`` by late chunking: see ``rag.embedders.late``.

        Raises EmbeddingError for a model without mean pooling.
        """
        check_pooling(self._folder)
        return embed_late(
            text,
            spans,
            prefix=self._folder.document_prompt + prefix,
            tokenizer=self._tokenizer,
            max_tokens=self.max_tokens,
            dim=self.dim,
            states=self._states,
        )

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, dim), in the order of ``texts``; a question over ``max_tokens`` loses its tail."""
        return self._encode(texts, self._folder.query_prompt)

    def _encode(self, texts: Sequence[str], prompt: str) -> Vectors:
        if not texts:
            return np.empty((0, self.dim), np.float32)
        try:
            with self._lock:
                found = self._model.encode(
                    [valid(text) for text in texts],
                    prompt=prompt,
                    batch_size=self._batch_size,
                    normalize_embeddings=True,
                    show_progress_bar=False,
                )
        except RuntimeError as error:  # torch's errors, out of memory among them
            raise EmbeddingError(
                f"the model failed: {error}", where=str(self._folder.path), hint="try a smaller batch_size"
            ) from error
        vectors = np.asarray(found, np.float32)
        if vectors.shape != (len(texts), self.dim):
            raise EmbeddingError(f"shape {vectors.shape} instead of {(len(texts), self.dim)}")
        if not np.isfinite(vectors).all():
            raise EmbeddingError("the model gave numbers that are not finite", where=str(self._folder.path))
        # Half precision leaves lengths a thousandth off one.
        unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def _states(self, encoded: Sequence[Sequence[int]]) -> list[Vectors]:
        """The states (tokens, dim) of each text."""
        import torch

        pad = self._tokenizer.pad_id(0)
        found: list[Vectors] = []
        try:
            with self._lock, torch.inference_mode():
                device = self._model.device
                for start in range(0, len(encoded), self._batch_size):
                    some = encoded[start : start + self._batch_size]
                    length = max(map(len, some))
                    ids = [[*row, *[pad] * (length - len(row))] for row in some]
                    mask = [[1] * len(row) + [0] * (length - len(row)) for row in some]
                    features = {
                        "input_ids": torch.tensor(ids, device=device),
                        "attention_mask": torch.tensor(mask, device=device),
                    }
                    states = self._model[0](features)["token_embeddings"].float().cpu().numpy()
                    found += [own[: len(row)] for own, row in zip(states, some, strict=True)]
        except RuntimeError as error:  # torch's errors, out of memory among them
            raise EmbeddingError(
                f"the model failed: {error}", where=str(self._folder.path), hint="try a smaller batch_size"
            ) from error
        return found

    @cached_property
    def _model(self) -> SentenceTransformer:
        from safetensors import SafetensorError
        from sentence_transformers import SentenceTransformer

        from rag.models.torch_runtime import default_dtype, device_for, quiet_loading

        device = device_for(self._device)
        try:
            with quiet_loading():
                return SentenceTransformer(
                    str(self._folder.path),
                    device=device,
                    trust_remote_code=False,
                    local_files_only=True,
                    model_kwargs={"use_safetensors": True, "dtype": default_dtype(device)},
                )
        except (OSError, ValueError, RuntimeError, ImportError, SafetensorError) as error:
            raise ModelError(f"cannot be loaded: {error}", where=str(self._folder.path)) from error
