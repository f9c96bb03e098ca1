"""HTML: the main text without scripts, navigation and hidden elements, its blocks and its title."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.errors import LoadError
from rag.loaders.encoding import DECLARABLE, decode
from rag.loaders.html_blocks import inline_text, render
from rag.loaders.metadata import present
from rag.loaders.structure import Piece, assemble, first_heading
from rag.loaders.uris import uri_stem
from rag.types import Document, Metadata

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

__all__ = ["HtmlLoader"]

_CHARSET = re.compile(
    rb"""<meta[^>]+?charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]+?encoding\s*=\s*["']([\w.:-]+)""", re.I
)
# What browsers read these labels as (WHATWG Encoding Standard, section 4.2), in Python's codec names.
_LABELS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "utf-16": "utf-8",
    "utf-16-le": "utf-8",
    "utf-16-be": "utf-8",
}
_METAS = {
    "author": ("author", "article:author", "dc.creator", "dcterms.creator"),
    "date": ("date", "article:published_time", "dcterms.created", "dcterms.date", "dc.date"),
    "description": ("description", "og:description", "dcterms.description"),
}
# An article that holds less of the page than this is a teaser, not the text.
_ARTICLE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class HtmlLoader:
    """One document: the text of ``<main>``, of an ``<article>`` that is most of the page, or of the body.

    Outside main and article, ``nav``, ``header``, ``footer`` and ``aside`` are left out, unless there
    is no other text. White space is collapsed as a browser would; a table has a row a line, cells
    separated by " | "; list items start with "- " or their number. The title is ``<title>``, else
    ``og:title``, else the first ``<h1>``, else the file's stem.
    """

    def load(self, data: bytes, *, uri: str) -> Iterator[Document | LoadError]:
        """See Loader. Raises LoadError as ``decode`` does, or when the page shows no text."""
        from selectolax.lexbor import LexborHTMLParser

        tree = LexborHTMLParser(decode(data, uri=uri, declared=_declared(data)))
        pieces = _main_text(tree)
        text, blocks = assemble(pieces)
        if not text:
            raise LoadError("the page shows no text", where=uri, hint="a page made by a script: save it as rendered")
        metas = _metas(tree)
        yield Document(
            uri=uri,
            text=text,
            title=_title(tree) or metas.get("og:title", "") or first_heading(pieces) or uri_stem(uri),
            media_type="text/html",
            metadata=_metadata(metas),
            blocks=blocks,
        )


def _declared(data: bytes) -> str:
    """The codec named in the first KiB, as browsers look for it; "" if none that is known."""
    match = _CHARSET.search(data, 0, 1024)
    if match is None:
        return ""
    try:
        name = codecs.lookup((match[1] or match[2]).decode("ascii")).name
    except LookupError:
        return ""
    name = _LABELS.get(name, name)
    return name if name in DECLARABLE else ""


def _main_text(tree: LexborHTMLParser) -> list[Piece]:
    body = tree.body
    if body is None:
        return []
    for main in tree.css("main, [role=main]"):
        if pieces := render(main):
            return pieces
    whole = render(body, skip_boilerplate=True)
    articles: list[LexborNode] = tree.css("article")
    if len(articles) == 1 and _size(pieces := render(articles[0])) >= _ARTICLE_SHARE * _size(whole):
        return pieces or render(body, everything=True)
    return whole or render(body, everything=True)


def _size(pieces: list[Piece]) -> int:
    return sum(len(piece.text) for piece in pieces)


def _title(tree: LexborHTMLParser) -> str:
    node = tree.css_first("head > title")
    return inline_text(node) if node is not None else ""


def _metas(tree: LexborHTMLParser) -> dict[str, str]:
    metas: dict[str, str] = {}
    for node in tree.css("meta[content]"):
        attributes = node.attributes
        name = (attributes.get("name") or attributes.get("property") or "").lower()
        content = " ".join((attributes.get("content") or "").split())
        if name and content:
            metas.setdefault(name, content)
    return metas


def _metadata(metas: dict[str, str]) -> Metadata:
    found = {key: next((metas[name] for name in names if name in metas), None) for key, names in _METAS.items()}
    return present(**found)
