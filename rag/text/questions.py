"""What a question asks: its clauses, the words it asks with, and the kind of thing that answers it."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

__all__ = ["Expected", "clauses", "expected", "fits_years", "has_unit", "without_asking"]

Expected: TypeAlias = Literal["", "name", "date", "number", "money", "extent"]

_ASKS: tuple[tuple[Expected, re.Pattern[str]], ...] = (
    (
        "date",
        re.compile(
            r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|decade|century)\b"
            r"|\bwann\b|\bwelche[ms]? (?:jahr|tag|datum|monat)\b"
            r"|\bquand\b|\bquelle (?:année|date)\b|\bcuándo\b|\bqué (?:año|fecha|día)\b"
            r"|什么时候|何时|哪一?[年天日月]|几[月号点]|いつ",
            re.IGNORECASE,
        ),
    ),
    (
        "money",
        re.compile(
            r"\bwhat (?:do|does|did|will|would)\b.*\bcost\b|\bhow much\b.*\bcost\b"
            r"|\bwhat (?:is|was|are|were) the (?:\w+ )?(?:price|cost)s?\b|\bwas kostet\b|\bwie teuer\b"
            r"|多少钱|价格是多少",
            re.IGNORECASE,
        ),
    ),
    ("extent", re.compile(r"\bhow long\b|\bwie lang\w*\b|多久|多长", re.IGNORECASE)),
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|long|old|far|tall|high|heavy|big|large)\b"
            r"|\bwhat (?:percent|percentage|number|price)\b"
            r"|\bwie (?:viele?|lange?|alt|hoch|weit|schwer|groß)\b|\bcombien\b|\bcuánt[oa]s?\b"
            r"|多少|几[个次名人年天场种位]|多[长久大高远重]|いくつ|いくら|何[人年日回個]",
            re.IGNORECASE,
        ),
    ),
    ("name", re.compile(r"\bwho(?:m|se)?\b|\bwe[rmn]\b|\bqui\b|\bquién(?:es)?\b", re.IGNORECASE)),
)
_UNITS: dict[Expected, re.Pattern[str]] = {
    "money": re.compile(
        r"[$€£¥₹]|\b(?:EUR|USD|GBP|CHF|CNY|RMB|NOK|euros?|dollars?|pounds?|cents?|yuan|yen|francs?|kron\w+|price\w*|"
        r"preis\w*|free of charge)\b|[元价]",
        re.IGNORECASE,
    ),
    "extent": re.compile(
        r"(?:second|minute|hour|day|week|month|year|decade|centur|metre|meter|mile|inch|sekunde|stunde|tage?|woche|monat|jahr)"
        r"[a-z]*\b|\b(?:km|cm|mm|m|ft|feet|foot|yards?)\b|[秒分时天日周月年米里]|(?:1\d|20)\d\d",
        re.IGNORECASE,
    ),
}
_YEAR = re.compile(r"(?<!\d)(?:1\d|20)\d\d(?!\d)")
# A year that bounds the time asked about is not said by what answers.
_BEFORE = re.compile(
    r"\b(?:before|prior to|vor|avant)\s+(?:the year\s+)?((?:1\d|20)\d\d)(?!\d)|((?:1\d|20)\d\d)年?(?:以|之)?前", re.I
)
_AFTER = re.compile(
    r"\b(?:after|nach|après)\s+(?:the year\s+)?((?:1\d|20)\d\d)(?!\d)|((?:1\d|20)\d\d)年?(?:以|之)?后", re.I
)
_ASKING = re.compile(
    r"\b(?:how (?:many|much|long|old|far|tall|high|heavy|big|large|often|soon)|(?:what|which) (?:kind|type|sort)s? of|"
    r"wie (?:viele?|lange?|alt|hoch|teuer|weit|schwer|groß|oft)|what (?:is|are|was|were) the (?:names?|title) of)\b|"
    r"什么时候|什么样|什么|哪[一些个里儿]?|谁|多少|几|为什么|怎么样?|如何|何时|何地|吗|呢|是否|请问|是谁|"
    r"いつ|どこ|だれ|誰|なに|何",
    re.IGNORECASE,
)
_WH = (
    r"(?:who(?:m|se)?|when|where|why|which|what|how (?:many|much|long|old|far|often|tall|high|heavy|big|large|do|does|"
    r"did|is|are|was|were|can)|wann|wer|wo|warum|wie|was|welche[rmns]?|quand|qui|où|combien|cuándo|quién|dónde|cuánt[oa]s?)"
)
# A wh-word after a preposition ("in which") or without a comma or "and" begins a relative clause.
_JOINT = re.compile(
    rf"(?:,\s*)?\b(?:and|und|et|y)\s+(?={_WH}\b)|[?？]\s*(?=\S)|[，,；;]\s*(?=[^，,；;]*(?:多少|多久|几|谁|什么|哪|吗))",
    re.I,
)
_PRONOUN = re.compile(
    r"\b(?:it|its|they|their|them|he|his|him|she|her|this|these|those|that|er|sie|es|ihr|sein\w*)\b|[\u4e00-\u9fff]",
    re.I,
)
_ASKS_AT_ALL = re.compile(rf"\b{_WH}\b|多少|多久|几|谁|什么|哪|吗|何", re.IGNORECASE)
# "When and where was he born" is one question.
_ASKS_MORE = re.compile(r"\S+\s+\S+\s+\S|[\u3040-\u9fff]{3}")
_NAMING = re.compile(r"(?<![A-Za-z\d])(?=[A-Za-z]*[A-Z\d])[A-Za-z\d][A-Za-zÀ-ÿ\d./-]*")
_BEGINS = re.compile(rf"\W*(?:\w+\s+)?{_WH}\b|.*[\u3040-\u9fff]", re.IGNORECASE)


def clauses(question: str) -> list[str]:
    """The questions that a compound question is made of, or the question alone.

    It is cut at "and" before a question word, at an inner question mark, and in Chinese at a comma
    before a part that asks; every part must ask. A part that says "it", and in Chinese any, is given the
    names, codes and numbers of the first, which it is about.
    """
    parts: list[str] = []
    start = 0
    for joint in [*_JOINT.finditer(question), None]:
        part = question[start : joint.start() if joint else len(question)].strip(" \t\n,，;；?？")
        if part:
            parts.append(part)
        start = joint.end() if joint else start
    if len(parts) < 2 or not all(map(_asks, parts)):
        return [question]
    named = " ".join(word for word in _NAMING.findall(parts[0]) if not _ASKS_AT_ALL.fullmatch(word))
    about = [f"{part} {named}" if named and _PRONOUN.search(part) else part for part in parts[1:]]
    return [f"{part}?" for part in (parts[0], *about)]


def _asks(part: str) -> bool:
    begins = _BEGINS.match(part)
    return bool(begins and _ASKS_AT_ALL.search(part) and _ASKS_MORE.search(part))


def expected(question: str) -> Expected:
    """What kind of answer a simple wh-question wants; "" where it does not say."""
    return next((kind for kind, pattern in _ASKS if pattern.search(question)), "")


def has_unit(kind: Expected, text: str) -> bool:
    """Whether a text that holds a figure may hold the price or the extent asked for; true of the other kinds."""
    pattern = _UNITS.get(kind)
    return pattern is None or bool(pattern.search(text))


def without_asking(question: str) -> str:
    """The question without the words it asks with, which are not what it asks about."""
    return _ASKING.sub(" ", _AFTER.sub(" ", _BEFORE.sub(" ", question)))


def fits_years(question: str, text: str) -> bool:
    """False where a text names years and none of them is one that the question asks about."""
    said = {int(year) for year in _YEAR.findall(text)}
    if not said:
        return True
    if before := _BEFORE.search(question):
        return min(said) < int(before[1] or before[2])
    if after := _AFTER.search(question):
        return max(said) > int(after[1] or after[2])
    asked = {int(year) for year in _YEAR.findall(question)}
    return not asked or bool(asked & said)
