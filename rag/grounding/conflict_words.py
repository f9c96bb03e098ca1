"""Whether two sentences of different documents speak of the same matter, by their words.

Two sentences that differ in a figure and in one more word ("standard" and "extended", "front" and "rear") mostly speak
of two things. So all their words must match, but for those listed that say nothing of what a sentence is about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from rag.grounding.claims import Claim, blank_numbers
from rag.grounding.conflict_lexicon import LIGHT, LIGHT_CJK, OPPOSITE, SAME, groups
from rag.grounding.evidence import Evidence
from rag.text import stem, terms, variants

_SPACELESS = frozenset({"zh", "ja"})
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_LATIN = re.compile(r"[A-Za-z0-9\u00c0-\u024f]+(?:[-.][A-Za-z0-9\u00c0-\u024f]+)*")

# Words that may stand on one side alone.
# Words that bound what is said: they must be the same on both sides.
_BOUNDING = re.compile(
    r"\b(?:some|many|few|several|often|sometimes|if|unless|except|excluding|only|half|average|mean|median|each|another|other|"
    r"expected|planned|proposed|forecast|projected|target\w*|former(?:ly)?|previous(?:ly)?|earlier|was once|used to|"
    r"would|might|manche|einige|viele|oft|manchmal|wenn|falls|sofern|außer|ausgenommen|nur|andere\w*|durchschnittlich\w*|geplant\w*|"
    r"erwartet\w*|früher\w*|ehemals|jeweils)\b|有些|部分|如果|除非|除了|只有|仅|平均|预计|计划|曾经|以前|其他|另",
    re.IGNORECASE,
)
_PAST = re.compile(
    r"\b(?:was|were|had|did|stood|rose|fell|grew|\w+ed|war|waren|hatte|hatten|betrug|lag|stieg|wurde|wurden)\b", re.I
)
# What happens once, so that two dates of it cannot both be right.
_ONCE = re.compile(
    r"\b(?:found(?:ed|ation)|establish(?:ed|ment)|born|died|death|birth|open(?:s|ed|ing)?|releas\w+|launch\w*|built|construct\w+|"
    r"complet\w+|publish\w*|sign(?:ed|ing)|introduc\w+|creat\w+|discover\w+|invent\w+|form(?:ed|ation)|incorporat\w+|expir\w+|"
    r"ends?|ended|begin\w*|began|starts?|started|deadline|due|ratif\w+|dissol\w+|abolish\w*|clos(?:es|ed|ing)|"
    r"gegründet|gründung|geboren|gestorben|starb|eröffne\w*|veröffentlich\w*|erschien\w*|erbaut|gebaut|errichtet|fertiggestellt|"
    r"unterzeichnet|eingeführt|entdeckt|erfunden|endet|endete|beginnt|begann|frist|stichtag|läuft|schließt|öffnet|fällig)\b"
    r"|成立|创立|创办|建立|建成|出生|逝世|去世|开业|开放|开幕|发布|出版|推出|签署|发现|发明|截止|到期|开始|结束|竣工|生效|关闭|开门|关门",
    re.IGNORECASE,
)
_COPULA_DATE = re.compile(r"\b(?:is|ist|wird|lautet|date|datum)\b|[是为]", re.IGNORECASE)


def words_of(claim: Claim, text: str) -> frozenset[str]:
    """What the words of ``text``, the sentence or a clause of it, say; without figures. In Chinese, its characters."""
    if claim.language in _SPACELESS:
        found = {word.casefold() for word in _LATIN.findall(text)}
        return frozenset(found | set(_CJK.findall(text)))
    return frozenset(_group(term, claim.language) for term in terms(text, claim.language))


def light(word: str, language: str) -> bool:
    """Whether a word, as ``words_of`` gives it, may stand on one side alone."""
    return word in LIGHT_CJK if language in _SPACELESS else word in _light(language)


def shared_words(a: Evidence, b: Evidence, here: str, there: str) -> frozenset[str] | None:
    """The words that two texts, sentences or clauses of them, share; None where they differ in what they speak of.

    A word that only one has counts as shared where the other's title or heading holds it.
    """
    one, other = words_of(a.source.claim, here), words_of(b.source.claim, there)
    shared = one & other
    for mine, theirs, unit in ((one, other, b), (other, one, a)):
        header = words_of(unit.source.header, unit.source.header.text)
        for word in mine - theirs - header:
            same = variants(word) & (theirs | header) if len(word) > 1 else frozenset()
            if not same and not light(word, a.source.claim.language):
                return None
    # Beside a word of the heading, the sentences themselves must share something.
    heavy = frozenset(word for word in shared if not light(word, a.source.claim.language))
    return heavy or None


def opposed(a: Evidence, b: Evidence) -> tuple[str, str] | None:
    """Words of opposite meaning that are all two sentences differ in, "allowed" and "forbidden"."""
    language = a.source.claim.language
    if language in _SPACELESS:
        for yes, no in groups(OPPOSITE["zh"]):
            for one, other in ((a, b), (b, a)):
                both = yes in one.text and no in other.text and no not in one.text
                if both and one.text.replace(yes, "", 1) == other.text.replace(no, "", 1):
                    return (yes, no) if one is a else (no, yes)
        return None
    mine, theirs = (frozenset(terms(unit.text, language)) for unit in (a, b))
    left, right = mine - theirs, theirs - mine
    if len(left) != 1 or len(right) != 1:
        return None
    pair_ = (*left, *right)
    if pair_ not in _opposites(language):
        return None
    return _written(a.text, pair_[0], language), _written(b.text, pair_[1], language)


def same_bounds(a: Evidence, b: Evidence) -> bool:
    """Whether what is said is bounded by the same words: "some", "if", "planned"."""
    return {m.casefold() for m in _BOUNDING.findall(a.text)} == {m.casefold() for m in _BOUNDING.findall(b.text)}


def in_the_past(unit: Evidence) -> bool:
    """Whether a sentence tells of what was."""
    return bool(_PAST.search(unit.text))


def happens_once(text: str) -> bool:
    """Whether a sentence dates something that happens once, or says what a date is."""
    return bool(_ONCE.search(text) or _COPULA_DATE.search(text))


def about(unit: Evidence, shared: frozenset[str]) -> str:
    """The shared words as a sentence has them, in its order, each once."""
    claim = unit.source.claim
    text = blank_numbers(unit.text, claim.facts)
    if claim.language in _SPACELESS:
        return "".join(c for c in text if c in shared or (c.isascii() and c.isalnum()))
    found: dict[str, None] = {}
    for match in re.finditer(r"[^\W_]+(?:[-'’.][^\W_]+)*", text):
        if words_of(claim, match.group()) & shared:
            found.setdefault(match.group())
    return " ".join(found)


def _written(text: str, term: str, language: str) -> str:
    return next((w for w in re.findall(r"[^\W_]+", text) if term in terms(w, language)), term)


@cache
def _light(language: str) -> frozenset[str]:
    listed = LIGHT.get(language, "")
    return frozenset(_group(term, language) for term in terms(listed, language)) | frozenset(terms(listed, language))


@cache
def _groups(language: str) -> Mapping[str, str]:
    return {
        stem(word, language): stem(group[0], language)
        for group in reversed(groups(SAME.get(language, "")))
        for word in group
    }


def _group(term: str, language: str) -> str:
    return _groups(language).get(term, term)


@cache
def _opposites(language: str) -> frozenset[tuple[str, str]]:
    pairs = groups(OPPOSITE.get(language, ""))
    stems = [(stem(yes, language), stem(no, language)) for yes, no in pairs]
    return frozenset(stems) | frozenset((no, yes) for yes, no in stems)
