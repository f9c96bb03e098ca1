"""Characters that no reader sees but a model reads, or that make a reader see something else.

Unicode's tag characters mirror ASCII and can carry a whole instruction in what looks like nothing; so can long runs of
variation selectors. Bidirectional overrides show a text in another order than it is read. None is needed to read a
text (a flag of England becomes a black flag). Joiners and zero-width spaces stay: Persian, Hindi, Thai and emoji need
them, and they hide nothing, but only part letters that everyone sees.
"""

from __future__ import annotations

import re

__all__ = ["visible"]

_HIDDEN = re.compile(
    "[\U000e0000-\U000e0fff"  # tags, and the variation selectors beyond the sixteenth
    "\u202a-\u202e\u2066-\u206f"  # bidirectional embeddings, overrides, isolates; deprecated format characters
    "\ufff9-\ufffb\U0001d173-\U0001d17a]"  # annotations between the lines, musical beams
)


def visible(text: str) -> str:
    """The text without them; offsets change, so this is for prompts and answers, never for documents."""
    return _HIDDEN.sub("", text)
