"""Immutable, content-named ``.npy`` files, written so that a crash at any point leaves none half-visible.

A file is written under a temporary name, synced, and renamed to the SHA-256 of its bytes. Nothing
reads it before a committed row of the catalogue names it, so the caller syncs the folder once
(``sync_folder``) before that commit.
"""

from __future__ import annotations

import hashlib
import io
import math
import mmap
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from rag.errors import CorruptIndexError

INCOMING = "incoming.tmp"
MAX_HEADER = 256  # of arrays of at most three dimensions

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of ``segments/``: its name without the suffix, and its size in bytes."""

    sha256: str
    size: int

    @property
    def name(self) -> str:
        """The file's name in ``segments/``."""
        return f"{self.sha256}.npy"


class _Hashing:
    """A binary file that hashes what is written to it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        view = memoryview(data).cast("B")
        while view:
            written = self._stream.write(view)
            self.digest.update(view[:written])
            self.size += written
            view = view[written:]
        return self.size


def write_array(folder: Path, dtype: npt.DTypeLike, shape: tuple[int, ...], blocks: Iterable[Array]) -> StoredFile:
    """Write the blocks, in order, as one ``.npy`` file of ``shape``.

    Raises OSError, and leaves nothing visible then.
    """
    incoming = folder / INCOMING
    kind = np.dtype(dtype)
    with incoming.open("wb") as stream:
        hashing = _Hashing(stream)
        header = _header(kind, shape)
        hashing.write(header)
        for block in blocks:
            if block.size:
                hashing.write(np.ascontiguousarray(block, dtype=kind).data)
        expected = len(header) + kind.itemsize * math.prod(shape)
        if hashing.size != expected:
            raise AssertionError(f"wrote {hashing.size} bytes for shape {shape} of {kind}, expected {expected}")
        stream.flush()
        os.fsync(stream.fileno())
    stored = StoredFile(hashing.digest.hexdigest(), hashing.size)
    incoming.replace(folder / stored.name)
    return stored


def map_array(folder: Path, stored: StoredFile, dtype: npt.DTypeLike, ndim: int) -> Array:
    """The file as a read-only mapped array.

    Raises FileNotFoundError if it is gone (a writer may have removed it after a newer commit) and
    CorruptIndexError if its size, dtype or shape is not what was written.
    """
    path = folder / stored.name
    size = path.stat().st_size
    if size != stored.size:
        raise CorruptIndexError(
            f"the file has {size} bytes, {stored.size} were written",
            where=str(path),
            hint="restore it or index again",
        )
    with path.open("rb") as stream:
        # Not np.load: it evaluates the header as Python source, which CPython 3.11 can fail at in threads.
        header = stream.read(MAX_HEADER)
        shape = _shape(header)
        if len(shape) != ndim or not header.startswith(expected := _header(np.dtype(dtype), shape)):
            raise CorruptIndexError(
                f"the header is not that of a {ndim}-dimensional {np.dtype(dtype)} array", where=str(path)
            )
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    if size != len(expected) + np.dtype(dtype).itemsize * math.prod(shape):
        raise CorruptIndexError(f"the file has {size} bytes, which does not fit shape {shape}", where=str(path))
    return np.ndarray(shape, dtype, buffer=data, offset=len(expected))


def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """What an ``.npy`` file of version 1.0 begins with."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    )
    return stream.getvalue()


def _shape(header: bytes) -> tuple[int, ...]:
    found = re.search(rb"'shape': \(([0-9, ]*)\)", header)
    return tuple(int(part) for part in found[1].split(b",") if part.strip()) if found else ()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_unnamed(folder: Path, named: set[str]) -> None:
    """Delete every file that is not in ``named``: what a crash, a merge or a compaction left behind."""
    for entry in os.scandir(folder):
        if entry.name not in named and entry.is_file(follow_symlinks=False):
            # A file that cannot be deleted costs space and nothing else; the next writer tries again.
            with suppress(OSError):
                Path(entry.path).unlink()
