"""A beginning is the longest that fits, also where several tokens share one character."""

from hypothesis import given
from hypothesis import strategies as st

from rag.text import WordTokenizer
from rag.text.budgets import beginning


class Bytes:
    """A token per UTF-8 byte, and two special tokens."""

    def count(self, text):
        return len(text.encode("utf-8")) + 2

    def offsets(self, text):
        return [(i, i + 1) for i, c in enumerate(text) for _ in c.encode("utf-8")]


def test_by_hand():
    assert beginning("The red kite flies.", WordTokenizer(), 3) == "The red kite "
    assert beginning("The red kite flies.", WordTokenizer(), 4) == "The red kite flies."
    assert beginning("😀😀", Bytes(), 6) == "😀"
    assert beginning("😀😀", Bytes(), 9) == "😀"
    assert beginning("😀", Bytes(), 5) == ""
    assert beginning("a", Bytes(), 1) == ""


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), st.integers(1, 60))
def test_it_fits_and_one_character_more_does_not(text, max_tokens):
    kept = beginning(text, Bytes(), max_tokens)
    assert text.startswith(kept)
    assert kept == "" or Bytes().count(kept) <= max_tokens
    if len(kept) < len(text):
        assert Bytes().count(text[: len(kept) + 1]) > max_tokens
