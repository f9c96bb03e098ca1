"""The checkable items of a text: numbers, dates, times, names, product codes and quotations.

Items compare by value: "1,000" = "1000", "5 March 2024" = "2024-03-05", "March 2024" is stated by
"5 March 2024". What would need a conversion ("24 months" and "2 years") does not match: a checker
that proves support must not guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from rag.grounding import names
from rag.grounding.numerals import (
    CJK_NUMERAL,
    CURRENCIES,
    MAGNITUDES,
    MONTHS,
    ORDINALS,
    UNITS,
    Number,
    cjk_value,
    parse_number,
    word_value,
)

Kind: TypeAlias = Literal["number", "ordinal", "date", "time", "code", "name", "quote"]


@dataclass(frozen=True, slots=True)
class Fact:
    """A checkable item, ``text[start:end]`` of the sentence it was read from.

    ``value`` is a number, (year, month, day) with None for what is not said, minutes since
    midnight, or the words of a name. ``unit`` is canonical ("month", "EUR", "%") or "". A fact that is not
    ``firm`` may satisfy another's, but is not demanded of the evidence: "one" may be a pronoun.
    """

    kind: Kind
    text: str
    start: int
    end: int
    value: Number | int | tuple[int | None, int | None, int | None] | tuple[str, ...]
    unit: str = ""
    firm: bool = True


_MONTH = "(?P<{}>" + "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?P<{}>[0-3]?\d)(?:st|nd|rd|th|er|º|\.)?"
_YEAR = r"(?P<{}>[12]\d{{3}})"
_OF = r"(?:\s+(?:of|de|del))?"
_DATES = re.compile(
    "|".join(
        (
            r"(?<![\d-])(?P<y1>[12]\d{3})-(?P<m1>[01]\d)-(?P<d1>[0-3]\d)(?![\d-])",
            rf"(?<![\w.,]){_DAY.format('d2')}{_OF}\s*{_MONTH.format('m2')}(?:,?{_OF}\s+{_YEAR.format('y2')}(?!\d))?",
            rf"\b{_MONTH.format('m3')}\s+{_DAY.format('d3')}(?![\d.]\d|\d|:)(?:,?\s+{_YEAR.format('y3')}(?!\d))?",
            rf"\b{_MONTH.format('m4')},?{_OF}\s+{_YEAR.format('y4')}(?!\d)",
            r"(?<!\d)(?P<y5>[12]\d{3})\s?[年년]\s?(?:(?P<m5>[01]?\d)\s?[月월])?\s?(?:(?P<d5>[0-3]?\d)\s?[日号일])?",
            r"(?<!\d)(?P<m6>[01]?\d)\s?[月월]\s?(?P<d6>[0-3]?\d)\s?[日号일]",
            r"(?<![\d./])(?P<d7>[0-3]?\d)\.\s?(?P<m7>[01]?\d)\.\s?(?P<y7>[12]\d{3})(?!\d)",
            r"(?<![\d/])(?P<a8>[0-3]?\d)/(?P<b8>[0-3]?\d)/(?P<y8>[12]\d{3})(?![\d/])",
        )
    ),
    re.IGNORECASE,
)
_TIMES = re.compile(
    r"(?<![\d:.])(?P<h1>[0-2]?\d):(?P<n1>[0-5]\d)(?::[0-5]\d)?\s?(?P<p1>[ap]\.?m\b\.?)?(?![\d:])"
    r"|(?<![\d:.])(?P<h2>1?\d)\s?(?P<p2>[ap]\.?m\b\.?)"
    r"|(?<![\d:.])(?P<h3>[0-2]?\d)(?:[.:h](?P<n3>[0-5]\d))?\s?Uhr\b"
    r"|(?P<p4>上午|下午|晚上|早上|中午)?(?P<h4>[0-2]?\d)\s?[点點时時](?![间期代])(?:(?P<n4>[0-5]?\d)分?)?",
    re.IGNORECASE,
)
# Not inside a word or number; but a CJK character may stand directly before.
_FREE = r"(?<![0-9A-Za-z\u00c0-\u058f_.,])"
_UNIT_WORD = r"[°%％‰℃℉€$£¥₹]?[^\W\d_]*"
_NUMBERS = re.compile(
    rf"{_FREE}(?P<currency>US\$|[$€£¥₹]|\b(?:EUR|USD|GBP|CHF|JPY|CNY|RMB|INR)\s)?\s?(?P<sign>(?<![\w)])[-−–])?"
    r"(?P<digits>\d{1,3}(?:[ \u2009\u00a0\u202f]\d{3})+(?:[.,]\d+)?(?![\d.,]\d|\d)|\d+(?:[.,'’]\d+)*)"
    r"(?P<half>[½⅓⅔¼¾⅛])?"
)
_CJK_NUMBER = re.compile(f"(?P<percent>百分之)?(?P<ordinal>第)?(?P<digits>{CJK_NUMERAL}+)(?P<after>个?[^\\W\\d_]?)")
_CJK_COUNTED = frozenset("年月日天个次名人元岁位周条件台种场座家部层倍米分届")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_ORDINAL_DIGITS = re.compile(rf"{_FREE}(\d+)(?:st|nd|rd|th)\b|第\s?(\d+)", re.IGNORECASE)
_DECADE = re.compile(r"(?<!\w)([12]\d{2}0)['’]?s\b")


class _Taken:
    """Spans already read, so that the year of a date is not read again as a number."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def take(self, start: int, end: int) -> bool:
        if any(start < e and s < end for s, e in self._spans):
            return False
        self._spans.append((start, end))
        return True


def read_facts(text: str, language: str = "", known: frozenset[str] = frozenset()) -> list[Fact]:
    """The facts of ``text`` in order; ``known`` are words (casefolded) held to be names even at a sentence's start."""
    taken = _Taken()
    found: list[Fact] = []
    for reader in (_dates, _times, _codes, _ordinals, _literals, _spelled):
        found += [fact for fact in reader(text, language) if taken.take(fact.start, fact.end)]
    for start, end in names.quotations(text):
        found.append(Fact("quote", text[start:end], start, end, (squeeze(text[start:end]),)))
    numeric = [(fact.start, fact.end) for fact in found if fact.kind not in {"code", "quote"}]
    for name in names.names(text, language, known):
        # The month of a date and the currency of a price are checked with it.
        if any(start <= name.start and name.end <= end for start, end in numeric):
            continue
        found.append(Fact("name", text[name.start : name.end], name.start, name.end, name.words))
    return sorted(found, key=lambda fact: (fact.start, fact.end))


def squeeze(text: str) -> str:
    """Casefolded, with white space runs as one space."""
    return " ".join(text.casefold().split())


def _dates(text: str, language: str) -> Iterator[Fact]:  # noqa: ARG001
    for match in _DATES.finditer(text):
        got = {key[0]: value for key, value in match.groupdict().items() if value}
        year = int(got["y"]) if "y" in got else None
        if "a" in got:
            first, second = int(got["a"]), int(got["b"])
            if first > 12 >= second:
                month, day = second, first
            elif second > 12 >= first:
                month, day = first, second
            else:  # 05/03/2024: equal only to what is written the same way
                month, day = -first, -second
        else:
            written = got.get("m", "")
            month_ = int(written) if written.isdigit() else MONTHS.get(written.casefold().rstrip("."))
            if month_ is None and year is None:
                continue
            month, day = month_, int(got["d"]) if "d" in got else None  # type: ignore[assignment]
        yield Fact("date", match.group(), match.start(), match.end(), (year, month, day))


def _times(text: str, language: str) -> Iterator[Fact]:  # noqa: ARG001
    for match in _TIMES.finditer(text):
        got = {key[0]: value for key, value in match.groupdict().items() if value}
        hour, minute = int(got["h"]), int(got.get("n", 0))
        part = got.get("p", "").casefold()
        if (part.startswith("p") or part in {"下午", "晚上"}) and hour < 12:
            hour += 12
        elif part.startswith("a") and hour == 12:
            hour = 0
        yield Fact("time", match.group(), match.start(), match.end(), hour * 60 + minute)


def _codes(text: str, language: str) -> Iterator[Fact]:  # noqa: ARG001
    for start, end in names.codes(text):
        yield Fact("code", text[start:end], start, end, names.code_parts(text[start:end]))


def _ordinals(text: str, language: str) -> Iterator[Fact]:  # noqa: ARG001
    for match in _ORDINAL_DIGITS.finditer(text):
        yield Fact("ordinal", match.group(), match.start(), match.end(), int(match[1] or match[2]))
    for match in _DECADE.finditer(text):
        yield Fact("number", match.group(), match.start(), match.end(), Decimal(match[1]), "decade")


def _literals(text: str, language: str) -> Iterator[Fact]:
    for match in _NUMBERS.finditer(text):
        start, end = match.span()
        while start < end and text[start].isspace():
            start += 1
        value = parse_number(match["digits"] + (match["half"] or ""), language)
        unit, end, scale = _unit_after(text, end)
        if match["currency"]:
            unit = CURRENCIES[match["currency"].strip().casefold()]
        if isinstance(value, Decimal):
            value = value * (Decimal(10) ** scale)
            value = -value if match["sign"] else value
        yield Fact("number", text[start:end], start, end, value, unit)


def _unit_after(text: str, end: int) -> tuple[str, int, int]:
    """Unit, its end and the power of ten that follow a number: "1.5 million euros" -> ("EUR", …, 6)."""
    scale, unit, stop = 0, "", end
    for _ in range(2):
        match = re.compile(rf"[\s\u00a0\u202f-]?(?:(百万|[万亿千])|({_UNIT_WORD}))").match(text, stop)
        if not match or not (word := (match[1] or match[2]).casefold()):
            break
        if word in MAGNITUDES and not scale:
            scale, stop = MAGNITUDES[word], match.end()
            stop += text[stop : stop + 1] == "."
            continue
        found, length = _unit(word)
        if found:
            unit, stop = found, match.end() - (len(word) - length)
        elif re.match(r"\s?(per|pour|por)\s?(cent|ciento)\b", text[stop:], re.IGNORECASE):
            unit = "%"
        break
    return unit, stop, scale


def _unit(word: str) -> tuple[str, int]:
    """The canonical unit a word is, or in CJK begins with, and how much of the word it fills."""
    for table in (CURRENCIES, UNITS):
        if word in table:
            return table[word], len(word)
    if word[0] in "%％€$£¥₹":
        return (CURRENCIES.get(word[0]) or UNITS.get(word[0]) or "", 1)
    if "\u3040" <= word[0] <= "\u9fff":
        for length in (3, 2, 1):
            head = word[:length]
            if head in CURRENCIES or head in UNITS:
                return CURRENCIES.get(head) or UNITS[head], len(head)
    return "", 0


def _spelled(text: str, language: str) -> Iterator[Fact]:
    for match in _WORD.finditer(text):
        word = match.group()
        if word.casefold() in ORDINALS and language in {"en", ""}:
            value = ORDINALS[word.casefold()]
            # "first" is a discourse word and "second" a unit of time as well.
            yield Fact("ordinal", word, match.start(), match.end(), value, firm=value > 2)
        elif (number := word_value(word, language)) is not None:
            unit, end, scale = _unit_after(text, match.end())
            value_ = Decimal(number[0]) * Decimal(10) ** scale
            yield Fact("number", text[match.start() : end], match.start(), end, value_, unit, number[1])
    for match in _CJK_NUMBER.finditer(text):
        value = cjk_value(match["digits"])  # type: ignore[assignment]
        if value is None:
            continue
        after = match["after"]
        counted = after[:1] in _CJK_COUNTED
        firm = value > 1 and bool(counted or match["ordinal"] or match["percent"])
        kind: Kind = "ordinal" if match["ordinal"] else "number"
        unit = "%" if match["percent"] else _unit(after)[0] if counted and after else ""
        number_ = value if kind == "ordinal" else Decimal(value)
        end = match.end("digits")
        yield Fact(kind, text[match.start() : end], match.start(), end, number_, unit, firm)


def states(evidence: Fact, claim: Fact) -> bool:
    """Whether a fact of the evidence states the claim's: equal values, or a date that is at least as exact."""
    if claim.kind == "date" and evidence.kind == "date":
        return all(c is None or c == e for c, e in zip(claim.value, evidence.value, strict=True))  # type: ignore[arg-type]
    if claim.kind == "number" and evidence.kind == "date" and not claim.unit.strip("year"):
        year = evidence.value[0]  # type: ignore[index]
        return year is not None and claim.value == Decimal(year)
    if claim.kind == "date" and evidence.kind == "number":
        return claim.value[1:] == (None, None) and evidence.value == Decimal(claim.value[0])  # type: ignore[index, arg-type]
    if claim.kind != evidence.kind:
        return False
    if claim.kind == "number":
        same = claim.value == evidence.value
        return same and (not claim.unit or not evidence.unit or claim.unit == evidence.unit)
    return claim.value == evidence.value


def rivals(evidence: Fact, claim: Fact) -> bool:
    """Whether the evidence states another value where the claim states its own: same kind, same unit, not equal."""
    if states(evidence, claim) or {claim.kind, evidence.kind} - {"number", "date", "time", "ordinal"}:
        return False
    return claim.kind == evidence.kind and claim.unit == evidence.unit
