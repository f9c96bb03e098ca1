"""SHA-256 of big files, computed once: remembered by path, size, modification time and inode."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

BLOCK = 1 << 20
Advance: TypeAlias = Callable[[int], None]


def compute_sha256(path: Path, advance: Advance | None = None) -> str:
    """Read the whole file; ``advance`` is told the bytes of every block. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
            if advance:
                advance(len(block))
    return digest.hexdigest()


def file_sha256(path: Path, *, memory: Path) -> str:
    """SHA-256 of a file in hex, read anew only where the file looks changed.

    ``memory`` is the folder the answers are kept in. A change that keeps size, modification time
    and inode is not seen: use ``compute_sha256`` to be certain. Raises OSError.
    """
    path = path.resolve()
    stat = path.stat()
    state = f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ino}"
    entry = memory / f"{hashlib.blake2b(os.fsencode(path), digest_size=16).hexdigest()}.json"
    # A lost or broken memory costs one more reading, nothing else: so its faults are no errors.
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(entry.read_text("utf-8"))
        if isinstance(known, dict) and known.get("state") == state:
            return str(known["sha256"])
    sha256 = compute_sha256(path)
    with contextlib.suppress(OSError):
        memory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=memory, suffix=".tmp", delete=False, encoding="utf-8") as file:
            json.dump({"path": os.fspath(path), "state": state, "sha256": sha256}, file, ensure_ascii=True)
        Path(file.name).replace(entry)
    return sha256
