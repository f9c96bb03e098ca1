"""Which embedder runs a model here."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from rag import models
from rag.embedders.bert_graph import unsupported
from rag.embedders.encoder_folder import read_encoder_folder
from rag.embedders.openvino import OpenVinoEmbedder
from rag.embedders.sentence_transformer import SentenceTransformerEmbedder
from rag.models.torch_runtime import gpu

Backend: TypeAlias = Literal["auto", "openvino", "sentence-transformers"]


def load_embedder(
    name_or_path: str | Path, *, backend: Backend = "auto"
) -> OpenVinoEmbedder | SentenceTransformerEmbedder:
    """The embedder of a model; no weights are read yet.

    "auto" is sentence-transformers where there is a GPU, OpenVINO on the CPU for the architectures
    it runs, sentence-transformers for all others. The vectors are the same either way. torch is
    not imported to find out, unless there may be a GPU. Raises ModelError; EmbeddingError where
    "openvino" is asked for a model it cannot run.
    """
    if backend == "openvino":
        return OpenVinoEmbedder(name_or_path)
    if backend == "sentence-transformers" or gpu():
        return SentenceTransformerEmbedder(name_or_path)
    folder = models.ensure(name_or_path)
    if unsupported(read_encoder_folder(folder)):
        return SentenceTransformerEmbedder(folder)
    return OpenVinoEmbedder(folder)
