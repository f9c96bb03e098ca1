"""What a sentence states in figures, as intervals that can be compared: whether two of them cannot both be so.

Equal after conversion ("24 months", "2 years"), rounded ("1.7 million", "1,711,000"), inside a range or within a bound
("up to 36 months") is no disagreement: where in doubt, there is none.
"""

from __future__ import annotations

import calendar
import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal, TypeAlias, cast

from rag.grounding.claims import Claim
from rag.grounding.facts import Fact
from rag.grounding.numerals import CURRENCIES

ReadingKind: TypeAlias = Literal["number", "date", "day", "time", "version", "label"]
Bound: TypeAlias = Literal["", "least", "most", "over", "under", "since", "until"]

# To a base unit: its name, how many of it there are at least and at most, and how far rounding may be off.
_BASE: dict[str, tuple[str, float, float]] = {
    "second": ("s", 1, 1), "minute": ("s", 60, 60), "hour": ("s", 3600, 3600), "day": ("s", 86400, 86400),
    "week": ("s", 604800, 604800), "month": ("s", 28 * 86400, 31 * 86400), "year": ("s", 365 * 86400, 366 * 86400),
    "mm": ("m", 1e-3, 1e-3), "cm": ("m", 1e-2, 1e-2), "m": ("m", 1, 1), "km": ("m", 1e3, 1e3),
    "mile": ("m", 1609.344, 1609.344), "foot": ("m", 0.3048, 0.3048), "inch": ("m", 0.0254, 0.0254),
    "mg": ("g", 1e-3, 1e-3), "g": ("g", 1, 1), "kg": ("g", 1e3, 1e3), "t": ("g", 9.07e5, 1.02e6),
    "ml": ("l", 1e-3, 1e-3), "l": ("l", 1, 1),
    "mv": ("v", 1e-3, 1e-3), "v": ("v", 1, 1), "ma": ("a", 1e-3, 1e-3), "a": ("a", 1, 1),
    "w": ("w", 1, 1), "kw": ("w", 1e3, 1e3),
    "hz": ("hz", 1, 1), "khz": ("hz", 1e3, 1e3), "mhz": ("hz", 1e6, 1e6), "ghz": ("hz", 1e9, 1e9),
    "kb": ("b", 1e3, 1024), "mb": ("b", 1e6, 1024**2), "gb": ("b", 1e9, 1024**3), "tb": ("b", 1e12, 1024**4),
}  # fmt: skip
_CONVERTED = 0.06  # how far values in different units may be apart: "10 km" is "6 miles"
_ROUGH = 0.1  # and values of which one is said to be about so much
_MONEY = frozenset(CURRENCIES.values())
_EXACT_MONEY = 10_000  # prices below are not rounded

_BOUND_WORDS: tuple[tuple[Bound, str], ...] = (
    (
        "least",
        r"\bat least|\bno (?:less|fewer) than|\bminimum(?: of)?|\bmindestens|\bwenigstens|至少|不少于|不低于|最少",
    ),
    (
        "most",
        r"\bat most|\bup to|\bno more than|\bnot more than|\bmaximum(?: of)?|\bh[öo]chstens|\bmaximal|\bbis zu|"
        r"最多|不超过|至多|最高",
    ),
    ("over", r"\bover|\bmore than|\babove|\bafter|\bexceed(?:s|ing|ed)?|\büber|\bmehr als|\bnach|超过|多于|高于"),
    ("under", r"\bunder|\bless than|\bfewer than|\bbelow|\bbefore|\bunter|\bweniger als|\bvor|不到|少于|低于"),
    ("since", r"\bsince|\bfrom|\bas of|\bseit|\bab|自从?|从"),
    ("until", r"\buntil|\btill|\bby|\bthrough|\bbis"),
)
_BOUNDS = tuple(
    (bound, re.compile(rf"(?:{words})\s*(?:the year\s+|dem\s+|den\s+)?$", re.IGNORECASE))
    for bound, words in _BOUND_WORDS
)
_ABOUT = re.compile(
    r"(?:\babout|\baround|\bapprox(?:imately|\.)?|\broughly|\bnearly|\balmost|\bcirca|\bca?\.|\bsome|\bclose to|"
    r"\brund|\betwa|\bungefähr|\bknapp|\bfast|\bgut|[~≈]|大约|约|近|将近|接近|大概)\s*$",
    re.IGNORECASE,
)
_ABOUT_AFTER = re.compile(r"\s*(?:左右|上下|多|余|or so\b|\bplus\b|\+)", re.IGNORECASE)
_YEAR_AFTER = re.compile(
    r"\b(?:in|since|by|until|till|from|of|after|before|year|around|to|im|jahr|seit|bis|ab|von|vor|nach|um|am|"
    r"(?:" + "|".join(name for name in calendar.month_name if name) + r"))\s*$|[(,–-]\s*$",
    re.IGNORECASE,
)
_YEAR_BEFORE = re.compile(
    r"\s*(?:$|[.,;)]|[-–]\s?[12]\d{3}|(?:in|by|on|at|bei|von|durch|als|as|when|and|und)\b|\w*ge\w+(?:t|en)\b|"
    r"(?:eröffnet|erbaut|errichtet|veröffentlicht|fertiggestellt)\b)"
)
# A year that stands as an adjective ("a 2015 film"), and a number that is part of a name.
_ADJECTIVE_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_NUMBERED = re.compile(
    r"(?:(?<=\w\s)[A-Z][\w'’.-]*|\b(?:No|Nr|nos?|nr|part|section|chapter|volume|phase|level|step)\.?|[#/№])\s?$"
)
_SPAN = re.compile(r"\s*(?:[-–—~～]|\bto\b|\bbis\b|\band\b|\bund\b|\bor\b|\boder\b|到|至|和|或)\s*")
_VERSION = re.compile(r"v?\d+(?:\.\d+)+", re.IGNORECASE)
_VERSION_BEFORE = re.compile(
    r"(?:\bversion(?:sstand)?|\brelease|\bfirmware|\bv\.?|\bpython|\bjava|\bnode(?:\.js)?|版本?(?:为|是|号)?)\s*$",
    re.IGNORECASE,
)
_FIGURES = frozenset({"number", "ordinal", "date", "time"})


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure, ``text[start:end]`` of its sentence: something from ``low`` to ``high``.

    Numbers are in the unit ``said``; ``unit`` is the base unit it converts to. Dates are proleptic ordinals (kind
    "day": in a leap year, where no year is said), times minutes since midnight. A version is its ``parts``. A "label"
    tells things apart ("Volume 4", "the ninth season", "a 2015 film"), and is no value that two could dispute.
    ``rough`` says "about"; ``fine`` is the number of significant digits.
    """

    kind: ReadingKind
    text: str
    start: int
    end: int
    low: float = 0.0
    high: float = 0.0
    unit: str = ""
    said: str = ""
    bound: Bound = ""
    rough: bool = False
    fine: int = 0
    parts: tuple[str, ...] = ()


def readings(claim: Claim) -> list[Reading]:
    """The figures of a sentence in order; ranges are one, and equal ones ("24 months (2 years)") come once."""
    found: list[Reading] = []
    for fact in claim.facts:
        reading = _read(claim.text, fact)
        if reading is None:
            continue
        if found and (joined := _range(claim.text, found[-1], reading)):
            found[-1] = joined
        elif not any(agree(reading, other) for other in found):
            found.append(reading)
    return found


def agree(one: Reading, other: Reading) -> bool:
    """Whether both can be so of the same thing; False as well for what cannot be compared."""
    if not comparable(one, other):
        return False
    if one.kind == "version":
        shorter = min(len(one.parts), len(other.parts))
        return one.parts[:shorter] == other.parts[:shorter]
    if one.said != other.said:
        one, other = _converted(one), _converted(other)
    a, b = _open(one, other), _open(other, one)
    if a[0] <= b[1] and b[0] <= a[1]:
        return True
    return one.kind == "number" and _near(one, other)


def comparable(one: Reading, other: Reading) -> bool:
    """Whether two figures are of the same kind and in units that can be converted."""
    if {one.kind, other.kind} == {"date", "day"}:
        return False
    return one.kind == other.kind and one.unit == other.unit


def disagree(one: Reading, other: Reading) -> bool:
    """Whether two figures of the same thing cannot both be so."""
    return one.kind != "label" and comparable(one, other) and not agree(one, other)


def _open(one: Reading, other: Reading) -> tuple[float, float]:
    """The interval, without its end where a bound leaves it open; two equal bounds are compared as points."""
    low, high = one.low, one.high
    if one.bound == other.bound and one.bound not in {"over", "under"}:
        return low, high
    if one.bound in {"least", "over"}:
        high = math.inf
    elif one.bound in {"most", "under"}:
        low = -math.inf
    elif one.bound and other.bound:  # "since" one year and "until" another
        return -math.inf, math.inf
    return low, high


def _near(one: Reading, other: Reading) -> bool:
    a, b = (one.low + one.high) / 2, (other.low + other.high) / 2
    gap = abs(a - b) / max(abs(a), abs(b), 1e-12)
    if one.rough or other.rough:
        return gap <= _ROUGH
    if one.said != other.said:
        return gap <= _CONVERTED
    if one.unit in _MONEY and max(abs(a), abs(b)) < _EXACT_MONEY:
        return False
    coarse, exact = sorted((one, other), key=lambda r: r.fine)
    if coarse.fine == exact.fine or (max(abs(a), abs(b)) < 1000 and "." not in exact.text + coarse.text):
        return False
    if coarse.fine < 2 and abs(coarse.low) < 10_000:
        return False
    return math.isclose(_rounded(exact.low, coarse.fine), _rounded(coarse.low, coarse.fine), rel_tol=1e-9)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{max(digits, 1) - 1}e}")


def _read(text: str, fact: Fact) -> Reading | None:  # noqa: PLR0911 - a table of cases
    if fact.kind == "code":
        return _version(fact)
    if fact.kind not in _FIGURES or not (fact.firm or fact.unit):
        return None
    before, after = text[: fact.start], text[fact.end :]
    bound: Bound = next((name for name, words in _BOUNDS if words.search(before)), "")
    rough = bool(_ABOUT.search(before) or _ABOUT_AFTER.match(after))
    made = Reading("number", fact.text.strip(), fact.start, fact.end, bound=bound, rough=rough)
    if fact.kind == "date":
        return _date(made, fact)
    if fact.kind in {"time", "ordinal"} and isinstance(fact.value, int):
        kind: ReadingKind = "time" if fact.kind == "time" else "label"
        return replace(made, kind=kind, low=fact.value, high=fact.value)
    if not isinstance(fact.value, (Decimal, int)):
        return None
    value = Decimal(fact.value)
    if fact.unit == "decade":
        return replace(made, kind="date", low=_day(int(value)), high=_day(int(value) + 9, 12, 31))
    if _VERSION_BEFORE.search(before) and _VERSION.fullmatch(fact.text.strip()):
        return replace(made, kind="version", parts=tuple(re.findall(r"\d+", fact.text)))
    if _is_year(text, fact, value):
        year = int(value)
        return replace(made, kind="date", low=_day(year), high=_day(year, 12, 31))
    figure = float(value)
    if not fact.unit and (_ADJECTIVE_YEAR.fullmatch(fact.text.strip()) or _NUMBERED.search(before)):
        return replace(made, kind="label", low=figure, high=figure)
    unit = _BASE[fact.unit][0] if fact.unit in _BASE else fact.unit
    return replace(made, low=figure, high=figure, unit=unit, said=fact.unit, fine=_digits(fact, value))


def _converted(one: Reading) -> Reading:
    """In the base unit; a month is of 28 to 31 days."""
    _, least, most = _BASE.get(one.said, ("", 1, 1))
    ends = (one.low * least, one.low * most, one.high * least, one.high * most)
    return replace(one, low=min(ends), high=max(ends))


def _digits(fact: Fact, value: Decimal) -> int:
    """Significant digits; the noughts at the end of an integer are none."""
    written = re.search(r"\d[\d.,]*", fact.text)
    figures = re.sub(r"\D", "", written.group() if written else str(value)).lstrip("0")
    decimals = bool(written and re.search(r"[.,]\d{1,2}$", written.group()))
    return max(len(figures if decimals else figures.rstrip("0")), 1)


def _version(fact: Fact) -> Reading | None:
    said = fact.text.strip()
    if not _VERSION.fullmatch(said):
        return None
    return Reading("version", said, fact.start, fact.end, parts=tuple(re.findall(r"\d+", said)))


def _date(made: Reading, fact: Fact) -> Reading | None:
    year, month, day = cast("tuple[int | None, int | None, int | None]", fact.value)
    if (month is not None and not 1 <= month <= 12) or (month is None and day is not None):
        return None
    if year is None and (month is None or day is None):
        return None
    shown = year or 4  # a leap year
    last = month or 12
    try:
        low = _day(shown, month or 1, day or 1)
        high = _day(shown, last, day or calendar.monthrange(shown, last)[1])
    except ValueError:  # 31 February
        return None
    return replace(made, kind="date" if year else "day", low=low, high=high)


def _day(year: int, month: int = 1, day: int = 1) -> float:
    return float(datetime.date(year, month, day).toordinal())


def _is_year(text: str, fact: Fact, value: Decimal) -> bool:
    if fact.unit or not re.fullmatch(r"[12]\d{3}", fact.text.strip()) or not 1000 <= value <= 2100:
        return False
    return bool(_YEAR_AFTER.search(text[: fact.start]) or _YEAR_BEFORE.match(text[fact.end :]))


def _range(text: str, one: Reading, other: Reading) -> Reading | None:
    """Two figures joined by "to", "–" or "and" as one, from the first to the second."""
    if not _SPAN.fullmatch(text[one.end : other.start]) or one.kind != other.kind or one.kind == "version":
        return None
    if other.unit != one.unit:
        if one.said or not other.said:
            return None
        one = replace(one, unit=other.unit, said=other.said)
    low, high = min(one.low, other.low), max(one.high, other.high)
    return replace(one, text=text[one.start : other.end], end=other.end, low=low, high=high, bound="", rough=one.rough)


def unmatched(one: Sequence[Reading], other: Sequence[Reading]) -> list[Reading]:
    """The figures of one sentence with which none of the other's agrees."""
    return [reading for reading in one if not any(agree(reading, match) for match in other)]
