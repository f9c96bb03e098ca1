"""Indexing with late chunking: each passage has the vector of its own document; slow chunkers commit and report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rag.chains import ingest
from rag.chains.ingest import IndexProgress, IndexReport, index_files
from rag.chains.stretches import AROUND, Stretch
from rag.chunkers import SentenceWindowChunker
from rag.embedders import LateEmbedder
from rag.errors import EmbedderMismatchError
from rag.index import IndexSettings, Snapshot, Writer, verify
from rag.protocols import Embedder, SpanEmbedder
from rag.text import WordTokenizer
from rag.types import Chunk, Document, content_hash

WORDS = WordTokenizer()
SAME = "The very same sentence stands in both of these files. "


def vector(*parts: str) -> np.ndarray:
    row = np.random.default_rng(int(content_hash(*parts)[:8], 16)).normal(size=8)
    return (row / np.linalg.norm(row)).astype(np.float32)


class Spans:
    """Vectors of a stretch by its words, the words around it and the prefix."""

    dim = 8
    fingerprint = "spans"
    max_tokens = 64
    tokenizer = WORDS

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.seen: list[str] = []

    def embed_documents(self, texts):
        return np.stack([vector(text) for text in texts])

    embed_queries = embed_documents

    def embed_spans(self, text, spans, *, prefix=""):
        self.texts.append(text)
        self.seen += [text[start:end] for start, end in spans]
        return np.stack([vector(prefix, text[max(0, start - 40) : end + 40]) for start, end in spans])


def run(tmp_path: Path, embedder: Embedder, *paths: Path, **options) -> IndexReport:
    settings = IndexSettings(embedder="e", fingerprint=embedder.fingerprint, dim=8)
    with Writer.open(tmp_path / "index", settings) as writer:
        chunker = SentenceWindowChunker(tokenizer=WORDS, max_tokens=40)
        return index_files(list(paths), writer=writer, chunker=chunker, embedder=embedder, **options)


def held(tmp_path: Path) -> dict[tuple[str, int], tuple[Chunk, np.ndarray, Document]]:
    with Snapshot.open(tmp_path / "index") as snapshot:
        found = {}
        for summary in snapshot.documents():
            chunks = snapshot.chunks_of(summary.uri)
            rows = snapshot.vectors(snapshot.refs([chunk.id for chunk in chunks]))
            document = snapshot.document(summary.uri)
            found |= {(summary.title, c.start): (c, row, document) for c, row in zip(chunks, rows, strict=True)}
        return found


def check(tmp_path: Path) -> int:
    """Every vector is that of its own place in its own document."""
    every = held(tmp_path)
    for chunk, row, document in every.values():
        around = document.text[max(0, chunk.start - 40) : chunk.end + 40]
        np.testing.assert_array_equal(row, vector(f"{document.title}\n", around))
    assert verify(tmp_path / "index") == []
    return len(every)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text(SAME + "The first file speaks of kites and of other birds. " + SAME)
    (folder / "b.txt").write_text("The second file speaks of ferries and of other ships. " + SAME)
    return folder


def test_equal_passages_have_the_vectors_of_their_own_places(tmp_path, docs):
    inner = Spans()
    report = run(tmp_path, LateEmbedder(inner), docs)
    assert report.passages == report.embedded == 5 == check(tmp_path)
    assert inner.seen.count(SAME.strip()) == 3


def test_what_is_unchanged_is_not_embedded_and_what_has_changed_is_as_a_whole(tmp_path, docs):
    run(tmp_path, LateEmbedder(Spans()), docs)
    again = Spans()
    assert run(tmp_path, LateEmbedder(again), docs).embedded == 0
    (docs / "b.txt").write_text((docs / "b.txt").read_text() + "A third sentence was added here the other day.")
    report = run(tmp_path, LateEmbedder(again), docs)
    assert (report.embedded, report.updated) == (3, 1)
    assert SAME.strip() in again.seen
    check(tmp_path)


def test_a_long_document_is_read_in_bounded_stretches(tmp_path, docs):
    (docs / "long.txt").write_text("".join(f"Sentence number {n} stands in a very long file. " for n in range(1200)))
    inner = Spans()
    report = run(tmp_path, LateEmbedder(inner), docs)
    assert report.embedded == report.passages == 1205 == check(tmp_path)
    assert max(map(len, inner.texts)) < 2 * AROUND + ingest.BATCH * 60


def test_an_ordinary_index_is_not_continued_late_nor_the_other_way_round(tmp_path, docs):
    assert LateEmbedder(Spans()).fingerprint == "late:spans"
    assert isinstance(LateEmbedder(Spans()), Embedder)
    assert isinstance(LateEmbedder(Spans()), SpanEmbedder)
    run(tmp_path, Spans(), docs)
    with pytest.raises(EmbedderMismatchError, match=r"late:spans.*--reembed"):
        run(tmp_path, LateEmbedder(Spans()), docs)


def test_questions_and_texts_alone_are_the_other_embedders(tmp_path):
    late = LateEmbedder(Spans())
    np.testing.assert_array_equal(late.embed_queries(["q"]), Spans().embed_queries(["q"]))
    np.testing.assert_array_equal(late.embed_documents(["d"]), Spans().embed_documents(["d"]))
    assert (late.dim, late.max_tokens, late.tokenizer) == (8, 64, WORDS)


def test_a_stretch_holds_its_passages():
    document = Document("u", "x" * 20_000 + "passage" + "y" * 20_000, title="T")
    stretch = Stretch.around(document, [Chunk(document.id, "u", 20_000, 20_007, "passage")])
    ((start, end),) = stretch.spans
    assert stretch.text[start:end] == "passage"
    assert len(stretch.text) == 2 * AROUND + 7
    assert stretch.prefix == "T\n"


@pytest.mark.parametrize("late", [False, True])
def test_slow_work_is_committed_and_reported_within_a_file(tmp_path, docs, monkeypatch, late):
    monkeypatch.setattr(ingest, "COMMIT_SECONDS", -1.0)
    monkeypatch.setattr(ingest, "WATCH_SECONDS", -1.0)
    seen: list[IndexProgress] = []
    embedder = LateEmbedder(Spans()) if late else Spans()
    report = run(tmp_path, embedder, docs, progress=seen.append)
    assert report.generation == 3  # one for each document, and one for what was noted of the last file
    assert [one.passages for one in seen] == [0, 1, 2, 3, 3, 4, 5, 5]
    assert [one.current for one in seen] == ["a.txt"] * 4 + ["b.txt"] * 3 + [""]
