"""names_some: whether evidence is about anything that a question names."""

from __future__ import annotations

import pytest

from rag.grounding import names_some


@pytest.mark.parametrize(
    ("question", "header", "quote", "expected"),
    [
        ("Which albums are by Marian Gold?", "", "It achieved Gold certification.", False),
        ("Which albums are by Marian Gold?", "", "United is by the singer Marian Gold.", True),
        ("Which albums are by Marian Gold?", "Marian Gold", "He sings.", True),
        ("Who was born in 1944?", "", "She was born on 5 May 1944.", True),
        ("Who was born in 1944?", "1944", "She was born in 1945.", False),  # a header's figures prove nothing
        ("Compare the HX-100 and the HX-200", "", "The HX-200 is blue.", True),
        ("Compare the HX-100 and the HX-200", "", "The HX-300 is blue.", False),
        ("What does a pump cost?", "", "Anything at all.", True),
    ],
)
def test_names_some(question, header, quote, expected):
    assert names_some(question, [(header, quote)]) is expected


def test_one_piece_of_evidence_is_enough():
    assert names_some("Who was born in 1944?", [("", "Nobody."), ("", "She was, in 1944.")])
    assert not names_some("Who was born in 1944?", [])
