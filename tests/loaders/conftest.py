"""Documents made on the spot, by libraries other than the ones that read them."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from rag.errors import LoadError
from rag.loaders import load_bytes
from rag.types import Document

# A page is lines of (x, y, font size, text) in points.
Line = tuple[float, float, float, str]
MakePdf = Callable[..., bytes]


@pytest.fixture(scope="session")
def make_pdf() -> MakePdf:
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))

    def make(
        *pages: list[Line], title: str = "", author: str = "", font: str = "Helvetica", password: str = ""
    ) -> bytes:
        buffer = io.BytesIO()
        canvas = Canvas(buffer, invariant=1, pageCompression=0, encrypt=password or None)
        canvas.setTitle(title)
        canvas.setAuthor(author)
        for lines in pages:
            for x, y, size, text in lines:
                canvas.setFont(font, size)
                canvas.drawString(x, y, text)
            canvas.showPage()
        canvas.save()
        return buffer.getvalue()

    return make


@pytest.fixture(scope="session")
def load_one() -> Callable[[bytes, str], Document]:
    """The only document in the bytes, nothing reported."""

    def load(data: bytes, name: str) -> Document:
        (document,) = load_bytes(data, uri=f"file:///folder/{name}", name=name)
        assert isinstance(document, Document)
        return document

    return load


@pytest.fixture(scope="session")
def refusal() -> Callable[[bytes, str], LoadError]:
    """The error a file as a whole is refused with, before anything is yielded."""

    def refuse(data: bytes, name: str) -> LoadError:
        with pytest.raises(LoadError) as caught:
            next(load_bytes(data, uri=f"file:///folder/{name}", name=name))
        return caught.value

    return refuse
