"""A cross-encoder reads question and passage together (Nogueira and Cho 2019, https://arxiv.org/abs/1901.04085)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rag import models
from rag.errors import ModelError, QueryError, RerankError
from rag.types import ArmScore, Hit

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

ARM = "reranker"


class CrossEncoderReranker:
    """A sentence-transformers CrossEncoder by name or path. Implements Reranker.

    A model that is not there is an error when this is made, never a skipped step. ``device`` None is
    cuda, mps or cpu, the first there is; half precision on a GPU, float32 on the CPU. A pair longer
    than the model reads loses the end of its longer part. The weights are loaded at the first use.
    """

    def __init__(self, name_or_path: str | Path, *, device: str | None = None, batch_size: int = 32) -> None:
        """Raises ModelError."""
        self._path = models.ensure(name_or_path)
        if not any(self._path.glob("*.safetensors")):
            raise ModelError("no safetensors weights (pickled weights are never read)", where=str(self._path))
        self._device = device
        self._batch_size = batch_size
        self._lock = threading.Lock()

    def rerank(self, query: str, hits: Sequence[Hit], k: int) -> list[Hit]:
        """The best ``k`` hits by the model's score as it gives it, ties by chunk id.

        Score and rank become the reranker's; ``arms`` gains "reranker". Raises QueryError, RerankError.
        """
        if k < 1:
            raise QueryError(f"k is {k}; it must be at least 1")
        if not hits:
            return []
        scores = self._scores(query, [hit.chunk.content for hit in hits])
        order = sorted(range(len(hits)), key=lambda index: (-scores[index], hits[index].chunk.id))
        return [
            replace(
                hits[index],
                score=scores[index],
                rank=rank,
                arms={**hits[index].arms, ARM: ArmScore(rank, scores[index])},
            )
            for rank, index in enumerate(order[:k], 1)
        ]

    def _scores(self, query: str, texts: Sequence[str]) -> list[float]:
        try:
            with self._lock:
                found = self._model.predict(
                    [(query, text) for text in texts], batch_size=self._batch_size, show_progress_bar=False
                )
        except RuntimeError as error:  # torch's errors, out of memory among them
            raise RerankError(
                f"the cross-encoder failed: {error}", where=str(self._path), hint="try a smaller batch_size"
            ) from error
        scores = np.asarray(found, np.float32)
        if scores.shape != (len(texts),):
            raise RerankError(
                f"the model gives {scores.shape[-1]} scores a pair instead of one",
                where=str(self._path),
                hint="a reranker has num_labels 1",
            )
        if not np.isfinite(scores).all():
            raise RerankError("the model gave scores that are not finite", where=str(self._path))
        return [float(score) for score in scores]

    @cached_property
    def _model(self) -> CrossEncoder:
        from safetensors import SafetensorError
        from sentence_transformers import CrossEncoder

        from rag.models.torch_runtime import default_dtype, device_for, quiet_loading

        device = device_for(self._device)
        try:
            with quiet_loading():
                return CrossEncoder(
                    str(self._path),
                    device=device,
                    trust_remote_code=False,
                    local_files_only=True,
                    model_kwargs={"use_safetensors": True, "dtype": default_dtype(device)},
                )
        except (OSError, ValueError, RuntimeError, ImportError, SafetensorError) as error:
            raise ModelError(f"cannot be loaded: {error}", where=str(self._path)) from error
