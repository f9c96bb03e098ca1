"""Words, and the tokenizer that counts them."""

from hypothesis import given
from hypothesis import strategies as st

from rag.protocols import Tokenizer
from rag.text import WordTokenizer, words


def cut(text):
    return [text[start:end] for start, end in words(text)]


def test_words_leave_out_blanks_and_punctuation():
    assert cut("Don't pay 1,000.50 for foo_bar – e-mail me!") == [
        "Don't",
        "pay",
        "1,000.50",
        "for",
        "foo_bar",
        "e",
        "mail",
        "me",
    ]


def test_marks_stay_with_their_letter():
    assert cut("हिन्दी की किताब, e\u0301te\u0301") == ["हिन्दी", "की", "किताब", "e\u0301te\u0301"]


def test_scripts_without_spaces_are_cut():
    assert cut("我喜欢北京。") == ["我", "喜欢", "北京"]
    assert cut("สวัสดีครับ") == ["สวัสดี", "ครับ"]


def test_offsets_are_code_points_beyond_the_bmp():
    assert cut("😀x 𠀀𠀁 y😀z") == ["x", *cut("𠀀𠀁"), "y", "z"]


@given(st.text())
def test_words_hold_every_letter_and_digit(text):
    position = 0
    for start, end in words(text):
        assert not any(map(str.isalnum, text[position:start]))
        assert any(map(str.isalnum, text[start:end]))
        position = end
    assert not any(map(str.isalnum, text[position:]))


def test_the_word_tokenizer_is_a_tokenizer():
    tokenizer = WordTokenizer()
    assert isinstance(tokenizer, Tokenizer)
    assert tokenizer.count("") == 0
    assert tokenizer.count("Two words.") == 2
    assert tokenizer.offsets("Two words.") == [(0, 3), (4, 9)]
