"""Proof: a draft and the passages behind it -> an answer whose every sentence shows its evidence, or a refusal."""

from rag.grounding.checking import Thresholds, ground
from rag.grounding.facts import Fact, read_facts
from rag.grounding.phrases import missing_part, refusal
from rag.grounding.render import render
from rag.grounding.verify import LexicalVerifier

__all__ = [
    "Fact",
    "LexicalVerifier",
    "Thresholds",
    "ground",
    "missing_part",
    "read_facts",
    "refusal",
    "render",
]
