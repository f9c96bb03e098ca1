"""Texts -> unit-length float32 vectors (n, dim).

``load_embedder`` picks what is fastest here; the classes are there to be chosen by hand. None of
them reads weights before the first embedding, and importing this package imports no model runtime.
"""

from rag.embedders.choice import load_embedder
from rag.embedders.late import LateEmbedder
from rag.embedders.openai_api import OpenAIEmbedder
from rag.embedders.openvino import OpenVinoEmbedder
from rag.embedders.sentence_transformer import SentenceTransformerEmbedder
from rag.embedders.tokenization import EstimatingTokenizer, HuggingFaceTokenizer

__all__ = [
    "EstimatingTokenizer",
    "HuggingFaceTokenizer",
    "LateEmbedder",
    "OpenAIEmbedder",
    "OpenVinoEmbedder",
    "SentenceTransformerEmbedder",
    "load_embedder",
]
