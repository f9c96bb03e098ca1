"""A DOCX body -> structural pieces.

Read from the XML, since python-docx's ``paragraph.text`` and ``iter_inner_content`` leave out content
controls, inserted text of tracked changes, text boxes and notes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rag.loaders.metadata import clean
from rag.loaders.structure import Piece

if TYPE_CHECKING:
    from docx.document import Document as WordDocument
    from docx.oxml.xmlchemy import BaseOxmlElement
    from docx.styles.style import BaseStyle

__all__ = ["render"]

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_TEXT_BOX = f"{_W}txbxContent"
_CHARACTERS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "\u2011"}
_WRAPPERS = frozenset(f"{_W}{name}" for name in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag"))
_NOTES = ("/footnotes", "/endnotes")
_HEADING = re.compile(r"heading (\d)$", re.I)


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph style says. ``level``: 1 to 6 for a heading; ``list_level``: from 0, or -1."""

    level: int = 0
    list_id: str = ""
    list_level: int = -1


def render(word: WordDocument) -> Iterator[Piece]:
    """The pieces in document order, then the notes."""
    from docx.oxml.parser import parse_xml

    reader = _Reader(word)
    yield from reader.pieces(word.element.body)
    for relation in word.part.rels.values():
        if not relation.is_external and relation.reltype.endswith(_NOTES):
            yield from reader.notes(parse_xml(relation.target_part.blob))


class _Reader:
    def __init__(self, word: WordDocument) -> None:
        self._styles = {style.style_id: _style(style) for style in word.styles if style.style_id}
        default = word.styles.default(1)
        self._default = _style(default) if default is not None else _Style()
        self._numbered = _numbered_lists(word)
        self._counts: defaultdict[str, list[int]] = defaultdict(lambda: [0] * 10)

    def pieces(self, parent: BaseOxmlElement) -> Iterator[Piece]:
        """Consecutive list items make one list."""
        items: list[str] = []
        for element in _content(parent):
            if element.tag == f"{_W}tbl":
                found = Piece("table", self._table(element))
            else:
                text, style = _paragraph_text(element), self._paragraph_style(element)
                if style.list_level >= 0 and not style.level:
                    if text.strip():
                        items.append(self._item(text, style))
                    found = None
                else:
                    found = Piece("heading" if style.level else "paragraph", text, style.level)
            boxes = [box for box in element.iter(_TEXT_BOX) if _belongs(box, element)]
            if items and (found is None or found.text.strip()) and (found is not None or boxes):
                yield Piece("list", "\n".join(items))
                items.clear()
            if found is not None and found.text.strip():
                yield _one_line(found) if found.kind == "heading" else found
            for box in boxes:
                yield from self.pieces(box)
        if items:
            yield Piece("list", "\n".join(items))

    def notes(self, root: BaseOxmlElement) -> Iterator[Piece]:
        for note in root:
            if note.get(f"{_W}type", "normal") == "normal":
                yield from self.pieces(note)

    def _paragraph_style(self, paragraph: BaseOxmlElement) -> _Style:
        properties = paragraph.find(f"{_W}pPr")
        if properties is None:
            return self._default
        named = properties.find(f"{_W}pStyle")
        style = self._default if named is None else self._styles.get(named.get(f"{_W}val", ""), _Style())
        return _with_properties(style, properties)

    def _item(self, text: str, style: _Style) -> str:
        indent = "  " * style.list_level
        body = " ".join(text.split())
        counts = self._counts[style.list_id]
        level = min(style.list_level, 8)
        counts[level] += 1
        counts[level + 1 :] = [0] * (len(counts) - level - 1)
        ordered = (style.list_id, level) in self._numbered
        return f"{indent}{counts[level]}. {body}" if ordered else f"{indent}- {body}"

    def _table(self, table: BaseOxmlElement) -> str:
        rows = []
        for row in _content(table, rows=True):
            cells = [" ".join(_cell_text(cell).split()) for cell in _content(row, cells=True)]
            if any(cells):
                rows.append(" | ".join(cells).strip())
        return "\n".join(rows)


def _one_line(piece: Piece) -> Piece:
    return Piece(piece.kind, " ".join(piece.text.split()), piece.level)


def _content(parent: BaseOxmlElement, *, rows: bool = False, cells: bool = False) -> Iterator[BaseOxmlElement]:
    """Paragraphs and tables (or rows, or cells) below, also inside content controls and insertions."""
    wanted = {f"{_W}tr"} if rows else {f"{_W}tc"} if cells else {f"{_W}p", f"{_W}tbl"}
    stack = list(reversed(parent))
    while stack:
        element = stack.pop()
        if element.tag in wanted:
            yield element
        elif element.tag in _WRAPPERS:
            stack.extend(reversed(element))


def _cell_text(cell: BaseOxmlElement) -> str:
    """Text of a cell's paragraphs, nested tables and text boxes included, on one line."""
    paragraphs = cell.iter(f"{_W}p")
    return " ".join(_paragraph_text(p) for p in paragraphs if not any(p.iterancestors(_FALLBACK)))


def _paragraph_text(paragraph: BaseOxmlElement) -> str:
    parts: list[str] = []
    stack = list(reversed(paragraph))
    while stack:
        element = stack.pop()
        if element.tag == f"{_W}t":
            parts.append(element.text or "")
        elif element.tag == f"{_W}r" and _is_hidden(element):
            continue
        elif element.tag in _CHARACTERS:
            parts.append(_CHARACTERS[element.tag])
        elif element.tag not in (_TEXT_BOX, _FALLBACK, f"{_W}moveFrom", f"{_W}pPr", f"{_W}rPr", f"{_W}tbl"):
            stack.extend(reversed(element))
    return clean("".join(parts))


def _is_hidden(run: BaseOxmlElement) -> bool:
    """Whether a run is marked as hidden text, or is white on no other ground; styles are not looked up."""
    properties = run.find(f"{_W}rPr")
    if properties is None:
        return False
    for name in ("vanish", "specVanish", "webHidden"):
        mark = properties.find(f"{_W}{name}")
        if mark is not None and mark.get(f"{_W}val", "true") not in ("0", "false", "off"):
            return True
    colour = properties.find(f"{_W}color")
    if colour is None or colour.get(f"{_W}val", "").upper() != "FFFFFF":
        return False
    grounds = (f"{_W}shd", f"{_W}highlight")
    # a cell, a paragraph or a text box may be dark
    return not any(element.find(f".//{name}") is not None for name in grounds for element in _around(run)) and not any(
        ancestor.tag == _TEXT_BOX for ancestor in run.iterancestors()
    )


def _around(run: BaseOxmlElement) -> Iterator[BaseOxmlElement]:
    """The properties of a run, and of the paragraph, cell, row and table that it is in."""
    for element in (run, *run.iterancestors()):
        for name in ("rPr", "pPr", "tcPr", "trPr", "tblPr"):
            properties = element.find(f"{_W}{name}")
            if properties is not None:
                yield properties


def _belongs(box: BaseOxmlElement, element: BaseOxmlElement) -> bool:
    """True for a text box of this paragraph, not one inside another box or a compatibility copy."""
    for ancestor in box.iterancestors():
        if ancestor is element:
            return bool(element.tag == f"{_W}p")
        if ancestor.tag in (_TEXT_BOX, _FALLBACK):
            return False
    return False


def _style(style: BaseStyle) -> _Style:
    """A style's own properties over those it is based on."""
    chain = [style]
    while (base := getattr(chain[-1], "base_style", None)) is not None and len(chain) < 20:
        chain.append(base)
    found = _Style()
    for link in reversed(chain):
        if match := _HEADING.match(link.name or ""):
            found = _Style(level=min(int(match[1]), 6) or 1)
        elif (link.name or "").lower() == "title":
            found = _Style(level=1)
        properties = link.element.find(f"{_W}pPr")
        if properties is not None:
            found = _with_properties(found, properties)
    return found


def _with_properties(style: _Style, properties: BaseOxmlElement) -> _Style:
    level, list_id, list_level = style.level, style.list_id, style.list_level
    outline = properties.find(f"{_W}outlineLvl")
    if outline is not None:
        number = int(outline.get(f"{_W}val", "9"))
        level = min(number + 1, 6) if number < 9 else 0
    numbering = properties.find(f"{_W}numPr")
    if numbering is not None:
        identity, depth = numbering.find(f"{_W}numId"), numbering.find(f"{_W}ilvl")
        if identity is not None:
            list_id = identity.get(f"{_W}val", "")
        list_level = int(depth.get(f"{_W}val", "0")) if depth is not None else max(list_level, 0)
        if list_id == "0":  # takes a paragraph out of its style's list
            list_level = -1
    return _Style(level, list_id, list_level)


def _numbered_lists(word: WordDocument) -> frozenset[tuple[str, int]]:
    """(list id, level) of the lists whose items carry numbers or letters rather than bullets."""
    from docx.opc.constants import RELATIONSHIP_TYPE
    from docx.opc.part import XmlPart

    try:
        part = word.part.part_related_by(RELATIONSHIP_TYPE.NUMBERING)
    except KeyError:
        return frozenset()
    if not isinstance(part, XmlPart):
        return frozenset()
    numbering = part.element
    ordered: set[tuple[str, int]] = set()
    for abstract in numbering.iter(f"{_W}abstractNum"):
        for level in abstract.iter(f"{_W}lvl"):
            form = level.find(f"{_W}numFmt")
            if form is not None and form.get(f"{_W}val") not in ("bullet", "none"):
                ordered.add((abstract.get(f"{_W}abstractNumId", ""), int(level.get(f"{_W}ilvl", "0"))))
    found: set[tuple[str, int]] = set()
    for number in numbering.iter(f"{_W}num"):
        reference = number.find(f"{_W}abstractNumId")
        identity = reference.get(f"{_W}val") if reference is not None else None
        found |= {(number.get(f"{_W}numId", ""), level) for name, level in ordered if name == identity}
    return frozenset(found)
