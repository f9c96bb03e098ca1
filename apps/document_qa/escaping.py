"""Text that is not ours, where Streamlit reads Markdown: labels, captions and messages."""

from __future__ import annotations

import re

# Addresses are made into links after escapes are read: a word joiner, which nobody sees, breaks them.
_LINK = re.compile(r"\\?[:@]|www", re.IGNORECASE)
_MARKS = frozenset("\\`*_{}[]()<>#+-.!|~$:&@/")


def plain(text: str) -> str:
    """As Markdown that shows the text as it is, on one line: no link, image, formula, icon or emphasis."""
    escaped = "".join(f"\\{each}" if each in _MARKS else each for each in " ".join(text.split()))
    return _LINK.sub("\\g<0>\u2060", escaped)
