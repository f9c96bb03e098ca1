"""Nested values, as JSON and YAML give them -> flat metadata."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping

from rag.types import Scalar, Value

__all__ = ["clean", "flatten", "present"]

_SURROGATE = re.compile(r"[\ud800-\udfff]")


def clean(text: str) -> str:
    """``text`` with halves of surrogate pairs, which no file can store as UTF-8, shown as U+FFFD."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def present(**values: str | None) -> dict[str, Value]:
    """The values that are not blank, trimmed."""
    return {key: clean(value.strip()) for key, value in values.items() if value and value.strip()}


def flatten(values: Mapping[object, object], prefix: str = "") -> dict[str, Value]:
    """Scalars as they are, lists of scalars as tuples, nested mappings and other lists under dotted keys.

    Dates become ISO 8601. A number that is not finite becomes its name, since no filter can order it.
    """
    flat: dict[str, Value] = {}
    for name, value in values.items():
        key = prefix + clean(str(name))
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{key}.")
        elif isinstance(value, list):
            if any(isinstance(item, (Mapping, list)) for item in value):
                flat |= flatten(dict(enumerate(value)), f"{key}.")
            else:
                flat[key] = tuple(_scalar(item) for item in value)
        else:
            flat[key] = _scalar(value)
    return flat


def _scalar(value: object) -> Scalar:
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return clean(str(value))
