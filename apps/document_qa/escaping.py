"""Text that is not ours, where Streamlit reads Markdown: labels, captions and messages."""

from __future__ import annotations

_MARKS = frozenset("\\`*_{}[]()<>#+-.!|~$:&@/")


def plain(text: str) -> str:
    """As Markdown that shows the text as it is, on one line: no link, image, formula, icon or emphasis."""
    return "".join(f"\\{each}" if each in _MARKS else each for each in " ".join(text.split()))
