"""Conversations as PDF, read back by PDFium."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

pytest.importorskip("typst")
import pypdfium2

from rag.chains.exporting import ExportWords
from rag.chains.exporting_pdf import to_pdf
from rag.chains.sessions import SessionStore
from rag.chains.turns import Turn
from rag.grounding import ground
from rag.types import Answer, Citation, Hit, Page, Sentence

SCRIPTS = {
    "en": "The kite is blue and eats 3 mice.",
    "zh": "电池的保修期为六个月。",
    "ja": "保証期間は六か月です。",
    "ko": "배터리 보증 기간은 6개월입니다.",
    "ru": "Гарантия на батарею составляет шесть месяцев.",
    "el": "Η εγγύηση ισχύει για έξι μήνες.",
    "hi": "बैटरी की वारंटी छह महीने है।",
}


def path_of(passage: Callable[..., Hit], texts: Sequence[str], question: str = "What?") -> list[Turn]:
    with SessionStore.in_memory() as store:
        session = store.open("talk", "/index")
        for number, text in enumerate(texts):
            hit = passage(f"Title {number}", text)
            chunk = hit.chunk
            cited = Citation(1, chunk.document_id, chunk.id, chunk.uri, chunk.title, 0, len(text), text, 1.0)
            sentence = Sentence(text, 0, len(text), 1.0, supported=True, citations=(cited,))
            answer = Answer(question, text, "supported", (sentence,), text, (hit,))
            session.append(Turn(0, number or None, question, "", ("",), None, answer, 0.25, 0.0))
        return list(session.turns().values())


def read(pdf: bytes) -> str:
    """All text of the file, without the white space that setting it has moved."""
    with pypdfium2.PdfDocument(pdf) as document:
        return "".join("".join(page.get_textpage().get_text_range().split()) for page in document)


def tight(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("language", SCRIPTS)
def test_every_script_can_be_read_back_with_its_source(passage: Callable[..., Hit], language: str) -> None:
    text = SCRIPTS[language]
    found = read(to_pdf("My talk", path_of(passage, [text], f"{text}?")))
    assert found.startswith(f"Mytalk1.{tight(text)}?")
    assert found.count(tight(text)) == 3  # the question, the answer and the quote
    assert f"{tight(text)}[1]supported,turn1,1970-01-0100:00UTCSources[1]Title0file:///Title0" in found


@pytest.mark.parametrize("text", ["يستمر ضمان البطارية ستة أشهر", "แบตเตอรี่รับประกันหกเดือน"])
def test_no_letter_is_lost_of_scripts_that_join_and_stack_theirs(passage: Callable[..., Hit], text: str) -> None:
    """PDFium gives some of them back in an order of its own."""
    found = read(to_pdf("x", path_of(passage, [text])))
    assert all(found.count(letter) >= text.count(letter) for letter in set(text) - {" "})


def test_a_character_that_cannot_be_drawn_stands_as_its_code_and_the_file_says_so(passage: Callable[..., Hit]) -> None:
    found = read(to_pdf("x", path_of(passage, ["The rune ᚠ means cattle."])))
    assert "TheruneU+16A0meanscattle.[1]" in found
    assert found.endswith("Charactersthatnofontheredrawsstandastheircodes:U+16A01/1")
    assert "stand" not in read(to_pdf("x", path_of(passage, ["The kite is blue."])))


PAYLOAD = (
    '#link("http://evil.example")[x] $x$ *b* <b onclick="1"> @ref \\u{41} "] https://evil.example/2 '
    '#read("/etc/passwd")'
)


def test_markup_of_any_kind_is_text_and_the_file_has_no_link(passage: Callable[..., Hit]) -> None:
    pdf = to_pdf(PAYLOAD, path_of(passage, [f"The payload is {PAYLOAD}."], PAYLOAD))
    assert read(pdf).count(tight(PAYLOAD)) == 4
    for word in (b"/URI", b"/Link", b"/JavaScript", b"/AcroForm", b"/EmbeddedFile"):
        assert word not in pdf


def test_a_long_word_is_broken_at_the_margin_and_loses_nothing(passage: Callable[..., Hit]) -> None:
    word = "".join(f"{number:04}" for number in range(200))
    pdf = to_pdf("x", path_of(passage, [f"The key is {word}."]))
    assert re.sub("[\u200b\ufffe\x02]", "", read(pdf)).count(word) == 2
    with pypdfium2.PdfDocument(pdf) as document:
        page = document[0]
        text = page.get_textpage()
        assert max(text.get_charbox(place)[2] for place in range(text.count_chars())) < page.get_width()


def test_sources_are_listed_with_pages_headings_and_every_quote_in_the_reader_s_words(
    passage: Callable[..., Hit],
) -> None:
    text = "The kite is blue. It eats mice."
    hit = passage("Kites", text)
    hit = replace(hit, chunk=replace(hit.chunk, headings=("Birds", "Prey"), pages=(Page(3, 0, 99),)))
    with SessionStore.in_memory() as store:
        session = store.open("talk", "/index")
        for number, draft in enumerate(("The kite is blue.", "It eats mice.")):
            session.append(Turn(0, number or None, "?", "", ("",), None, ground("?", draft, [hit]), 0.0, 0.0))
        path = list(session.turns().values())
    words = ExportWords("来源", "第", "轮次", "有依据", "部分有依据", "文档中没有", "代码：")
    found = read(to_pdf("对话", path, words))
    assert "来源[1]Kites,第3,Birds>Preyfile:///Kites" in found
    assert found.endswith("Thekiteisblue.Iteatsmice.1/1")
    assert found.count("[1]") == 3
    assert "有依据,轮次2,1970-01-01" in found


def test_an_empty_conversation_is_a_title() -> None:
    assert read(to_pdf("Nothing yet", [])) == "Nothingyet1/1"


def test_the_same_conversation_gives_the_same_file(passage: Callable[..., Hit]) -> None:
    path = path_of(passage, ["The kite is blue."])
    assert to_pdf("x", path) == to_pdf("x", path)
