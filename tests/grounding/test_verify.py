"""The measure, used alone."""

from __future__ import annotations

import pytest

from rag.grounding import LexicalVerifier
from rag.grounding.negation import split_denied
from rag.protocols import Verifier

EVIDENCE = "The standard warranty lasts 24 months from purchase. Batteries are not covered."


def test_it_is_a_verifier():
    assert isinstance(LexicalVerifier(), Verifier)


@pytest.mark.parametrize(
    ("claim", "score"),
    [
        ("The standard warranty lasts 24 months from purchase.", 1.0),
        ("The warranty lasts 24 months.", 1.0),
        # terms warrant, last, long, period and one number: three of five
        ("The warranty lasts a long period of 24 months.", 0.6),
        ("Batteries are not covered.", 1.0),
        ("Elephants swim.", 0.0),
        ("", 0.0),
    ],
)
def test_the_share_of_what_is_held(claim, score):
    assert LexicalVerifier("en").support(claim, EVIDENCE) == pytest.approx(score)


@pytest.mark.parametrize(
    "claim",
    [
        "The warranty lasts 25 months.",
        "The warranty lasts 24 days.",
        "The warranty of Siemens lasts 24 months.",
        "The HX-200 warranty lasts 24 months.",
        "Batteries are covered.",
        "The warranty does not last 24 months.",
    ],
)
def test_a_broken_hard_rule_keeps_the_score_down(claim):
    assert LexicalVerifier("en").support(claim, EVIDENCE) <= 0.3


def test_no_evidence_no_support():
    assert LexicalVerifier().support("The warranty lasts 24 months.", "") == 0.0


@pytest.mark.parametrize(
    ("text", "language", "denied"),
    [
        ("It covers parts, but not batteries.", "en", "batteries"),
        ("It isn't covered by the warranty.", "en", "covered by the warranty"),
        ("No refunds are given.", "en", "refunds are given"),
        ("Not only parts are covered.", "en", ""),
        ("Die Garantie gilt nicht.", "de", "Die Garantie gilt"),
        ("Akkus sind nicht abgedeckt.", "de", "abgedeckt"),
        ("电池不在保修范围内。", "zh", "在保修范围内"),
        ("不仅电池在保修范围内。", "zh", ""),
        ("Ce n'est pas couvert.", "fr", "'est pas couvert"),
    ],
)
def test_the_scope_of_a_negation(text, language, denied):
    assert split_denied(text, language)[1].strip() == denied
