"""Texts -> unit-length float32 vectors (n, dim)."""

from rag.embedders.openvino import OpenVinoEmbedder

__all__ = ["OpenVinoEmbedder"]
