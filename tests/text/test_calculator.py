"""The calculator against Python's own rational arithmetic, and against those who would misuse it."""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ToolError
from rag.text.calculator import MAX_DEPTH, MAX_LENGTH, evaluate, operands, spelled_out

WHOLE = st.integers(0, 10**12)
DECIMAL = st.decimals(0, 10**6, places=4)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("15% of 80", 12),
        ("15% of 1,200 + sqrt(16)", 184),
        ("0.1 + 0.2", 0.3),
        ("7 / 2 * 2", 7),
        ("7 % 4", 3),
        ("-7 % 4", 1),
        ("-7 // 2", -4),
        ("12.5%", 0.125),
        ("50% of 50%", 0.25),
        ("10% + 5%", 0.15),
        ("20% * 80", 16),
        ("5 % (3)", 2),
        ("-2**2", -4),
        ("2**-2", 0.25),
        ("2 ^ 3 ^ 2", 512),
        ("4 ** 0.5", 2),
        ("1,234,567.5 * 2", 2_469_135),
        ("1_000 + 1", 1001),
        ("3 × 4 ÷ 2 − 1", 5),
        ("3 x 4", 12),
        ("((2 + 3)) * 4", 20),
        ("+ - + 3", -3),
        ("1.5e3", 1500),
        ("round(2.675, 2)", 2.68),
        ("round(2.5)", 2),
        ("round(1234, -2)", 1200),
        ("min(3, 1, 2) + max(3, 1, 2) + sum(1, 2, 3) + abs(-4)", 14),
        ("log(1000, 10)", 3),
        ("log(1/8, 2)", -3),
        ("SQRT(2.25)", 1.5),
        ("(-1) ** (10**9 + 1)", -1),
    ],
)
def test_values_worked_by_hand(expression: str, value: float):
    found = evaluate(expression)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("expression", "place", "says"),
    [
        ("", 1, "ends before"),
        ("1 +", 4, "ends before"),
        ("(1 + 2", 7, "closing parenthesis"),
        ("1 2", 3, "found '2'"),
        ("1,23", 2, "found ','"),
        ("2 & 3", 3, "no place"),
        ("1 / 0", 3, "division by zero"),
        ("1 // 0", 3, "division by zero"),
        ("5 % 0", 3, "division by zero"),
        ("0 ** -1", 3, "division by zero"),
        ("9**9**9", 2, "too large"),
        ("10 ** 400 / 7", 14, "too large"),
        ("1e9999", 1, "too large"),
        ("sqrt(-1)", 1, "no square root"),
        ("log(0)", 1, "logarithms"),
        ("log(5, 1)", 1, "logarithms"),
        ("(-8) ** (1/3)", 6, "negative"),
        ("100 + 10%", 5, "percentage of what"),
        ("10% - 3", 5, "percentage of what"),
        ("2 + min(1,200)", 9, "one number or several"),
        ("pow(2, 3)", 1, "'pow' is no function"),
        ("sqrt", 1, "'sqrt' is no function"),
        ("sqrt(1, 2)", 1, "does not take 2"),
        ("round(1, 0.5)", 1, "whole number"),
        ("__import__('os').system('true')", 12, "no place"),
        ("().__class__", 3, "no place"),
        ("[1][0]", 1, "no place"),
        ("1 if 1 else 2", 3, "found 'if'"),
        ("1;2", 2, "no place"),
        ("１ + 1", 1, "no place"),
    ],
)
def test_what_is_no_expression_is_an_error_that_names_the_place(expression: str, place: int, says: str):
    with pytest.raises(ToolError) as raised:
        evaluate(expression)
    assert f"character {place}:" in str(raised.value)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 200,
        "-" * 400 + "1",
        "2**" * 100 + "2",
        "(" * MAX_DEPTH + "1" + ")" * MAX_DEPTH,
        "1+" * (MAX_LENGTH // 2),
        "log(" + "9" * 200 + ", 1.0000001)",
        "round(1/3, 300) ** 13",
        "*".join(["9**999"] * 60),
        "1" * (MAX_LENGTH + 1),
    ],
)
def test_nothing_takes_long(expression: str):
    started = time.perf_counter()
    with contextlib.suppress(ToolError):
        evaluate(expression)
    assert time.perf_counter() - started < 1


def _written(tree: object) -> tuple[str, Fraction]:
    """An expression and its value by fractions.Fraction; every part in parentheses."""
    if isinstance(tree, tuple):
        sign, one, other = tree
        (left, a), (right, b) = _written(one), _written(other)
        value = {"+": a + b, "-": a - b, "*": a * b}.get(sign) if sign in "+-*" else None
        if value is None:
            if not b:
                return f"({left})", a
            value = a / b if sign == "/" else Fraction(a // b) if sign == "//" else a % b
        return f"({left}) {sign} ({right})", value
    return str(tree), Fraction(str(tree))


TREES = st.recursive(
    WHOLE | DECIMAL,
    lambda part: st.tuples(st.sampled_from(["+", "-", "*", "/", "//", "%"]), part, part),
    max_leaves=8,
)


@given(TREES)
def test_equals_rational_arithmetic(tree: object):
    expression, value = _written(tree)
    if len(expression) > MAX_LENGTH:
        return
    found = evaluate(expression)
    assert found == (value.numerator if value.denominator == 1 else float(value))


@given(st.lists(st.integers(1, 99), min_size=2, max_size=6), st.data())
def test_binds_as_python_does(numbers: list[int], data: st.DataObject):
    signs = [data.draw(st.sampled_from(["+", "-", "*", "//", "**"])) for _ in numbers[1:]]
    numbers = [min(n, 3) if i and signs[i - 1] == "**" else n for i, n in enumerate(numbers)]
    if any(one == other == "**" for one, other in itertools.pairwise(signs)):
        return
    expression = str(numbers[0]) + "".join(f" {s} {n}" for s, n in zip(signs, numbers[1:], strict=True))
    assert evaluate(expression) == eval(expression)


@given(DECIMAL, WHOLE)
def test_percent_is_a_hundredth_of(share, whole):
    exact = Fraction(str(share)) / 100 * whole
    assert evaluate(f"{share}% of {whole:,}") == (exact.numerator if exact.denominator == 1 else float(exact))


@given(st.floats(1e-6, 1e12, allow_nan=False))
def test_inexact_functions_are_the_double_s(number: float):
    assert evaluate(f"sqrt({number!r})") == pytest.approx(math.sqrt(number), rel=1e-15)
    assert evaluate(f"log({number!r})") == pytest.approx(math.log(number), rel=1e-12, abs=1e-12)


@given(st.text(max_size=60))
def test_any_text_has_a_value_or_is_refused(text: str):
    try:
        assert isinstance(evaluate(text), int | float)
    except ToolError as error:
        assert "calculator, character" in error.where


def test_operands_say_where_they_stand():
    expression = "15% of 1,200 + 3"
    found = operands(expression)
    assert [(o.text, o.value, o.percent) for o in found] == [("15", 15, True), ("1,200", 1200, False), ("3", 3, False)]
    assert all(expression[o.start : o.end] == o.text for o in found)


def test_what_has_no_value_has_no_operands_either():
    # exact as a fraction, and too large for a double
    for compute in (evaluate, operands):
        with pytest.raises(ToolError, match="not whole"):
            compute("10^400 / 3")
    assert spelled_out("What is 10^400 / 3?") == ""
