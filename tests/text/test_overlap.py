"""Token F1: by hand, and what holds of any two texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.overlap import token_f1


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("The cat sat.", "a CAT sat", 1.0),
        ("red blue green", "red yellow", 0.4),  # one of 3 and of 2: 2 * 1/3 * 1/2 / (5/6)
        ("red red", "red", 2 / 3),
        ("red", "blue", 0.0),
        ("", "The.", 1.0),
        ("", "red", 0.0),
        ("1921年", "1921年。", 1.0),
        ("挪威人", "挪威", 0.8),
    ],
)
def test_by_hand(one: str, other: str, expected: float) -> None:
    assert token_f1(one, other) == pytest.approx(expected)


@given(st.text(), st.text())
def test_it_is_symmetric_within_0_and_1_and_1_of_itself(one: str, other: str) -> None:
    assert token_f1(one, other) == pytest.approx(token_f1(other, one))
    assert 0 <= token_f1(one, other) <= 1
    assert token_f1(one, one) == 1
