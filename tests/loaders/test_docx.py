"""DOCX: structure in document order, text that python-docx leaves out, and archives that mean harm."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from rag.errors import LoadError
from rag.loaders import load_bytes
from rag.types import Document


def saved(word) -> bytes:
    buffer = io.BytesIO()
    word.save(buffer)
    return buffer.getvalue()


def shown(document: Document) -> list[tuple[str, int, str]]:
    return [(b.kind, b.level, document.text[b.start : b.end]) for b in document.blocks]


def repacked(data: bytes, change: Callable[[str, bytes], bytes | None]) -> bytes:
    """The archive with each member's bytes changed, or left out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if (content := change(name, old.read(name))) is not None:
                new.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def minutes() -> bytes:
    word = docx.Document()
    word.core_properties.title = ""
    word.core_properties.author = "Ada Holm"
    word.add_heading("Minutes", 1)
    word.add_paragraph("Present: Ada and Bo.\tAll day.")
    word.add_heading("Decisions", 2)
    for text in ("first", "second"):
        word.add_paragraph(text, style="List Number")
    word.add_paragraph("after")
    for text in ("one", "two"):
        word.add_paragraph(text, style="List Bullet")
    table = word.add_table(rows=3, cols=2)
    for row, texts in zip(table.rows, [("Model", "Price"), ("HX-200", "100\nEUR"), ("", "")], strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    word.add_paragraph("")
    word.add_paragraph("End")
    return saved(word)


def test_pieces_come_in_document_order(minutes: bytes, load_one) -> None:
    document = load_one(minutes, "minutes.docx")
    assert shown(document) == [
        ("heading", 1, "Minutes"),
        ("paragraph", 0, "Present: Ada and Bo.\tAll day."),
        ("heading", 2, "Decisions"),
        ("list", 0, "1. first\n2. second"),
        ("paragraph", 0, "after"),
        ("list", 0, "- one\n- two"),
        ("table", 0, "Model | Price\nHX-200 | 100 EUR"),
        ("paragraph", 0, "End"),
    ]
    assert document.title == "Minutes"
    assert document.metadata == {"author": "Ada Holm", "created": "2013-12-23T23:15:00+00:00"}


def test_the_title_property_goes_first(load_one) -> None:
    word = docx.Document()
    word.core_properties.title = "Board minutes"
    word.add_heading("Other", 0)
    document = load_one(saved(word), "x.docx")
    assert (document.title, shown(document)) == ("Board minutes", [("heading", 1, "Other")])


def test_without_core_properties_none_are_made_up(minutes: bytes, load_one) -> None:
    bare = repacked(minutes, lambda name, c: c.replace(b"metadata/core-properties", b"none") if ".rels" in name else c)
    document = load_one(bare, "a.docx")
    assert (document.title, document.metadata) == ("Minutes", {})


def test_headings_by_outline_level_and_by_based_on_style(load_one) -> None:
    word = docx.Document()
    word.core_properties.title = ""
    style = word.styles.add_style("Clause", 1)
    style.base_style = word.styles["Heading 3"]
    word.add_paragraph("By style", style="Clause")
    paragraph = word.add_paragraph("By level")
    paragraph._p.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {nsdecls("w")} w:val="1"/>'))
    assert shown(load_one(saved(word), "a.docx")) == [("heading", 3, "By style"), ("heading", 2, "By level")]


def test_what_python_docx_leaves_out_is_read(load_one) -> None:
    word = docx.Document()
    word.add_paragraph("start")
    w = nsdecls("w")
    for xml in (
        f"<w:sdt {w}><w:sdtContent><w:p><w:r><w:t>in a control</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        f"<w:p {w}><w:ins><w:r><w:t>inserted</w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>",
        f"<w:p {w}><w:r><w:t>host</w:t></w:r><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p>"
        "</w:txbxContent></w:pict></w:r></w:p>",
        f"<w:p {w}><w:r><w:t>non</w:t><w:noBreakHyphen/><w:t>stop</w:t><w:br/><w:t>next</w:t></w:r></w:p>",
    ):
        word.element.body.insert(len(word.element.body) - 1, parse_xml(xml))
    assert load_one(saved(word), "a.docx").text == (
        "start\n\nin a control\n\ninserted\n\nhost\n\nboxed\n\nnon\u2011stop\nnext"
    )


def test_merged_cells_are_said_once(load_one) -> None:
    word = docx.Document()
    table = word.add_table(rows=2, cols=3)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(0, 2).text = "c"
    for n in range(3):
        table.cell(1, n).text = str(n)
    assert load_one(saved(word), "a.docx").text == "wide | c\n0 | 1 | 2"


def test_nested_list_items_are_indented_and_counted(load_one) -> None:
    word = docx.Document()
    for text, level in (("a", 0), ("b", 1), ("c", 1), ("d", 0), ("e", 1)):
        paragraph = word.add_paragraph(text, style="List Number")
        properties = paragraph._p.get_or_add_pPr()
        properties.append(parse_xml(f'<w:numPr {nsdecls("w")}><w:ilvl w:val="{level}"/></w:numPr>'))
    # The template's List Number defines level 0 only; deeper ones are bullets to a reader of the file.
    assert load_one(saved(word), "a.docx").text == "1. a\n  - b\n  - c\n2. d\n  - e"


def test_a_zip_bomb_is_refused_by_what_it_claims(minutes: bytes, refusal) -> None:
    bomb = repacked(minutes, lambda name, c: b"\0" * (300 << 20) if name == "word/document.xml" else c)
    assert len(bomb) < 1 << 20
    error = refusal(bomb, "a.docx")
    assert "ZIP bomb" in error.message
    assert "claimed" in error.message


def test_a_zip_bomb_that_lies_about_its_size_is_refused(minutes: bytes, refusal) -> None:
    size = 64 << 20
    bomb = bytearray(repacked(minutes, lambda n, c: b" " * size if n == "word/document.xml" else c))
    lie, true = struct.pack("<I", 1000), struct.pack("<I", size)
    assert bomb.count(true) == 2  # in the local header and in the directory
    error = refusal(bytes(bomb.replace(true, lie)), "a.docx")
    assert "damaged" in error.message or "ZIP bomb" in error.message


def test_an_xml_part_over_the_limit_is_refused(minutes: bytes, refusal, monkeypatch) -> None:
    from rag.loaders import docx as module

    monkeypatch.setattr(module, "MAX_XML_BYTES", 1000)
    assert ".xml unpacks to over 1000 bytes" in refusal(minutes, "a.docx").message


def test_an_archive_of_too_many_members_is_refused(refusal, monkeypatch) -> None:
    from rag.loaders import docx as module

    monkeypatch.setattr(module, "MAX_MEMBERS", 50)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for n in range(51):
            archive.writestr(f"{n}.xml", "")
    assert "51 members" in refusal(buffer.getvalue(), "a.docx").message


def test_overlapping_members_are_refused(refusal) -> None:
    """Many directory entries for one compressed kernel: the other way to make a bomb."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = kernel.compress(b"\0" * (8 << 20)) + kernel.flush()
    crc = zlib.crc32(b"\0" * (8 << 20))
    sizes = struct.pack("<III", crc, len(packed), 8 << 20)
    local = b"PK\3\4" + struct.pack("<HHHHH", 20, 0, 8, 0, 0) + sizes + struct.pack("<HH", 5, 0) + b"a.xml" + packed
    entry = b"PK\1\2" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0) + sizes
    entry += struct.pack("<HHHHHII", 5, 0, 0, 0, 0, 0, 0) + b"a.xml"
    directory = entry * 500
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 500, 500, len(directory), len(local), 0)
    assert "ZIP bomb" in refusal(local + directory + end, "a.docx").message


def test_an_entity_bomb_expands_to_nothing(minutes: bytes) -> None:
    entities = b'<!ENTITY a0 "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12)
    )

    def change(name: str, content: bytes) -> bytes:
        if name != "word/document.xml":
            return content
        start = content.index(b"<w:document")
        return b"<!DOCTYPE x [" + entities + b"]>" + content[start:].replace(b"after", b"&a11;")

    try:
        (document,) = load_bytes(repacked(minutes, change), uri="u", name="a.docx")
    except LoadError:
        return
    assert isinstance(document, Document)
    assert len(document.text) < 1000


def test_an_encrypted_document_is_refused(refusal) -> None:
    assert "encrypted" in refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512, "a.docx").message


def test_a_broken_document_is_refused(minutes: bytes, refusal) -> None:
    def plain_zip(_name: str, content: bytes) -> bytes | None:
        return content if _name == "word/document.xml" else None

    broken = {
        "cut": minutes[: len(minutes) // 2],
        "text": b"this is no archive",
        "another archive": repacked(minutes, plain_zip),
        "no body": repacked(minutes, lambda n, c: b"<x/>" if n == "word/document.xml" else c),
        "no XML": repacked(minutes, lambda n, c: c[:-20] if n == "word/document.xml" else c),
        "no styles": repacked(minutes, lambda n, c: b"nonsense" if n == "word/styles.xml" else c),
        "no content types": repacked(minutes, lambda n, c: b"" if n == "[Content_Types].xml" else c),
        "a spreadsheet": repacked(
            minutes, lambda n, c: c.replace(b"wordprocessingml.document.main", b"spreadsheetml.sheet.main")
        ),
    }
    for name, data in broken.items():
        error = refusal(data, "a.docx")
        assert "damaged" in error.message, name
        assert error.where == "file:///folder/a.docx"


def test_a_flipped_byte_gives_a_document_or_a_load_error(minutes: bytes) -> None:
    for at in range(0, len(minutes), 211):
        broken = minutes[:at] + bytes([minutes[at] ^ 0x55]) + minutes[at + 1 :]
        try:
            list(load_bytes(broken, uri="u", name="a.docx"))
        except LoadError as error:
            assert error.hint


def test_a_document_without_text_is_refused(refusal) -> None:
    assert "no text" in refusal(saved(docx.Document()), "a.docx").message


def test_what_no_reader_sees_is_no_text(load_one) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import RGBColor

    word = docx.Document()
    paragraph = word.add_paragraph("yes ")
    paragraph.add_run("hidden ").font.hidden = True
    paragraph.add_run("white ").font.color.rgb = RGBColor(255, 255, 255)
    paragraph.add_run("shown ").font.hidden = False
    paragraph.add_run("red").font.color.rgb = RGBColor(255, 0, 0)
    dark = word.add_paragraph()
    shade = OxmlElement("w:shd")
    shade.set(qn("w:fill"), "000000")
    dark.paragraph_format.element.get_or_add_pPr().append(shade)
    dark.add_run("white on black").font.color.rgb = RGBColor(255, 255, 255)
    assert load_one(saved(word), "a.docx").text == "yes shown red\n\nwhite on black"
