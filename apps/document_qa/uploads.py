"""Files that are dropped on the app: checked by what they hold, and kept under a place of the app's choice."""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_NAME = 80  # characters kept of a name
_OTHER = re.compile(r"[^\w.\- ]+")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as the browser sent it."""

    name: str
    data: bytes


def problem(upload: Upload, limit_mb: int) -> str | None:
    """Why the file cannot be what its name says; None where it can. Whether it can be read, reading it shows."""
    suffix = PurePosixPath(upload.name.replace("\\", "/")).suffix.lower()
    if len(upload.data) > limit_mb << 20:
        return f"larger than {limit_mb} MB"
    if not upload.data:
        return "empty"
    if suffix == ".pdf" and b"%PDF-" not in upload.data[:1024]:
        return "not a PDF, whatever its name says"
    if suffix == ".docx" and not upload.data.startswith(b"PK\x03\x04"):
        return "not a Word document, whatever its name says"
    if suffix not in {".pdf", ".docx"} and _is_binary(upload.data):
        return "not text, and no format that can be read"
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


def keep(upload: Upload, folder: Path, *, owner: str = "", copy: int = 0) -> Path:
    """Where the file now is; the owner's ``copy`` of the same name is replaced, whole or not at all. Raises OSError."""
    name = safe_name(upload.name)
    key = json.dumps([owner, name, copy])
    place = folder / hashlib.sha256(key.encode("utf-8")).hexdigest()[:16] / name
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = place.with_name(f".{name[:40]}.new")
    with new.open("wb") as file:
        file.write(upload.data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(place)
    return place


def drop(path: Path, folder: Path) -> None:
    """Remove a file that ``keep`` kept; any other stays. Raises OSError."""
    if path.parent.parent == folder and path.is_file():
        path.unlink()
        path.parent.rmdir()
