"""A sentence taken apart into what can be checked: terms, facts and what it denies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from rag.grounding.facts import Fact, read_facts, squeeze
from rag.grounding.names import bare, code_parts, has_code
from rag.grounding.negation import split_denied
from rag.text import stem, terms

_WORD = re.compile(r"[^\W_]+(?:[.'’&-][^\W_]+)*")
_NUMERIC = frozenset({"number", "ordinal", "date", "time"})
_CLAUSE_END = re.compile(r"[;:()\n。；：（）]|,(?=\s)|，|、|\s[–—-]\s")


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence, of an answer or of the evidence.

    ``terms`` are its index terms without those of numbers, dates and times, which are compared by
    value; ``denied`` are those that stand only in a negation's scope. ``tokens`` are its words and
    their stems, for names.
    """

    text: str
    language: str
    terms: frozenset[str]
    denied: frozenset[str]
    facts: tuple[Fact, ...]
    tokens: frozenset[str]

    @property
    def firm(self) -> tuple[Fact, ...]:
        """The facts that its evidence must hold."""
        return tuple(fact for fact in self.facts if fact.firm)

    @property
    def empty(self) -> bool:
        """True where there is nothing to check."""
        return not self.terms and not self.facts


# One answer is checked several times against the same passages: for its draft, its quotes, its conflicts.
@lru_cache(maxsize=2048)
def read_claim(
    text: str, language: str = "", *, number_language: str | None = None, known: frozenset[str] = frozenset()
) -> Claim:
    """Take a sentence apart; ``language`` rules its terms and ``number_language`` (default: the same) its numbers."""
    facts = read_facts(text, language if number_language is None else number_language, known)
    words = blank_numbers(text, facts)
    affirmed, denied = split_denied(words, language)
    all_terms = frozenset(terms(words, language))
    negated = (
        frozenset(terms(denied, language)) - frozenset(terms(affirmed, language)) if denied.strip() else frozenset()
    )
    return Claim(text, language, all_terms, negated & all_terms, tuple(facts), tokens(text, language))


def known_names(claims: Iterable[Claim]) -> frozenset[str]:
    """The words of all names in some sentences: names wherever else they stand, too."""
    return frozenset(
        str(word)
        for claim in claims
        for fact in claim.facts
        if fact.kind == "name" and isinstance(fact.value, tuple)
        for word in fact.value
    )


def blank_numbers(text: str, facts: list[Fact] | tuple[Fact, ...]) -> str:
    """``text`` with its numbers, dates and times as spaces, so that offsets stay."""
    chars = list(text)
    for fact in facts:
        if fact.kind in _NUMERIC:
            chars[fact.start : fact.end] = " " * (fact.end - fact.start)
    return "".join(chars)


def tokens(text: str, language: str) -> frozenset[str]:
    """Casefolded words, their parts at hyphens, and the stems of all, as names are looked up."""
    found: set[str] = set()
    for match in _WORD.finditer(text):
        word = bare(match.group())
        for part in {word, word.replace(".", ""), *re.split(r"['’&.-]", word)}:
            if part:
                found |= {part, stem(part, language)}
    return frozenset(found)


def holds_name(evidence: Claim, fact: Fact) -> bool:
    """Whether the evidence holds a name, a code or a quotation of the claim, in any case and inflection."""
    words = fact.value if isinstance(fact.value, tuple) else ()
    if fact.kind == "code":
        return has_code(evidence.text, tuple(str(word) for word in words))
    text = squeeze(evidence.text)
    if fact.kind == "quote":
        return str(words[0]) in text
    return all(_has_word(evidence, text, str(word)) for word in words)


def _has_word(evidence: Claim, text: str, word: str) -> bool:
    if any(c.isdigit() for c in word):
        return has_code(evidence.text, code_parts(word))
    if "·" in word:
        return word in text
    joined = word.replace(".", "")
    if word in evidence.tokens or joined in evidence.tokens or stem(word, evidence.language) in evidence.tokens:
        return True
    parts = [part for part in re.split(r"['’&.-]", word) if len(part) > 1]
    return len(parts) > 1 and all(part in evidence.tokens for part in parts)


def clause_around(claim: Claim, start: int, end: int) -> tuple[int, int]:
    """Where the clause begins and ends in which ``claim.text[start:end]`` stands."""
    edges = [0, *(match.end() for match in _CLAUSE_END.finditer(claim.text)), len(claim.text)]
    return max(edge for edge in edges if edge <= start), min(edge for edge in edges if edge >= end)


def context(claim: Claim, fact: Fact) -> frozenset[str]:
    """The terms of the clause around a fact: what its value is said of."""
    start, end = clause_around(claim, fact.start, fact.end)
    found = frozenset(terms(blank_numbers(claim.text, claim.facts)[start:end], claim.language))
    return found if len(found) > 1 else claim.terms
