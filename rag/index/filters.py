r"""The ``where`` language: which documents a search may see.

::

    year >= 2020 and lang in ("de", "en") and not path = "drafts/old.md"

A key is a builtin (``uri``, ``title``, ``media_type``, ``language``) or a metadata key: a plain name,
dots and dashes allowed, or any text in quotes; a quoted key is always metadata. Values are strings in
single or double quotes (``\`` escapes as in JSON, and ``\'``), numbers, ``true``, ``false``, ``null``.

Every condition is true or false, never unknown:

- ``=`` holds if the value, or any element of a list, is equal. Types do not mix: ``"1"`` is not ``1``,
  nor is ``true``; whole and decimal numbers compare by value.
- ``<``, ``<=``, ``>``, ``>=`` compare numbers with numbers and strings with strings (by code points).
- ``key in (a, b)`` is ``key = a or key = b``.
- ``= null`` also holds where the document lacks the key. All else is false for a lacking key.
- ``!=`` and ``not in`` are ``not (… = …)`` and ``not (… in …)``, so they hold where the key is lacking.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag.errors import FilterError
from rag.types import Scalar

Builtin: TypeAlias = Literal["uri", "title", "media_type", "language"]
Order: TypeAlias = Literal["<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Key:
    """A metadata key, or a builtin."""

    name: str
    builtin: bool = False


@dataclass(frozen=True, slots=True)
class In:
    """``key`` has one of the values (``=`` is one value)."""

    key: Key
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """``key`` is above or below a number or a string."""

    key: Key
    order: Order
    value: str | int | float


@dataclass(frozen=True, slots=True)
class And:
    """All of the parts hold."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of the parts holds."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Filter


Filter: TypeAlias = In | Compare | And | Or | Not

MAX_LENGTH = 1_000_000


def parse(where: str) -> Filter:
    """Parse a filter. Raises FilterError that says where it stops making sense and what could stand there."""
    from rag.index.filter_grammar import parsed

    if len(where) > MAX_LENGTH:
        raise FilterError(f"the filter has {len(where)} characters, more than {MAX_LENGTH}")
    return parsed(where)


def metadata_keys(part: Filter) -> frozenset[str]:
    """The metadata keys that a filter looks at."""
    match part:
        case And(parts) | Or(parts):
            return frozenset().union(*map(metadata_keys, parts))
        case Not(inner):
            return metadata_keys(inner)
        case In(key) | Compare(key):
            return frozenset() if key.builtin else frozenset({key.name})


def narrowed(where: str | None, further: str | None) -> str | None:
    """Both filters at once. Raises FilterError where one is none by itself: ``further`` cannot undo ``where``.

    Each is parsed alone, because "a) or (b" is a filter only between the brackets that it breaks out of.
    """
    parts = [part for part in (where, further) if part is not None and part.strip()]
    for part in parts:
        parse(part)
    return " and ".join(f"({part})" for part in parts) if len(parts) > 1 else next(iter(parts), None)
