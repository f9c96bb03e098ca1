"""DOCX: headings, paragraphs, lists and tables in document order, after a check of the archive."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.errors import LoadError
from rag.loaders.docx_blocks import render
from rag.loaders.encoding import require_content
from rag.loaders.metadata import clean, present
from rag.loaders.structure import Piece, assemble, first_heading
from rag.loaders.uris import uri_stem
from rag.types import Document, Metadata

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.opc.coreprops import CoreProperties

__all__ = ["DocxLoader"]

MAX_MEMBERS = 10_000
MAX_XML_BYTES = 128 << 20
MAX_TOTAL_BYTES = 1 << 30
# XML of repeated table rows reaches 60 to 1; DEFLATE's own limit, which bombs come near, is 1032 to 1.
MAX_RATIO = 200
# Below this a high ratio does no harm.
_SMALL = 4 << 20
_OLE = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class DocxLoader:
    """One document. Headings by style or outline level; list items start with "- " or their number.

    A table has a row a line, cells separated by " | ". Inserted text of tracked changes is read,
    deleted text is not; text boxes follow their paragraph, foot- and endnotes the text. The title is the
    core properties', else the first heading of level 1, else the file's stem.
    """

    def load(self, data: bytes, *, uri: str) -> Iterator[Document | LoadError]:
        """See Loader. Raises LoadError: empty, no ZIP, encrypted, a ZIP bomb, damaged, or without text."""
        require_content(data, uri=uri)
        check_archive(data, uri=uri)
        pieces, title, metadata = _read(data, uri=uri)
        text, blocks = assemble(pieces)
        if not text:
            raise LoadError("the document holds no text", where=uri, hint="images are not read; run OCR first")
        yield Document(
            uri=uri,
            text=text,
            title=title or first_heading(pieces) or uri_stem(uri),
            media_type="application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            metadata=metadata,
            blocks=blocks,
        )


def check_archive(data: bytes, *, uri: str) -> None:
    """Raise LoadError unless ``data`` is a sound ZIP archive of reasonable size.

    The directory's sizes are only claims, so every member is also unpacked, in pieces, and counted.
    """
    if data.startswith(_OLE):
        raise LoadError("an encrypted DOCX or an old DOC file", where=uri, hint="save it as DOCX without a password")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS:
                raise _bomb(f"{len(members)} members", uri=uri)
            if any(member.flag_bits & 1 for member in members):
                raise LoadError("an encrypted archive", where=uri, hint="save it without a password")
            _check_size(sum(member.file_size for member in members), len(data), "claimed", uri=uri)
            total = 0
            for member in members:
                size = 0
                with archive.open(member) as file:
                    while piece := file.read(1 << 20):
                        size += len(piece)
                        total += len(piece)
                        _check_size(total, len(data), "unpacked", uri=uri)
                        if member.filename.endswith((".xml", ".rels")) and size > MAX_XML_BYTES:
                            raise _bomb(f"{member.filename} unpacks to over {MAX_XML_BYTES} bytes", uri=uri)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, RuntimeError, zlib.error) as error:
        raise _damaged(str(error), uri=uri) from error


def _check_size(size: int, packed: int, what: str, *, uri: str) -> None:
    if size > MAX_TOTAL_BYTES or (size > _SMALL and size > MAX_RATIO * packed):
        raise _bomb(f"{size} bytes {what} from {packed}", uri=uri)


def _bomb(what: str, *, uri: str) -> LoadError:
    return LoadError(f"looks like a ZIP bomb: {what}", where=uri, hint="not unpacked; save it anew if it is yours")


def _damaged(reason: str, *, uri: str) -> LoadError:
    return LoadError(f"not a DOCX, or a damaged one: {reason}", where=uri, hint="open it in Word and save it anew")


def _read(data: bytes, *, uri: str) -> tuple[list[Piece], str, Metadata]:
    import docx
    from docx.opc.exceptions import PackageNotFoundError
    from lxml.etree import XMLSyntaxError  # type: ignore[import-untyped]

    try:
        word = docx.Document(io.BytesIO(data))
        properties = _core_properties(word)
        title = " ".join((properties.title or "").split()) if properties else ""
        return list(render(word)), clean(title), _metadata(properties)
    # What python-docx raises for parts that are missing or are not what they say they are.
    except (PackageNotFoundError, XMLSyntaxError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise _damaged(str(error) or type(error).__name__, uri=uri) from error


def _core_properties(word: WordDocument) -> CoreProperties | None:
    """None where the file has none: python-docx then makes some up."""
    from docx.opc.constants import RELATIONSHIP_TYPE

    try:
        word.part.package.part_related_by(RELATIONSHIP_TYPE.CORE_PROPERTIES)
    except KeyError:
        return None
    properties: CoreProperties = word.core_properties
    return properties


def _metadata(properties: CoreProperties | None) -> Metadata:
    if properties is None:
        return {}
    created = properties.created
    return present(author=properties.author, created=created.isoformat() if created else None)
