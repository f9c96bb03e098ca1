"""Files -> documents: bytes of one format in, text with its structure, pages and metadata out.

Text is decoded, never normalised: offsets count code points of the text as it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from rag.errors import LoadError
from rag.loaders.docx import DocxLoader
from rag.loaders.encoding import require_content
from rag.loaders.html import HtmlLoader
from rag.loaders.jsonl import JsonlLoader
from rag.loaders.markdown import MarkdownLoader
from rag.loaders.pdf import PdfLoader, char_boxes, page_pixels
from rag.loaders.table import TableLoader
from rag.loaders.text import SOURCE_TYPES, TextLoader
from rag.loaders.uris import file_uri, record_uri, uri_path, uri_prefix
from rag.loaders.walk import SourceFile, read_file, walk
from rag.protocols import Loader
from rag.types import Document

__all__ = [
    "DocxLoader",
    "HtmlLoader",
    "JsonlLoader",
    "MarkdownLoader",
    "PdfLoader",
    "SourceFile",
    "TableLoader",
    "TextLoader",
    "char_boxes",
    "file_uri",
    "load_bytes",
    "loader_for",
    "page_pixels",
    "read_file",
    "record_uri",
    "supported_suffixes",
    "uri_path",
    "uri_prefix",
    "walk",
]

_LOADERS: dict[str, Loader] = {
    **{suffix: TextLoader(media_type) for suffix, media_type in SOURCE_TYPES.items()},
    **dict.fromkeys((".txt", ".text", ".log", ".rst", ".adoc", ".org", ".srt", ".vtt"), TextLoader()),
    **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd"), MarkdownLoader()),
    **dict.fromkeys((".html", ".htm", ".xhtml"), HtmlLoader()),
    **dict.fromkeys((".csv", ".tsv", ".tab"), TableLoader()),
    **dict.fromkeys((".jsonl", ".ndjson"), JsonlLoader()),
    ".pdf": PdfLoader(),
    ".docx": DocxLoader(),
}
_OTHER = TextLoader()


def supported_suffixes() -> tuple[str, ...]:
    """The suffixes with a loader of their own, sorted; any other file is tried as plain text."""
    return tuple(sorted(_LOADERS))


def loader_for(name: str) -> Loader:
    """The loader for a file name, by its suffix in any case; plain text for an unknown one."""
    return _LOADERS.get(PurePath(name).suffix.lower(), _OTHER)


def load_bytes(data: bytes, *, uri: str, name: str) -> Iterator[Document | LoadError]:
    """Documents of a file's bytes, each bad record as a LoadError in its place.

    Args:
        data: the whole file.
        uri: identity of the file; records get ``<uri>#<record>``.
        name: file name; its suffix chooses the loader.

    Raises:
        LoadError: while iterating, before anything is yielded: the file as a whole cannot be read.
    """
    require_content(data, uri=uri)
    yield from loader_for(name).load(data, uri=uri)
