"""Where a citation stands: on the picture of a PDF's page, or in the text of the document."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO

from rag.errors import LoadError, QueryError
from rag.index import Snapshot
from rag.loaders import char_boxes, page_pixels, uri_path
from rag.loaders.isolated import limit, run_limited
from rag.types import Citation, Document, Page

AROUND = 4000  # characters of text before and after the cited words
KEPT = 32  # pages that were drawn
FAILED = 1000  # pages that could not be drawn, remembered
SECONDS, MEMORY = 20, 2 << 30  # to draw a page, in a process of its own as for reading it

_undrawable: dict[tuple[str, str, int], None] = {}  # uri, SHA-256 and page, the oldest first

Box = tuple[float, float, float, float]
"""Left, top, width, height, each as a share of the page."""


@dataclass(frozen=True, slots=True)
class PageView:
    """A page as PNG, and where the cited words stand on it, a box a line."""

    number: int
    png: bytes
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class TextView:
    """The cited words with the text around them. ``changed``: no page can be drawn of the file on disk."""

    before: str
    quote: str
    after: str
    changed: bool = False


def view(snapshot: Snapshot, citation: Citation, where: str | None = None) -> PageView | TextView | None:
    """Where the citation stands; None where the index no longer holds its document so, or ``where`` forbids it."""
    try:
        document = snapshot.document(citation.document_id)
    except QueryError:
        return None
    if document.text[citation.start : citation.end] != citation.quote:
        return None
    if not snapshot.admits(document.id, where):
        return None
    changed = False
    source = snapshot.source(document.uri)
    if document.media_type == "application/pdf" and source:
        page = next(page for page in reversed(document.pages) if page.start <= citation.start)
        try:
            return _page_view(document.uri, source.sha256, page, citation.start, citation.end)
        except (OSError, LoadError):
            changed = True
    return TextView(
        document.text[max(0, citation.start - AROUND) : citation.start],
        citation.quote,
        document.text[citation.end : citation.end + AROUND],
        changed,
    )


def page_of(snapshot: Snapshot, document: Document, number: int) -> PageView:
    """A page of a PDF, from 1 on, with nothing marked. Raises OSError, LoadError: it cannot be drawn any more."""
    page, source = document.pages[number - 1], snapshot.source(document.uri)
    if source is None:
        raise LoadError("it came from no file", where=document.uri)
    return _page_view(document.uri, source.sha256, page, page.start, page.start)


@lru_cache(KEPT)
def _page_view(uri: str, sha256: str, page: Page, start: int, end: int) -> PageView:
    """Raises OSError, LoadError: the file is gone, another than was indexed, or cannot be drawn.

    What could not be drawn once is not tried again: it takes as long as it may, at every run of a page.
    """
    if (uri, sha256, page.number) in _undrawable:
        raise LoadError("the page cannot be drawn", where=uri)
    data = uri_path(uri).read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise LoadError("it has changed since it was indexed", where=uri)
    wanted = [page.number, page.start, page.end, start, end]
    command = [sys.executable, __file__, *map(str, wanted)]
    try:
        (line,) = run_limited(command, data, seconds=SECONDS, memory=MEMORY, where=uri)
    except LoadError:
        _undrawable[uri, sha256, page.number] = None
        while len(_undrawable) > FAILED:
            _undrawable.pop(next(iter(_undrawable)), None)
        raise
    drawn = json.loads(line)
    return PageView(page.number, b64decode(drawn["png"]), tuple(tuple(box) for box in drawn["boxes"]))


def draw(data: bytes, page: Page, start: int, end: int) -> tuple[bytes, tuple[Box, ...]]:
    """A page as PNG, and the boxes of ``document.text[start:end]`` on it. Raises LoadError."""
    from PIL import Image

    pixels, width, height = page_pixels(data, page.number)
    picture = BytesIO()
    Image.fromarray(pixels).save(picture, "png")
    return picture.getvalue(), lines_of(char_boxes(data, page=page, start=start, end=end), width, height)


def lines_of(chars: Sequence[tuple[float, float, float, float]], width: float, height: float) -> tuple[Box, ...]:
    """Boxes (left, bottom, right, top) of characters in their order -> a box for each run of them on one line."""
    runs: list[list[tuple[float, float, float, float]]] = []
    for char in chars:
        middle = (char[1] + char[3]) / 2
        if runs and runs[-1][-1][1] <= middle <= runs[-1][-1][3] and char[0] >= runs[-1][-1][0]:
            runs[-1].append(char)
        else:
            runs.append([char])
    found = []
    for run in runs:
        left, bottom = min(char[0] for char in run), min(char[1] for char in run)
        right, top = max(char[2] for char in run), max(char[3] for char in run)
        found.append((left / width, 1 - top / height, (right - left) / width, (top - bottom) / height))
    return tuple(found)


def _main(number: str, first: str, last: str, start: str, end: str) -> None:
    """In a process of its own: a PDF on stdin, the page and the boxes on stdout."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    data = sys.stdin.buffer.read()
    limit(SECONDS, MEMORY)
    png, boxes = draw(data, Page(int(number), int(first), int(last)), int(start), int(end))
    out.write(json.dumps({"png": b64encode(png).decode("ascii"), "boxes": boxes}) + "\nnull\n")
    out.close()


if __name__ == "__main__":
    _main(*sys.argv[1:])
