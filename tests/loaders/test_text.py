"""Plain text, source code, and the choice of a loader by name."""

from __future__ import annotations

import tracemalloc

import pytest

from rag.loaders import (
    DocxLoader,
    HtmlLoader,
    JsonlLoader,
    MarkdownLoader,
    PdfLoader,
    TableLoader,
    TextLoader,
    load_bytes,
    loader_for,
    supported_suffixes,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", TextLoader),
        ("A.MD", MarkdownLoader),
        ("a.b.Htm", HtmlLoader),
        ("a.PDF", PdfLoader),
        ("a.docx", DocxLoader),
        ("a.tsv", TableLoader),
        ("a.jsonl", JsonlLoader),
        ("main.py", TextLoader),
        ("Makefile", TextLoader),
        ("a.unknown", TextLoader),
        ("md", TextLoader),
        ("\udcff.md", MarkdownLoader),
    ],
)
def test_the_suffix_chooses_the_loader(name: str, kind: type) -> None:
    assert type(loader_for(name)) is kind


def test_supported_suffixes_are_lower_case_and_sorted() -> None:
    suffixes = supported_suffixes()
    assert list(suffixes) == sorted(suffixes)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)
    assert {".txt", ".md", ".html", ".pdf", ".docx", ".csv", ".tsv", ".jsonl", ".py", ".rs"} <= set(suffixes)


def test_plain_text_keeps_every_character(load_one) -> None:
    text = "One\r\ntwo\n\n  three\tfour\rfive\x0csix \n"
    document = load_one(text.encode(), "notes on it.txt")
    assert document.text == text
    assert (document.title, document.media_type, document.blocks) == ("notes on it", "text/plain", ())
    assert document.uri == "file:///folder/notes on it.txt"


def test_source_code_is_titled_by_its_whole_name(load_one) -> None:
    document = load_one(b"fn main() {}\n", "main.rs")
    assert (document.title, document.media_type) == ("main.rs", "text/x-rust")


def test_text_is_not_normalised(load_one) -> None:
    text = "e\u0301 \ufb01 \u212b Å ｱ"
    assert load_one(text.encode(), "a.txt").text == text


def test_a_title_never_holds_a_surrogate_or_a_newline() -> None:
    (document,) = load_bytes(b"x", uri="file:///a/b%FF%0A.txt", name="b\udcff\n.txt")
    assert document.title == "b\ufffd"


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.pdf", "a.docx", "a.csv", "a.jsonl", "a.zzz"])
def test_a_file_of_no_bytes_is_refused_by_every_loader(name: str, refusal) -> None:
    assert "empty" in refusal(b"", name).message


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.csv", "a.jsonl", "a.zzz"])
def test_white_space_alone_is_refused_by_every_text_loader(name: str, refusal) -> None:
    assert "white space" in refusal(b" \n\n\t\n", name).message


def test_a_large_text_is_loaded_in_bounded_memory() -> None:
    data = b"The instrument was calibrated on 3 May and passed.\n" * 600_000  # 30 MB
    tracemalloc.start()
    (document,) = load_bytes(data, uri="file:///big.txt", name="big.txt")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(document.text) == len(data)
    assert peak < 1.2 * len(data)
