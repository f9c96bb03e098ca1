"""Parsing in a process of its own gives the same, and ends where its limits are."""

from __future__ import annotations

import io
import os
import time
import zipfile
from pathlib import Path

import pytest

import rag
from rag.errors import LoadError
from rag.loaders import file_uri, load_bytes
from rag.loaders.isolated import IsolatedLoader

SAMPLES = Path(__file__).parents[2] / "apps" / "samples"


def fields(item: object) -> object:
    return (item.message, item.where, item.hint) if isinstance(item, LoadError) else item


@pytest.mark.parametrize(
    "file", sorted(path for path in SAMPLES.iterdir() if path.is_file()), ids=lambda path: path.name
)
def test_the_samples_come_out_the_same(file):
    given = {"uri": file_uri(file), "name": file.name}
    data = file.read_bytes()
    assert list(IsolatedLoader()(data, **given)) == list(load_bytes(data, **given))


def test_bad_records_and_lone_surrogates_come_out_the_same():
    data = b'{"_id": "a", "text": "one \\ud800", "size": 3, "ratio": 0.5, "tags": ["x", 2], "ok": true}\nnot json\n'
    given = {"uri": "file:///x.jsonl", "name": "x.jsonl"}
    found = [fields(item) for item in IsolatedLoader()(data, **given)]
    assert found == [fields(item) for item in load_bytes(data, **given)]
    assert len(found) == 2


def test_a_file_that_cannot_be_read_says_why():
    for data, name in ((b"%PDF-1.4 nothing", "x.pdf"), (b"", "x.txt"), (b"PK\x03\x04", "x.docx")):
        with pytest.raises(LoadError) as plain:
            list(load_bytes(data, uri="file:///x", name=name))
        with pytest.raises(LoadError) as isolated:
            list(IsolatedLoader()(data, uri="file:///x", name=name))
        assert fields(isolated.value) == fields(plain.value)


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_what_swells_beyond_its_memory_is_left_out():
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", "<Types/>")
        parts.writestr("word/document.xml", b"<w>" + b"a" * (400 << 20) + b"</w>")
    with pytest.raises(LoadError):
        list(IsolatedLoader(memory=400 << 20)(bomb.getvalue(), uri="file:///bomb.docx", name="bomb.docx"))


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_what_takes_too_long_is_left_out():
    data = "a,b\n" + "some words of one row,and of another\n" * 500_000
    began = time.monotonic()
    with pytest.raises(LoadError, match="more than 1 s"):
        list(IsolatedLoader(seconds=1)(data.encode(), uri="file:///long.csv", name="long.csv"))
    assert time.monotonic() - began < 20


def test_nothing_secret_reaches_the_parser(monkeypatch, tmp_path):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    seen = tmp_path / "seen"
    (tmp_path / "sitecustomize.py").write_text(
        f"import os, pathlib\npathlib.Path({str(seen)!r}).write_text(' '.join(os.environ))\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    (document,) = IsolatedLoader()(b"A line.", uri="file:///a.txt", name="a.txt")
    assert document.text == "A line."
    assert "PYTHONPATH" in seen.read_text()
    assert "OPENAI_API_KEY" not in seen.read_text()


def test_an_index_takes_files_that_way(tmp_path):
    (tmp_path / "good.txt").write_text("The ferry leaves at noon.")
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.4 nothing")
    with rag.open(tmp_path / "index", "bm25") as pipeline:
        report = pipeline.add(tmp_path / "good.txt", tmp_path / "bad.pdf", isolated=True)
        assert (report.added, len(report.skipped)) == (1, 1)
        assert pipeline.search("ferry")[0].chunk.text == "The ferry leaves at noon."
