"""An HTML subtree -> structural pieces. Iterative throughout: pages nest deeper than Python recurses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

from rag.loaders.structure import Piece

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

__all__ = ["inline_text", "render"]

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset({"ul", "ol", "menu"})
_BLOCKS = frozenset(_HEADINGS) | {
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr",
    "legend", "li", "main", "menu", "nav", "noscript", "ol", "p", "section", "summary", "table", "tbody",
    "td", "tfoot", "th", "thead", "tr", "ul",
}  # fmt: skip
_UNSEEN = frozenset({
    "script", "style", "template", "head", "title", "svg", "canvas", "iframe", "object", "embed", "audio",
    "video", "select", "button", "datalist", "input", "textarea", "-comment",
})  # fmt: skip
_BOILERPLATE = frozenset({"header", "footer", "aside"})
_BOILERPLATE_ROLES = frozenset({"banner", "contentinfo", "complementary", "search"})
# What a page shows to no reader, it may say to a model.
_HIDING_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?<![\w-])opacity\s*:\s*0*\.?0+\s*(?:%|;|!|$)"
    r"|font-size\s*:\s*0*\.?0+\s*(?:[a-z%]+\s*)?(?:;|!|$)|(?<![\w-])color\s*:\s*transparent"
    r"|(?:left|top|right|text-indent)\s*:\s*-\d{4,}(?:\.\d+)?px|clip\s*:\s*rect\(\s*0[^)]*0[a-z]*\s*\)",
    re.I,
)
_COLOUR = re.compile(r"(?<![\w-])(color|background(?:-color)?)\s*:\s*([^;!]+)", re.I)
_SHORT_HEX = re.compile(r"#([0-9a-f])([0-9a-f])([0-9a-f])")
_NAMED = {"white": "#ffffff", "black": "#000000"}
# HTML's white space; a no-break space is a character like any other.
_SPACE = re.compile(r"[ \t\n\f\r]+")
# Stands for <br> while text is gathered: decoded text never holds it.
_BREAK = "\0"

_Filter: TypeAlias = Callable[["LexborNode"], bool]
_Phase: TypeAlias = Literal["enter", "leave", "leaf", "text"]


def render(root: LexborNode, *, skip_boilerplate: bool = False, everything: bool = False) -> list[Piece]:
    """The blocks of a subtree, in document order, without blank ones.

    Args:
        root: an element; it is rendered even where it would itself be left out.
        skip_boilerplate: leave out headers, footers and asides that are in no ``main`` or ``article``.
        everything: leave out only what a browser never shows as text (scripts, templates, ...).
    """
    ground = _Ground(root)

    def seen(node: LexborNode) -> bool:
        if everything:
            return node.tag not in _UNSEEN
        if not _is_shown(node, ground):
            return False
        return not (skip_boilerplate and _is_boilerplate(node))

    return _Renderer(seen).render(root)


def inline_text(node: LexborNode) -> str:
    """The text of an element on one line."""
    return _line(_gather(node, lambda child: child.tag != "-comment")).replace("\n", " ")


class _Renderer:
    """Gathers inline text until a block starts or ends."""

    def __init__(self, seen: _Filter) -> None:
        self._seen = seen
        self._inline: list[str] = []
        self._pieces: list[Piece] = []

    def render(self, root: LexborNode) -> list[Piece]:
        for phase, node in _events(root, self._seen, _is_leaf):
            tag = node.tag or ""
            if phase == "text":
                self._inline.append(node.text_content or "")
            elif phase == "leaf":
                self._flush()
                self._add_leaf(node, tag)
            elif tag in _BLOCKS:
                self._flush()
            elif tag == "br" and phase == "enter":
                self._inline.append(_BREAK)
        self._flush()
        return self._pieces

    def _flush(self) -> None:
        self._add(Piece("paragraph", _line("".join(self._inline))))
        self._inline.clear()

    def _add(self, piece: Piece) -> None:
        if piece.text and not piece.text.isspace():
            self._pieces.append(piece)

    def _add_leaf(self, node: LexborNode, tag: str) -> None:
        if tag in _HEADINGS:
            text = _line(_gather(node, self._seen)).replace("\n", " ")
            self._add(Piece("heading", text, _HEADINGS[tag]))
        elif tag == "pre":
            self._add(Piece("code", _gather(node, self._seen).replace(_BREAK, "\n")))
        elif tag == "table":
            for caption in node.css("caption"):
                self._add(Piece("paragraph", _line(_gather(caption, self._seen))))
            self._add(Piece("table", _table(node, self._seen)))
        else:
            self._add(Piece("list", _list(node, self._seen)))


def _events(root: LexborNode, seen: _Filter, is_leaf: _Filter) -> Iterator[tuple[_Phase, LexborNode]]:
    """The seen nodes in document order; an element that is no leaf is entered and left."""
    stack: list[tuple[_Phase, LexborNode]] = [("enter", root)]
    while stack:
        phase, node = stack.pop()
        yield phase, node
        if phase != "enter":
            continue
        stack.append(("leave", node))
        children = [child for child in node.iter(include_text=True) if seen(child)]
        for child in reversed(children):
            if child.tag == "-text":
                stack.append(("text", child))
            else:
                stack.append(("leaf" if is_leaf(child) else "enter", child))


def _is_leaf(node: LexborNode) -> bool:
    """True for elements that become one block as a whole."""
    tag = node.tag or ""
    if tag in _LISTS:  # one that holds sections is a layout, not a list
        return node.css_first("h1, h2, h3, h4, h5, h6, table, pre") is None
    if tag == "table":  # so is one that holds sections or other tables, or a single cell
        parts = node.css("table, h1, h2, h3, h4, h5, h6, pre")
        return len(parts) == 1 and len(node.css("td, th")) > 1
    return tag in _HEADINGS or tag == "pre"


def _nowhere(_: LexborNode) -> bool:
    return False


def _gather(root: LexborNode, seen: _Filter) -> str:
    """All text below, ``br`` as _BREAK, a space where a block starts or ends."""
    parts: list[str] = []
    for phase, node in _events(root, seen, _nowhere):
        if phase == "text":
            parts.append(node.text_content or "")
        elif node.tag == "br" and phase == "enter":
            parts.append(_BREAK)
        elif node.tag in _BLOCKS and node is not root:
            parts.append(" ")
    return "".join(parts)


def _line(text: str) -> str:
    """White space collapsed, line breaks as newlines."""
    lines = (_SPACE.sub(" ", line).strip(" ") for line in text.split(_BREAK))
    return "\n".join(lines).strip("\n")


def _table(table: LexborNode, seen: _Filter) -> str:
    rows = []
    for row in table.css("tr"):
        cells = [cell for cell in row.iter() if cell.tag in ("td", "th") and seen(cell)]
        texts = [_line(_gather(cell, seen)).replace("\n", " ") for cell in cells]
        if seen(row) and any(texts):
            rows.append(" | ".join(texts).strip())
    return "\n".join(rows)


def _list(root: LexborNode, seen: _Filter) -> str:
    """An item a line, nested items indented by two spaces."""
    lines: list[str] = []
    text: list[str] = []
    counters: list[int | None] = []
    marker = ""

    def flush() -> None:
        if line := _line("".join(text)).replace("\n", " "):
            lines.append(f"{'  ' * (len(counters) - 1)}{marker}{line}")
        text.clear()

    for phase, node in _events(root, seen, _nowhere):
        tag = node.tag or ""
        if phase == "text":
            text.append(node.text_content or "")
        elif tag in _LISTS:
            flush()
            if phase == "enter":
                counters.append(_first_number(node) if tag == "ol" else None)
            else:
                counters.pop()
        elif tag == "li":
            flush()
            marker = ""
            if phase == "enter":
                number = counters[-1]
                marker = "- " if number is None else f"{number}. "
                counters[-1] = None if number is None else number + 1
        elif tag == "br" or tag in _BLOCKS:
            text.append(" ")
    flush()
    return "\n".join(lines)


def _first_number(ordered_list: LexborNode) -> int:
    start = ordered_list.attributes.get("start") or ""
    return int(start) if start.isdecimal() and len(start) < 10 else 1


def _is_shown(node: LexborNode, ground: _Ground) -> bool:
    tag = node.tag or ""
    if tag == "-text":
        return True
    if tag in _UNSEEN or tag in ("nav", "noscript"):
        return False
    attributes = node.attributes
    if "hidden" in attributes:
        return attributes["hidden"] == "until-found"
    if attributes.get("aria-hidden") == "true" or attributes.get("role") == "navigation":
        return False
    if tag == "dialog" and "open" not in attributes:
        return False
    style = attributes.get("style") or ""
    return not (style and (_HIDING_STYLE.search(style) or _same_colour(node, style, ground)))


def _same_colour(node: LexborNode, style: str, ground: _Ground) -> bool:
    colour = _colours(style).get("color", "")
    return colour != "" and colour == ground.behind(node)


class _Ground:
    """The colour that text is written on, as far as style attributes say; "" where it is not known.

    A page without a style sheet is white; what one with a style sheet looks like is not known here.
    """

    def __init__(self, root: LexborNode) -> None:
        self._root = root
        self._known: dict[int, str] = {}

    def behind(self, node: LexborNode) -> str:
        """The colour behind the text of an element; each element is looked at once, however deep it lies."""
        climbed: list[LexborNode] = []
        place: LexborNode | None = node
        while place is not None and place.mem_id not in self._known:
            climbed.append(place)
            place = place.parent
        colour = self._page if place is None else self._known[place.mem_id]
        for one in reversed(climbed):
            own = _colours(one.attributes.get("style") or "").get("background", "")
            colour = own or _plain_colour(one.attributes.get("bgcolor") or "") or colour
            self._known[one.mem_id] = colour
        return colour

    @cached_property
    def _page(self) -> str:
        top = self._root
        while top.parent is not None:
            top = top.parent
        return "#ffffff" if top.css_first("style, link[rel~=stylesheet]") is None else ""


def _colours(style: str) -> dict[str, str]:
    return {name.lower().removesuffix("-color"): _plain_colour(value) for name, value in _COLOUR.findall(style)}


def _plain_colour(value: str) -> str:
    """A colour as ``#rrggbb`` where it is written as one, in short, in rgb() or as white or black."""
    text = "".join(value.lower().split())
    if match := re.fullmatch(r"rgba?\((\d{1,3}),(\d{1,3}),(\d{1,3})(?:,1(?:\.0*)?)?\)", text):
        return "#" + "".join(f"{int(part):02x}" for part in match.groups())
    return _SHORT_HEX.sub(r"#\1\1\2\2\3\3", text) if len(text) == 4 else _NAMED.get(text, text)


def _is_boilerplate(node: LexborNode) -> bool:
    tag = node.tag or ""
    if tag == "-text" or (tag not in _BOILERPLATE and node.attributes.get("role") not in _BOILERPLATE_ROLES):
        return False
    parent = node.parent
    while parent is not None:
        if parent.tag in ("main", "article"):
            return False
        parent = parent.parent
    return True
