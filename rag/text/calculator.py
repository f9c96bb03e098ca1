"""Arithmetic from text, exactly and in bounded time.

>>> evaluate("15% of 1,200 + sqrt(16)")
184

The grammar, tightest last; ``x`` and ``of`` are read as ``*``, and ``^`` as ``**``::

    sum     = product {("+" | "-") product}
    product = sign {("*" | "/" | "//" | "%") sign}
    sign    = {"+" | "-"} power
    power   = percent ["**" sign]
    percent = atom ["%"]                     where no value follows; else "%" is the remainder
    atom    = number | name "(" sum {"," sum} ")" | "(" sum ")"

Numbers are rational throughout, so that 0.1 + 0.2 is 0.3; what has no exact value (most roots, logarithms) goes on as
the nearest double. Nothing is ever run but the functions listed in FUNCTIONS. What can be read in two ways is an
error, since a guess would mislead: ``100 + 10%``, ``min(1,200)``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from rag.errors import ToolError

__all__ = ["FUNCTIONS", "Operand", "evaluate", "operands", "spelled_out"]

MAX_LENGTH = 500  # characters
MAX_DEPTH = 40
MAX_BITS = 4096  # of a numerator or denominator: some 1,200 digits
MAX_PLACES = 300

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+(?:_\d+)*)(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[^\W\d]\w*)|(?P<mark>\*\*|//|[-+*/%^(),]))",
    re.ASCII,
)
_GROUPED = re.compile(r"(\d{1,3})((?:,\d{3})+)(?![\d,])")
_EXPRESSION = re.compile(r"[\d(](?:[\d\s.,%()+*/×÷^−-]|\b(?:of|x)\b)*[\d)%]", re.IGNORECASE)
# a hyphen or a slash without blanks is a range, a date or a code as likely
_SIGN = re.compile(r"[+*×÷^]|\b(?:of|x)\b|\s[-−/]\s", re.IGNORECASE)
_SAME = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "\u00a0": " ", "\u202f": " ", "％": "%"})


@dataclass(frozen=True, slots=True)
class Operand:
    """A number as it stands in an expression, ``expression[start:end] == text``."""

    text: str
    start: int
    end: int
    value: Fraction
    percent: bool = False


def evaluate(expression: str) -> int | float:
    """The value: an int where it is whole, else the double nearest to it.

    Halves are rounded by ``round`` to the even digit, as Python does. Raises ToolError, which names the character, for
    what is no such expression, has no value (1 / 0, sqrt(-1)) or is too large (9**9**9).
    """
    return _plain(_Parser(expression).whole(), len(expression))


def operands(expression: str) -> tuple[Operand, ...]:
    """The numbers that an expression is made of, in order. Raises ToolError as ``evaluate`` does."""
    parser = _Parser(expression)
    _plain(parser.whole(), len(expression))
    return tuple(parser.operands)


def spelled_out(text: str) -> str:
    """The arithmetic that a text spells out ("15% of 80"), "" if none."""
    for match in _EXPRESSION.finditer(text):
        expression = match.group()
        if _SIGN.search(expression):
            try:
                if len(operands(expression)) > 1:
                    return expression
            except ToolError:
                continue  # a telephone number, say: no expression, so there is nothing to calculate
    return ""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Value:
    """A value, and whether it was written as a percentage and nothing else."""

    number: Fraction
    percent: bool = False


class _Parser:
    """Evaluates while it reads; where a value gets too large it stops there."""

    def __init__(self, expression: str) -> None:
        if len(expression) > MAX_LENGTH:
            raise _error(f"the expression has {len(expression)} characters, more than {MAX_LENGTH}", MAX_LENGTH)
        self.operands: list[Operand] = []
        self._tokens = _tokens(expression)
        self._at = 0
        self._depth = 0

    def whole(self) -> Fraction:
        value = self._sum()
        if self._next.kind != "end":
            raise _unexpected(self._next)
        return value.number

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *texts: str) -> _Token | None:
        token = self._next
        if token.kind in {"mark", "name"} and token.text in texts:
            self._at += 1
            return token
        return None

    def _sum(self) -> _Value:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _error(f"nested more than {MAX_DEPTH} deep", self._next.start)
        left = self._product()
        while sign := self._take("+", "-"):
            right = self._product()
            if right.percent != left.percent:
                raise _error("a percentage of what?", sign.start, 'write "200 + 10% of 200", say')
            number = left.number + right.number if sign.text == "+" else left.number - right.number
            left = _Value(_bounded(number, sign.start), left.percent and right.percent)
        self._depth -= 1
        return left

    def _product(self) -> _Value:
        left = self._signed()
        while sign := self._take(*_PRODUCTS):
            right = self._signed().number
            if sign.text in {"/", "//", "%"} and not right:
                raise _error("division by zero", sign.start)
            left = _Value(_bounded(_PRODUCTS[sign.text](left.number, right), sign.start))
        return left

    def _signed(self) -> _Value:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign.text == "-"
        value = self._power()
        return _Value(-value.number, value.percent) if negative else value

    def _power(self) -> _Value:
        base = self._percent()
        sign = self._take("**", "^")
        if sign is None:
            return base
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _error(f"nested more than {MAX_DEPTH} deep", sign.start)
        exponent = self._signed().number
        self._depth -= 1
        return _Value(_power(base.number, exponent, sign.start))

    def _percent(self) -> _Value:
        number = self._next.kind == "number"
        value = self._atom()
        if self._next.text == "%" and not self._starts_value(self._at + 1):
            self._at += 1
            if number:
                last = self.operands[-1]
                self.operands[-1] = Operand(last.text, last.start, last.end, last.value, percent=True)
            return _Value(value / 100, percent=True)
        return _Value(value)

    def _starts_value(self, at: int) -> bool:
        token = self._tokens[at]
        return token.kind == "number" or token.text == "(" or (token.kind == "name" and token.text not in _PRODUCTS)

    def _atom(self) -> Fraction:
        token = self._next
        self._at += token.kind != "end"
        if token.kind == "number":
            value = _bounded(_read(token), token.start)
            self.operands.append(Operand(token.text, token.start, token.end, value))
            return value
        if token.text == "(":
            value = self._sum().number
            self._close()
            return value
        if token.kind == "name":
            return self._call(token)
        raise _unexpected(token)

    def _call(self, name: _Token) -> Fraction:
        function = FUNCTIONS.get(name.text)
        if function is None or not self._take("("):
            known = ", ".join(sorted(FUNCTIONS))
            raise _error(f"{name.text!r} is no function or number", name.start, f"there are {known}")
        arguments = [self._sum().number]
        while self._take(","):
            arguments.append(self._sum().number)
        self._close()
        try:
            return _bounded(function(*arguments), name.start)
        except TypeError as error:
            raise _error(f"{name.text} does not take {len(arguments)} numbers", name.start) from error
        except (ValueError, ArithmeticError) as error:
            raise _error(f"{name.text} has no value there: {error}", name.start) from error

    def _close(self) -> None:
        if not self._take(")"):
            raise _unexpected(self._next, "a closing parenthesis")


def _tokens(expression: str) -> list[_Token]:
    text = expression.translate(_SAME)
    found: list[_Token] = []
    calls: list[bool] = []  # of each open parenthesis, whether it holds a function's arguments
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise _error(f"found {text[at]!r}, which has no place in an expression", at)
        kind = str(match.lastgroup)
        start, end = match.span(kind)
        token = _Token(kind, match[kind].lower(), start, end)
        if token.text == "(":
            calls.append(bool(found) and found[-1].kind == "name" and found[-1].text not in _PRODUCTS)
        elif token.text == ")" and calls:
            calls.pop()
        elif kind == "number" and "," in token.text and any(calls):
            raise _error(
                f"{token.text} may be one number or several",
                start,
                "among a function's arguments, write a space after a comma that parts them and none within a number",
            )
        found.append(token)
        at = end
    return [*found, _Token("end", "", len(text), len(text))]


def _read(token: _Token) -> Fraction:
    mantissa, _, exponent = token.text.replace(",", "").replace("_", "").partition("e")
    if abs(int(exponent or 0)) > MAX_BITS:
        raise _error("too large", token.start)
    return Fraction(mantissa) * Fraction(10) ** int(exponent or 0)


def _bounded(number: Fraction, at: int) -> Fraction:
    if max(number.numerator.bit_length(), number.denominator.bit_length()) > MAX_BITS:
        raise _error(f"a value of more than {MAX_BITS} bits", at, "use smaller numbers")
    return number


def _power(base: Fraction, exponent: Fraction, at: int) -> Fraction:
    if not base and exponent < 0:
        raise _error("division by zero", at)
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    # a number of n bits is at least 2**(n - 1), so its power has more than (n - 1) * exponent bits
    if (size - 1) * abs(exponent) > MAX_BITS:
        raise _error("the power is too large", at, "use smaller numbers")
    if exponent.denominator == 1:
        return _bounded(base**exponent.numerator, at) if abs(base) != 1 else base ** (exponent.numerator % 2)
    if base < 0:
        raise _error("a broken power of a negative number", at)
    if exponent.denominator == 2 and (root := _exact_root(base)) is not None:
        return _bounded(root**exponent.numerator, at)
    return _float(lambda: math.pow(base, exponent), at)


def _float(compute: Callable[[], float], at: int) -> Fraction:
    try:
        return Fraction(compute())
    except (ValueError, OverflowError) as error:
        raise _error("too large for a value that is not exact", at) from error


def _exact_root(number: Fraction) -> Fraction | None:
    above, below = math.isqrt(number.numerator), math.isqrt(number.denominator)
    root = Fraction(above, below)
    return root if root * root == number else None


def _sqrt(number: Fraction) -> Fraction:
    if number < 0:
        raise ValueError("a negative number has no square root")
    root = _exact_root(number)
    return Fraction(math.sqrt(number)) if root is None else root


def _log(number: Fraction, base: Fraction | None = None) -> Fraction:
    """The natural logarithm, or that to a base; whole where it is."""
    if number <= 0 or (base is not None and (base <= 0 or base == 1)):
        raise ValueError("logarithms are of positive numbers, to a positive base other than 1")
    natural = math.log(number.numerator) - math.log(number.denominator)
    if base is None:
        return Fraction(natural)
    value = natural / (math.log(base.numerator) - math.log(base.denominator))
    whole = round(value)
    # a power that is much larger than the number need not be computed
    fits = (max(base.numerator, base.denominator).bit_length() - 1) * abs(whole) <= MAX_BITS
    return Fraction(whole) if fits and base**whole == number else Fraction(value)


def _round(number: Fraction, places: Fraction = Fraction(0)) -> Fraction:
    if places.denominator != 1 or abs(places) > MAX_PLACES:
        raise ValueError(f"places are a whole number up to {MAX_PLACES}")
    return Fraction(round(number, places.numerator))


_PRODUCTS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "*": lambda a, b: a * b,
    "of": lambda a, b: a * b,
    "x": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: Fraction(a // b),
    "%": lambda a, b: a % b,
}

FUNCTIONS: dict[str, Callable[..., Fraction]] = {
    "abs": lambda number: Fraction(abs(number)),
    "log": _log,
    "max": lambda *numbers: max(numbers),
    "min": lambda *numbers: min(numbers),
    "round": _round,
    "sqrt": _sqrt,
    "sum": lambda *numbers: sum(numbers, Fraction(0)),
}


def _plain(value: Fraction, at: int) -> int | float:
    if value.denominator == 1:
        return value.numerator
    try:
        return float(value)
    except OverflowError as error:
        raise _error("too large for a value that is not whole", at) from error


def _unexpected(token: _Token, wanted: str = "a number or a parenthesis") -> ToolError:
    return _error(f"found {token.text!r}, expected {wanted}" if token.text else f"it ends before {wanted}", token.start)


def _error(message: str, at: int, hint: str = "") -> ToolError:
    return ToolError(message, where=f"calculator, character {at + 1}", hint=hint)
