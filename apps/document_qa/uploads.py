"""Files that are dropped on the app: checked by what they hold, and kept under a place of the app's choice."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rag.loaders import uri_path

_NAME = 80  # characters kept of a name
_DEPTH = 8  # folders kept of a path
_OTHER = re.compile(r"[^\w.\- ]+")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as the browser sent it; the name of one in a folder begins with the folder's."""

    name: str
    data: bytes


def problem(upload: Upload, limit_mb: int) -> str | None:
    """The key of the words that say why the file cannot be what its name says; None where it can.

    Whether it can be read, reading it shows.
    """
    suffix = PurePosixPath(upload.name.replace("\\", "/")).suffix.lower()
    if len(upload.data) > limit_mb << 20:
        return "uploads.large"
    if not upload.data:
        return "uploads.empty"
    if suffix == ".pdf" and b"%PDF-" not in upload.data[:1024]:
        return "uploads.no_pdf"
    if suffix == ".docx" and not upload.data.startswith(b"PK\x03\x04"):
        return "uploads.no_word"
    if suffix not in {".pdf", ".docx"} and _is_binary(upload.data):
        return "uploads.no_text"
    return None


def _is_binary(data: bytes) -> bool:
    head = data[:8192]
    return b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff"))


def safe_name(name: str) -> str:
    """A file name that means nothing to any file system: no folder, no dot in front, no more than 80 characters."""
    last = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    stem, dot, suffix = _OTHER.sub("_", last).strip(" .").rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    suffix = suffix[:10]
    stem = stem.strip(" .")[: _NAME - len(suffix)] or "file"
    return f"{stem}.{suffix}" if suffix else stem


def shown_name(name: str) -> str:
    """The path that the browser sent, each of its parts made safe: what the file is shown as, and never a path here."""
    parts = [part for part in name.replace("\\", "/").split("/") if part.strip(" .")]
    return "/".join(safe_name(part) for part in parts[-_DEPTH:]) or safe_name(name)


def place_of(upload: Upload, folder: Path, *, owner: str = "", copy: int = 0) -> Path:
    """Where the owner's ``copy`` of a file of that name is kept."""
    key = json.dumps([owner, unicodedata.normalize("NFC", upload.name), copy])
    return folder / hashlib.sha256(key.encode("utf-8")).hexdigest()[:16] / safe_name(upload.name)


def keep(upload: Upload, place: Path) -> None:
    """Write the file there, in the place of another, whole or not at all. Raises OSError."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = place.with_name(f".{place.name[:40]}.new")
    with new.open("wb") as file:
        file.write(upload.data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(place)


def drop(path: Path, folder: Path) -> None:
    """Remove a file that ``keep`` kept; any other stays. Raises OSError."""
    if path.parent.parent == folder and path.is_file():
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()


def tidy(folder: Path, unheld: Iterable[str]) -> None:
    """Remove kept files by uri; any other stays. Raises OSError."""
    for uri in unheld:
        drop(uri_path(uri), folder)
