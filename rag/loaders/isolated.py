"""Files of people you do not trust: parsed in a process of their own, with limits on its time and its memory.

A parser that is led astray by a file then costs that file alone: the process may compute for so long, take so much
memory and write no file, and what it says is read as data.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import IO, TYPE_CHECKING

from rag.errors import LoadError
from rag.types import Document

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["IsolatedLoader", "limit", "run_limited"]

# what is read of a file and held here, several times over while it is made into documents
_MOST = 256 << 20
_SENT = ("PATH", "PYTHONPATH", "SYSTEMROOT", "VIRTUAL_ENV")  # no key, no token, no proxy


@dataclass(frozen=True, slots=True)
class IsolatedLoader:
    """Does what ``load_bytes`` does, in a child process for each file.

    Attributes:
        seconds: That it may compute, and twice that until it is done by the clock.
        memory: Bytes of address space, which is more than it uses. Limits hold on POSIX systems; elsewhere time alone.
    """

    seconds: int = 60
    memory: int = 2 << 30

    def __call__(self, data: bytes, *, uri: str, name: str) -> Iterator[Document | LoadError]:
        """Documents and bad records as ``load_bytes`` gives them.

        Raises LoadError: nothing is yielded of a file whose process did not come to its end.
        """
        command = [sys.executable, "-m", "rag.loaders.isolated", uri, name, str(self.seconds), str(self.memory)]
        lines = run_limited(command, data, seconds=self.seconds, memory=self.memory, where=uri)
        items = [json.loads(line) for line in lines]
        if items and "fatal" in items[-1]:
            raise _error(items[-1]["fatal"])
        for item in items:
            yield _error(item["error"]) if "error" in item else _adapter().validate_python(item["document"])


def run_limited(command: Sequence[str], data: bytes, *, seconds: int, memory: int, where: str) -> list[bytes]:
    """Lines that a program writes of ``data``, and after them ``null``; it is to call ``limit`` first.

    Raises LoadError where the last line is another: it did not come to its end.
    """
    child = subprocess.Popen(  # noqa: S603  our own programs; what is not ours is an argument, not a word of a shell
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={key: value for key in _SENT if (value := os.environ.get(key))},
    )
    with child:
        late = threading.Timer(2 * seconds, child.kill)
        late.start()
        try:
            lines = _converse(child, data, min(memory, _MOST))
        finally:
            late.cancel()
            child.kill()
    if not lines or lines[-1] != b"null":
        raise LoadError(
            f"reading it took more than {seconds} s or {memory >> 20} MB, or gave more than {_MOST >> 20} MB, or broke "
            "its parser",
            where=where,
            hint="it is left out; give limits that fit if you trust it",
        )
    return lines[:-1]


def _converse(child: subprocess.Popen[bytes], data: bytes, most: int) -> list[bytes]:
    if child.stdin is None or child.stdout is None:
        raise ValueError("the child has no pipes")

    def send(pipe: IO[bytes]) -> None:
        try:
            with pipe:
                pipe.write(data)
        except BrokenPipeError:
            pass  # it has died, which its output tells

    sending = threading.Thread(target=send, args=(child.stdin,), daemon=True)
    sending.start()
    lines = child.stdout.read(most).splitlines()
    child.kill()  # it may have more to say than is heard, or than it reads
    sending.join()
    return lines


def _error(fields: list[str]) -> LoadError:
    message, where, hint = fields
    return LoadError(message, where=where, hint=hint)


@cache
def _adapter() -> TypeAdapter[Document]:
    from pydantic import TypeAdapter

    return TypeAdapter(Document)


def limit(seconds: int, memory: int) -> None:
    """From now on, let this process compute for so long, take so many bytes of memory, and write no file."""
    if sys.platform == "win32":
        return
    import resource

    for kind, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _main(uri: str, name: str, seconds: str, memory: str) -> None:
    """Parse stdin; a line of JSON for each item, and a last one, ``null``, that says it is all."""
    from rag.loaders import load_bytes

    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # what a parser prints is no item
    data = sys.stdin.buffer.read()
    limit(int(seconds), int(memory))
    try:
        for item in load_bytes(data, uri=uri, name=name):
            if isinstance(item, LoadError):
                found: dict[str, object] = {"error": [item.message, item.where, item.hint]}
            else:
                found = {"document": asdict(item)}
            out.write(json.dumps(found) + "\n")
    except LoadError as error:
        out.write(json.dumps({"fatal": [error.message, error.where, error.hint]}) + "\n")
    out.write("null\n")
    out.close()


if __name__ == "__main__":
    _main(*sys.argv[1:])
