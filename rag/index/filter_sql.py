"""Filter -> an SQL condition on ``documents d`` with parameters only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from rag.errors import FilterError
from rag.index.catalogue import pack
from rag.index.filters import And, Compare, Filter, In, Key, Not, Or
from rag.index.store import kind_and_value
from rag.types import Scalar

Parameter: TypeAlias = bytes | str | int | float
Condition: TypeAlias = tuple[str, list[Parameter]]

MAX_VALUES = 30_000  # SQLite takes 32,766 parameters
MAX_DEPTH = 100  # of SQLite's 1,000, each "not" or "(" costing a few

_FALSE: Condition = ("0", [])


def compile_filter(part: Filter) -> Condition:
    """The condition and its parameters. Raises FilterError for a filter too large for SQLite."""
    sql, parameters = _compile(part, 0)
    if len(parameters) > MAX_VALUES:
        raise FilterError(f"the filter has {len(parameters)} values, more than {MAX_VALUES}")
    return sql, parameters


def _compile(part: Filter, depth: int) -> Condition:
    if depth > MAX_DEPTH:
        raise FilterError(f"the filter is nested more than {MAX_DEPTH} deep")
    match part:
        case And(parts):
            return _joined("AND", [_compile(each, depth + 1) for each in parts])
        case Or(parts):
            return _joined("OR", [_compile(each, depth + 1) for each in parts])
        case Not(inner):
            sql, parameters = _compile(inner, depth + 1)
            return f"(NOT {sql})", parameters
        case In(key, values):
            return _in(key, values)
        case Compare(key, order, value):
            return _compare(key, order, value)


def _joined(word: str, parts: Sequence[Condition]) -> Condition:
    """The parts as a balanced tree: SQLite limits how deep an expression may be, not how long."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    left, right = _joined(word, parts[:middle]), _joined(word, parts[middle:])
    return f"({left[0]} {word} {right[0]})", left[1] + right[1]


def _in(key: Key, values: Sequence[Scalar]) -> Condition:
    by_kind: dict[str, list[Parameter]] = {}
    for value in values:
        kind, stored = kind_and_value(value)
        by_kind.setdefault(kind, []).extend([] if stored is None else [stored])
    if key.builtin:
        strings = by_kind.get("s", [])
        return (f"(d.{key.name} IN ({_marks(strings)}))", strings) if strings else _FALSE
    parts = [_null(key) if kind == "0" else _holds(key, kind, f"IN ({_marks(v)})", v) for kind, v in by_kind.items()]
    return _joined("OR", parts) if parts else _FALSE


def _compare(key: Key, order: str, value: str | int | float) -> Condition:
    kind, stored = kind_and_value(value)
    if stored is None:
        raise AssertionError("null has no order")
    if key.builtin:
        return (f"(d.{key.name} {order} ?)", [stored]) if kind == "s" else _FALSE
    return _holds(key, kind, f"{order} ?", [stored])


def _holds(key: Key, kind: str, test: str, values: list[Parameter]) -> Condition:
    return (
        f"(d.number IN (SELECT document FROM metadata WHERE key = ? AND kind = ? AND value {test}))",  # noqa: S608
        [pack(key.name), kind, *values],
    )


def _null(key: Key) -> Condition:
    name = pack(key.name)
    return (
        "(d.number NOT IN (SELECT document FROM metadata WHERE key = ? AND kind <> '0'"
        " EXCEPT SELECT document FROM metadata WHERE key = ? AND kind = '0'))",
        [name, name],
    )


def _marks(values: Sequence[Parameter]) -> str:
    return ", ".join("?" * len(values))
