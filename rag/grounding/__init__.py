"""Proof: a draft and the passages behind it -> an answer whose every sentence shows its evidence, or a refusal."""

from rag.grounding.answerability import names_some
from rag.grounding.checking import Thresholds, ground
from rag.grounding.conflicts import report_conflicts
from rag.grounding.evidence import language_of
from rag.grounding.facts import Fact, read_facts
from rag.grounding.phrases import missing_part, refusal
from rag.grounding.preference import Preference
from rag.grounding.render import render
from rag.grounding.verify import LexicalVerifier

__all__ = [
    "Fact",
    "LexicalVerifier",
    "Preference",
    "Thresholds",
    "ground",
    "language_of",
    "missing_part",
    "names_some",
    "read_facts",
    "refusal",
    "render",
    "report_conflicts",
]
