"""What the interface says, in English and Chinese: words.toml holds both for every key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "zh": "中文"}

Say = Callable[..., str]
"""(key, **what stands in its braces) -> the words."""


@cache
def _words() -> dict[str, dict[str, str]]:
    sections = tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))
    return {f"{room}.{key}": words for room, keys in sections.items() for key, words in keys.items()}


def saying(language: str) -> Say:
    """The words of a language."""

    def say(key: str, **filled: object) -> str:
        return _words()[key][language].format(**filled)

    return say


def language_of(locale: str | None) -> str:
    """The interface's language for a browser's: Chinese for Chinese, English for all others."""
    return "zh" if (locale or "").lower().startswith("zh") else "en"
