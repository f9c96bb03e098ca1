"""Proof: a draft and the passages it was made from -> an answer whose every sentence shows its evidence, or a refusal."""

from rag.grounding.facts import Fact, read_facts
from rag.grounding.checking import Thresholds, ground
from rag.grounding.phrases import refusal
from rag.grounding.render import ANSWER_SCHEMA, answer_to_dict, render
from rag.grounding.verify import LexicalVerifier

__all__ = [
    "ANSWER_SCHEMA",
    "Fact",
    "LexicalVerifier",
    "Thresholds",
    "answer_to_dict",
    "ground",
    "read_facts",
    "refusal",
    "render",
]
