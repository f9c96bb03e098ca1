"""Which bytes become which text, and which are refused."""

from __future__ import annotations

import codecs
import os
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import LoadError
from rag.loaders.encoding import decode

GERMAN = "Die Prüfung der Geräte erfolgt jährlich. Größe und Gewicht sind geprüft.\n"
RUSSIAN = "Гарантийный срок составляет два года со дня покупки прибора.\n"
CHINESE = "保修期为自购买之日起两年。请每年校准一次仪器。\n"
LEGACY = [
    (GERMAN, "cp1252"),
    ("L'étalonnage est effectué chaque année par le fabricant. Où est-il? À côté.", "latin-1"),
    ("He said “the meter’s range is 10 €” – and left it there for others to find.", "cp1252"),
    ("Zażółć gęślą jaźń i sprawdź dokładność miernika.", "cp1250"),
    (RUSSIAN, "cp1251"),
    (RUSSIAN, "koi8-r"),
    ("Η εγγύηση ισχύει για δύο χρόνια από την ημερομηνία αγοράς.", "cp1253"),
    (CHINESE, "gbk"),
    ("保固期為自購買之日起兩年。請每年校準一次儀器。", "big5"),
    ("保証期間は購入日から二年間です。測定器の校正は毎年行ってください。", "shift_jis"),
    ("보증 기간은 구입일로부터 2년입니다.", "euc-kr"),
]


@pytest.mark.parametrize(("text", "codec"), LEGACY, ids=[codec for _, codec in LEGACY])
def test_a_legacy_encoding_is_recognised(text: str, codec: str) -> None:
    assert decode(text.encode(codec), uri="u") == text


@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_decides_and_is_taken_off(mark: bytes, codec: str) -> None:
    assert decode(mark + "Größe 𝄞\r\n".encode(codec), uri="u") == "Größe 𝄞\r\n"


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip),
    st.sampled_from(["\n", "\r\n", "\r", "\u2028", "\x85"]),
)
def test_utf_8_comes_back_exactly(text: str, newline: str) -> None:
    text = f"x{text}{newline}{text}"
    assert decode(text.encode(), uri="u") == text


@pytest.mark.parametrize("codec", ["gbk", "shift_jis", "cp1251"])
@pytest.mark.parametrize("lead", [0, 1, 300_001])
def test_a_large_legacy_file_is_judged_by_a_part(codec: str, lead: int) -> None:
    text = "x" * lead + {"gbk": CHINESE, "cp1251": RUSSIAN}.get(codec, "保証期間は購入日から二年間です。\n") * 9000
    assert decode(text.encode(codec), uri="u") == text


def test_utf_8_with_a_foreign_byte_names_the_offset() -> None:
    data = "Zeile eins: Prüfung\nZeile zwei: Größe\n".encode() + b"Ger\xe4t\n"
    with pytest.raises(LoadError, match=r"^u byte 44 \(line 3\): mixed encodings.*0xE4"):
        decode(data, uri="u")
    assert data[44] == 0xE4


def test_a_damaged_utf_16_file_names_the_offset() -> None:
    with pytest.raises(LoadError, match=r"^u byte \d+: not valid utf-16-le"):
        decode(codecs.BOM_UTF16_LE + b"a\x00\x00\xd8b\x00", uri="u")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"empty \(0 bytes\)"),
        (b" \n\t ", "only white space"),
        (codecs.BOM_UTF8, "only white space"),
        (b"text\x00more", r"binary content \(NUL at byte 4\)"),
        (codecs.BOM_UTF16_LE + "a\0b".encode("utf-16-le"), "NUL at character 1"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "it looks like a PNG image"),
        (b"PK\x03\x04\x14\x00", "it looks like a ZIP archive"),
        (b"%PDF-1.4\n%\n1 0 obj", "it looks like a PDF"),
        (zlib.compress(os.urandom(4000)).replace(b"\0", b""), "binary content|neither UTF-8 nor"),
        (bytes(random.Random(7).choices(range(1, 256), k=5000)), "binary content"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(LoadError, match=message) as caught:
        decode(data, uri="file:///x.txt")
    assert caught.value.where.startswith("file:///x.txt")
    assert caught.value.hint


@given(st.binary(max_size=300))
def test_any_bytes_give_text_without_surrogates_or_a_load_error(data: bytes) -> None:
    try:
        text = decode(data, uri="u")
    except LoadError:
        return
    assert text.encode("utf-8").decode() == text
    assert "\0" not in text


def test_a_declared_encoding_is_used_where_it_fits() -> None:
    assert decode(RUSSIAN.encode("cp1251"), uri="u", declared="cp1251") == RUSSIAN
    assert decode(RUSSIAN.encode(), uri="u", declared="big5hkscs") == RUSSIAN  # a wrong declaration
    assert decode(GERMAN.encode(), uri="u", declared="cp1252") == GERMAN
    assert decode(GERMAN.encode("cp1252"), uri="u", declared="cp1252") == GERMAN
