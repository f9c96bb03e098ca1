"""The grammar of ``where``: text -> filter. A module of its own, so that lark is loaded only to parse one."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import cast, get_args

from lark import (
    Lark,
    Token,
    Transformer,
    UnexpectedCharacters,
    UnexpectedEOF,
    UnexpectedInput,
    UnexpectedToken,
    v_args,
)

from rag.errors import FilterError
from rag.index.filters import And, Builtin, Compare, Filter, In, Key, Not, Or, Order
from rag.types import Scalar

_GRAMMAR = r"""
start: any
?any: all ("or"i all)*         -> any
?all: one ("and"i one)*        -> all
?one: "not"i one               -> negate
    | "(" any ")"
    | key "=" value            -> equal
    | key "!=" value           -> unequal
    | key ORDER bound          -> compare
    | key "in"i list           -> among
    | key "not"i "in"i list    -> not_among
key: NAME -> name | STRING -> quoted
list: "(" value ("," value)* ","? ")"
?value: bound | "true"i -> true | "false"i -> false | "null"i -> null
?bound: STRING -> string | NUMBER -> number

ORDER: "<=" | ">=" | "<" | ">"
NAME: /(?!(and|or|not|in|true|false|null)(?![\w.-]))[^\W\d][\w.-]*/i
NUMBER: /[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?(?![\w.])/
STRING: /"([^"\\]|\\.)*"/s | /'([^'\\]|\\.)*'/s
%ignore /\s+/
"""

_NAMES = {
    "NAME": "a key", "STRING": "a quoted string", "NUMBER": "a number", "ORDER": "a comparison", "EQUAL": "=",
    "LPAR": "(", "RPAR": ")", "COMMA": ",", "$END": "the end", "__ANON_0": "!=",
}  # fmt: skip


@v_args(inline=True)
class _Build(Transformer[Token, Filter]):
    """Parse tree -> filter."""

    def start(self, part: Filter) -> Filter:
        return part

    def any(self, *parts: Filter) -> Filter:
        return parts[0] if len(parts) == 1 else Or(parts)

    def all(self, *parts: Filter) -> Filter:
        return parts[0] if len(parts) == 1 else And(parts)

    def negate(self, part: Filter) -> Filter:
        return Not(part)

    def equal(self, key: Key, value: Scalar) -> Filter:
        return In(key, (value,))

    def unequal(self, key: Key, value: Scalar) -> Filter:
        return Not(In(key, (value,)))

    def compare(self, key: Key, order: Token, value: str | int | float) -> Filter:
        return Compare(key, cast(Order, str(order)), value)

    def among(self, key: Key, values: tuple[Scalar, ...]) -> Filter:
        return In(key, values)

    def not_among(self, key: Key, values: tuple[Scalar, ...]) -> Filter:
        return Not(In(key, values))

    def name(self, token: Token) -> Key:
        return Key(str(token), builtin=str(token) in get_args(Builtin))

    def quoted(self, token: Token) -> Key:
        return Key(_unquote(token))

    def list(self, *values: Scalar) -> tuple[Scalar, ...]:
        return values

    def string(self, token: Token) -> str:
        return _unquote(token)

    def number(self, token: Token) -> int | float:
        return float(token) if set(token) & set(".eE") else int(token)

    def true(self) -> bool:
        return True

    def false(self) -> bool:
        return False

    def null(self) -> None:
        return None


def parsed(where: str) -> Filter:
    """The filter that a text means. Raises FilterError."""
    try:
        return cast(Filter, _parser().parse(where))
    except UnexpectedInput as error:
        raise _explained(where, error) from None
    except ValueError as error:
        raise FilterError(f"a value cannot be read: {error}", where=f"where {where[:80]!r}") from error


@cache
def _parser() -> Lark:
    # Transforming while parsing builds no tree, so that nesting costs no recursion.
    return Lark(_GRAMMAR, parser="lalr", transformer=_Build(), maybe_placeholders=False)


def _explained(where: str, error: UnexpectedInput) -> FilterError:
    place = error.pos_in_stream if error.pos_in_stream is not None and error.pos_in_stream >= 0 else len(where)
    expected: set[str] = set()
    found = "the end"
    if isinstance(error, UnexpectedToken):
        expected = set(error.accepts or error.expected)
        if error.token.type == "$END":
            place = len(where)
        else:
            found = repr(str(error.token))
    elif isinstance(error, UnexpectedCharacters):
        expected = set(error.allowed or ())
        found = repr(where[place : place + 12])
    elif isinstance(error, UnexpectedEOF):
        expected = set(error.expected)
        place = len(where)
    choices = sorted(_NAMES.get(name, name.lower()) for name in expected)
    return FilterError(
        f"found {found} at character {place + 1}, expected {' or '.join(choices) or 'nothing more'}",
        where=f"where {where[:80]!r}",
        hint="""for example: year >= 2020 and lang in ("de", "en")""",
    )


def _unquote(token: Token) -> str:
    text = str(token)
    body = text[1:-1]
    if text[0] == "'":
        body = _SINGLE.sub(lambda match: {"\\'": "'", '"': '\\"'}.get(match[0], match[0]), body)
    try:
        return cast(str, json.loads(f'"{body}"', strict=False))
    except json.JSONDecodeError as error:
        at = (token.start_pos or 0) + 1
        raise FilterError(
            f"the string at character {at} has a wrong escape",
            where=f"where {text[:80]!r}",
            hint="double a backslash",
        ) from error


_SINGLE = re.compile(r"\\.|\"", re.DOTALL)
