"""Files -> index: what is unchanged costs nothing, bad input loses nothing, an interruption resumes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from rag.chains import ingest
from rag.chains.ingest import FileResult, IndexProgress, IndexReport, index_files
from rag.chunkers import AutoChunker
from rag.index import IndexSettings, Snapshot, Writer, verify
from rag.index import writer as writer_module
from rag.loaders import file_uri
from rag.text import WordTokenizer
from rag.types import Vectors, content_hash


class CountingEmbedder:
    """Unit vectors by a hash of the text; remembers what it was asked for."""

    dim = 8
    fingerprint = "counting"
    max_tokens = 64
    tokenizer = WordTokenizer()

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.stop_after: int | None = None

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if self.stop_after is not None and len(self.seen) + len(texts) > self.stop_after:
            raise KeyboardInterrupt
        self.seen.extend(texts)
        seeds = [int(content_hash(text)[:8], 16) for text in texts]
        rows = np.array([np.random.default_rng(seed).normal(size=self.dim) for seed in seeds], np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    embed_queries = embed_documents


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.md").write_text("# Kites\n\nThe red kite is a bird of prey.\n")
    (folder / "b.txt").write_text("The ferry leaves at noon.\n")
    (folder / "sub" / "c.jsonl").write_text(
        "".join(json.dumps({"_id": name, "text": f"Record {name} is about {name}."}) + "\n" for name in "xyz")
    )
    return folder


def run(tmp_path: Path, *paths: Path, embedder: CountingEmbedder, **options: object) -> IndexReport:
    settings = IndexSettings(embedder="counting", fingerprint="counting", dim=8)
    with Writer.open(tmp_path / "index", settings) as writer:
        return index_files(
            list(paths),
            writer=writer,
            chunker=AutoChunker(tokenizer=embedder.tokenizer, max_tokens=64),
            embedder=embedder,
            **options,  # type: ignore[arg-type]
        )


def uris(tmp_path: Path) -> list[str]:
    with Snapshot.open(tmp_path / "index") as snapshot:
        return sorted(summary.uri.rsplit("/", 1)[-1] for summary in snapshot.documents())


def test_a_folder_is_indexed_and_again_costs_no_embedding(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder
) -> None:
    first = run(tmp_path, docs, embedder=embedder)
    assert (first.files, first.added, first.passages, first.embedded) == (3, 5, 5, 5)
    again = run(tmp_path, docs, embedder=embedder)
    assert (again.unchanged, again.added, again.updated, again.passages, again.embedded) == (5, 0, 0, 0, 0)
    assert again.generation == first.generation
    assert len(embedder.seen) == 5


def test_a_changed_file_is_updated_and_only_its_new_passages_are_embedded(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder
) -> None:
    run(tmp_path, docs, embedder=embedder)
    embedder.seen.clear()
    (docs / "a.md").write_text("# Kites\n\nThe red kite is a bird of prey.\n\n## Food\n\nIt eats carrion.\n")
    report = run(tmp_path, docs, embedder=embedder)
    assert (report.updated, report.unchanged, report.embedded) == (1, 4, 1)
    assert [text for text in embedder.seen if "prey" in text] == []


def test_equal_passages_of_different_files_are_embedded_once(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder
) -> None:
    (docs / "b.txt").unlink()
    for name in ("p", "q"):
        (docs / name).mkdir()
        (docs / name / "same.txt").write_text("The ferry leaves at noon.\n")
    report = run(tmp_path, docs, embedder=embedder)
    assert (report.passages, report.embedded) == (6, 5)


def test_sync_removes_what_left_the_folder_and_nothing_else_does(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "d.txt").write_text("Somewhere else.\n")
    run(tmp_path, docs, other, embedder=embedder)
    (docs / "b.txt").unlink()
    assert run(tmp_path, docs, embedder=embedder).removed == 0
    assert "b.txt" in uris(tmp_path)
    assert run(tmp_path, docs, embedder=embedder, sync=True).removed == 1
    assert uris(tmp_path) == ["a.md", "c.jsonl#x", "c.jsonl#y", "c.jsonl#z", "d.txt"]


def test_sync_of_one_file_leaves_its_neighbours(tmp_path: Path, docs: Path, embedder: CountingEmbedder) -> None:
    run(tmp_path, docs, embedder=embedder)
    assert run(tmp_path, docs / "a.md", embedder=embedder, sync=True).removed == 0
    assert len(uris(tmp_path)) == 5


def test_sync_of_a_folder_that_is_gone_removes_nothing(tmp_path: Path, docs: Path, embedder: CountingEmbedder) -> None:
    run(tmp_path, docs, embedder=embedder)
    docs.rename(tmp_path / "moved")
    report = run(tmp_path, docs, embedder=embedder, sync=True)
    assert (report.removed, len(report.skipped), len(uris(tmp_path))) == (0, 1, 5)


def test_a_file_that_turns_bad_is_reported_and_its_old_text_stays(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder
) -> None:
    run(tmp_path, docs, embedder=embedder)
    (docs / "b.txt").write_bytes(b"\x00\x01\x02\x03" * 100)
    report = run(tmp_path, docs, embedder=embedder, sync=True)
    assert [skipped.uri.rsplit("/", 1)[-1] for skipped in report.skipped] == ["b.txt"]
    assert "b.txt" in uris(tmp_path)


def test_a_bad_record_is_named_by_its_line_and_the_others_go_in(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder
) -> None:
    run(tmp_path, docs, embedder=embedder)
    (docs / "sub" / "c.jsonl").write_text(
        '{"_id": "x", "text": "Record x is about x."}\n{broken\n{"_id": "w", "text": "New."}\n'
    )
    report = run(tmp_path, docs, embedder=embedder, sync=True)
    assert [skipped.uri.rsplit("/", 1)[-1] for skipped in report.skipped] == ["c.jsonl line 2"]
    assert report.added == 1
    # Line 2 may have been y or z: neither is taken out on the word of a damaged file.
    assert uris(tmp_path) == ["a.md", "b.txt", "c.jsonl#w", "c.jsonl#x", "c.jsonl#y", "c.jsonl#z"]
    assert len(run(tmp_path, docs, embedder=embedder).skipped) == 1, "a damaged file is read again"


def test_other_settings_cut_files_anew_without_embedding_what_stays_the_same(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder
) -> None:
    run(tmp_path, docs, embedder=embedder, settings="one")
    report = run(tmp_path, docs, embedder=embedder, settings="two")
    assert (report.updated, report.unchanged, report.embedded) == (5, 0, 0)


def test_include_and_exclude_choose_files(tmp_path: Path, docs: Path, embedder: CountingEmbedder) -> None:
    run(tmp_path, docs, embedder=embedder, include=["*.md", "*.txt"], exclude=["b.*"])
    assert uris(tmp_path) == ["a.md"]


def test_a_file_given_twice_is_read_once(tmp_path: Path, docs: Path, embedder: CountingEmbedder) -> None:
    report = run(tmp_path, docs, docs / "a.md", docs / "sub", embedder=embedder)
    assert (report.files, report.added) == (3, 5)


def test_an_interruption_keeps_what_was_committed_and_the_rest_resumes(
    tmp_path: Path, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 4)
    monkeypatch.setattr(ingest, "COMMIT", 4)
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(10):
        (docs / f"{number}.txt").write_text(f"This is document number {number}.\n")
    embedder.stop_after = 6
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, docs, embedder=embedder)
    assert uris(tmp_path) == ["0.txt", "1.txt", "2.txt", "3.txt"]
    assert verify(tmp_path / "index") == []
    embedder.stop_after = None
    report = run(tmp_path, docs, embedder=embedder)
    assert (report.added, report.unchanged, report.embedded) == (6, 4, 6)
    assert len(embedder.seen) == 10


def test_building_anew_at_once_shows_readers_the_old_index_until_it_is_done(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 2)
    monkeypatch.setattr(writer_module, "FLUSH_ROWS", 2)
    (docs / "again.txt").write_text("The ferry leaves at noon.\n")
    run(tmp_path, docs, embedder=embedder)
    held = uris(tmp_path)
    other = CountingEmbedder()
    other.dim, other.stop_after = 4, 3
    seen: list[list[str]] = []

    def rebuild() -> IndexReport:
        settings = IndexSettings(embedder="other", fingerprint="other", dim=4)
        with Writer.open(tmp_path / "index", settings, reembed=True) as writer:
            return index_files(
                [docs / "again.txt", docs / "b.txt", docs / "sub"],
                writer=writer,
                chunker=AutoChunker(tokenizer=other.tokenizer, max_tokens=64),
                embedder=other,
                at_once=True,
                progress=lambda _: seen.append(uris(tmp_path)),
            )

    with pytest.raises(KeyboardInterrupt):
        rebuild()
    assert uris(tmp_path) == held
    assert run(tmp_path, docs, embedder=embedder).unchanged == 6, "an interruption leaves it as it was"
    other.stop_after = None
    other.seen.clear()
    seen.clear()
    report = rebuild()
    assert seen[:-1] == [held] * (len(seen) - 1)
    assert uris(tmp_path) == ["again.txt", "b.txt", "c.jsonl#x", "c.jsonl#y", "c.jsonl#z"]
    assert (report.added, report.embedded, len(other.seen)) == (5, 5, 5)
    assert verify(tmp_path / "index") == []


def test_a_long_document_is_committed_whole(
    tmp_path: Path, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "BATCH", 4)
    monkeypatch.setattr(ingest, "COMMIT", 4)
    docs = tmp_path / "docs"
    docs.mkdir()
    text = " ".join(f"Sentence number {number} of a long text is here." for number in range(200))
    (docs / "long.txt").write_text(text)
    embedder.stop_after = 10
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, docs, embedder=embedder)
    assert uris(tmp_path) == []
    embedder.stop_after = None
    report = run(tmp_path, docs, embedder=embedder)
    assert report.added == 1
    assert report.passages > 20
    assert verify(tmp_path / "index") == []


def test_documents_carry_their_path_language_and_metadata(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder
) -> None:
    (docs / "zh.txt").write_text("保修期为三年。声级计的电池可以使用二十小时。", encoding="utf-8")
    run(tmp_path, docs, embedder=embedder)
    with Snapshot.open(tmp_path / "index") as snapshot:
        found = {summary.metadata["path"]: summary for summary in snapshot.documents()}
    assert found["zh.txt"].language == "zh"
    assert found["sub/c.jsonl"].metadata["_id"] in "xyz"


def test_progress_counts_files_bytes_and_passages(tmp_path: Path, docs: Path, embedder: CountingEmbedder) -> None:
    seen: list[IndexProgress] = []
    run(tmp_path, docs, embedder=embedder, progress=seen.append)
    assert [progress.files for progress in seen] == [0, 1, 2, 3]
    assert [progress.current for progress in seen] == ["a.md", "b.txt", "sub/c.jsonl", ""]
    assert seen[-1].bytes == seen[-1].bytes_total == sum(f.stat().st_size for f in docs.rglob("*.*") if f.is_file())
    assert seen[-1].passages == 5


def test_an_index_inside_the_folder_is_not_indexed(tmp_path: Path, docs: Path, embedder: CountingEmbedder) -> None:
    for _ in range(2):
        report = run(docs, docs, embedder=embedder)
    assert (report.files, report.skipped) == (3, ())


def test_a_path_in_the_metadata_does_not_hide_where_a_document_is(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder
) -> None:
    (docs / "a.md").write_text("---\npath: elsewhere\n---\nThe red kite is a bird of prey.\n")
    run(tmp_path, docs, embedder=embedder)
    with Snapshot.open(tmp_path / "index") as snapshot:
        assert "a.md" in {summary.metadata["path"] for summary in snapshot.documents()}


def test_what_became_of_each_file_is_told_once_it_is_committed(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder
) -> None:
    run(tmp_path, docs, embedder=embedder)
    (docs / "b.txt").write_text("The ferry leaves at one.\n")
    (docs / "sub" / "c.jsonl").write_text('{"_id": "x", "text": "Record x is about x."}\nno JSON\n')
    (docs / "empty.md").write_text("")
    (docs / "new.md").write_text("A new one.\n")
    told: list[FileResult] = []
    held: list[int] = []

    def tell(result: FileResult) -> None:
        told.append(result)
        with Snapshot.open(tmp_path / "index") as snapshot:
            held.append(snapshot.generation)

    report = run(tmp_path, docs, embedder=embedder, told=tell)
    by_path = {one.path: one for one in told}
    assert len(told) == len(by_path) == 5
    assert {path: (one.added, one.updated, one.unchanged, one.removed) for path, one in by_path.items()} == {
        "a.md": (0, 0, 1, 0),
        "b.txt": (0, 1, 0, 0),
        "empty.md": (0, 0, 0, 0),
        "new.md": (1, 0, 0, 0),
        "sub/c.jsonl": (0, 0, 1, 0),
    }
    assert [len(one.skipped) for one in told if one.path in ("empty.md", "sub/c.jsonl")] == [1, 1]
    assert {skipped for one in told for skipped in one.skipped} == set(report.skipped)
    assert held[-1] == report.generation


def test_a_file_that_has_left_its_folder_is_told_too(tmp_path: Path, docs: Path, embedder: CountingEmbedder) -> None:
    run(tmp_path, docs, embedder=embedder)
    (docs / "sub" / "c.jsonl").unlink()
    told: list[FileResult] = []
    run(tmp_path, docs, embedder=embedder, sync=True, told=told.append)
    assert [(one.path.rpartition("/")[2], one.removed) for one in told if one.removed] == [("c.jsonl", 3)]


def test_a_run_that_is_stopped_between_two_files_keeps_what_it_read(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder
) -> None:
    told: list[FileResult] = []

    def stop(progress: IndexProgress) -> None:
        if progress.files == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, docs, embedder=embedder, progress=stop, told=told.append)
    assert uris(tmp_path) == ["a.md", "b.txt"]
    assert [one.path for one in told] == ["a.md", "b.txt"]
    report = run(tmp_path, docs, embedder=embedder)
    assert (report.added, report.unchanged) == (3, 2)


def stop_at(number: int) -> Callable[[IndexProgress], None]:
    """Stop the run where it tells of its progress for the ``number``th time, from 1."""
    calls = count(1)

    def stop(_: IndexProgress) -> None:
        if next(calls) == number:
            raise KeyboardInterrupt

    return stop


def test_a_run_that_is_stopped_within_a_file_keeps_the_documents_it_read(
    tmp_path: Path, docs: Path, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "WATCH_SECONDS", -1.0)  # it tells at each file and at each passage
    told: list[FileResult] = []
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, docs, embedder=embedder, progress=stop_at(7), told=told.append)  # at the second record
    assert [uri.partition("#")[0] for uri in uris(tmp_path)] == ["a.md", "b.txt", "c.jsonl"]
    assert [one.path for one in told] == ["a.md", "b.txt"]  # the third is not read to its end
    assert verify(tmp_path / "index") == []
    report = run(tmp_path, docs, embedder=embedder)
    assert (report.added, report.unchanged) == (2, 3)


@pytest.mark.parametrize("number", range(1, 9))
def test_a_run_that_is_stopped_within_a_long_document_keeps_all_before_it_and_none_of_it(
    tmp_path: Path, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(ingest, "WATCH_SECONDS", -1.0)
    monkeypatch.setattr(ingest, "BATCH", 2)
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.txt").write_text("The ferry leaves at noon.\n")
    (docs / "b.txt").write_text("".join(f"# Part {n}\n\nIt is about {n} of all.\n\n" for n in range(20)))
    whole = tmp_path / "whole"
    whole.mkdir()
    run(whole, docs, embedder=embedder)
    with Snapshot.open(whole / "index") as snapshot:
        passages = {summary.metadata["path"]: summary.chunks for summary in snapshot.documents()}
    assert passages["b.txt"] >= 5  # so it is staged in three parts and more
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, docs, embedder=embedder, progress=stop_at(number))
    assert uris(tmp_path) == ["a.txt"][: number > 2]  # it tells: a file, its passage, the other file, its passages
    assert verify(tmp_path / "index") == []
    assert run(tmp_path, docs, embedder=embedder).added == 2 - (number > 2)
    with Snapshot.open(tmp_path / "index") as snapshot:
        assert {summary.metadata["path"]: summary.chunks for summary in snapshot.documents()} == passages


def test_files_are_read_again_where_that_is_asked_for(tmp_path: Path, docs: Path, embedder: CountingEmbedder) -> None:
    run(tmp_path, docs, embedder=embedder)
    embedder.seen.clear()
    report = run(tmp_path, docs, embedder=embedder, reread=True)
    assert (report.added, report.updated, report.unchanged) == (0, 5, 0)
    assert embedder.seen == []  # the same words have the same vectors
    assert len(uris(tmp_path)) == 5
    assert verify(tmp_path / "index") == []


def test_a_file_is_shown_by_the_name_that_it_is_given(tmp_path: Path, docs: Path, embedder: CountingEmbedder) -> None:
    names = {file_uri(docs / "sub" / "c.jsonl"): "dropped/c.jsonl"}
    file = docs / "sub" / "c.jsonl"
    run(tmp_path, file, embedder=embedder, names=names)
    with Snapshot.open(tmp_path / "index") as snapshot:
        assert {one.metadata["path"] for one in snapshot.documents()} == {"dropped/c.jsonl"}
    assert run(tmp_path, file, embedder=embedder, names=names).unchanged == 3
    assert run(tmp_path, file, embedder=embedder).updated == 3  # shown otherwise
