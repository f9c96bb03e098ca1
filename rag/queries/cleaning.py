"""What a model wrote -> queries worth searching for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["distinct", "tidied"]

_LABEL = re.compile(
    r"^(?:[-*•·]\s+|\(?\d{1,2}[.):、）]\s*(?=\D)"
    r"|(?:(?:search |sub-?)?(?:query|question)|answer|问题|查询)\s*\d*\s*[:：]\s*)+",
    re.IGNORECASE,
)
# prose of a few hundred characters has some 0.7
_LEAST_NEW = 0.4
_QUOTES = "\"'`“”‘’„«»「」『』"


def tidied(text: str) -> str:
    """The text on one line, without list marks, labels and quotation marks around it.

    "" if it says nothing, or the same again and again, as a small model does that has lost its way.
    """
    line = " ".join(text.split())
    line = _LABEL.sub("", line)
    if line[:1] in _QUOTES and line[-1:] in _QUOTES:
        line = line.strip(_QUOTES).strip()
    return line if _key(line) and not _repeats(line) else ""


def distinct(query: str, found: Iterable[str], *, but: Iterable[str] = (), most: int) -> list[str]:
    """The query as it is, and after it those found that say something else, at most ``most`` of them.

    Texts that differ in case, white space or punctuation alone are one. Those in ``but``, and what they begin with, are
    left out.
    """
    seen = {_key(query)}
    excluded = [_key(text) for text in but]
    kept: list[str] = []
    for text in map(tidied, found):
        key = _key(text)
        known = key in seen or any(other.startswith(key) for other in excluded)
        if key and not known and len(kept) < most:
            seen.add(key)
            kept.append(text)
    return [query, *kept]


def _repeats(text: str) -> bool:
    triples = [text[i : i + 3] for i in range(len(text) - 2)]
    return len(set(triples)) < _LEAST_NEW * len(triples)


def _key(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LMN")
