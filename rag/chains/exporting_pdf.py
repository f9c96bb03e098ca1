"""A conversation as PDF, with its sources at the end: any script that the Noto fonts draw, as text that can be copied.

Typst sets it. What documents, people and models wrote reaches Typst as JSON, which it sets as text and never parses;
the file has no link, script or form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rag.chains.exporting import ENGLISH, ExportWords, Source, note_of, pieces, place_of, printable, sources
from rag.chains.turns import Turn
from rag.errors import ConversationError, MissingExtraError
from rag.text import detect_language

if TYPE_CHECKING:
    from typst import Compiler, Fonts

__all__ = ["to_pdf"]

_TEMPLATE = Path(__file__).with_name("conversation.typ")
_CJK = {"ja": "Noto Sans CJK JP", "ko": "Noto Sans CJK KR"}
_CHINESE = "Noto Sans CJK SC"
_UNDRAWN = re.compile(r"the text `\"(.+?)\"` could not be displayed", re.DOTALL)
# PDF/A-2u: every character can be copied, and one that no font draws is an error instead of an empty box
_STANDARD: Final = "a-2u"
_LONGEST = re.compile(r"([!-~]{60})(?=[!-~])")  # of a word that Typst has nowhere to break


def to_pdf(name: str, path: Sequence[Turn], words: ExportWords = ENGLISH) -> bytes:
    """The turns as a PDF/A-2u file: questions as headings, answers with [1] after what is proved, and the sources.

    A character that none of the fonts draws stands as its code, such as U+16A0, and a line at the end lists these.
    Raises MissingExtraError, ConversationError.
    """
    fonts = _fonts()
    from typst import Compiler, TypstError

    compiler = Compiler(font_paths=fonts)
    # one of those for Chinese, Japanese and Korean is chosen by language
    families = sorted(family for family in fonts.families() if "CJK" not in family)
    data = _data(name, path, words) | {"families": families}
    stamp = int(path[-1].asked) if path else 0
    try:
        return _compiled(compiler, data, stamp)
    except TypstError as error:
        missing = dict.fromkeys("".join(_UNDRAWN.findall(error.diagnostic)))
        if not missing:
            raise _failed(error) from error
    codes = {ord(each): f"U+{ord(each):04X}" for each in missing}
    told = f"{words.undrawn} {', '.join(codes.values())}"
    try:
        return _compiled(compiler, _coded(data, codes) | {"undrawn": _said(told)}, stamp)
    except TypstError as error:
        raise _failed(error) from error


def _data(name: str, path: Sequence[Turn], words: ExportWords) -> dict[str, object]:
    return {
        "title": _said(name),
        "heading": _said(words.sources),
        "turns": [
            {
                "question": _said(f"{number}. {' '.join(turn.question.split())}"),
                "pieces": [_said(text) | {"numbers": numbers} for text, numbers in pieces(turn.answer)],
                "note": _said(note_of(turn, words)),
            }
            for number, turn in enumerate(path, 1)
        ],
        "sources": [_source(source, words) for source in sources(path)],
        "undrawn": {"lines": [], "lang": "en", "cjk": _CHINESE},
    }


def _source(source: Source, words: ExportWords) -> dict[str, object]:
    return {
        "number": source.number,
        "place": _said(place_of(source, words)),
        "uri": _said(source.uri),
        "quotes": [_said(quote) for quote in source.quotes],
    }


def _said(text: str) -> dict[str, object]:
    """A text as the template takes it: its lines, and what its language asks of the fonts."""
    language = detect_language(text) or "en"
    lines = _LONGEST.sub("\\1\u200b", printable(text)).split("\n")
    return {"lines": lines, "lang": language, "cjk": _CJK.get(language, _CHINESE)}


def _coded(value: object, codes: dict[int, str]) -> dict[str, object]:
    coded = json.loads(json.dumps(value, ensure_ascii=False).translate(codes))
    assert isinstance(coded, dict)  # noqa: S101  as it was
    return coded


def _compiled(compiler: Compiler, data: dict[str, object], stamp: int) -> bytes:
    inputs = {"data": json.dumps(data, ensure_ascii=False)}
    made = compiler.compile(_TEMPLATE.read_bytes(), sys_inputs=inputs, pdf_standards=_STANDARD, timestamp=stamp)
    assert isinstance(made, bytes)  # noqa: S101  a list is of pictures, one a page
    return made


@cache
def _fonts() -> Fonts:
    """Those that come with the extra, and no others: a conversation looks the same on every machine."""
    specs = [find_spec(package) for package in ("typst", "manimgx_fonts", "manimgx_fonts_cjk")]
    if not all(specs):
        raise MissingExtraError("there is nothing to make PDF with", hint="pip install 'ragstone[pdf]'")
    from typst import Fonts

    folders = [folder for spec in specs[1:] if spec for folder in spec.submodule_search_locations or ()]
    return Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)


def _failed(error: Exception) -> ConversationError:
    return ConversationError(f"the conversation cannot be made into PDF: {error}", hint="export it as Markdown")
