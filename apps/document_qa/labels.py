"""Labels that are told apart: what is chosen from a list is found by what it is called."""

from __future__ import annotations

from collections.abc import Container, Iterable


def unlike(name: str, taken: Container[str]) -> str:
    """The name, with a number where it is taken."""
    number = 1
    new = name
    while new in taken:
        number += 1
        new = f"{name} ({number})"
    return new


def told_apart(names: Iterable[str]) -> list[str]:
    """The names in their order, each with a number where it has come before."""
    found: dict[str, None] = {}
    for name in names:
        found[unlike(name, found)] = None
    return list(found)


def shortened(text: str, most: int) -> str:
    """The text, or where it has more than ``most`` characters its beginning, with an ellipsis."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
