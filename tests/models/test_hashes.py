"""A hash is remembered until the file looks changed, and a broken memory is no harm."""

from __future__ import annotations

import hashlib
import os

from rag.models import hashes


def test_equal_to_hashlib_and_read_once(tmp_path, monkeypatch):
    file, memory = tmp_path / "weights", tmp_path / "memory"
    file.write_bytes(os.urandom(3_000_000))
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    assert hashes.file_sha256(file, memory=memory) == expected
    monkeypatch.setattr(hashes, "compute_sha256", lambda *_: "read again")
    assert hashes.file_sha256(file, memory=memory) == expected
    file.write_bytes(b"changed")
    assert hashes.file_sha256(file, memory=memory) == "read again"


def test_a_touched_file_is_read_again(tmp_path, monkeypatch):
    file, memory = tmp_path / "weights", tmp_path / "memory"
    file.write_bytes(b"weights")
    hashes.file_sha256(file, memory=memory)
    os.utime(file, ns=(1, 1))
    monkeypatch.setattr(hashes, "compute_sha256", lambda *_: "read again")
    assert hashes.file_sha256(file, memory=memory) == "read again"


def test_broken_and_unwritable_memory(tmp_path):
    file, memory = tmp_path / "weights", tmp_path / "memory"
    file.write_bytes(b"weights")
    expected = hashlib.sha256(b"weights").hexdigest()
    hashes.file_sha256(file, memory=memory)
    for entry in memory.iterdir():
        entry.write_text("{")
    assert hashes.file_sha256(file, memory=memory) == expected
    (tmp_path / "no folder").write_text("")
    assert hashes.file_sha256(file, memory=tmp_path / "no folder" / "memory") == expected
