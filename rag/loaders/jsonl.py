"""JSON Lines, also the corpus format of BEIR: a document a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from rag.errors import LoadError
from rag.loaders.encoding import decode, require_content
from rag.loaders.metadata import clean, flatten
from rag.loaders.uris import record_uri
from rag.types import Document, Value

__all__ = ["JsonlLoader"]

_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_KNOWN = frozenset({"_id", "title", "text", "metadata"})


@dataclass(frozen=True, slots=True)
class JsonlLoader:
    """Objects with the fields ``_id``, ``title``, ``text`` and ``metadata``, one on each line.

    A document's uri is ``<file uri>#<_id>``; a record without ``_id`` is named by its line, ``line-7``. Its
    metadata holds ``_id``, any other fields and what ``metadata`` holds, flattened. A bad line is
    yielded as a LoadError that names it, and the rest goes on. Blank lines are skipped.
    """

    def load(self, data: bytes, *, uri: str) -> Iterator[Document | LoadError]:
        """See Loader. Raises LoadError for a file without records; lines are parsed as they are asked for."""
        require_content(data, uri=uri)
        if data.startswith(_WIDE_MARKS):
            data = decode(data, uri=uri).encode()
        seen: dict[str, int] = {}
        number = 0
        for number, line in _lines(data):
            try:
                document = _document(line, number, uri=uri)
                first = seen.setdefault(document.uri, number)
            except (ValueError, RecursionError) as error:
                reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
                yield LoadError(reason, where=f"{uri} line {number}", hint='a line is {"_id": ..., "text": ...}')
                continue
            if first == number:
                yield document
            else:
                name = document.metadata["_id"]
                yield LoadError(
                    f"duplicate _id {name!r}, first on line {first}",
                    where=f"{uri} line {number}",
                    hint="give each record its own",
                )
        if not number:
            raise LoadError("the file holds only white space", where=uri, hint="nothing to index")


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, numbered from 1, without a copy of the whole."""
    start = 3 if data.startswith(b"\xef\xbb\xbf") else 0
    number = 0
    while start < len(data):
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        number += 1
        if line := data[start:end].strip():
            yield number, line
        start = end + 1


def _document(line: bytes, number: int, *, uri: str) -> Document:
    """The document on a line. Raises ValueError that says what is wrong with it."""
    try:
        record = json.loads(line.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise ValueError(f"not valid UTF-8: {error.reason} at byte {error.start} of the line") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at column {error.colno}") from error
    if not isinstance(record, dict):
        raise ValueError(f"not an object but {type(record).__name__}")  # noqa: TRY004 (the data are at fault)
    text = record.get("text")
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise ValueError('no "text": a string that is not blank and holds no NUL is needed')
    name = record.get("_id", f"line-{number}")
    if isinstance(name, bool) or not isinstance(name, (str, int)) or name == "":
        raise ValueError('"_id" must be a string that is not empty, or a whole number')
    title = record.get("title") or ""
    nested = record.get("metadata") or {}
    if not isinstance(title, str) or not isinstance(nested, dict):
        raise ValueError('"title" must be a string and "metadata" an object')  # noqa: TRY004
    identity = clean(str(name))
    extra = {key: value for key, value in record.items() if key not in _KNOWN}
    metadata: dict[str, Value] = {**flatten(extra), **flatten(nested), "_id": identity}
    return Document(
        uri=record_uri(uri, identity),
        text=clean(text),
        title=clean(" ".join(title.split())),
        media_type="application/jsonl",
        metadata=metadata,
    )


def _no_constant(name: str) -> None:
    raise ValueError(f"not JSON: {name}")
