"""Index terms: the one analyzer for passages and queries.

A text is normalised (NFKC) and cut into UAX #29 words; every word gives its terms:

* a word of a language with spaces: folded, dropped if it is a stop word, stemmed. The language of the text
  applies to the scripts it is written in; words in other scripts are analysed by their script's main
  language. Text of unknown language counts as English, Russian, Arabic ... by script.
* a run of Chinese and Japanese, of Korean, Thai, Lao, Khmer or Burmese: overlapping bigrams of characters
  (with their marks); a run of one, itself. Korean has spaces, but particles cling to the word before.
* a number: whole, without the separators between thousands ("1,000" is "1000"), the decimal sign a point.
* joined words ("well-known", "foo_bar", "example.com"): the parts. An identifier of letters and digits
  ("HX-200") gives "hx200" besides, so that it outranks passages that hold the parts apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from rag.text._scripts import language_of, script_of, word_script
from rag.text._segments import word_segments
from rag.text._stems import fold, stem_folded
from rag.text.stop_words import STOP_WORDS

_SPACELESS = re.compile(
    "[\u3005-\u3007\u3021-\u3029\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U000323af]+"
    "|[\u1100-\u11ff\u3131-\u318e\ua960-\ua97f\uac00-\ud7fb]+"
    "|[\u0e01-\u0e3a\u0e40-\u0e4e]+"
    "|[\u0e81-\u0ece\u0edc-\u0edf]+"
    "|[\u1780-\u17d3\u17d7\u17dc\u17dd]+"
    "|[\u1000-\u103f\u1050-\u108f\u109a-\u109f\uaa60-\uaa7f]+"
)
# Latin, Greek and Cyrillic without combining marks: there the expression below finds what ICU finds, six
# times as fast (held by a property test).
_SIMPLE = re.compile(
    "[\x00-\x7f\xa1-\xac\xae-\u02af\u037b-\u037d\u037f\u0386\u0388-\u0482\u048a-\u052f"
    "\u1e00-\u1eff\u2010-\u2023\u2025\u2026\u2030-\u203e\u20a0-\u20bf\u2122\u2190-\u21ff]*"
)
_SIMPLE_WORD = re.compile(r"\w+(?:(?:(?<=[^\W\d_])['.:·’‘](?=[^\W\d_])|(?<=\d)['.,;’‘](?=\d)|[-‐](?=\w))\w+)*")
_HYPHENS = frozenset("-\u2010")
_VARIATION_SELECTOR = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Between thousands in French, Russian and others; an ordinary blank could as well part two numbers.
_NUMBER_BLANK = re.compile("(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_SPLIT = re.compile("[-\u2010_]+")
# UAX #29 joins "sentence.Next" and "note:this"; between digits the point is part of the number.
_POINT = re.compile(r"(?<!\d)\.|\.(?!\d)|:")
_ACRONYM = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")
_NUMBER = re.compile(r"\d[\d.,;'’‘⁄]*")
_GROUPS = re.compile(r"\d{1,3}(?:([.,'’‘])\d{3})(?:\1\d{3})+(?:[.,]\d+)?")
_COMMA_GROUPS = re.compile(r"\d{1,3}(?:[,'’‘]\d{3})+(?:\.\d+)?")
_POINT_GROUPS = re.compile(r"\d{1,3}(?:[.'’‘]\d{3})+(?:,\d+)?")
_NOT_DIGITS = re.compile(r"\D")
_DECIMAL_COMMA = {
    "az", "be", "bg", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fr", "gl", "hr", "hu",
    "hy", "id", "is", "it", "ka", "kk", "lt", "lv", "mk", "nb", "nl", "nn", "no", "pl", "pt", "ro",
    "ru", "sk", "sl", "sq", "sr", "sv", "tr", "uk", "vi",
}  # fmt: skip
_ELISION = frozenset({"ca", "fr", "it"})
_MARKED = frozenset({"Thai", "Lao", "Khmer", "Myanmar"})


def terms(text: str, language: str = "") -> list[str]:
    """The index terms of ``text``, in order, repeated as often as they occur.

    ``language`` is an ISO 639-1 code, "" for unknown.
    """
    found: list[str] = []
    for unit in _units(text):
        found.extend(_analyse(unit, language))
    return found


def query_terms(text: str, languages: Sequence[str]) -> list[str]:
    """The terms to look for in an index that holds passages in ``languages`` ("" for unknown among them).

    Each word gives the distinct terms it has under each of the languages, so a passage matches
    whatever its language was taken for. A word is dropped where it is a stop word of the query's own
    language: the one with most stop words in the query, two at least. With one language the result
    is ``terms(text, language)``.
    """
    codes = sorted(set(languages)) or [""]
    units = _units(text)
    if len(codes) == 1:
        return terms(text, codes[0])
    analyses = {unit: {code: _analyse(unit, code) for code in codes} for unit in units}
    empty = {code: sum(not analyses[unit][code] for unit in units) for code in codes}
    most = max(empty.values())
    own = [code for code in codes if empty[code] == most]
    found: list[str] = []
    for unit in units:
        by_code = analyses[unit]
        if most >= 2 and not any(by_code[code] for code in own):
            continue
        seen: set[str] = set()
        for code in codes:
            found.extend(term for term in by_code[code] if term not in seen)
            seen.update(by_code[code])
    return found


def stem(word: str, language: str) -> str:
    """The form one word is indexed by, stop word or not."""
    code = language_of(word_script(word), language)
    return stem_folded(fold(unicodedata.normalize("NFKC", word), code), code)


def is_stop_word(word: str, language: str) -> bool:
    """True for the function words that terms() drops."""
    code = language_of(word_script(word), language)
    return fold(unicodedata.normalize("NFKC", word), code) in _stop_words(code)


@lru_cache(maxsize=64)
def _stop_words(language: str) -> frozenset[str]:
    listed = STOP_WORDS.get("no" if language in {"nb", "nn"} else language, "")
    return frozenset(fold(unicodedata.normalize("NFKC", word), language) for word in listed.split())


def _units(text: str) -> list[str]:
    """Words of the normalised text, those joined by a hyphen as one; runs of a script without spaces."""
    if not text.isascii():
        text = _NUMBER_BLANK.sub("", _VARIATION_SELECTOR.sub("", text))
        text = unicodedata.normalize("NFKC", text)
    if _SIMPLE.fullmatch(text):
        return _SIMPLE_WORD.findall(text)
    units: list[str] = []
    position = 0
    for run in _SPACELESS.finditer(text):
        units.extend(_spaced_units(text[position : run.start()]))
        units.append(run.group())
        position = run.end()
    units.extend(_spaced_units(text[position:]))
    return units


def _spaced_units(text: str) -> list[str]:
    return _SIMPLE_WORD.findall(text) if _SIMPLE.fullmatch(text) else list(_icu_units(text))


def _icu_units(text: str) -> Iterator[str]:
    """Words by ICU, those joined by a hyphen as one."""
    begin = end = -2
    for start, stop in word_segments(text):
        if not (text[start].isalnum() or text[start] == "_" or any(map(str.isalnum, text[start:stop]))):
            continue
        if not (start == end + 1 and text[end] in _HYPHENS):
            if begin >= 0:
                yield text[begin:end]
            begin = start
        end = stop
    if begin >= 0:
        yield text[begin:end]


@lru_cache(maxsize=1 << 17)
def _analyse(unit: str, language: str) -> tuple[str, ...]:
    if not unit.isascii():
        if _SPACELESS.match(unit):
            return _bigrams(unit)
        # Arabic, Devanagari and other digits read as ASCII ones.
        unit = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in unit)
    parts = [part for part in _SPLIT.split(unit) if part]
    found = [term for part in parts for term in _part_terms(part, language)]
    if len(parts) > 1 and _is_identifier(unit):
        found.append(_SPLIT.sub("", unit).casefold())
    return tuple(found)


def _part_terms(part: str, language: str) -> list[str]:
    """Terms of a UAX #29 word without hyphens and underscores."""
    if part[0].isdigit() and _NUMBER.fullmatch(part):
        return _number_terms(part, language)
    if _ACRONYM.fullmatch(part):
        return [part.replace(".", "").casefold()]
    found: list[str] = []
    for piece in _POINT.split(part):
        code = language_of(word_script(piece), language)
        stop_words = _stop_words(code)
        words = _apostrophe_parts(fold(piece, code), code)
        found.extend(stem_folded(word, code) for word in words if word and word not in stop_words)
    return found


def _apostrophe_parts(word: str, language: str) -> list[str]:
    """A folded word cut where its language sets an apostrophe between words or before an ending."""
    if "'" not in word:
        return [word]
    if language in _ELISION:
        return word.split("'")
    if language in {"tr", "az"}:
        return [word.partition("'")[0]]
    # English stop words and stems know their apostrophes; elsewhere only the genitive is cut.
    return [word if language in {"", "en"} else word.removesuffix("'s")]


def _number_terms(number: str, language: str) -> list[str]:
    comma = language in _DECIMAL_COMMA
    grouped = _GROUPS.fullmatch(number)
    if grouped or (_POINT_GROUPS if comma else _COMMA_GROUPS).fullmatch(number):
        decimal = "." if not comma else ","
        if grouped and grouped.group(1) == decimal:
            decimal = "," if decimal == "." else "."
        whole, _, fraction = number.partition(decimal)
        whole = _NOT_DIGITS.sub("", whole)
        return [f"{whole}.{fraction}" if fraction else whole]
    if comma and number.count(",") == 1:
        number = number.replace(",", ".")
    return [part for part in re.split("[,;'’‘⁄]", number) if part]


def _is_identifier(unit: str) -> bool:
    letters = [c for c in unit if c.isalpha()]
    digits = any(map(str.isdigit, unit))
    return digits and bool(letters) and (unit[0].isalpha() or any(map(str.isupper, letters)))


def _bigrams(run: str) -> tuple[str, ...]:
    elements: Sequence[str] = _clusters(run) if script_of(run[0]) in _MARKED else run
    if len(elements) == 1:
        return (elements[0],)
    return tuple(map("".join, pairwise(elements)))


def _clusters(run: str) -> list[str]:
    """Characters with the marks that follow them."""
    clusters: list[str] = []
    for character in run:
        if clusters and unicodedata.category(character)[0] == "M":
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters
