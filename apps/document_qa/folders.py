"""Folders of the server that people have chosen to watch: kept beside the index, and shared by all who manage it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from rag.errors import StorageError
from rag.loaders import file_uri, uri_path, uri_prefix

_writing = threading.Lock()
# clocks and file systems tell time in steps of up to two seconds
_SLACK = 2.0
# what the app keeps beside its index, as INDEX.<this>: no document of a watched folder
_OWN = ("evaluations", "files", "folders.json", "maps", "questions.jsonl", "recipes", "testsets")


@dataclass(frozen=True, slots=True)
class Watched:
    """A folder by its uri; ``since`` is when it was last synchronised to the end, in seconds, None for never."""

    uri: str
    since: float | None = None

    @property
    def path(self) -> Path:
        """Where it is."""
        return uri_path(self.uri)

    @property
    def prefix(self) -> str:
        """What the uris of its files begin with."""
        return uri_prefix(self.path)


_FOLDERS = TypeAdapter(list[Watched])


def read_folders(file: Path) -> list[Watched]:
    """The watched folders in the order of their uris; none where there is no file. Raises StorageError."""
    try:
        return _FOLDERS.validate_json(file.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValidationError) as error:
        hint = "remove the file, and name the folders again"
        raise StorageError("the list of watched folders cannot be read", where=str(file), hint=hint) from error


def watch_folder(file: Path, folder: Path) -> Watched:
    """Add a folder, unless it is there. Raises StorageError, also for one within another or around it."""
    new = Watched(file_uri(folder))
    for one in read_folders(file):
        if one.uri == new.uri:
            return one
        if _overlap(one.path, folder):
            hint = "its documents would be indexed twice"
            raise StorageError(f"this folder and {one.path} lie one within the other", where=str(folder), hint=hint)
    _change(file, lambda held: [*held, new])
    return new


def synchronised(file: Path, folders: Sequence[Watched], began: float) -> None:
    """Note that the folders were synchronised, by a run that began then. Raises StorageError."""
    uris = {one.uri for one in folders}
    since = began - _SLACK
    _change(file, lambda held: [replace(one, since=since) if one.uri in uris else one for one in held])


def forget_folder(file: Path, uri: str) -> None:
    """Watch it no more. Raises StorageError."""
    _change(file, lambda held: [one for one in held if one.uri != uri])


def own_files(index: Path, folder: Path) -> list[str]:
    """Globs of what the app keeps beside its index, for a folder that holds it; none for any other."""
    if not index.is_relative_to(folder):
        return []
    name = "".join(f"[{each}]" if each in "*?[" else each for each in index.relative_to(folder).as_posix())
    return [f"{name}.{suffix}" for suffix in _OWN]


def _overlap(one: Path, other: Path) -> bool:
    first, second = one.resolve(), other.resolve()
    return first.is_relative_to(second) or second.is_relative_to(first)


def _change(file: Path, change: Callable[[list[Watched]], list[Watched]]) -> None:
    with _writing:
        folders = sorted(change(read_folders(file)), key=lambda one: one.uri)
        new = file.with_name(f".{file.name}.new")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with new.open("wb") as out:
                out.write(_FOLDERS.dump_json(folders, indent=2))
                out.flush()
                os.fsync(out.fileno())
            new.replace(file)
        except OSError as error:
            raise StorageError("the list of watched folders cannot be written", where=str(file)) from error
