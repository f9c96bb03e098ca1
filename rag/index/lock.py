"""One writer at a time: an operating system lock that dies with its process."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from rag.errors import IndexLockedError

_LOCK = "writer.lock"
_HOLDER = "writer.json"


class WriterLock:
    """Held from construction to ``release``. Raises IndexLockedError at once, naming the holder if known."""

    def __init__(self, path: Path) -> None:
        from filelock import FileLock, Timeout

        self._path = path
        self._lock = FileLock(path / _LOCK, timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise IndexLockedError(
                f"{_holder(path)} is writing to the index",
                where=str(path),
                hint="wait for it to end, or stop it",
            ) from error
        try:
            (path / _HOLDER).write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        except BaseException:
            self._lock.release()
            raise

    def release(self) -> None:
        """Let the next writer in."""
        (self._path / _HOLDER).unlink(missing_ok=True)
        self._lock.release()


def _holder(path: Path) -> str:
    try:
        holder = json.loads((path / _HOLDER).read_text())
    except (OSError, ValueError):  # the holder is between taking the lock and naming itself
        return "another process"
    return f"process {holder['pid']} on {holder['host']}"
