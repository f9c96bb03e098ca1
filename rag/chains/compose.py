"""Chains of plain functions: what one returns is what the next one takes, and each call is a step of the trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, ParamSpec, TypeVar, overload

from rag.tracing import step
from rag.types import Value

__all__ = ["compose"]

P = ParamSpec("P")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")


@overload
def compose(f: Callable[P, A], g: Callable[[A], B], /) -> Callable[P, B]: ...
@overload
def compose(f: Callable[P, A], g: Callable[[A], B], h: Callable[[B], C], /) -> Callable[P, C]: ...
@overload
def compose(f: Callable[P, A], g: Callable[[A], B], h: Callable[[B], C], i: Callable[[C], D], /) -> Callable[P, D]: ...
@overload
def compose(
    f: Callable[P, A], g: Callable[[A], B], h: Callable[[B], C], i: Callable[[C], D], j: Callable[[D], E], /
) -> Callable[P, E]: ...
@overload
def compose(
    f: Callable[P, A],
    g: Callable[[A], B],
    h: Callable[[B], C],
    i: Callable[[C], D],
    j: Callable[[D], E],
    k: Callable[[E], F],
    /,
) -> Callable[P, F]: ...
def compose(first: Callable[..., Any], /, *others: Callable[[Any], Any]) -> Callable[..., Any]:
    """A function that calls these one after the other: ``compose(f, g, h)(x) == h(g(f(x)))``.

    The first may take any arguments, the others take what the one before returns. Each call is a step, by the
    function's name; it notes what is a number or a short text, and of a collection how many it holds.
    """

    def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  the overloads have the types
        return reduce(lambda value, function: _call(function, value), others, _call(first, *args, **kwargs))

    run.__name__ = " | ".join(map(_name, (first, *others)))
    return run


def _call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
    with step(_name(function)) as taken:
        taken.inputs.update({f"argument {i}": _told(value) for i, value in enumerate(args, 1)})
        taken.inputs.update({name: _told(value) for name, value in kwargs.items()})
        result = function(*args, **kwargs)
        taken.note(result=_told(result))
    return result


def _name(function: Callable[..., Any]) -> str:
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


def _told(value: object) -> Value:
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Sequence):
        return f"{len(value)} × {type(value[0]).__name__}" if value else f"empty {type(value).__name__}"
    return type(value).__name__
