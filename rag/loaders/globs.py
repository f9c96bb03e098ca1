"""Globs over posix paths, as one regular expression; ``glob.translate`` comes with Python 3.13 only."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["compile_globs"]

_TOKEN = re.compile(
    r"(?P<folders>(?:^|(?<=/))\*\*/)|(?P<rest>\*\*)|(?P<star>\*)|(?P<one>\?)|\[(?P<set>!?\]?[^\]]*)\]"
)


def compile_globs(globs: Sequence[str]) -> re.Pattern[str] | None:
    """A pattern to ``fullmatch`` a path relative to the root, or a name; None for no globs.

    ``*`` and ``?`` match within a name; ``**/`` any folders or none; ``**`` at the end everything below;
    ``[abc]``, ``[a-z]``, ``[!a-z]`` one character. A trailing slash is ignored, so ``build/`` is ``build``.
    """
    if not globs:
        return None
    return re.compile("|".join(_translate(glob.removeprefix("./").rstrip("/")) for glob in globs), re.DOTALL)


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
    body = re.sub(r"([\\\[\]^&~|])", r"\\\1", characters.removeprefix("!"))
    return f"(?!/)[{'^' if negated else ''}{body}]"
