"""Verifiers: how far evidence supports a claim, by words, embeddings, NLI, a language model, or all."""

from rag.grounding.verifiers.batch import BatchVerifier, supports
from rag.grounding.verifiers.combined import CombinedVerifier, Logistic, load_weights
from rag.grounding.verifiers.embedding import EmbeddingVerifier
from rag.grounding.verifiers.judge import JudgePrompt, JudgeVerifier
from rag.grounding.verifiers.nli import NliVerifier
from rag.grounding.verify import LexicalVerifier

__all__ = [
    "BatchVerifier",
    "CombinedVerifier",
    "EmbeddingVerifier",
    "JudgePrompt",
    "JudgeVerifier",
    "LexicalVerifier",
    "Logistic",
    "NliVerifier",
    "load_weights",
    "supports",
]
