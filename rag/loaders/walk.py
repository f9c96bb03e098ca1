"""Folders -> files to load, in sorted order, and their bytes."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.errors import LoadError
from rag.loaders.globs import compile_globs
from rag.loaders.uris import file_uri

__all__ = ["SourceFile", "read_file", "walk"]

MAX_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class SourceFile:
    r"""A file found under ``root``.

    ``relative`` is its posix path from the root, for people and filters; bytes that are no UTF-8 show as
    ``\xNN``. ``uri`` is its identity and gives the path back exactly.
    """

    path: Path
    root: Path
    uri: str
    relative: str


def walk(
    paths: Sequence[Path], *, include: Sequence[str] = (), exclude: Sequence[str] = ()
) -> Iterator[SourceFile | LoadError]:
    """Files under folders, and files given directly (whose root is their folder), each once.

    Names are visited in sorted order. Names that start with a dot are skipped unless given directly. A
    symbolic link is followed only to what lies in the same root and is not found there under its own
    name: never out of the root, never twice, never in a loop. What cannot be listed is yielded as
    LoadError, and the walk goes on.

    Args:
        paths: folders and files.
        include: globs, one of which a file must match; all files if empty.
        exclude: globs of files to leave out, and of folders not to enter.

    A glob matches the path relative to the root or the bare name. ``*`` and ``?`` stay within a name,
    ``**`` spans folders, ``[a-c]`` and ``[!a-c]`` are one character.
    """
    wanted, unwanted = compile_globs(include), compile_globs(exclude)
    seen: set[str] = set()
    for path in paths:
        for found in _walk_one(path, _Rules(wanted, unwanted)):
            if isinstance(found, LoadError):
                yield found
            elif found.uri not in seen:
                seen.add(found.uri)
                yield found


@dataclass(frozen=True, slots=True)
class _Rules:
    include: re.Pattern[str] | None
    exclude: re.Pattern[str] | None

    def excludes(self, relative: str) -> bool:
        """True when the file or folder, or a folder above it, is excluded."""
        parts = relative.split("/")
        above = ("/".join(parts[: n + 1]) for n in range(len(parts)))
        return self.exclude is not None and any(_matches(self.exclude, name) for name in above)

    def takes_file(self, relative: str) -> bool:
        return (self.include is None or _matches(self.include, relative)) and not self.excludes(relative)


def _matches(globs: re.Pattern[str], relative: str) -> bool:
    return bool(globs.fullmatch(relative) or globs.fullmatch(relative.rpartition("/")[2]))


def _walk_one(path: Path, rules: _Rules) -> Iterator[SourceFile | LoadError]:
    top = Path(os.path.abspath(path))  # noqa: PTH100 (Path.resolve follows links, and uris keep them)
    try:
        is_folder = stat.S_ISDIR(top.stat().st_mode)
    except OSError as error:
        yield _unreadable(top, error)
        return
    if is_folder:
        yield from _Tree(top, rules).files()
    elif rules.takes_file(top.name):
        yield _source(top, top.parent)


class _Tree:
    """One root: what is left to visit, and which links were followed."""

    def __init__(self, root: Path, rules: _Rules) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._rules = rules
        self._followed: set[str] = set()

    def files(self) -> Iterator[SourceFile | LoadError]:
        pending = [str(self._root)]
        while pending:
            path = pending.pop()
            try:
                mode = os.lstat(path).st_mode
                if path != str(self._root) and stat.S_ISLNK(mode):
                    if not self._follows(path):
                        continue
                    mode = os.stat(path).st_mode  # noqa: PTH116 (str paths: half the time of Path on big trees)
                if stat.S_ISDIR(mode) or path == str(self._root):
                    pending.extend(reversed(self._entries(path)))
                    continue
            except OSError as error:
                yield _unreadable(Path(path), error)
                continue
            if self._rules.takes_file(self._relative(path)):
                yield _source(Path(path), self._root)

    def _entries(self, folder: str) -> list[str]:
        if folder != str(self._root) and self._rules.excludes(self._relative(folder)):
            return []
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))  # noqa: PTH208
        return [f"{folder.rstrip('/')}/{name}" for name in names]

    def _relative(self, path: str) -> str:
        return os.path.relpath(path, self._root)

    def _follows(self, link: str) -> bool:
        """True the first time for a target in the root that the walk does not meet by its own name."""
        target = os.path.realpath(link, strict=True)
        if not target.startswith(self._real_root.rstrip("/") + "/") or target in self._followed:
            return False
        if self._meets(target):
            return False
        self._followed.add(target)
        return True

    def _meets(self, target: str) -> bool:
        relative = os.path.relpath(target, self._real_root)
        if any(part.startswith(".") for part in relative.split("/")):
            return False
        if stat.S_ISDIR(os.stat(target).st_mode):  # noqa: PTH116
            return not self._rules.excludes(relative)
        return self._rules.takes_file(relative)


def _source(path: Path, root: Path) -> SourceFile:
    relative = os.fsencode(path.relative_to(root).as_posix()).decode("utf-8", "backslashreplace")
    return SourceFile(path=path, root=root, uri=file_uri(path), relative=relative)


def _unreadable(path: Path, error: OSError) -> LoadError:
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return LoadError("a link to nothing", where=file_uri(path), hint="remove the link or restore its target")
        return LoadError("no such file or folder", where=file_uri(path), hint="check the path")
    if isinstance(error, PermissionError):
        return LoadError("permission denied", where=file_uri(path), hint="change its mode or exclude it")
    reason = error.strerror or type(error).__name__
    return LoadError(f"cannot be read: {reason}", where=file_uri(path), hint="exclude it to go without")


def read_file(source: SourceFile, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file, as many as it had when it was opened.

    Raises:
        LoadError: it vanished, may not be read, is larger than ``max_bytes``, shrank meanwhile, or is
            a folder, pipe, socket or device (none of which is waited for).
    """
    try:
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever.
        descriptor = os.open(source.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            size = _checked_size(descriptor, source.uri, max_bytes)
            data = _read(descriptor, size)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise LoadError("the file vanished before it was read", where=source.uri, hint="index again") from error
    except OSError as error:
        raise _unreadable(source.path, error) from error
    if len(data) < size:
        raise LoadError("the file shrank while it was read", where=source.uri, hint="index again")
    return data


def _checked_size(descriptor: int, uri: str, max_bytes: int) -> int:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise LoadError(f"not a regular file but {_kind(status.st_mode)}", where=uri, hint="exclude it")
    if status.st_size > max_bytes:
        raise LoadError(
            f"too large: {status.st_size} bytes, the limit is {max_bytes}",
            where=uri,
            hint="split it, or raise the limit",
        )
    return status.st_size


def _read(descriptor: int, size: int) -> bytes:
    """Up to ``size`` bytes, in as many calls as it takes: one gives at most 2 GiB on Linux."""
    data = os.read(descriptor, size)
    if len(data) == size:
        return data
    parts = [data]
    while parts[-1] and (missing := size - sum(map(len, parts))):
        parts.append(os.read(descriptor, missing))
    return b"".join(parts)


def _kind(mode: int) -> str:
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISBLK, "a block device"),
        (stat.S_ISCHR, "a character device"),
    )
    return next((name for test, name in kinds if test(mode)), "something else")
