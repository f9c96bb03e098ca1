"""Which of two documents to believe, by the user's rule: the newer one, one from a trusted source, or neither."""

from __future__ import annotations

import calendar
import datetime
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast
from urllib.parse import unquote_to_bytes

from rag.errors import RecipeError
from rag.grounding.facts import read_facts
from rag.types import Hit, Value

PreferenceRule: TypeAlias = Literal["none", "newest", "trusted"]
MODIFIED = "modified"
_ISO = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:[T ].*)?")


@dataclass(frozen=True, slots=True)
class Preference:
    """``newest`` compares the dates under ``date_key`` of the metadata; ``trusted`` looks for labels, "key=value".

    ``date_key`` "modified", where the metadata hold no such key, is the time at which the document's file was last
    changed, if it lies on this machine. Of several labels the first is trusted most.
    """

    rule: PreferenceRule = "none"
    date_key: str = "date"
    trusted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for label in self.trusted:
            key, equals, _ = label.partition("=")
            if not (equals and key.strip()):
                raise RecipeError(
                    f"the label {label!r} is not key=value",
                    where="grounding.trusted",
                    hint='write it like "source=handbook"',
                )
        if self.rule == "trusted" and not self.trusted:
            raise RecipeError(
                "there is no trusted label", where="grounding.trusted", hint='list some, like ["source=handbook"]'
            )

    def choose(self, first: Hit, second: Hit) -> tuple[int | None, str]:
        """0 or 1 for the document to believe and why; None and "" where the rule does not decide."""
        if self.rule == "newest":
            return self._newest(first, second)
        if self.rule == "trusted":
            return self._trusted(first, second)
        return None, ""

    def _newest(self, first: Hit, second: Hit) -> tuple[int | None, str]:
        a, b = date_of(first, self.date_key), date_of(second, self.date_key)
        if a is None or b is None or (a[0] <= b[1] and b[0] <= a[1]):  # "2024" may be before or after "2024-03"
            return None, ""
        newer = 0 if a[0] > b[1] else 1
        one, other = (_shown(a), _shown(b)) if newer == 0 else (_shown(b), _shown(a))
        return newer, f"{self.date_key} {one}, not {other}"

    def _trusted(self, first: Hit, second: Hit) -> tuple[int | None, str]:
        a, b = self._rank(first), self._rank(second)
        if a == b:
            return None, ""
        best = min(a, b)
        return (0 if a < b else 1), self.trusted[best]

    def _rank(self, hit: Hit) -> int:
        for rank, label in enumerate(self.trusted):
            key, _, value = label.partition("=")
            if value.strip() in _values(hit.metadata.get(key.strip())):
                return rank
        return len(self.trusted)


def date_of(hit: Hit, key: str) -> tuple[datetime.datetime, datetime.datetime] | None:
    """The first and last moment of the date that a hit's metadata hold under ``key``; None where there is none."""
    value = hit.metadata.get(key)
    if value is None and key == MODIFIED:
        return _modified(hit.chunk.uri)
    if isinstance(value, bool) or value is None or isinstance(value, tuple):
        return None
    text = str(value).strip()
    if iso := _ISO.fullmatch(text):
        year, month, day = int(iso[1]), iso[2], iso[3]
        if day and len(text) > 10:
            return _moment(text)
        return _days(year, int(month) if month else None, int(day) if day else None)
    dates = [fact.value for fact in read_facts(text) if fact.kind == "date"]
    if len(dates) != 1:
        return None
    said = cast("tuple[int | None, int | None, int | None]", dates[0])
    return _days(said[0], said[1], said[2]) if said[0] else None


def _moment(text: str) -> tuple[datetime.datetime, datetime.datetime] | None:
    try:
        at = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=datetime.UTC)
    return at, at


def _days(year: int, month: int | None, day: int | None) -> tuple[datetime.datetime, datetime.datetime] | None:
    try:
        first = datetime.datetime(year, month or 1, day or 1, tzinfo=datetime.UTC)
        last_day = day or calendar.monthrange(year, month or 12)[1]
        last = datetime.datetime(year, month or 12, last_day, 23, 59, 59, 999999, tzinfo=datetime.UTC)
    except ValueError:  # no such day, or a month written either way round
        return None
    return first, last


def _modified(uri: str) -> tuple[datetime.datetime, datetime.datetime] | None:
    if not uri.startswith("file://"):
        return None
    path = uri.removeprefix("file://").partition("#")[0]
    try:
        seconds = Path(os.fsdecode(unquote_to_bytes(path))).stat().st_mtime
    except (OSError, ValueError):  # moved or removed since it was indexed, or no path at all: its age is not known
        return None
    at = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return at, at


def _shown(span: tuple[datetime.datetime, datetime.datetime]) -> str:
    first, last = span
    if first == last:
        return first.strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")
    if first.date() == last.date():
        return first.strftime("%Y-%m-%d")
    return first.strftime("%Y-%m" if first.month == last.month else "%Y")


def _values(value: Value) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else () if value is None else (str(value),)
