"""What a follow-up points at: pronouns replaced by what they mean, ellipses filled from the question before.

By order, role and capitals, without a parser: a pronoun takes the answer to "who" or "which", else the name that the
last question was about, and keeps it while the questions go on using it. Recency and role are the strongest
preferences in Lappin & Leass, "An Algorithm for Pronominal Anaphora Resolution", Computational Linguistics 20(4), 1994.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.queries.cues import Cues, cues_for
from rag.queries.mentions import Mention, mentions, stems

_SHORT = 4  # words at most of a follow-up that only names another thing
_CLAUSE = 24
_END = re.compile(r"[\s?？.。!！]+$")
_OF = re.compile(r"\s+(?:of|von|de|du|des)\s+(?:(?:the|den|der|la|las|los|el)\s+)?", re.IGNORECASE)
_ARTICLE = re.compile(r"\bthe\s+$", re.IGNORECASE)
_PREPOSITION = re.compile(
    r"(in|at|on|for|from|to|by|under|with|during|after|before|into|near|of|im|am|bei|nach|aus|von|mit|für|auf|en|à|dans|"
    r"por|para|con|desde)\s",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<!\d)(?:1\d|20)\d\d(?!\d)")


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what was answered."""

    question: str
    answer: str = ""


def follow(query: str, turns: Sequence[Turn], language: str) -> str:
    """The question with its first pronoun replaced, or with what it leaves out taken from the turn before.

    The turns (one at least) are gone through in order, so that what was meant in one is known in the next.
    """
    cues = cues_for(language)
    resolved = turns[0].question
    meant: dict[str, str] = {}
    for turn, asked in zip(turns, [*(turn.question for turn in turns[1:]), query], strict=True):
        before = Turn(resolved, turn.answer)
        filled = _filled(asked, resolved, cues, language)
        resolved, meant = (filled, {}) if filled else _replaced(asked, before, meant, cues, language)
    return resolved


def _replaced(asked: str, before: Turn, meant: dict[str, str], cues: Cues, language: str) -> tuple[str, dict[str, str]]:
    """The question with its pronoun replaced, and what pronouns of that kind mean from now on."""
    for kind, pattern in (("person", cues.person), ("thing", cues.thing), ("thing", cues.owner)):
        pronoun = pattern.search(asked)
        if pronoun is None:
            continue
        antecedent = meant.get(kind) or _antecedent(before, cues, language, own=stems(asked, language))
        if not antecedent:
            return asked, {}
        ending = ""
        if language == "en" and cues.owner.fullmatch(pronoun.group()):
            ending = "'" if antecedent.endswith("s") else "'s"
        replaced = f"{asked[: pronoun.start()]}{antecedent}{ending}{asked[pronoun.end() :]}"
        # after "Who replaced him?" the next "he" is the one who did
        changes = kind == "person" and cues.who.match(asked)
        return replaced, {} if changes else {kind: antecedent}
    return asked, {}


def _antecedent(before: Turn, cues: Cues, language: str, own: frozenset[str]) -> str:
    """What a pronoun most likely means: the answer to "who" or "which", else what the question was about."""
    asked = [mention for mention in mentions(before.question, language) if not own.issuperset(mention.key)]
    said = [mention for mention in mentions(before.answer, language) if not own.issuperset(mention.key)]
    names = [mention for mention in asked if mention.named]
    told = [mention for mention in said if mention.named]
    if told and (cues.entity.search(before.question) or not names):
        return _nearest(told, before, language).text
    if names:
        return _with_head(before.question, names[0], asked)
    if asked:
        return _with_owned(before.question, asked)
    return said[0].text if said else ""


def _nearest(told: Sequence[Mention], before: Turn, language: str) -> Mention:
    """The name in an answer that stands nearest to what it repeats of its question, which it completes."""
    asked = stems(before.question, language)
    repeated = [mention for mention in mentions(before.answer, language) if asked.issuperset(mention.key)]
    new = [mention for mention in told if not asked.issuperset(mention.key)] or told

    def distance(mention: Mention) -> int:
        return min((_apart(before.answer, mention, other) for other in repeated), default=0)

    return min(new, key=distance)


def _apart(text: str, one: Mention, other: Mention) -> int:
    """Characters between two mentions; a comma counts as a few words."""
    between = text[min(one.end, other.end) : max(one.start, other.start)]
    return len(between) + _CLAUSE * len(re.findall(r"[,;:.，；：。、]", between))


def _with_owned(text: str, found: Sequence[Mention]) -> str:
    """The first mention, and what Chinese or Japanese says to be its: 华沙的文化科学宫."""
    end = found[0].end
    for mention in found[1:]:
        if text[end : mention.start] not in {"的", "の"}:
            break
        end = mention.end
    return text[found[0].start : end]


def _with_head(text: str, name: Mention, others: Sequence[Mention]) -> str:
    """A name with the noun it belongs to by "of": the rising of Warsaw goes on, not Warsaw."""
    for other in others:
        if other.end < name.start and _OF.fullmatch(text[other.end : name.start]):
            article = _ARTICLE.search(text[: other.start])
            return text[article.start() if article else other.start : name.end]
    return name.text


def _filled(question: str, before: str, cues: Cues, language: str) -> str:
    """The question before with another thing in it, for "And in 1931?" or "What about Korea?"; "" for others."""
    opening = cues.opening.match(question)
    rest = _END.sub("", question[opening.end() :]).strip(" ,") if opening else ""
    named = mentions(rest, language)
    year = _YEAR.search(rest)
    if not (named or year) or "," in rest or len(rest.split()) > _SHORT:
        return ""
    body = _END.sub("", before)
    if year:
        other = _YEAR.search(body)
        return f"{body[: other.start()]}{year[0]}{body[other.end() :]}?" if other else f"{body} {rest}?"
    asked = mentions(body, language)
    if preposition := _PREPOSITION.match(rest):
        led = re.compile(rf"\s{preposition[1]}\s+(?:the\s+)?$", re.IGNORECASE)
        places = [mention for mention in asked if led.search(body[: mention.start])]
        if not places:
            return f"{body} {rest}?"
    else:
        places = [mention for mention in asked if mention.named]
        # the only name is the subject of the talk, and stays
        if not named[0].named or len(places) < 2:
            return ""
    return f"{body[: places[-1].start]}{named[0].text}{body[places[-1].end :]}?"
