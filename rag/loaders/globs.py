"""Globs over posix paths, as one regular expression; ``glob.translate`` comes with Python 3.13 only."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.errors import LoadError

__all__ = ["compile_globs"]

_TOKEN = re.compile(
    r"(?P<folders>(?:^|(?<=/))\*\*/)|(?P<rest>\*\*)|(?P<star>\*)|(?P<one>\?)|\[(?P<set>!?+(?:\][^\]]*|[^\]]+))\]"
)


def compile_globs(globs: Sequence[str]) -> re.Pattern[str] | None:
    """A pattern to ``fullmatch`` a path relative to the root, or a name; None for no globs.

    ``*`` and ``?`` match within a name; ``**/`` any folders or none; ``**`` at the end everything below;
    ``[abc]``, ``[a-z]``, ``[!a-z]`` one character. A trailing slash is ignored, so ``build/`` is ``build``.
    LoadError for a range such as ``[z-a]``.
    """
    patterns = []
    for glob in globs:
        pattern = _translate(glob.removeprefix("./").rstrip("/"))
        try:
            re.compile(pattern)
        except re.error as error:
            raise LoadError(f"not a glob: {error.msg}", where=glob, hint="[a-z] is one character of a range") from error
        patterns.append(pattern)
    return re.compile("|".join(patterns), re.DOTALL) if patterns else None


def _translate(glob: str) -> str:
    parts: list[str] = []
    position = 0
    for match in _TOKEN.finditer(glob):
        parts.append(re.escape(glob[position : match.start()]))
        parts.append(_token(match))
        position = match.end()
    parts.append(re.escape(glob[position:]))
    return f"(?:{''.join(parts)})"


def _token(match: re.Match[str]) -> str:
    if match["folders"]:
        return "(?:[^/]+/)*"
    if match["rest"]:
        return ".*"
    if match["star"]:
        return "[^/]*"
    if match["one"]:
        return "[^/]"
    characters = match["set"]
    negated = characters.startswith("!")
    body = re.sub(r"([\\\[\]^&~|])", r"\\\1", characters.removeprefix("!")).replace("--", r"\-\-")
    return f"(?!/)[{'^' if negated else ''}{body}]"
