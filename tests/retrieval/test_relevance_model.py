"""RM3, Rocchio and how specific a question is: values worked by hand, and what always holds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.retrieval.relevance_model import feedback_strength, rm3, rocchio, specificity

WORDS = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=8)


def test_rm3_by_hand() -> None:
    # P(t|R): likelihoods 3 and 1 -> 0.75 and 0.25; a: .75 * 1/2; b: .75 * 1/2 + .25 * 1/4; c: .25 * 3/4
    weights = rm3(["q", "a"], [["a", "b"], ["b", "c", "c", "c"]], [3.0, 1.0], terms=2, share=0.4)
    a, b = 0.375, 0.4375
    assert weights == pytest.approx({"q": 0.3, "a": 0.3 + 0.4 * a / (a + b), "b": 0.4 * b / (a + b)})


def test_rm3_breaks_ties_by_the_term_and_counts_repeated_words() -> None:
    weights = rm3(["q", "q", "r"], [["b", "a", "c"]], [1.0], terms=2, share=0.5)
    assert weights == pytest.approx({"q": 1 / 3, "r": 1 / 6, "a": 0.25, "b": 0.25})


def test_without_feedback_the_question_is_as_it_was() -> None:
    assert rm3(["q", "r"], [], []) == {"q": 0.5, "r": 0.5}
    assert rm3(["q", "r"], [["a"]], [0.0]) == {"q": 0.5, "r": 0.5}
    assert rm3(["q"], [[]], [1.0]) == {"q": 1.0}
    question = np.array([1.0, 0.0], np.float32)
    assert rocchio(question, np.zeros((0, 2), np.float32)).tolist() == [1.0, 0.0]
    assert rocchio(question, np.array([[0.0, 1.0], [0.0, -1.0]], np.float32)).tolist() == [1.0, 0.0]


@given(WORDS, st.lists(WORDS, min_size=1, max_size=4), st.floats(0, 1))
def test_rm3_is_a_distribution(question: list[str], passages: list[list[str]], share: float) -> None:
    weights = rm3(question, passages, [1.0] * len(passages), terms=3, share=share)
    assert math.fsum(weights.values()) == pytest.approx(1)
    assert all(weight > 0 for weight in weights.values())


def test_rocchio_by_hand() -> None:
    found = rocchio(np.array([1.0, 0.0], np.float32), np.array([[0.0, 1.0], [0.0, 1.0]], np.float32), share=0.5)
    assert found == pytest.approx([math.sqrt(0.5), math.sqrt(0.5)], abs=1e-6)
    assert found.dtype == np.float32


def test_specificity_runs_from_common_terms_to_rare_ones() -> None:
    total = 1000
    rarest = math.log(1 + (total - 0.5) / 1.5)
    assert specificity({"x": rarest}, total) == pytest.approx(1)
    assert specificity({"x": rarest, "y": 0.0}, total) == pytest.approx(0.5)
    assert specificity({}, total) == specificity({"x": 1.0}, 1) == 1.0


def test_feedback_fades_where_questions_become_specific() -> None:
    assert [feedback_strength(one) for one in (0.0, 0.4, 0.5, 1.0)] == [1, 1, 0, 0]
    assert feedback_strength(0.45) == pytest.approx(0.5)
