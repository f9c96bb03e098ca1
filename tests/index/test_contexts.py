"""Contexts of passages in the catalogue, and indexes written before there were any."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from rag.index import Snapshot, Writer, verify
from rag.index.catalogue import FORMAT, NAME

TEXT = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu"


def put(kit, path, key, text, context):
    document = kit.document(key, text)
    chunks = [replace(chunk, context=context) for chunk in kit.chunks(document)]
    with Writer.open(path, kit.settings) as writer:
        writer.put(document, chunks, kit.vectors(chunks), source="file:///s", state="1")
        writer.commit()
    return chunks


def outdate(path):
    """The index as format 1 had it."""
    db = sqlite3.connect(path / NAME, isolation_level=None)
    db.execute("ALTER TABLE chunks DROP COLUMN context")
    db.execute("ALTER TABLE documents DROP COLUMN indexed")
    db.execute("PRAGMA user_version = 1")
    db.close()


def version(path):
    db = sqlite3.connect(path / NAME)
    try:
        return db.execute("PRAGMA user_version").fetchone()[0]
    finally:
        db.close()


def test_a_context_is_indexed_and_kept_and_never_part_of_the_text(kit, tmp_path):
    chunks = put(kit, tmp_path / "i", "a", TEXT, "Of the Greek alphabet\n第一。")
    with Snapshot.open(tmp_path / "i") as snapshot:
        assert snapshot.chunks_of("file:///a") == chunks
        assert chunks[0].content == f"Title a\nOf the Greek alphabet\n第一。\n{chunks[0].text}"
        assert chunks[0].shown == f"Title a\n{chunks[0].text}"
        found = kit.found(snapshot, snapshot.sparse(["alphabet"], 9))
        assert {chunk_id for chunk_id, _ in found} == {chunk.id for chunk in chunks}
        assert TEXT[chunks[1].start : chunks[1].end] == chunks[1].text
    assert verify(tmp_path / "i") == []


def test_verify_finds_a_changed_context(kit, tmp_path):
    put(kit, tmp_path / "i", "a", TEXT, "one")
    db = sqlite3.connect(tmp_path / "i" / NAME)
    db.execute("UPDATE chunks SET context = 'two'".replace("'two'", "x'74776f'"))
    db.commit()
    db.close()
    assert [problem.endswith("is not what was indexed") for problem in verify(tmp_path / "i")] == [True] * 3


def test_ids_without_a_context_are_what_they_were(kit):
    """Worked out by hand: an index written before contexts needs no new ids."""
    chunk = kit.chunks(kit.document("a", TEXT))[0]
    assert chunk.content == f"Title a\n{chunk.text}"
    assert replace(chunk, context="").id == chunk.id != replace(chunk, context="c").id


@pytest.fixture
def old(kit, tmp_path):
    path = tmp_path / "old"
    chunks = put(kit, path, "a", TEXT, "")
    outdate(path)
    return path, chunks


def test_an_old_index_opens_searches_and_verifies(kit, old):
    path, chunks = old
    with Snapshot.open(path) as snapshot:
        assert snapshot.chunks_of("file:///a") == chunks
        assert kit.found(snapshot, snapshot.sparse(["kappa"], 9))[0][0] == chunks[1].id
        assert kit.found(snapshot, snapshot.dense(kit.vector(chunks[2].content), 1))[0][0] == chunks[2].id
        assert snapshot.info().format == 1
    assert verify(path) == []
    assert version(path) == 1


def test_an_old_index_that_may_not_be_written_opens(kit, old):
    path, chunks = old
    (path / NAME).chmod(0o444)
    path.chmod(0o555)
    try:
        with Snapshot.open(path) as snapshot:
            assert snapshot.chunks_of("file:///a") == chunks
    finally:
        path.chmod(0o755)


def test_a_writer_brings_an_old_index_up_to_date_with_its_first_change(kit, old):
    path, chunks = old
    with Snapshot.open(path) as before:
        with Writer.open(path, kit.settings) as writer:
            writer.commit()  # nothing to commit
        assert version(path) == 1
        with Writer.open(path, kit.settings) as writer:
            kit.put(writer, kit.document("gone", TEXT))  # rolled back
        assert version(path) == 1
        new = put(kit, path, "b", TEXT, "new")
        assert version(path) == FORMAT == 3
        assert before.chunks_of("file:///a") == chunks  # the commit it was opened on
    with Snapshot.open(path) as after:
        assert after.chunks_of("file:///a") == chunks
        assert after.chunks_of("file:///b") == new
        assert after.info().format == 3
        assert [bool(one.indexed) for one in after.documents()] == [False, True]  # of the old one nobody knows
    assert verify(path) == []


def test_an_old_index_is_compacted(kit, old):
    path, chunks = old
    with Writer.open(path) as writer:
        writer.delete(["file:///a"])
        kit.put(writer, kit.document("c", TEXT))
        writer.compact()
    assert verify(path) == []
    with Snapshot.open(path) as snapshot:
        assert len(snapshot) == len(chunks)
