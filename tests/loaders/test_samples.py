"""The sample documents: they load without a complaint, and those made by a script are what the script makes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from rag.loaders import load_bytes, read_file, walk
from rag.loaders.walk import SourceFile
from rag.types import Document


@pytest.fixture(scope="module")
def documents(root: Path) -> dict[str, list[Document]]:
    loaded: dict[str, list[Document]] = {}
    for source in walk([root / "apps" / "samples"]):
        assert isinstance(source, SourceFile)
        for document in load_bytes(read_file(source), uri=source.uri, name=source.path.name):
            assert isinstance(document, Document)
            loaded.setdefault(source.relative, []).append(document)
    return loaded


@pytest.fixture(scope="module")
def maker(root: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_samples", root / "apps" / "make_samples.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_format_and_three_languages_are_there(documents: dict[str, list[Document]]) -> None:
    suffixes = {Path(name).suffix for name in documents}
    assert suffixes == {".md", ".html", ".pdf", ".docx", ".csv", ".tsv", ".jsonl", ".txt"}
    assert len(documents) >= 14
    chinese = [name for name, (first, *_) in documents.items() if any("\u4e00" <= c <= "\u9fff" for c in first.text)]
    assert len(chinese) == 2
    assert len(documents["slm-210-manual.pdf"][0].pages) == 4


def test_facts_stand_where_the_demo_looks_for_them(documents: dict[str, list[Document]]) -> None:
    manual = documents["slm-210-manual.pdf"][0]
    at = manual.text.index("A full battery lasts 22 hours")
    assert [page.number for page in manual.pages if page.start <= at < page.end] == [1]
    assert "Article: SLM-210; Description: Sound level meter class 1; Price 2024 (EUR): 1,590" in (
        documents["price-list-2024.csv"][0].text
    )
    assert "warranty of 36 months on the sound level meters" in documents["warranty.html"][0].text
    assert "not part of the text" not in documents["warranty.html"][0].text


def test_the_script_makes_the_committed_files(maker: ModuleType, root: Path, tmp_path: Path) -> None:
    maker.make_all(tmp_path)
    made = {path.name: path for path in tmp_path.iterdir()}
    assert len(made) == 3
    for name, path in made.items():
        texts = [
            [
                (d.text, d.title, d.blocks)
                for d in load_bytes(file.read_bytes(), uri="u", name=name)
                if isinstance(d, Document)
            ]
            for file in (path, root / "apps" / "samples" / name)
        ]
        assert texts[0] == texts[1]


def test_making_them_twice_gives_the_same_bytes(maker: ModuleType, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        maker.make_all(tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
