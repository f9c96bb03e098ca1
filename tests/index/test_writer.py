"""Add, update, delete, resume: what a caller sees of one index through commits."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from rag.errors import (
    EmbedderMismatchError,
    EmbeddingError,
    FilterError,
    IndexFormatError,
    IndexLockedError,
    NotAnIndexError,
    QueryError,
    StorageError,
)
from rag.index import IndexSettings, Snapshot, Writer, verify
from rag.types import Block, Chunk, Document, Page


def test_nothing_is_seen_before_the_commit(kit, tmp_path):
    path = kit.build(tmp_path / "i", [kit.document("a", "one two three")])
    with Writer.open(path) as writer:
        kit.put(writer, kit.document("b", "four five"))
        assert set(kit.contents(path)) == {"file:///a"}
        assert writer.commit() == 2
        assert set(kit.contents(path)) == {"file:///a", "file:///b"}
        kit.put(writer, kit.document("c", "six"))
    assert set(kit.contents(path)) == {"file:///a", "file:///b"}
    assert verify(path) == []


def test_a_commit_of_nothing_is_no_generation(kit, tmp_path):
    path = kit.build(tmp_path / "i", [kit.document("a", "one")])
    with Writer.open(path, kit.settings) as writer:
        assert writer.generation == 1
        writer.keep("file:///a")
        assert writer.commit() == 1


def test_document_and_chunks_come_back_as_they_were_put(tmp_path):
    text = "Ünïcode 漢字 \x00 \ud800 tail\r\n" * 2000
    document = Document(
        uri="file:///odd\ud800name",
        text=text,
        title="T\x00",
        media_type="text/html",
        metadata={"n": 1, "f": 1.0, "big": 2**70, "b": True, "none": None, "many": ("x", 2, None), "s": "\ud800"},
        blocks=(Block("heading", 0, 5, 2), Block("paragraph", 5, len(text))),
        pages=(Page(1, 0, 10), Page(2, 10, len(text))),
        language="de",
    )
    cuts = [(0, 5), (8190, 8195), (8192, 8192 * 2), (100, len(text)), (len(text), len(text))]
    chunks = [
        Chunk(document.id, document.uri, s, e, text[s:e], "other", ("h", "ü"), (Page(1, 0, 10),), "zh", 7)
        for s, e in cuts
    ]
    with Writer.open(tmp_path / "i", IndexSettings()) as writer:
        writer.put(document, chunks, None, source="s", state="x")
        writer.commit()
    with Snapshot.open(tmp_path / "i") as snapshot:
        held = snapshot.document(document.uri)
        assert held == document
        assert [type(v) for v in held.metadata.values()] == [type(v) for v in document.metadata.values()]
        assert snapshot.document(document.id) == document
        assert snapshot.chunks(snapshot.refs([c.id for c in chunks])) == chunks
        assert snapshot.info().languages == {"zh": 5}
        assert snapshot.info().tokens == 35
    assert verify(tmp_path / "i") == []


def test_an_update_replaces_and_a_delete_removes(kit, tmp_path):
    path = kit.build(tmp_path / "i", [kit.document("a", "apple pie"), kit.document("b", "banana split")])
    with Writer.open(path) as writer:
        kit.put(writer, kit.document("a", "cherry tart"), state="2")
        assert writer.document_state("file:///a").state == "2"
        writer.commit()
    with Snapshot.open(path) as snapshot:
        assert len(snapshot) == 2
        assert len(snapshot.sparse(["appl"], 5).refs) == 0
        assert len(snapshot.sparse(["cherri"], 5).refs) == 1
    with Writer.open(path) as writer:
        assert writer.delete(["file:///a", "file:///none"]) == 1
        assert writer.document_state("file:///a") is None
        writer.commit()
    assert set(kit.contents(path)) == {"file:///b"}


def test_the_same_uri_twice_in_one_commit_is_the_last(kit, tmp_path):
    with Writer.open(tmp_path / "i", kit.settings) as writer:
        for text in ("one", "two", "three"):
            kit.put(writer, kit.document("a", text))
        writer.commit()
    assert kit.contents(tmp_path / "i") == {"file:///a": ("three", {})}
    assert verify(tmp_path / "i") == []


def test_sources_complete_or_not(kit, tmp_path):
    with Writer.open(tmp_path / "i", kit.settings) as writer:
        writer.begin_source("file:///s")
        for key in "abc":
            kit.put(writer, kit.document(key, f"text {key}"))
        writer.finish_source("file:///s", sha256="1", size=9, settings="x", complete=True)
        state = writer.source_state("file:///s")
        assert (state.sha256, state.size, state.settings, state.complete, state.documents) == ("1", 9, "x", True, 3)
        writer.commit()
        # Broken off: nothing leaves, and the source is not taken for read.
        writer.begin_source("file:///s")
        kit.put(writer, kit.document("a", "new a"))
        writer.commit()
        assert not writer.source_state("file:///s").complete
        assert set(kit.contents(tmp_path / "i")) == {"file:///a", "file:///b", "file:///c"}
        # Read again: a put, b kept over a commit in between, c gone.
        writer.begin_source("file:///s")
        kit.put(writer, kit.document("a", "newer a"))
        writer.keep("file:///b")
        writer.commit()
        assert writer.finish_source("file:///s", sha256="2", size=9, settings="x", complete=True) == 1
        writer.commit()
    assert set(kit.contents(tmp_path / "i")) == {"file:///a", "file:///b"}


def test_deleting_a_document_makes_its_source_incomplete(kit, tmp_path):
    with Writer.open(tmp_path / "i", kit.settings) as writer:
        writer.begin_source("file:///s")
        kit.put(writer, kit.document("a", "text"))
        writer.finish_source("file:///s", sha256="1", size=9, settings="x", complete=True)
        writer.delete(["file:///a"])
        assert not writer.source_state("file:///s").complete


def test_delete_source_and_delete_under(kit, tmp_path):
    with Writer.open(tmp_path / "i", kit.settings) as writer:
        for source in ("file:///d/x", "file:///d/y", "file:///dd/z"):
            kit.put(writer, kit.document(source.removeprefix("file:///"), "text"), source=source)
        assert [s.source for s in writer.sources("file:///d/")] == ["file:///d/x", "file:///d/y"]
        assert writer.delete_source("file:///d/x") == 1
        assert writer.delete_under("file:///d/") == 1
        assert [s.source for s in writer.sources()] == ["file:///dd/z"]
        writer.commit()
    assert set(kit.contents(tmp_path / "i")) == {"file:///dd/z"}


def test_known_vectors_are_found_staged_held_and_tombstoned(kit, tmp_path):
    a, b = kit.document("a", "alpha beta"), kit.document("b", "gamma delta")
    path = kit.build(tmp_path / "i", [a, kit.document("c", "stays")])
    with Writer.open(path) as writer:
        [chunk] = kit.chunks(a)
        writer.delete([a.uri])
        writer.commit()
        [other] = kit.put(writer, b)
        found = writer.known_vectors([chunk.content_id, other.content_id, "0" * 32])
        assert set(found) == {chunk.content_id, other.content_id}
        np.testing.assert_array_equal(found[chunk.content_id], kit.vector(chunk.content))
        np.testing.assert_array_equal(found[other.content_id], kit.vector(other.content))
        writer.rollback()
        assert set(writer.known_vectors([chunk.content_id, other.content_id])) == {chunk.content_id}
        writer.compact()
        assert writer.known_vectors([chunk.content_id]) == {}


def test_a_long_document_in_parts(kit, tmp_path):
    document = kit.document("a", " ".join(f"w{i}" for i in range(100)))
    chunks = kit.chunks(document)
    with Writer.open(tmp_path / "i", kit.settings) as writer:
        writer.put(document, chunks[:3], kit.vectors(chunks[:3]), source="s", state="1")
        kit.put(writer, kit.document("b", "between"))
        writer.extend(document, chunks[3:], kit.vectors(chunks[3:]))
        with pytest.raises(StorageError, match="not put"):
            writer.extend(kit.document("z", "z"), [], kit.vectors([]))
        writer.commit()
        assert writer.document_state(document.uri).chunks == len(chunks)
    with Snapshot.open(tmp_path / "i") as snapshot:
        assert snapshot.chunks(snapshot.refs([c.id for c in chunks])) == chunks
    assert verify(tmp_path / "i") == []
    with Writer.open(tmp_path / "i") as writer:
        writer.delete([document.uri])
        writer.compact()
    assert set(kit.contents(tmp_path / "i")) == {"file:///b"}
    assert verify(tmp_path / "i") == []


def test_notes(kit, tmp_path):
    with Writer.open(tmp_path / "i", kit.settings) as writer:
        assert writer.note("recipe") == ""
        writer.set_note("recipe", "text")
        assert writer.commit() == 1
        writer.set_note("recipe", "text")
        assert writer.commit() == 1
    with Snapshot.open(tmp_path / "i") as snapshot:
        assert snapshot.note("recipe") == "text"


@pytest.mark.parametrize(
    "vectors",
    [
        None,
        np.zeros((2, 8), np.float32),
        np.zeros((1, 9), np.float32),
        np.zeros((1, 8), np.float32),
        np.full((1, 8), np.nan, np.float32),
    ],
    ids=["none", "count", "dim", "zero", "nan"],
)
def test_wrong_vectors_are_refused_and_only_that_put_undone(kit, tmp_path, vectors):
    with Writer.open(tmp_path / "i", kit.settings) as writer:
        kit.put(writer, kit.document("a", "old"))
        new = kit.document("a", "new")
        with pytest.raises(EmbeddingError, match="file:///a"):
            writer.put(new, kit.chunks(new), vectors, source="s", state="2")
        writer.commit()
    assert kit.contents(tmp_path / "i") == {"file:///a": ("old", {})}
    assert verify(tmp_path / "i") == []


def test_a_chunk_that_is_no_slice_and_metadata_of_a_wrong_type_are_refused(kit, tmp_path):
    document = kit.document("a", "some text")
    wrong = Chunk(document.id, document.uri, 0, 4, "else")
    with Writer.open(tmp_path / "i", IndexSettings()) as writer:
        with pytest.raises(StorageError, match="0:4"):
            writer.put(document, [wrong], None, source="s", state="1")
        with pytest.raises(StorageError, match="'x' holds a dict"):
            writer.put(kit.document("b", "t", x={}), [], None, source="s", state="1")
        assert writer.document_state(document.uri) is None


def test_an_interrupt_within_a_put_undoes_that_put_alone(kit, tmp_path, monkeypatch):
    with Writer.open(tmp_path / "i", kit.settings) as writer:
        kit.put(writer, kit.document("a", "one two three four five six seven eight"))
        from rag import text

        real, calls = text.terms, []

        def interrupted(content, language=""):
            calls.append(content)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return real(content, language)

        monkeypatch.setattr(text, "terms", interrupted)
        with pytest.raises(KeyboardInterrupt):
            kit.put(writer, kit.document("b", "one two three four five six seven eight"))
        monkeypatch.undo()
        kit.put(writer, kit.document("c", "nine"))
        writer.commit()
    assert set(kit.contents(tmp_path / "i")) == {"file:///a", "file:///c"}
    assert verify(tmp_path / "i") == []


def test_the_second_writer_is_refused_at_once_and_told_who(kit, tmp_path):
    import os

    path = kit.build(tmp_path / "i", [])
    with Writer.open(path), pytest.raises(IndexLockedError, match=f"process {os.getpid()} on "):
        Writer.open(path)
    Writer.open(path).close()


def test_another_embedder_is_refused_with_both_names_and_the_command(kit, tmp_path):
    path = kit.build(tmp_path / "i", [kit.document("a", "one")])
    other = IndexSettings(embedder="other-model", fingerprint="other-1", dim=4)
    for open_it in (
        lambda: Writer.open(path, other),
        lambda: Snapshot.open(path, fingerprint="other-1", embedder="other-model"),
    ):
        with pytest.raises(EmbedderMismatchError) as caught:
            open_it()
        message = str(caught.value)
        assert "fake" in message
        assert "other-model" in message
        assert f"rag index PATH... --index {path} --reembed" in message
    with Writer.open(path, other, reembed=True) as writer:
        assert set(kit.contents(path)) == {"file:///a"}
        document = kit.document("b", "two")
        writer.put(document, kit.chunks(document), np.eye(1, 4, dtype=np.float32), source="s", state="1")
        writer.commit()
    assert set(kit.contents(path)) == {"file:///b"}
    assert verify(path) == []


def test_an_index_of_another_analyzer_is_refused(kit, tmp_path, monkeypatch):
    from rag import text

    path = kit.build(tmp_path / "i", [kit.document("a", "one")])
    monkeypatch.setattr(text, "ANALYZER_VERSION", "next")
    for open_it in (Writer.open, Snapshot.open):
        with pytest.raises(StorageError, match=r"text analyzer .*--reembed"):
            open_it(path)


def test_scoring_settings_may_change(kit, tmp_path):
    path = kit.build(tmp_path / "i", [kit.document("a", "one two"), kit.document("b", "one three")])
    changed = IndexSettings("fake", "fake-1", 8, variant="okapi", k1=1.5)
    with Writer.open(path, changed) as writer:
        writer.commit()
    with Snapshot.open(path) as snapshot:
        assert snapshot.settings == changed


def test_folders_that_are_no_index(kit, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    for open_it in (
        lambda: Snapshot.open(other),
        lambda: Snapshot.open(tmp_path / "absent"),
        lambda: Writer.open(other, kit.settings),
        lambda: Writer.open(tmp_path / "absent", kit.settings, create=False),
        lambda: verify(other),
    ):
        with pytest.raises(NotAnIndexError):
            open_it()
    assert [entry.name for entry in other.iterdir()] == ["notes.txt"]
    (other / "catalogue.sqlite").write_bytes(b"no database " * 100)
    for open_it in (Snapshot.open, lambda path: Writer.open(path, kit.settings)):
        with pytest.raises(NotAnIndexError):
            open_it(other)


def test_a_newer_format_is_refused(kit, tmp_path):
    import sqlite3

    path = kit.build(tmp_path / "i", [])
    db = sqlite3.connect(path / "catalogue.sqlite")
    db.execute("PRAGMA user_version = 99")
    db.close()
    for open_it in (Snapshot.open, Writer.open, verify):
        with pytest.raises(IndexFormatError, match="format 99"):
            open_it(path)


def test_a_reader_keeps_its_commit_while_a_writer_goes_on(kit, tmp_path):
    documents = [kit.document(str(i), f"common word{i}") for i in range(30)]
    path = kit.build(tmp_path / "i", documents)
    with Snapshot.open(path) as snapshot:
        before = kit.found(snapshot, snapshot.sparse(["common"], 100))
        assert snapshot.is_current()
        with Writer.open(path) as writer:
            writer.delete([d.uri for d in documents[::2]])
            writer.commit()
            kit.put(writer, kit.document("new", "common new"))
            writer.compact()
        assert not snapshot.is_current()
        after = snapshot.sparse(["common"], 100)
        snapshot._passage.cache_clear()
        assert kit.found(snapshot, after) == before
        assert snapshot.document(documents[0].uri) == documents[0]
        assert len(list(snapshot.documents())) == 30
        assert len(snapshot.dense(kit.vector("q"), 100).refs) == 30
    assert len(kit.contents(path)) == 16
    assert len(list((path / "segments").iterdir())) == 6


def test_readers_open_while_a_writer_compacts(kit, tmp_path):
    path = kit.build(tmp_path / "i", [kit.document(str(i), f"common w{i}") for i in range(5)])
    done = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            with Writer.open(path) as writer:
                for turn in range(25):
                    kit.put(writer, kit.document(str(turn % 5), f"common turn{turn}"))
                    writer.compact()
        except BaseException as error:  # noqa: BLE001
            failures.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=write)
    thread.start()
    opened = 0
    while not done.is_set():
        with Snapshot.open(path) as snapshot:
            assert len(snapshot.sparse(["common"], 10).refs) == 5
            opened += 1
    thread.join()
    assert not failures
    assert opened > 5


def test_threads_share_a_snapshot(kit, tmp_path):
    path = kit.build(tmp_path / "i", [kit.document(str(i), f"common w{i} " * 5) for i in range(40)])
    with Snapshot.open(path) as snapshot:
        expected = kit.found(snapshot, snapshot.sparse(["common"], 40))
        snapshot._passage.cache_clear()
        wrong: list[object] = []

        def search() -> None:
            for _ in range(10):
                found = kit.found(snapshot, snapshot.sparse(["common"], 40))
                if found != expected:
                    wrong.append(found)

        threads = [threading.Thread(target=search) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


def test_many_small_commits_leave_few_segments(kit, tmp_path):
    with Writer.open(tmp_path / "i", kit.settings) as writer:
        for i in range(60):
            kit.put(writer, kit.document(str(i), f"common w{i}"))
            writer.commit()
        for i in range(0, 60, 2):
            writer.delete([f"file:///{i}"])
            writer.commit()
    with Snapshot.open(tmp_path / "i") as snapshot:
        info = snapshot.info()
        assert info.segments <= 8
        assert info.dead <= info.chunks
        assert info.documents == info.chunks == 30
    assert verify(tmp_path / "i") == []


def test_a_large_commit_is_flushed_in_segments(kit, tmp_path, monkeypatch):
    import rag.index.writer

    monkeypatch.setattr(rag.index.writer, "FLUSH_ROWS", 10)
    with Writer.open(tmp_path / "i", kit.settings) as writer:
        for i in range(35):
            kit.put(writer, kit.document(str(i % 30), f"common w{i}"))
        assert len(list((tmp_path / "i" / "segments").iterdir())) > 6
        assert kit.contents(tmp_path / "i") == {}
        writer.rollback()
        for i in range(35):
            kit.put(writer, kit.document(str(i % 30), f"common w{i}"))
        writer.commit()
    assert len(kit.contents(tmp_path / "i")) == 30
    assert verify(tmp_path / "i") == []


def test_unusable_searches(kit, tmp_path):
    path = kit.build(tmp_path / "i", [kit.document("a", "one")])
    with Snapshot.open(path) as snapshot:
        with pytest.raises(QueryError, match="shape"):
            snapshot.dense(np.ones(3, np.float32), 3)
        with pytest.raises(FilterError):
            snapshot.sparse(["one"], 3, "n =")
        with pytest.raises(QueryError, match="no document"):
            snapshot.document("file:///none")
        with pytest.raises(QueryError, match="no passage"):
            snapshot.refs(["0" * 32])
    empty = kit.build(tmp_path / "e", [kit.document("a", "one")], IndexSettings())
    with Snapshot.open(empty) as snapshot, pytest.raises(QueryError, match="without an embedder"):
        snapshot.dense(kit.vector("q"), 3)


def test_an_empty_index_answers(kit, tmp_path):
    with Snapshot.open(kit.build(tmp_path / "i", [])) as snapshot:
        assert len(snapshot) == 0
        assert len(snapshot.dense(kit.vector("q"), 3).refs) == 0
        assert len(snapshot.sparse(["one"], 3).refs) == 0
        assert list(snapshot.documents()) == []
        assert snapshot.info().chunks == 0


def test_a_document_tells_when_it_was_last_put(kit, tmp_path):
    before = datetime.now(UTC).replace(microsecond=0)
    path = kit.build(tmp_path / "i", [kit.document("a", "one two three")])
    with Snapshot.open(path) as snapshot:
        (found,) = snapshot.documents()
    assert before <= datetime.fromisoformat(found.indexed) <= datetime.now(UTC)


def test_the_sources_under_a_folder_are_listed_in_order(kit, tmp_path):
    path = tmp_path / "i"
    with Writer.open(path, kit.settings) as writer:
        for name in ("file:///b/x", "file:///a/y", "file:///a/x", "file:///ab"):
            writer.begin_source(name)
            writer.finish_source(name, sha256=name[-1], size=1, settings="s", complete=True)
        writer.commit()
    with Snapshot.open(path) as snapshot:
        assert [one.source for one in snapshot.sources("file:///a/")] == ["file:///a/x", "file:///a/y"]
        assert len(snapshot.sources()) == 4
