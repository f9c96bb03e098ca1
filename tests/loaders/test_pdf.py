"""PDF: text, pages, boxes, titles, and every way a PDF can be bad."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.pdfbase.pdfmetrics import stringWidth

from rag.errors import LoadError
from rag.loaders import char_boxes
from rag.types import Document, Page

WIDE = "Every instrument is tested for a full day before it leaves the house in"
BODY = [
    (72, 700, 10, WIDE),
    (72, 688, 10, "Halden, and its report is kept for ten years. The report lists every"),
    (72, 676, 10, "reading."),
]


def shown(document: Document) -> list[tuple[str, int, str]]:
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def test_lines_flow_where_the_next_word_would_not_have_fitted(make_pdf, load_one) -> None:
    document = load_one(make_pdf(BODY), "a.pdf")
    assert document.text == " ".join(text for *_, text in BODY)


def test_short_lines_stay_and_gaps_make_paragraphs(make_pdf, load_one) -> None:
    address = [(72, 640, 10, "Halden Instruments"), (72, 628, 10, "12 Quay Road"), (72, 616, 10, "Halden")]
    document = load_one(make_pdf(BODY + address), "a.pdf")
    assert shown(document)[1:] == [("paragraph", 0, "Halden Instruments\n12 Quay Road\nHalden")]


def test_list_items_start_lines_even_after_a_full_one(make_pdf, load_one) -> None:
    lines = [(72, 700, 10, "1. " + WIDE), (72, 688, 10, "2. " + WIDE), (72, 676, 10, "3. short")]
    assert load_one(make_pdf(lines), "a.pdf").text == f"1. {WIDE}\n2. {WIDE}\n3. short"


def test_spaced_bullets_make_one_list(make_pdf, load_one) -> None:
    lines = [(72, 700 - 18 * n, 10, f"\u2022 {text}") for n, text in enumerate(("one", "two", "three"))]
    document = load_one(make_pdf([*lines, (72, 640, 10, "After.")]), "a.pdf")
    assert shown(document) == [("list", 0, "• one\n• two\n• three"), ("paragraph", 0, "After.")]


def test_lines_with_wide_gaps_are_rows_of_a_table(make_pdf, load_one) -> None:
    rows = [("Model", "Weight", "Price"), ("SLM-200", "310 g", "690"), ("SLM-210", "345 g", "1,590")]
    cells = [(72 + 90 * x, 700 - 18 * y, 10, text) for y, row in enumerate(rows) for x, text in enumerate(row)]
    data = make_pdf([*cells, (72, 620, 10, "A page     number stands alone.")])
    document = load_one(data, "a.pdf")
    table = "Model | Weight | Price\nSLM-200 | 310 g | 690\nSLM-210 | 345 g | 1,590"
    assert shown(document)[0] == ("table", 0, table)
    assert [kind for kind, *_ in shown(document)] == ["table", "paragraph"]
    at = document.text.index("345 g")
    boxes = char_boxes(data, page=document.pages[0], start=at - 3, end=at + 2)
    assert len(boxes) == 2  # the bar stands for nothing on the page
    assert boxes[0][0] == pytest.approx(162, abs=0.02)


def test_divided_words_are_made_whole_and_codes_keep_their_hyphen(make_pdf, load_one) -> None:
    lines = [(72, 700, 10, "The calibra-"), (72, 688, 10, "tion of the HX-"), (72, 676, 10, "200 is yearly.")]
    assert load_one(make_pdf(lines), "a.pdf").text == "The calibration of the HX-200 is yearly."


def test_chinese_lines_are_joined_without_a_space(make_pdf, load_one) -> None:
    lines = [(72, 700, 12, "本产品自购买之日起保修"), (72, 686, 12, "两年。请保留发票。")]
    document = load_one(make_pdf(lines, font="STSong-Light"), "a.pdf")
    assert document.text == "本产品自购买之日起保修两年。请保留发票。"


def test_larger_type_makes_headings(make_pdf, load_one) -> None:
    lines = [(72, 760, 20, "Manual"), (72, 730, 14, "Safety"), *BODY]
    document = load_one(make_pdf(lines), "a.pdf")
    assert [(kind, level) for kind, level, _ in shown(document)] == [
        ("heading", 1),
        ("heading", 2),
        ("paragraph", 0),
    ]
    assert document.title == "Manual"


def test_pages_tile_the_text_and_blank_pages_are_named(make_pdf, load_one) -> None:
    document = load_one(make_pdf([], BODY, [], [(72, 700, 10, "Last page.")], []), "a.pdf")
    assert document.pages[0] == Page(1, 0, 0)
    assert document.pages[-1] == Page(5, len(document.text), len(document.text))
    for page, following in zip(document.pages, document.pages[1:], strict=False):
        assert page.end == following.start
    assert document.text[document.pages[3].start : document.pages[3].end] == "Last page."
    assert document.metadata["textless_pages"] == (1, 3, 5)


def test_the_boxes_are_where_the_characters_were_drawn(make_pdf, load_one) -> None:
    data = make_pdf([(72, 700, 10, "First page.")], [(72, 760, 20, "Manual"), *BODY])
    document = load_one(data, "a.pdf")
    page = document.pages[1]
    for x, y, size, text in BODY:
        start = document.text.index(text)
        boxes = char_boxes(data, page=page, start=start, end=start + len(text))
        assert len(boxes) == len(text)
        for n, (left, bottom, right, top) in enumerate(boxes):
            assert left == pytest.approx(x + stringWidth(text[:n], "Helvetica", size), abs=0.02)
            assert right == pytest.approx(x + stringWidth(text[: n + 1], "Helvetica", size), abs=0.02)
            assert bottom < y < top < y + 1.3 * size


def test_each_offset_has_its_own_box_and_a_joined_break_has_none(make_pdf, load_one) -> None:
    lines = [(72, 700, 10, "The calibra-"), (72, 688, 10, "tion of the HX-"), (72, 676, 10, "200 is yearly.")]
    lines += [(72, 640, 10, "Next paragraph here.")]
    data = make_pdf(lines)
    document = load_one(data, "a.pdf")
    (page,) = document.pages
    for offset, character in enumerate(document.text):
        boxes = char_boxes(data, page=page, start=offset, end=offset + 1)
        assert len(boxes) == (0 if character == "\n" else 1)
    at = document.text.index("200")
    ((left, bottom, *_),) = char_boxes(data, page=page, start=at, end=at + 1)
    assert (left, bottom) == (pytest.approx(72, abs=0.02), pytest.approx(676 - 2.1, abs=0.3))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.text("abcdefgh XYZ019.,;-()", min_size=1, max_size=60).filter(str.strip), min_size=1, max_size=8),
        min_size=1,
        max_size=3,
    )
)
def test_whatever_is_drawn_is_read_and_boxes_match_characters(make_pdf, load_one, pages) -> None:
    data = make_pdf(*[[(72, 700 - 14 * n, 10, text) for n, text in enumerate(page)] for page in pages])
    document = load_one(data, "a.pdf")
    drawn = "".join(text for page in pages for text in page)
    squeeze = str.maketrans("", "", " \n-")
    assert document.text.translate(squeeze) == drawn.translate(squeeze)
    assert "".join(document.text[p.start : p.end] for p in document.pages) == document.text
    for page in document.pages:
        for at in range(page.start, page.end):
            character = document.text[at]
            for left, _, right, _ in char_boxes(data, page=page, start=at, end=at + 1):
                width = stringWidth(character, "Helvetica", 10)
                assert right - left == pytest.approx(width, abs=0.02) or character == " "
    covered = {offset for block in document.blocks for offset in range(block.start, block.end)}
    assert all(offset in covered or c.isspace() for offset, c in enumerate(document.text))


def test_boxes_outside_the_page_are_left_out_and_an_unknown_page_is_an_error(make_pdf, load_one) -> None:
    data = make_pdf([(72, 700, 10, "One.")], [(72, 700, 10, "Two.")])
    first, second = load_one(data, "a.pdf").pages
    assert len(char_boxes(data, page=first, start=0, end=10_000)) == 4
    assert len(char_boxes(data, page=second, start=0, end=10_000)) == 4
    assert char_boxes(data, page=second, start=0, end=2) == []
    with pytest.raises(LoadError, match="no page 9"):
        char_boxes(data, page=Page(9, 0, 4), start=0, end=4)


def test_title_author_and_date_come_from_the_file(make_pdf, load_one) -> None:
    document = load_one(make_pdf(BODY, title="HX-200 Manual", author="Ada Holm"), "a.pdf")
    assert document.title == "HX-200 Manual"
    assert document.metadata == {"author": "Ada Holm", "created": "2000-01-01T00:00:00+00:00"}
    assert document.media_type == "application/pdf"


def test_without_a_title_the_first_line_or_the_stem_serves(make_pdf, load_one) -> None:
    assert load_one(make_pdf([(72, 700, 10, "Price list")]), "x.pdf").title == "Price list"
    assert load_one(make_pdf(BODY * 3), "prices 2024.pdf").title == "prices 2024"


def test_an_encrypted_pdf_is_refused(make_pdf, refusal) -> None:
    assert "encrypted" in refusal(make_pdf(BODY, password="secret"), "a.pdf").message


def test_a_truncated_pdf_is_refused_wherever_it_is_cut(make_pdf, refusal) -> None:
    data = make_pdf(BODY, BODY)
    assert data.rstrip().endswith(b"%%EOF")
    for size in (9, 200, len(data) // 2, len(data) - 100, len(data.rstrip()) - 1):
        assert "truncated" in refusal(data[:size], "a.pdf").message


def test_bytes_after_the_end_mark_are_let_be(make_pdf, load_one) -> None:
    assert load_one(make_pdf(BODY) + b"\r\n\0\0\0", "a.pdf").text


def test_a_pdf_without_pages_or_without_text_or_that_is_none_is_refused(make_pdf, refusal) -> None:
    assert "no text layer" in refusal(make_pdf([], []), "a.pdf").message
    assert "not a PDF" in refusal(b"<html>Not found</html>", "a.pdf").message
    import pypdfium2

    buffer = io.BytesIO()
    pypdfium2.PdfDocument.new().save(buffer)
    assert "damaged or has no pages" in refusal(buffer.getvalue(), "a.pdf").message


def test_a_damaged_pdf_gives_a_document_or_a_load_error(make_pdf) -> None:
    from rag.loaders import load_bytes

    data = bytearray(make_pdf(BODY))
    for at in range(0, len(data) - 40, 97):
        broken = bytes(data[:at] + b"\xff" * 30 + data[at + 30 :])
        try:
            list(load_bytes(broken, uri="u", name="a.pdf"))
        except LoadError as error:
            assert error.hint
