"""Characters of a PDF page -> reading text, each character tied to the PDF character it shows.

A line break is soft, and joined, where the next line's first word would not have fitted on the line; so
ragged paragraphs flow, while lists and addresses keep their lines. Lines that follow each other with gaps
wider than any word space are the rows of a table.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import re
import statistics
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pypdfium2 import PdfTextPage

__all__ = ["Paragraph", "page_paragraphs"]

# What PDFium gives for a hyphen it takes to divide a word at a line's end.
_DIVIDING_HYPHENS = frozenset("\x02\ufffe")
_LINE_ENDS = _DIVIDING_HYPHENS | frozenset("\r\n")
_BULLET = re.compile(r"[•‣▪◦●○■–—*·-]\s")
_ITEM = re.compile(rf"{_BULLET.pattern}|\(?(?:\d{{1,3}}|[a-zA-Z])[.)]\s")
# In points.
_SAME_LEFT = 3.0
# In font sizes, but for the gap, which is in line distances.
_SAME_SIZE = 0.1
_SPACE_WIDTH = 0.2
_MAX_GAP = 1.25
_MAX_INDENT = 4
_MAX_ROW = 3
_CELL_GAP = 1.0
_CELL_BAR = " | "


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A run of lines. ``sources[i]`` is the PDF character that ``text[i]`` shows, -1 for an added one.

    ``size`` is the font size of its first line in points.
    """

    kind: Literal["paragraph", "list", "table"]
    text: str
    sources: tuple[int, ...]
    size: float


@dataclass(frozen=True, slots=True)
class _Line:
    """Characters with their PDF indices; left, right and baseline in points.

    ``gaps`` are the runs of spaces, as offsets in ``characters``, wide enough to part the cells of a table.
    """

    characters: str
    sources: tuple[int, ...]
    left: float
    right: float
    baseline: float
    size: float
    first_word: float
    gaps: tuple[tuple[int, int], ...]


def page_paragraphs(page: PdfTextPage) -> list[Paragraph]:
    """The paragraphs, lists and tables of a page in PDFium's reading order, without blank ones."""
    lines = _lines(page)
    gap = _usual_gap(lines)
    rows = _rows(lines)
    paragraphs: list[Paragraph] = []
    run: list[_Line] = []
    joints: list[str] = []
    above = 0.0, False  # right margin of the line before, and whether it is a table's row
    for line, margin, is_row in zip(lines, _margins(lines), rows, strict=True):
        if not run or is_row != above[1]:
            joint = None
        elif is_row or (_BULLET.match(run[0].characters) and _BULLET.match(line.characters)):
            joint = "\n" if _are_near(run[-1], line) else None
        else:
            joint = _joint(run[-1], line, above[0], gap)
        if joint is not None:
            joints.append(joint)
        elif run:
            paragraphs.append(_paragraph(run, joints, is_table=above[1]))
            run, joints = [], []
        run.append(line)
        above = margin, is_row
    if run:
        paragraphs.append(_paragraph(run, joints, is_table=above[1]))
    return paragraphs


def _rows(lines: Sequence[_Line]) -> list[bool]:
    """Which lines are rows of a table: those with cells, next to another of the kind."""
    pairs = [bool(a.gaps) and bool(b.gaps) and _are_near(a, b) for a, b in itertools.pairwise(lines)]
    return [before or after for before, after in zip([False, *pairs], [*pairs, False], strict=True)][: len(lines)]


def _are_near(upper: _Line, lower: _Line) -> bool:
    return _same_size(upper, lower) and 0 < upper.baseline - lower.baseline < _MAX_ROW * upper.size


def _lines(page: PdfTextPage) -> list[_Line]:
    import pypdfium2.raw as pdfium

    codes = [pdfium.FPDFText_GetUnicode(page, index) for index in range(page.count_chars())]
    lines: list[_Line] = []
    current: list[tuple[str, int]] = []
    for index, code in enumerate(codes):
        character = _character(code, codes[index + 1] if index + 1 < len(codes) else 0)
        if character and character not in "\r\n":
            current.append((character, index))
        if character and character in _LINE_ENDS:
            lines += _line(page, current)
            current = []
    return lines + _line(page, current)


def _character(code: int, following: int) -> str:
    """The character of a code, "" for none; pairs of surrogates are joined at their first half."""
    if 0xD800 <= code < 0xDC00:
        paired = 0xDC00 <= following < 0xE000
        return chr(0x10000 + ((code - 0xD800) << 10) + (following - 0xDC00)) if paired else "\ufffd"
    if 0xDC00 <= code < 0xE000 or code > 0x10FFFF:
        return ""
    character = chr(code)
    if character in _LINE_ENDS or character == "\xa0":
        return character
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) == "Cc" else character


def _line(page: PdfTextPage, characters: list[tuple[str, int]]) -> list[_Line]:
    """The line without white space around it, or nothing."""
    while characters and characters[-1][0] == " ":
        characters.pop()
    while characters and characters[0][0] == " ":
        characters.pop(0)
    if not characters:
        return []
    text = "".join(character for character, _ in characters)
    sources = tuple(index for _, index in characters)
    # Scripts written without spaces break at any character.
    word = 1 if _is_ideograph(text[0]) else len(text.split(" ", 1)[0])
    left, baseline = _origin(page, sources[0])
    # The first character may be a bullet of another size; a space may be PDFium's own, of size 1.
    middle = next(at for at in range(len(text) // 2, len(text)) if text[at] != " ")
    size = _size(page, sources[middle])
    return [
        _Line(
            characters=text,
            sources=sources,
            left=left,
            right=_right(page, sources[-1]),
            baseline=baseline,
            size=size,
            first_word=_right(page, sources[word - 1]) - left,
            gaps=_gaps(page, text, sources, size),
        )
    ]


def _gaps(page: PdfTextPage, text: str, sources: tuple[int, ...], size: float) -> tuple[tuple[int, int], ...]:
    spaces = (match.span() for match in re.finditer(" +", text))
    return tuple(
        (start, end)
        for start, end in spaces
        if _origin(page, sources[end])[0] - _right(page, sources[start - 1]) > _CELL_GAP * size
    )


def _origin(page: PdfTextPage, index: int) -> tuple[float, float]:
    import pypdfium2.raw as pdfium

    x, y = ctypes.c_double(), ctypes.c_double()
    pdfium.FPDFText_GetCharOrigin(page, index, x, y)
    return x.value, y.value


def _right(page: PdfTextPage, index: int) -> float:
    return float(page.get_charbox(index)[2])


def _size(page: PdfTextPage, index: int) -> float:
    """Font size in points: the size set in the file times the scale of the text matrix."""
    import pypdfium2.raw as pdfium

    matrix = pdfium.FS_MATRIX()
    scale = 1.0
    if pdfium.FPDFText_GetMatrix(page, index, matrix):
        scale = math.hypot(matrix.c, matrix.d) or 1.0
    return float(pdfium.FPDFText_GetFontSize(page, index)) * scale


def _usual_gap(lines: Sequence[_Line]) -> float:
    """Median distance of baselines of lines that follow each other in one size; 0 if there are none."""
    gaps = [
        upper.baseline - lower.baseline
        for upper, lower in itertools.pairwise(lines)
        if _same_size(upper, lower) and 0 < upper.baseline - lower.baseline < 3 * upper.size
    ]
    return statistics.median_low(gaps) if gaps else 0.0


def _margins(lines: Sequence[_Line]) -> list[float]:
    """The right margin each line was set to: that of the lines with the same left, else the page's."""
    columns: defaultdict[int, list[float]] = defaultdict(list)
    for line in lines:
        columns[round(line.left / _SAME_LEFT)].append(line.right)
    page = max((line.right for line in lines), default=0.0)
    rights = (columns[round(line.left / _SAME_LEFT)] for line in lines)
    return [max(column) if len(column) > 2 else page for column in rights]


def _joint(upper: _Line, lower: _Line, margin: float, gap: float) -> str | None:
    """What stands between lines: "" or a space if they flow, else a newline; None for a new paragraph."""
    if upper.characters[-1] in _DIVIDING_HYPHENS:
        return ""
    distance = upper.baseline - lower.baseline
    if not _same_size(upper, lower) or distance > _MAX_GAP * gap or distance < -upper.size / 2:
        return None
    if abs(upper.left - lower.left) > _MAX_INDENT * upper.size:
        return None
    fits = upper.right + _SPACE_WIDTH * upper.size + lower.first_word <= margin
    if fits or distance < upper.size / 2 or _ITEM.match(lower.characters):
        return "\n"
    return "" if _is_ideograph(upper.characters[-1]) and _is_ideograph(lower.characters[0]) else " "


def _same_size(upper: _Line, lower: _Line) -> bool:
    return abs(upper.size - lower.size) <= _SAME_SIZE * max(upper.size, lower.size)


def _is_ideograph(character: str) -> bool:
    """CJK scripts and punctuation, set without spaces, where a line break stands for nothing."""
    return (
        "\u2e80" <= character <= "\u9fff"
        or "\uf900" <= character <= "\ufaff"
        or "\uff00" <= character <= "\uff65"
        or "\U00020000" <= character <= "\U0003ffff"
    )


def _paragraph(lines: Sequence[_Line], joints: Sequence[str], *, is_table: bool) -> Paragraph:
    text: list[str] = []
    sources: list[int] = []
    followers = [*(line.characters for line in lines[1:]), ""]
    for line, joint, follower in zip(lines, [*joints, ""], followers, strict=True):
        position = 0
        for start, end in line.gaps if is_table else ():
            text += [line.characters[position:start], _CELL_BAR]
            sources += [*line.sources[position:start], *[-1] * len(_CELL_BAR)]
            position = end
        shown = _without_hyphen(line.characters[position:], follower)
        text += [shown, joint]
        sources += [*line.sources[position : position + len(shown)], *[-1] * len(joint)]
    is_list = not is_table and bool(_BULLET.match(lines[0].characters))
    kind: Literal["paragraph", "list", "table"] = "table" if is_table else "list" if is_list else "paragraph"
    return Paragraph(kind, "".join(text), tuple(sources), lines[0].size)


def _without_hyphen(line: str, follower: str) -> str:
    """A dividing hyphen goes between small letters (calibra-/tion) and stays elsewhere (HX-/200)."""
    if line[-1] not in _DIVIDING_HYPHENS:
        return line
    divides = line[-2:-1].islower() and follower[:1].islower()
    return line[:-1] if divides else line[:-1] + "-"
