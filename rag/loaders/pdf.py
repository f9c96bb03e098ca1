"""PDF: text with a page for every offset, and the box of every character for highlighting."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from rag.errors import LoadError
from rag.loaders.encoding import require_content
from rag.loaders.metadata import clean, present
from rag.loaders.pdf_layout import Paragraph, page_paragraphs
from rag.loaders.uris import uri_stem
from rag.types import Block, Document, Page, Value

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

__all__ = ["PdfLoader", "char_boxes", "page_pixels"]

Pixels: TypeAlias = npt.NDArray[np.uint8]

# PDFium keeps global state and may not be entered by two threads.
_PDFIUM = threading.Lock()
_SEPARATOR = "\n\n"
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:Z|([+-])(\d\d)'?(\d\d)?)?")
_NO_TITLES = frozenset({"", "untitled", "anonymous", "(anonymous)", "(unspecified)"})
_HEADING_SCALE = 1.15
_MAX_HEADING = 160
_MAX_TITLE = 80


@dataclass(frozen=True, slots=True)
class PdfLoader:
    """One document; ``pages`` tile its text, so every offset has a page.

    Lines are joined where they flow (see ``pdf_layout``), words divided at a line's end are made whole.
    Blocks are paragraphs, lists, tables (a row a line, cells separated by " | ") and, set in a larger size
    than most of the text, headings. ``textless_pages`` in
    the metadata lists pages without a text layer. The title is the file's own, else the first heading's,
    else a short first line, else the file's stem.
    """

    def load(self, data: bytes, *, uri: str) -> Iterator[Document | LoadError]:
        """See Loader. Raises LoadError: empty, no PDF, encrypted, truncated, damaged, or no text layer."""
        require_content(data, uri=uri)
        with _opened(data, uri=uri) as pdf:
            pages = [_read_page(pdf, index, uri=uri) for index in range(len(pdf))]
            properties = pdf.get_metadata_dict()
        if not any(pages):
            raise LoadError("no text layer: a scan or drawings only", where=uri, hint="run OCR on it first")
        yield _document(pages, properties, uri=uri)


def char_boxes(data: bytes, *, page: Page, start: int, end: int) -> list[tuple[float, float, float, float]]:
    """Where the characters of ``document.text[start:end]`` stand on a page, for highlighting.

    Args:
        data: the bytes the document was loaded from.
        page: one of ``document.pages``.
        start: offset in the document; what lies outside the page is left out.
        end: offset in the document, exclusive.

    Returns:
        (left, bottom, right, top) of each character in PDF points, origin at the lower left of the page,
        in the order of the text; as wide as the character's advance and as high as its font. Characters that
        the page does not show, such as the space that a joined line break became, have none.

    Raises:
        LoadError: the PDF cannot be read or has no such page.
    """
    with _opened(data, uri="") as pdf:
        if not 1 <= page.number <= len(pdf):
            raise LoadError(f"no page {page.number} among {len(pdf)}", hint="load the file again")
        _, sources = _joined(_read_page(pdf, page.number - 1, uri=""))
        wanted = sources[max(0, start - page.start) : max(0, end - page.start)]
        with closing(pdf[page.number - 1]) as leaf, closing(leaf.get_textpage()) as text_page:
            return [text_page.get_charbox(source, loose=True) for source in wanted if source >= 0]


def page_pixels(data: bytes, number: int, *, scale: float = 2.0) -> tuple[Pixels, float, float]:
    """A page as it looks: pixels (height, width, 3) in RGB, ``scale`` to a PDF point, and its size in points.

    Raises LoadError: the PDF cannot be read or has no such page.
    """
    with _opened(data, uri="") as pdf:
        if not 1 <= number <= len(pdf):
            raise LoadError(f"no page {number} among {len(pdf)}", hint="load the file again")
        with closing(pdf[number - 1]) as leaf:
            width, height = leaf.get_size()
            with closing(leaf.render(scale=scale, rev_byteorder=True)) as bitmap:
                return np.array(bitmap.to_numpy()[:, :, :3]), width, height


@contextmanager
def _opened(data: bytes, *, uri: str) -> Iterator[PdfDocument]:
    import pypdfium2
    import pypdfium2.raw as pdfium

    with _PDFIUM:
        try:
            pdf = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            if error.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
                raise LoadError("the PDF is encrypted", where=uri, hint="save a copy without a password") from error
            if b"%PDF-" not in data[:1024]:
                raise LoadError("not a PDF", where=uri, hint="check the file's suffix") from error
            _refuse_truncated(data, uri=uri)
            raise LoadError(f"the PDF is damaged or has no pages: {error}", where=uri, hint="make it anew") from error
        with closing(pdf):
            # PDFium rebuilds what it can of a cut file; text would be missing without a word.
            _refuse_truncated(data, uri=uri)
            yield pdf


def _refuse_truncated(data: bytes, *, uri: str) -> None:
    """A PDF ends in %%EOF; readers have always let a KiB of other bytes follow it."""
    if b"%%EOF" not in data[-1024:]:
        raise LoadError("the PDF is truncated: its end mark is missing", where=uri, hint="download or copy it again")


def _read_page(pdf: PdfDocument, index: int, *, uri: str) -> list[Paragraph]:
    import pypdfium2

    try:
        with closing(pdf[index]) as page, closing(page.get_textpage()) as text_page:
            return page_paragraphs(text_page)
    except pypdfium2.PdfiumError as error:
        raise LoadError(f"the PDF is damaged: {error}", where=f"{uri} page {index + 1}", hint="make it anew") from error


def _joined(paragraphs: Sequence[Paragraph]) -> tuple[str, list[int]]:
    """Text of a page and, for each character, the PDF character it shows or -1."""
    sources: list[int] = []
    for number, paragraph in enumerate(paragraphs):
        sources += [-1] * (len(_SEPARATOR) if number else 0)
        sources += paragraph.sources
    return _SEPARATOR.join(paragraph.text for paragraph in paragraphs), sources


def _document(pages: Sequence[list[Paragraph]], properties: dict[str, str], *, uri: str) -> Document:
    levels = _heading_levels(pages)
    texts: list[str] = []
    blocks: list[Block] = []
    ranges: list[Page] = []
    position = 0
    last = max(number for number, paragraphs in enumerate(pages, 1) if paragraphs)
    for number, paragraphs in enumerate(pages, 1):
        start = offset = position
        for paragraph in paragraphs:
            level = levels.get(_rounded(paragraph.size), 0) if _may_head(paragraph) else 0
            blocks.append(Block("heading" if level else paragraph.kind, offset, offset + len(paragraph.text), level))
            offset += len(paragraph.text) + len(_SEPARATOR)
        text = _joined(paragraphs)[0] + (_SEPARATOR if paragraphs and number < last else "")
        texts.append(text)
        position += len(text)
        ranges.append(Page(number, start, position))
    text = "".join(texts)
    metadata: dict[str, Value] = present(
        author=_known(properties.get("Author", "")), created=_iso_date(properties.get("CreationDate", ""))
    )
    textless = tuple(number for number, paragraphs in enumerate(pages, 1) if not paragraphs)
    if textless:
        metadata["textless_pages"] = textless
    return Document(
        uri=uri,
        text=text,
        title=_known(properties.get("Title", "")) or _first_line(text, blocks) or uri_stem(uri),
        media_type="application/pdf",
        metadata=metadata,
        blocks=tuple(blocks),
        pages=tuple(ranges),
    )


def _heading_levels(pages: Sequence[list[Paragraph]]) -> dict[float, int]:
    """Sizes clearly above the one most characters have -> heading levels, the largest 1."""
    characters: Counter[float] = Counter()
    heading_sizes: set[float] = set()
    for paragraph in (paragraph for paragraphs in pages for paragraph in paragraphs):
        characters[_rounded(paragraph.size)] += len(paragraph.text)
        if _may_head(paragraph):
            heading_sizes.add(_rounded(paragraph.size))
    body = characters.most_common(1)[0][0]
    larger = sorted((size for size in heading_sizes if size >= _HEADING_SCALE * body), reverse=True)
    return {size: min(level, 6) for level, size in enumerate(larger, 1)}


def _rounded(size: float) -> float:
    return round(size * 2) / 2


def _may_head(paragraph: Paragraph) -> bool:
    text = paragraph.text
    short = len(text) <= _MAX_HEADING and "\n" not in text
    return short and paragraph.kind == "paragraph" and not text.endswith((".", "。", ";", ","))


def _first_line(text: str, blocks: Sequence[Block]) -> str:
    block = next((block for block in blocks if block.kind == "heading"), blocks[0])
    line = text[block.start : block.end].partition("\n")[0]
    return line if block.kind == "heading" or len(line) <= _MAX_TITLE else ""


def _known(value: str) -> str:
    """A property, or "" for what writers put where nobody gave one."""
    value = clean(" ".join(value.replace("\0", "").split()))
    return "" if value.lower() in _NO_TITLES else value


def _iso_date(value: str) -> str:
    """ISO 8601 of a PDF date (PDF 1.7, 7.9.4): D:YYYYMMDDHHmmSSOHH'mm; "" if it is none."""
    match = _DATE.match(value)
    if match is None:
        return ""
    year, month, day, hour, minute, second, sign, zone_hour, zone_minute = match.groups()
    date = f"{year}-{month or '01'}-{day or '01'}"
    if hour is None:
        return date
    zone = f"{sign}{zone_hour}:{zone_minute or '00'}" if sign else "+00:00" if "Z" in match[0] else ""
    return f"{date}T{hour}:{minute or '00'}:{second or '00'}{zone}"
