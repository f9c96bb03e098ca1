"""Names, product codes and quotations in a text, found by their writing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.text import is_stop_word

_CONNECTORS = frozenset({
    "of", "the", "de", "la", "le", "du", "des", "del", "van", "von", "der", "den", "di", "da", "y", "et",
    "und", "and", "&", "for",
})  # fmt: skip
_TITLES = frozenset({
    "mr", "mrs", "ms", "dr", "prof", "sir", "lord", "lady", "president", "king", "queen", "herr", "frau",
    "m", "mme", "señor", "señora", "sr", "sra",
})  # fmt: skip
# German writes every noun with a capital: after one of these a capitalised word is a common noun.
_DE_NOUN_BEFORE = re.compile(
    r"(?:\b(?:der|die|das|den|dem|des|ein|eine|einen|einem|einer|eines|im|am|zum|zur|beim|vom|ins|ans|kein\w*|"
    r"mein\w*|sein\w*|ihr\w*|unser\w*|dies\w*|jed\w*|alle\w*|pro|je|\w+(?:en|er|es|em|e))|\d)\s+$"
)
_CAPITALISED = re.compile(r"[^\W\d_][\w'’.&-]*[\w]|[^\W\d_]")
# Not inside a word of letters; a CJK character may stand directly beside.
_BEFORE, _AFTER = r"(?<![0-9A-Za-z\u00c0-\u058f_/-])", r"(?![0-9A-Za-z\u00c0-\u058f_])"
_BEFORE_ANY = _BEFORE.replace("/-", "")
_CODE = re.compile(
    rf"{_BEFORE}(?=[\w./-]*\d)[A-Z][A-Za-z]*(?:[-./]?[A-Za-z0-9]+)*{_AFTER}"
    rf"|{_BEFORE}v\d+(?:\.\d+)*{_AFTER}|(?<![.,]){_BEFORE}\d+(?:\.\d+){{2,}}(?!\.\d){_AFTER}"
)
_NOT_CODE = re.compile(r"(?:EUR|USD|GBP|CHF|JPY|CNY|RMB|US)\W?\d|.*[a-z]\.[A-Z]", re.DOTALL)
_QUOTES = re.compile(r"[“„\"«‹「『《](?P<q>[^“”„\"«»‹›「」『』《》\n]{2,80})[”“\"»›」』》]")
_DOTTED = re.compile(r"[\u4e00-\u9fff]·[\u4e00-\u9fff]")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Name:
    """A name at ``text[start:end]``; ``words`` are its casefolded words without titles and connectors."""

    start: int
    end: int
    words: tuple[str, ...]


def codes(text: str) -> Iterator[tuple[int, int]]:
    """Offsets of product codes, versions and the like: HX-200, COVID-19, v2.3, 1.2.3."""
    for match in _CODE.finditer(text):
        if not _NOT_CODE.match(match.group()):
            yield match.span()


def code_parts(code: str) -> tuple[str, ...]:
    """A code as its runs of letters and of digits, casefolded: "HX-200", "HX200" and "hx 200" are the same."""
    return tuple(re.findall(r"[^\W\d_]+|\d+", code.casefold()))


def has_code(text: str, parts: tuple[str, ...]) -> bool:
    """Whether a text holds the code, whatever separates its parts."""
    pattern = r"[-\s./]?".join(map(re.escape, parts))
    return re.search(rf"{_BEFORE_ANY}{pattern}{_AFTER}(?!\.\d)", text.casefold()) is not None


def quotations(text: str) -> Iterator[tuple[int, int]]:
    """Offsets of what stands between quotation marks or 《》, the marks left out."""
    for match in _QUOTES.finditer(text):
        start, end = match.span("q")
        while start < end and not text[start].isalnum():
            start += 1
        while end > start and not text[end - 1].isalnum():
            end -= 1
        if start < end:
            yield start, end


def names(text: str, language: str, known: frozenset[str] = frozenset()) -> Iterator[Name]:
    """Names in a sentence: capitalised words and runs of them, acronyms, Chinese names with a middle dot.

    One capitalised word at the sentence's start is a name only where ``known`` holds it. In
    German a lone capitalised word is a name only without an article or adjective before it.
    """
    for match in _DOTTED.finditer(text):
        yield Name(match.start(), match.end(), (match.group(),))
    run: list[tuple[int, int]] = []
    previous = 0
    for start, end in [*_words(text), (len(text), len(text))]:
        word = text[start:end]
        gap = text[previous:start]
        joined = bool(run) and not gap.strip()
        capital = bool(word) and (word[0].isupper() or _acronym(word))
        if run and not (joined and (capital or word in _CONNECTORS)):
            yield from _name(text, run, language, known)
            run = []
        if word and (capital or (run and word in _CONNECTORS)):
            run.append((start, end))
        previous = end
    if run:
        yield from _name(text, run, language, known)


def _words(text: str) -> Iterator[tuple[int, int]]:
    for match in _CAPITALISED.finditer(text):
        if _CJK.search(match.group()):
            # Latin words inside CJK text: "在HX公司" has no spaces around them.
            for latin in re.finditer(r"[A-Za-z][A-Za-z0-9-]*", match.group()):
                yield match.start() + latin.start(), match.start() + latin.end()
        else:
            yield match.span()


def _acronym(word: str) -> bool:
    return sum(c.isupper() for c in word) >= 2


def _name(text: str, run: list[tuple[int, int]], language: str, known: frozenset[str]) -> Iterator[Name]:
    opens = not any(c.isalnum() for c in text[: run[0][0]])
    while run and (text[slice(*run[-1])] in _CONNECTORS):
        run.pop()
    while run and _dispensable(text[slice(*run[0])], language, opens=opens):
        run.pop(0)
    if not run:
        return
    words = tuple(
        stripped
        for start, end in run
        if (stripped := bare(text[start:end])) and stripped not in _CONNECTORS and stripped not in _TITLES
    )
    if not words or (len(words) == 1 and len(words[0]) == 1):
        return
    first = text[slice(*run[0])]
    if len(words) == 1 and not _acronym(first):
        starts = not any(c.isalnum() for c in text[: run[0][0]])
        if starts and words[0] not in known:
            return
        if language == "de" and words[0] not in known and _DE_NOUN_BEFORE.search(text[: run[0][0]]):
            return
    yield Name(run[0][0], run[-1][1], words)


def bare(word: str) -> str:
    """Casefolded, without a possessive ending."""
    return re.sub(r"['’]s?$", "", word.casefold()).strip(".-&'’")


def _dispensable(word: str, language: str, *, opens: bool) -> bool:
    lower = word.casefold()
    if _acronym(word):
        return False
    return lower in _CONNECTORS or word == "I" or (opens and is_stop_word(lower, language or "en"))
