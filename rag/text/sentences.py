"""Sentences of a text in any script."""

from __future__ import annotations

import re

from rag.text._segments import sentence_segments
from rag.text.terms import is_stop_word, terms

_LINE_BREAK = re.compile(r"(\r\n|[\n\r\u0085\u2028])([^\S\n\r\u0085\u2028\u2029]*)")
_MARKER = r"(?:[-*+•‣◦▪·–—]|\d{1,3}[.)]|\(?[A-Za-z]\))"
# What the next line must begin with to be a piece of its own: nothing, a list item, a table row, a
# heading, a quotation, a fence.
_ROW = r"[^|\n\r\u0085\u2028\u2029]{1,200}[ \t]\|[ \t]"
_NEW_PIECE = re.compile(rf"[\n\r\u0085\u2028\u2029]|\Z|{_MARKER}[ \t]|[|#>]|```|~~~|{_ROW}")
_WHOLE_LINE = re.compile(rf"[ \t]*(?:\||#{{1,6}}[ \t]|```|~~~|{_ROW})")
_ONLY_MARKER = re.compile(rf"{_MARKER}|#+|>+")
_BREAKS = frozenset("\n\r\u0085\u2028\u2029")

_ENDED = re.compile(r"[.!?…。！？؟．｡।॥。؛][)\]'\"»”’*_`」』]*$")
_PARAGRAPH_START = re.compile(r"(?:\A|[\n\r\u2028\u2029][ \t]*[\n\r\u2028\u2029]|\u2029)\s*\Z")
_PARAGRAPH_GOES_ON = re.compile(r"[^\S\n\r\u2028\u2029]*\r?[\n\u2028]?[^\S\n\r\u2028\u2029]*[^\s]")
# A row without a figure, a code aside, above another row.
_TABLE_HEAD = re.compile(r"(?=[^\n]*\|)(?:[^\n\d]|(?<=[A-Za-z-])\d+)+\n[ \t]*(?:\|[ \t]*:?-|[^\n|]+\|)")
# What stands for a verb in a list, a row or an entry of a form.
_ENTRY = re.compile(r"\A[-*+•‣◦▪·–—][ \t]|\S[ \t]*[:：=|\t][ \t]*\S|\||[；;]")
_NUMBERED_LINE = re.compile(r"\d{1,3}(?:\.\d{1,3})*[.)]?\s")
_HEADING_TERMS = 6

_LAST_WORD = re.compile(r"([^\W_](?:[\w.'’]*\w)?)\.$")
_LATIN_END = re.compile(r"[.?!…][\"'’”»)\]]*$")
_NEXT_WORD = re.compile(r"[^\w\n]*(\w+)")
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])*")
_ORDINAL = re.compile(r"\d{1,2}")
_OPENERS = frozenset("([{«“‘„‚‹「『《〈【〔〖（［｛")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Before a name or a noun: these never end a sentence.
_TITLES = _words("""
    dr mr mrs ms prof rev hon gen col maj capt lt sgt cpl st ste gov sen rep messrs mme mlle fr vs
    cf viz approx dipl ing hr frau bzw ca vgl sog evtl ggf inkl exkl geb gest sr sra srta srs dra ud
    uds dña lic sig dott avv geom rag exmo exma mej dhr mevr mw drs проф акад им ул гр тов κ κα δρ
    prim mgr judr mudr
""")
# Before a number.
_NUMBERED = _words("""
    no nos nr art arts fig figs sec sect ch chap vol vols p pp pg eq eqs tab abb bd kap abs ziff s n
    núm num pág págs cap figg pag ст п пп рис табл гл стр с č str obr tabl rys rozdz poz jan feb mar
    apr jun jul aug sep sept oct nov dec
""")
# Day numbers and ordinals are written with a point.
# fmt: off
_POINTED_ORDINALS = frozenset((
    "de", "da", "no", "nb", "nn", "fi", "cs", "sk", "hu", "pl", "et", "lv", "sl", "hr", "is", "tr",
))
# fmt: on

# Thai and Lao end a sentence with a blank and nothing else, and so do clauses: short ones stay together.
_BLANK_PIECE = 60
_THAI_BLANK = re.compile("(?<=[\u0e01-\u0e4e\u0e81-\u0ece])[ \u00a0\u200b]+(?=[\u0e01-\u0e46\u0e81-\u0ec4])")
# "and", "or", "which", "that", "by", "in order to", "the repetition mark": the sentence goes on.
_THAI_GOES_ON = ("และ", "หรือ", "ซึ่ง", "ที่", "โดย", "เพื่อ", "ๆ")


def sentences(text: str, language: str = "") -> list[tuple[int, int]]:
    """Code point offsets of the sentences: in order, disjoint, trimmed, covering every non-blank character.

    UAX #29 with the rules it leaves to others: abbreviations, initials and ordinals do not end a sentence;
    a blank line, a list item, a table row and a heading do; a wrapped line does not.
    """
    flat = _unwrap(text)
    pieces: list[tuple[int, int]] = []
    for boundary, end in sentence_segments(flat, language):
        start = boundary
        if pieces:
            first = pieces[-1][0]
            # UAX #29 gives every bracket and quotation mark after a full stop to the sentence before.
            while start > first + 1 and flat[start - 1] in _OPENERS:
                start -= 1
            pieces[-1] = (first, start)
        if pieces and _goes_on(flat, *pieces[-1], language):
            pieces[-1] = (pieces[-1][0], end)
        else:
            pieces.append((start, end))
    if not flat.isascii():
        pieces = [part for piece in pieces for part in _cut_at_blanks(flat, *piece)]
    trimmed = (_trim(text, start, end) for start, end in pieces)
    return [(start, end) for start, end in trimmed if start < end]


def is_heading(text: str, start: int, end: int, language: str = "") -> bool:
    """Whether the sentence ``text[start:end]`` only names what follows: a heading, caption, label or table head.

    Without mark-up it is told by standing alone in its paragraph and by what it lacks: an end mark, the bullet, bar
    or colon of a list item, a row or an entry, and more than six terms.
    """
    sentence = text[start:end]
    if sentence.startswith("#") or sentence.endswith((":", "：")):
        return True
    if _TABLE_HEAD.match(text, start) and (start == 0 or _PARAGRAPH_START.search(text, 0, start)):
        return True
    if _ENDED.search(sentence) or _PARAGRAPH_GOES_ON.match(text, end) or not _PARAGRAPH_START.search(text, 0, start):
        return False
    sentence = _NUMBERED_LINE.sub("", sentence, count=1)
    return not _ENTRY.search(sentence) and len(terms(sentence, language)) <= _HEADING_TERMS


def _unwrap(text: str) -> str:
    """The text, as long as before, with blanks for the line breaks that only wrap a paragraph."""
    parts: list[str] = []
    position = line_start = 0
    for match in _LINE_BREAK.finditer(text):
        wraps = not (_WHOLE_LINE.match(text, line_start) or _NEW_PIECE.match(text, match.end()))
        if wraps:
            parts += (text[position : match.start()], " " * len(match.group()))
            position = match.end()
        line_start = match.end(1)
    return "".join((*parts, text[position:]))


def _goes_on(flat: str, start: int, end: int, language: str) -> bool:
    """True if the piece before a boundary found by UAX #29 does not end a sentence."""
    tail = flat[max(start, end - 64) : end]
    ending = tail.rstrip()
    if not _BREAKS.isdisjoint(tail[len(ending) :]):
        return False
    if end - start <= 64 and _ONLY_MARKER.fullmatch(ending.lstrip()):
        return True
    following = _NEXT_WORD.match(flat, end)
    if not following:
        return False
    after = following[1]
    # '"Who?" she asked.'
    if after[0].islower() and _LATIN_END.search(ending):
        return True
    last = _LAST_WORD.search(ending)
    return last is not None and _is_abbreviation(last[1], after, language)


def _is_abbreviation(word: str, after: str, language: str) -> bool:
    """True if ``word`` has its full stop for itself, seen that ``after`` follows."""
    # A function word with a capital begins a sentence after "the U.S."; one letter is another initial.
    begins = len(after) > 1 and is_stop_word(after, language)
    folded = word.casefold()
    if folded in _TITLES or (folded in _NUMBERED and after[0].isdigit()):
        return True
    if _INITIALS.fullmatch(word):
        return (len(word) > 1 or (word.isupper() and word != "I")) and not begins
    ordinal = language in _POINTED_ORDINALS and _ORDINAL.fullmatch(word)
    return bool(ordinal) and not begins


def _cut_at_blanks(flat: str, start: int, end: int) -> list[tuple[int, int]]:
    """The piece in parts of _BLANK_PIECE characters at least, cut at blanks between Thai or Lao letters."""
    if end - start < 2 * _BLANK_PIECE:
        return [(start, end)]
    parts: list[tuple[int, int]] = []
    for blank in _THAI_BLANK.finditer(flat, start, end):
        if blank.start() - start >= _BLANK_PIECE and not flat.startswith(_THAI_GOES_ON, blank.end()):
            parts.append((start, blank.end()))
            start = blank.end()
    return [*parts, (start, end)]


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
