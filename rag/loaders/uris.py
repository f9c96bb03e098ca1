"""File uris: ``file://`` and an absolute posix path, readable, with only the awkward bytes percent-encoded.

Encoded are control characters, line and paragraph separators, ``%``, ``#``, ``?`` and bytes that are
no UTF-8; everything else, spaces and other scripts included, stays as written. So a uri is always
valid Unicode on one line, and ``uri_path(file_uri(path))`` is the path, whatever its name.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes

from rag.errors import LoadError

__all__ = ["file_uri", "record_uri", "uri_path", "uri_prefix", "uri_stem"]

_SCHEME = "file://"
_RESERVED = frozenset("%#?")
_ENCODED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


def _encode(text: str) -> str:
    return "".join(
        "".join(f"%{byte:02X}" for byte in os.fsencode(character))
        if character in _RESERVED or unicodedata.category(character) in _ENCODED_CATEGORIES
        else character
        for character in text
    )


def file_uri(path: Path) -> str:
    """The uri of a file; a relative path is taken from the current folder, links are not resolved."""
    return _SCHEME + _encode(Path(os.path.abspath(path)).as_posix())  # noqa: PTH100 (Path.resolve follows links)


def uri_path(uri: str) -> Path:
    """The path of a file uri, a record's ``#fragment`` ignored; LoadError for another scheme."""
    if not uri.startswith(_SCHEME):
        raise LoadError("not a file uri", where=uri, hint="a file uri starts with file://")
    path = uri.removeprefix(_SCHEME).partition("#")[0]
    return Path(os.fsdecode(unquote_to_bytes(path)))


def uri_prefix(folder: Path) -> str:
    """What the uris of all files in ``folder`` and below start with."""
    uri = file_uri(folder)
    return uri if uri.endswith("/") else f"{uri}/"


def record_uri(uri: str, record: str) -> str:
    """The uri of a record inside a file: ``<uri>#<record>``, the record encoded as a path is."""
    return f"{uri}#{_encode(record)}"


def uri_stem(uri: str) -> str:
    """The file name without its suffix on one line, for a title; bytes that are no text show as U+FFFD."""
    path = unquote_to_bytes(uri.partition("#")[0]).decode("utf-8", "replace")
    return " ".join(PurePosixPath(path).stem.split())
