"""What is let in, and under which name it is kept."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("streamlit")
from uploads import Upload, drop, keep, place_of, problem, safe_name, shown_name, tidy

from rag.loaders import file_uri

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
        ("a.pdf", b"MZ program", "uploads.no_pdf"),
        ("a.docx", b"PK nothing", "uploads.no_word"),
        ("a.txt", b"\x7fELF\0\0", "uploads.no_text"),
        ("a", b"\0", "uploads.no_text"),
        ("a.txt", b"", "uploads.empty"),
        ("a.txt", b"x" * (1 << 20) + b"x", "uploads.large"),
    ],
)
def test_what_is_not_what_it_says_is_kept_out(name, data, says):
    assert problem(Upload(name, data), 1) == says


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


@given(st.text(max_size=300))
def test_a_shown_name_is_made_of_safe_ones(name):
    parts = shown_name(name).split("/")
    assert 0 < len(parts) <= 8
    assert [safe_name(part) for part in parts] == parts


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.md", "a.md"),
        ("plans/2024/a.md", "plans/2024/a.md"),
        ("plans\\2024\\a.md", "plans/2024/a.md"),
        ("/../plans/./a.md", "plans/a.md"),
        ("", "file"),
    ],
)
def test_shown_names(name, shown):
    assert shown_name(name) == shown


def kept(upload, folder, **which):
    place = place_of(upload, folder, **which)
    keep(upload, place)
    return place


def test_kept_replaced_and_dropped(tmp_path):
    files = tmp_path / "files"
    first = kept(Upload("a.txt", b"one"), files)
    again = kept(Upload("a.txt", b"two"), files)
    assert first == again
    assert again.read_bytes() == b"two"
    assert [p.name for p in again.parent.iterdir()] == ["a.txt"]
    places = {kept(Upload("a.txt", b"x"), files, owner=o, copy=n) for o in ("", "bob") for n in (0, 1)}
    assert len(places) == 4
    for place in places - {again}:
        drop(place, files)
    outside = tmp_path / "mine" / "a.txt"
    outside.parent.mkdir()
    outside.write_text("mine")
    drop(outside, files)
    assert outside.exists()
    drop(again, files)
    assert not again.exists()
    assert list(files.iterdir()) == []


@pytest.mark.parametrize("name", ["../a.txt", "/etc/a.txt", "one/a.txt", "..\\..\\a.txt"])
def test_a_path_that_is_sent_is_no_path_here_and_tells_files_of_one_name_apart(name, tmp_path):
    place = kept(Upload(name, b"x"), tmp_path / "files")
    assert place.parent.parent == tmp_path / "files"
    assert place.name == "a.txt"
    assert place != place_of(Upload("a.txt", b"x"), tmp_path / "files")


def test_names_that_are_cut_to_the_same_are_kept_apart(tmp_path):
    one, two = (Upload(f"{'x' * 200}{end}.txt", b"x") for end in "ab")
    assert safe_name(one.name) == safe_name(two.name)
    assert place_of(one, tmp_path) != place_of(two, tmp_path)


def test_what_nothing_is_held_of_is_tidied_away(tmp_path):
    held, lost = (kept(Upload(name, b"x"), tmp_path / "files") for name in ("held.txt", "lost.txt"))
    (elsewhere := tmp_path / "mine.txt").write_text("not an upload")
    tidy(tmp_path / "files", {file_uri(lost), file_uri(elsewhere)})
    assert held.exists()
    assert not lost.exists()
    assert elsewhere.exists()
