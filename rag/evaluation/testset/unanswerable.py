"""Questions that look answerable and are not: one name, code or year of a good question swapped for another.

The result asks of another thing, or another year, what the documents say of the first alone. ``Evidence.answers`` must
find no passage that may answer it; what is swapped and for what is kept with the question.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag.evaluation.testset.source import answer_kind
from rag.grounding import Fact, read_facts

Swapped: TypeAlias = Literal["code", "name", "year"]

_ASKING = re.compile(
    r"(?:when|who|whom|what|which|how|in|by|since|until|from|for|within|where|at|after|on)", re.IGNORECASE
)
_BEFORE = re.compile(r"(\w+)\s+(?:the\s+)?$")
# A swapped adjective makes no sense ("the Polish maker"), and a place is swapped for what stands in a place's stead.
_ADJECTIVE = re.compile(r"\w+(?:ish|ese|[ei]an)|French|Dutch|Greek|German|Czech|Swiss|Norman|Western|Eastern")
_PLACES = frozenset({"in", "at", "of", "to", "from", "near", "on", "by", "with", "for", "between", "against"})
_ORDER: tuple[Swapped, ...] = ("code", "name", "year")


@dataclass(frozen=True, slots=True)
class Swap:
    """A question with ``old`` replaced by ``new``."""

    question: str
    kind: Swapped
    old: str
    new: str


class Pool:
    """Names and codes that the documents hold, to swap for; names by the word they stand after ("in Shanghai")."""

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        """Read (sentence, language) pairs."""
        codes: dict[str, None] = {}
        names: dict[tuple[str, int], dict[str, None]] = {}
        for text, language in texts:
            for fact in read_facts(text, language):
                if _kind(fact) == "code":
                    codes[fact.text] = None
                elif _kind(fact) == "name" and answer_kind(text, fact) and (place := _place(text, fact)):
                    names.setdefault(place, {})[fact.text] = None
        self._codes = sorted(codes)
        self._names = {place: sorted(found) for place, found in names.items()}

    def swaps(self, question: str, language: str, seed: str, avoid: str) -> list[Swap]:
        """Swaps to try, the best first; nothing that ``avoid``, the passage it was made from, holds is swapped in."""
        chance = random.Random(seed)  # noqa: S311 - a sample, not a secret
        found: dict[Swapped, list[Swap]] = {kind: [] for kind in _ORDER}
        for fact in read_facts(question, language):
            kind = _kind(fact)
            if kind is None:
                continue
            for new in self._others(kind, fact, question, chance):
                if new.casefold() not in avoid.casefold():
                    asked = question[: fact.start] + new + question[fact.end :]
                    found[kind].append(Swap(asked, kind, fact.text, new))
        return [swap for kind in _ORDER for swap in found[kind]]

    def _others(self, kind: Swapped, fact: Fact, question: str, chance: random.Random) -> list[str]:
        if kind == "year":
            year = int(fact.text)
            return [str(year + step) for step in chance.sample([-7, -4, -3, -2, 2, 3, 4, 7], 3)]
        if kind == "code":
            head = re.match(r"[A-Za-z]*", fact.text)
            same = [code for code in self._codes if code != fact.text and head and head[0] and code.startswith(head[0])]
            return [*chance.sample(same, min(2, len(same))), _altered(fact.text, chance)]
        place = _place(question, fact) if answer_kind(question, fact) else None
        others = [name for name in self._names.get(place, []) if not _shares(name, fact.text)] if place else []
        return chance.sample(others, min(3, len(others)))


def _kind(fact: Fact) -> Swapped | None:
    if any(c.isdigit() for c in fact.text) and fact.kind in {"code", "name"} and " " not in fact.text:
        return "code"
    if fact.kind == "name" and not (_ASKING.fullmatch(fact.text) or _ADJECTIVE.fullmatch(fact.text)):
        return "name"
    return "year" if fact.kind in {"number", "date"} and re.fullmatch(r"1[5-9]\d\d|20\d\d", fact.text) else None


def _place(text: str, fact: Fact) -> tuple[str, int] | None:
    before = _BEFORE.search(text[: fact.start])
    return (before[1].casefold(), len(fact.text.split())) if before and before[1] in _PLACES else None


def _shares(one: str, other: str) -> bool:
    return bool(set(one.casefold().split()) & set(other.casefold().split()))


def _altered(code: str, chance: random.Random) -> str:
    """The code with one digit changed."""
    places = [i for i, c in enumerate(code) if c.isdigit()]
    place = chance.choice(places)
    digit = chance.choice([c for c in "123456789" if c != code[place]])
    return code[:place] + digit + code[place + 1 :]
