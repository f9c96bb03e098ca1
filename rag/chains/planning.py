"""What indexing would do: which files are new, changed or gone, without parsing any."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rag.chains.ingest import file_settings, selected
from rag.errors import LoadError
from rag.index import Snapshot, SourceState
from rag.loaders import SourceFile, read_file, uri_prefix

__all__ = ["IndexPlan", "plan_files"]


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """Files by what would become of them.

    ``changed`` have other bytes, or would be cut or shown otherwise; ``failed`` are as they were when they, or records
    of them, could not be read; ``removed`` have left the folders; ``unreadable`` cannot be listed or opened.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    failed: int = 0
    removed: int = 0
    unreadable: int = 0

    @property
    def files(self) -> int:
        """How many there are to read."""
        return self.new + self.changed + self.unchanged + self.failed


def plan_files(
    paths: Sequence[Path],
    snapshot: Snapshot,
    *,
    settings: str = "",
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    apart: Sequence[Path] = (),
    since: float | None = None,
) -> IndexPlan:
    """What ``index_files`` with ``sync`` would find, by the bytes of the files.

    With ``since``, seconds as ``time.time`` gives them, a file of the size that it had, whose status the system has not
    changed after that, is taken for unchanged: that costs a look at each, not its reading. The limit is the clock of
    the system that holds the files.
    """
    files, unlisted = selected(paths, include, exclude, apart=[snapshot.path, *apart])
    closed = (*(error.where for error in unlisted), *map(uri_prefix, apart))
    counts = dict.fromkeys(("new", "changed", "unchanged", "failed", "unreadable"), 0)
    counts["unreadable"] = len(unlisted)
    held = _held(paths, files, snapshot)
    for file in files:
        try:
            counts[_kind(file, held.get(file.uri), file_settings(settings, file.relative), since)] += 1
        except LoadError:
            counts["unreadable"] += 1
    seen = {file.uri for file in files}
    under = tuple(uri_prefix(path) for path in paths if path.is_dir())
    gone = [uri for uri in held if uri not in seen and uri.startswith(under) and not uri.startswith(closed)]
    return IndexPlan(removed=len(gone), **counts)


def _held(paths: Sequence[Path], files: Sequence[SourceFile], snapshot: Snapshot) -> dict[str, SourceState]:
    found = [state for path in paths if path.is_dir() for state in snapshot.sources(uri_prefix(path))]
    known = {state.source: state for state in found}
    given = [snapshot.source(file.uri) for file in files if file.uri not in known]
    return known | {state.source: state for state in given if state}


def _kind(file: SourceFile, held: SourceState | None, settings: str, since: float | None) -> str:
    """Raises LoadError."""
    if held is None:
        return "new"
    same = held.settings == settings and _is_as_held(file, held, since)
    if not same:
        return "changed"
    return "unchanged" if held.complete else "failed"


def _is_as_held(file: SourceFile, held: SourceState, since: float | None) -> bool:
    try:
        status = file.path.stat()
    except OSError as error:
        raise LoadError("cannot be looked at", where=file.uri) from error
    if status.st_size != held.size:
        return False
    if since is not None and max(status.st_mtime, status.st_ctime) < since:
        return True
    return hashlib.sha256(read_file(file)).hexdigest() == held.sha256
