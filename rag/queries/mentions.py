"""What a text is about: its names, figures and other runs of content words, by stop words and capitals alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rag.queries.cues import cues_for
from rag.text import is_stop_word, stem, words

_CONNECTORS = frozenset({
    "of", "the", "de", "la", "le", "du", "des", "del", "van", "von", "der", "den", "di", "da",
})  # fmt: skip
_JOINS = frozenset({"", "'", "’", "-", "–", "·", "&", "."})
_SPACELESS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_POSSESSIVE = re.compile(r"['’]s?$")
_FIGURE = re.compile(r"[\d.,]+")
_YEAR = re.compile(r"(?:1\d|20)\d\d")
_ELIDED = re.compile(r"[dl]['’](?=[^\W\d_])", re.IGNORECASE)
# A long answer is about its first sentences; its later ones lead away.
LONGEST = 60


@dataclass(frozen=True, slots=True)
class Mention:
    """A run of content words, ``text[start:end]``; ``key`` are their stems. A name has a capital."""

    text: str
    start: int
    end: int
    key: tuple[str, ...]
    named: bool


def mentions(text: str, language: str) -> list[Mention]:
    """The mentions of a text in order; only its first 60 words are read.

    Names go on over connectors ("Wars of Religion"), and a run breaks where capitalised and other words meet. A
    capital at the start of a sentence makes a name where the word is no stop word.
    """
    found: list[Mention] = []
    run: list[tuple[int, int]] = []

    def close() -> None:
        while run and text[slice(*run[-1])].casefold() in _CONNECTORS:
            run.pop()
        if run and not (_SPACELESS.match(text, run[0][0]) and run[-1][1] - run[0][0] == 1):
            found.append(_mention(text, run, language))  # a character by itself is a unit or a particle
        run.clear()

    units = words(text)[:LONGEST]
    for place, (start, end) in enumerate(units):
        word = text[start:end]
        gap = text[run[-1][1] : start] if run else ""
        if run and gap.strip() not in _JOINS:
            close()
        if run and word.casefold() in _CONNECTORS and _capital(text, run[-1]) and _goes_on(text, units, place):
            run.append((start, end))
        elif not is_content(word, language):
            close()
        else:
            if run and _breaks(text, run, (start, end)):
                close()
            run.append((start, end))
    close()
    return found


def is_content(word: str, language: str) -> bool:
    """Whether a word says what a text is about: no stop word, no filler, no single letter."""
    plain = _POSSESSIVE.sub("", word).casefold()
    if len(plain) == 1 and not word.isupper() and not _SPACELESS.match(plain):
        return False
    if _FIGURE.fullmatch(plain) and not _YEAR.fullmatch(plain):
        return False  # an amount is what was asked for, and not what the talk is about
    return plain not in cues_for(language).fillers and not is_stop_word(plain, language)


def stems(text: str, language: str) -> frozenset[str]:
    """The stems of all words of a text, content or not."""
    return frozenset(_stems(text, words(text), language))


def salient(
    texts: Iterable[tuple[str, float]],
    language: str,
    most: int,
    *,
    known: Sequence[frozenset[str]] = (),
    named: bool = False,
) -> list[str]:
    """The ``most`` salient mentions of weighted texts, best first.

    A mention counts the weight of each text that holds it, twice where it is a name. One whose words are all in
    one of ``known`` is left out, and with ``named`` one that is no name.
    """
    weights: dict[tuple[str, ...], float] = {}
    forms: dict[tuple[str, ...], str] = {}
    for text, weight in texts:
        for mention in mentions(text, language):
            if (named and not mention.named) or any(seen.issuperset(mention.key) for seen in known):
                continue
            weights[mention.key] = weights.get(mention.key, 0.0) + weight * (2.0 if mention.named else 1.0)
            forms.setdefault(mention.key, mention.text)
    return [forms[key] for key in sorted(weights, key=lambda key: -weights[key])[:most]]


def _mention(text: str, run: Sequence[tuple[int, int]], language: str) -> Mention:
    start, end = run[0][0], run[-1][1]
    shown = _POSSESSIVE.sub("", text[start:end])
    named = any(_capital(text, unit) for unit in run)
    return Mention(shown, start, start + len(shown), tuple(_stems(text, run, language)), named)


def _stems(text: str, units: Iterable[tuple[int, int]], language: str) -> Iterator[str]:
    for start, end in units:
        yield stem(_POSSESSIVE.sub("", text[start:end]), language)


def _breaks(text: str, run: Sequence[tuple[int, int]], unit: tuple[int, int]) -> bool:
    """Whether a word begins a mention of its own: a name meets other words, or figures do."""
    last = next((one for one in reversed(run) if text[slice(*one)].casefold() not in _CONNECTORS), run[-1])
    if _SPACELESS.match(text, unit[0]):
        return False
    return _capital(text, last) != _capital(text, unit) or text[last[0]].isdigit() != text[unit[0]].isdigit()


def _capital(text: str, unit: tuple[int, int]) -> bool:
    elided = _ELIDED.match(text, unit[0])
    return text[elided.end() if elided else unit[0]].isupper()


def _goes_on(text: str, units: Sequence[tuple[int, int]], place: int) -> bool:
    """Whether the next word that is no connector is capitalised and joined to this one by a blank alone."""
    for (_, before), unit in zip(units[place : place + 2], units[place + 1 : place + 3], strict=False):
        if text[before : unit[0]].strip():
            return False
        if text[slice(*unit)].casefold() not in _CONNECTORS:
            return text[unit[0]].isupper()
    return False
