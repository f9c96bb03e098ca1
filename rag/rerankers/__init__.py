"""Hits -> the same passages in a better order."""

from rag.rerankers.cross_encoder import CrossEncoderReranker

__all__ = ["CrossEncoderReranker"]
