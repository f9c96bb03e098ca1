"""Texts within a budget of tokens."""

from __future__ import annotations

from rag.protocols import Tokenizer

__all__ = ["beginning"]


def beginning(text: str, tokenizer: Tokenizer, max_tokens: int) -> str:
    """As much of a text, from its beginning, as makes ``max_tokens`` tokens, special tokens included."""
    text = text[: 32 * max_tokens]  # a longer one is not tokenized to its end
    while (count := tokenizer.count(text)) > max_tokens:
        offsets = tokenizer.offsets(text)
        # a cut through a word may make more tokens of its rest than it had
        kept = len(offsets) - (count - max_tokens)
        if kept < 1:
            return ""
        # where the first token too many begins: several tokens may share one character
        text = text[: offsets[kept][0]]
    return text
