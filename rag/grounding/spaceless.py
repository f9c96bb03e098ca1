"""Names in Chinese, which no capital marks: a word in a predicate's place that no passage holds."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.grounding.claims import Claim, blank_numbers
from rag.grounding.facts import Fact

# After these a place, a person or a thing is named: "located in X", "is X", "by X", "from X".
_PLACE = re.compile(r"(?<=[于在是为由叫到自从向给])[\u4e00-\u9fff]{2,12}")


def foreign_words(claim: Claim, evidence: Sequence[Claim]) -> tuple[Fact, ...]:
    """What a Chinese claim names in a predicate's place and no evidence holds, not even two characters of it.

    Two Chinese sentences that differ in one such word share most of their bigrams, so coverage alone
    would let 总部位于上海 pass for 总部位于北京.
    """
    if claim.language != "zh":
        return ()
    text = blank_numbers(claim.text, claim.facts)
    found = []
    for match in _PLACE.finditer(text):
        word = match.group()
        alien = _alien_prefix(word, evidence)
        if len(alien) >= 2:
            found.append(Fact("name", alien, match.start(), match.start() + len(alien), (alien,)))
    return tuple(found)


def _alien_prefix(word: str, evidence: Sequence[Claim]) -> str:
    """The characters of ``word`` before the first pair that some evidence holds."""
    for i in range(len(word) - 1):
        if any(word[i : i + 2] in source.text for source in evidence):
            return word[:i]
    return word
