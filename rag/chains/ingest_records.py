"""What indexing tells: how far it is, what became of each file, and what it all came to."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FileResult", "IndexProgress", "IndexReport", "Skipped"]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or record that could not be read, and why."""

    uri: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of a file: how many of its documents were added, and so on, and what of it was left out.

    ``path`` is how it is shown; of a file that has left its folder its uri.
    """

    uri: str
    path: str
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class IndexProgress:
    """How far a run is; ``current`` is the file being read, as it is shown."""

    files: int
    files_total: int
    bytes: int
    bytes_total: int
    passages: int
    current: str


@dataclass(slots=True)
class IndexReport:
    """What a run did: files seen; documents added, updated, unchanged, removed; passages written, embedded."""

    files: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    passages: int = 0
    embedded: int = 0
    seconds: float = 0.0
    generation: int = 0
    skipped: tuple[Skipped, ...] = ()
