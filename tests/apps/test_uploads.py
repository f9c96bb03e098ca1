"""What is let in, and under which name it is kept."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("streamlit")
from uploads import Upload, drop, keep, problem, safe_name

SAMPLES = Path(__file__).parents[2] / "apps" / "samples"


def zipped(name):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as parts:
        parts.writestr(name, "x")
    return data.getvalue()


@pytest.mark.parametrize("file", sorted(p for p in SAMPLES.rglob("*") if p.is_file()), ids=lambda path: path.name)
def test_the_samples_are_let_in(file):
    assert problem(Upload(file.name, file.read_bytes()), 50) is None


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.pdf", b"MZ program", "not a PDF"),
        ("a.docx", b"PK nothing", "not a Word"),
        ("a.txt", b"\x7fELF\0\0", "not text"),
        ("a", b"\0", "not text"),
        ("a.txt", b"", "empty"),
        ("a.txt", b"x" * (1 << 20) + b"x", "larger than 1 MB"),
    ],
)
def test_what_is_not_what_it_says_is_kept_out(name, data, says):
    assert says in problem(Upload(name, data), 1)


def test_text_in_any_encoding_is_let_in():
    for data in ("日本語".encode("utf-16"), "naïve".encode("latin-1"), b"%PDF- in a text"):
        assert problem(Upload("a.txt", data), 1) is None
    assert problem(Upload("a.docx", zipped("word/document.xml")), 1) is None


@given(st.text(max_size=300))
def test_a_name_leads_nowhere_else(name):
    kept = safe_name(name)
    assert 0 < len(kept) <= 81
    assert Path(kept).name == kept
    assert not kept.startswith(".")
    assert "\0" not in kept
    assert safe_name(kept) == kept


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Handbuch 2024.pdf", "Handbuch 2024.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\報告.docx", "報告.docx"),
        (".htaccess", "htaccess"),
        ("a<b>|c.md", "a_b_c.md"),
        ("", "file"),
    ],
)
def test_names(name, kept):
    assert safe_name(name) == kept


def test_kept_replaced_and_dropped(tmp_path):
    first = keep(Upload("a.txt", b"one"), tmp_path / "files")
    again = keep(Upload("../a.txt", b"two"), tmp_path / "files")
    assert first == again
    assert again.read_bytes() == b"two"
    assert [p.name for p in again.parent.iterdir()] == ["a.txt"]
    places = {keep(Upload("a.txt", b"x"), tmp_path / "files", owner=o, copy=n) for o in ("", "bob") for n in (0, 1)}
    assert len(places) == 4
    for place in places - {again}:
        drop(place, tmp_path / "files")
    outside = tmp_path / "mine" / "a.txt"
    outside.parent.mkdir()
    outside.write_text("mine")
    drop(outside, tmp_path / "files")
    assert outside.exists()
    drop(again, tmp_path / "files")
    assert not again.exists()
    assert list((tmp_path / "files").iterdir()) == []
