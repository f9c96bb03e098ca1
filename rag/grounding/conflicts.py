"""Documents that disagree: found by code among the passages of an answer, and said in the answer with both sources.

Two sentences conflict if all their words match, but for words that say nothing of what a sentence is about, and they
state one figure each that cannot both be so, or one denies what the other says. Precision comes first: a false alarm
costs trust in the true ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import cast

from rag.grounding.answerability import read_question
from rag.grounding.claims import Claim, clause_around, known_names
from rag.grounding.conflict_lexicon import DOCUMENTS, DOCUMENTS_CJK
from rag.grounding.conflict_phrases import disagreement
from rag.grounding.conflict_values import Reading, agree, comparable, disagree, readings, unmatched
from rag.grounding.conflict_words import (
    about,
    happens_once,
    in_the_past,
    opposed,
    same_bounds,
    shared_words,
    words_of,
)
from rag.grounding.evidence import Evidence, Quote, language_of, read_evidence
from rag.grounding.phrases import question_language
from rag.grounding.preference import Preference
from rag.grounding.verify import contradicts
from rag.text import expected, variants
from rag.types import Answer, Citation, Conflict, ConflictKind, Sentence

_ASKED = 0.5  # share of the question's terms that each of two sentences must hold
_ASKED_BIGRAMS = 0.25
_NO_PREFERENCE = Preference()
_AT_MOST = 3  # conflicts that an answer tells of
_SPACELESS = frozenset({"zh", "ja"})
_PRONOUN = re.compile(
    r"\W*(?:(?:it|its|they|their|he|his|she|her|this|these|that|er|sie|es|sein\w*|ihr\w*|dies\w*)\b|[它他她该其])",
    re.IGNORECASE,
)
_AND = re.compile(r",?\s(?:and|und|et|y)\s|[.!?]\s|并且?|而且")


@dataclass(frozen=True, slots=True)
class Dispute:
    """Two sentences that cannot both be right: what kind of thing they differ in, what they say, and of what."""

    kind: ConflictKind
    first: Evidence
    second: Evidence
    values: tuple[str, str]
    about: str


def report_conflicts(answer: Answer, preference: Preference = _NO_PREFERENCE) -> Answer:
    """The answer with what documents say against it, each with its exact words.

    For every proved sentence the passages retrieved are searched for a rival statement. Where ``preference`` takes
    the rival's side, the rival's sentence takes the place of the answer's; behind it stands what the other one says,
    cited to both. A refusal comes back as it is.
    """
    hits = (*answer.hits, *answer.dropped)
    if answer.refused or len({hit.chunk.document_id for hit in hits}) < 2:
        return answer
    evidence = read_evidence(hits, language_of(hits))
    made: list[tuple[Sentence, str]] = []  # a sentence, and the text before it
    conflicts: list[Conflict] = []
    told: set[frozenset[tuple[str, int]]] = set()
    previous = 0
    for sentence in answer.sentences:
        gap = answer.text[previous : sentence.start]
        previous = sentence.end
        disputes = _against(answer.question, sentence, evidence) if len(conflicts) < _AT_MOST else []
        winner, disputes = _settled(disputes, evidence, answer.question, preference)
        shown = sentence if winner is None else _quoted(sentence, winner)
        made.append((shown, gap))
        for dispute in disputes[: _AT_MOST - len(conflicts)]:
            pair = frozenset((unit.hit.chunk.document_id, unit.hit.chunk.start + unit.start) for unit in _both(dispute))
            if pair in told:
                continue
            told.add(pair)
            conflict = _conflict(dispute, preference)
            conflicts.append(conflict)
            made.append((_told(conflict, answer.question), " "))
    if not conflicts:
        return answer
    return _composed(answer, made, answer.text[previous:], conflicts)


def find_disputes(question: str, unit: Evidence, evidence: Sequence[Evidence]) -> list[Dispute]:
    """The sentences that contradict one, best ranked first, each value once; those of other documents only."""
    found: list[Dispute] = []
    values: set[str] = set()
    asked = read_question(question, unit.source.claim.language, known_names(u.source.claim for u in evidence))
    if not _asked_about(asked, unit):
        return []
    for other in evidence:
        if other.hit.chunk.document_id == unit.hit.chunk.document_id or not _asked_about(asked, other):
            continue
        dispute = _dispute(question, asked, unit, other, evidence)
        if dispute is not None and dispute.values[1].casefold() not in values:
            values.add(dispute.values[1].casefold())
            found.append(dispute)
    return found


def _against(question: str, sentence: Sentence, evidence: Sequence[Evidence]) -> list[Dispute]:
    return [
        dispute
        for citation in sentence.citations
        for unit in evidence
        if _within(unit, citation)
        for dispute in find_disputes(question, unit, evidence)
    ]


def _within(unit: Evidence, citation: Citation) -> bool:
    chunk = unit.hit.chunk
    same = chunk.document_id == citation.document_id
    return same and citation.start <= chunk.start + unit.start and chunk.start + unit.end <= citation.end


def _settled(
    disputes: list[Dispute], evidence: Sequence[Evidence], question: str, preference: Preference
) -> tuple[Evidence | None, list[Dispute]]:
    """The sentence to show instead, where a rule prefers it to the one disputed, and what disputes that one then."""
    if not disputes:
        return None, disputes
    winner = disputes[0].first
    for dispute in disputes:
        if dispute.first is disputes[0].first and preference.choose(winner.hit, dispute.second.hit)[0] == 1:
            winner = dispute.second
    if winner is disputes[0].first:
        return None, disputes
    return winner, find_disputes(question, winner, evidence)


def _dispute(question: str, asked: Claim, a: Evidence, b: Evidence, evidence: Sequence[Evidence]) -> Dispute | None:
    """What two sentences differ in, if that is all they differ in."""
    if a.hit.chunk.language != b.hit.chunk.language or not same_bounds(a, b):
        return None
    if not _one_subject(asked, a, b, evidence):
        return None
    mine, theirs = readings(a.source.claim), readings(b.source.claim)
    left, right = unmatched(mine, theirs), unmatched(theirs, mine)
    if not left and not right:
        return _denial(question, a, b)
    if len(left) != 1 or len(right) != 1:
        left, right = _before_and(a, left), _before_and(b, right)
    if len(left) != 1 or len(right) != 1 or not disagree(left[0], right[0]):
        return None
    return _figures(question, a, b, left[0], right[0])


def _before_and(unit: Evidence, figures: list[Reading]) -> list[Reading]:
    """The figures before an "and" that begins something else."""
    if not figures:
        return []
    end = _tail(unit, figures[0])
    return [figure for figure in figures if figure.start < end]


def _tail(unit: Evidence, reading: Reading) -> int:
    """Where what is said with a figure ends: at an "and" or a full stop behind it, or with the text."""
    joint = _AND.search(unit.text, reading.end)
    return joint.start() if joint else len(unit.text)


def _figures(question: str, a: Evidence, b: Evidence, left: Reading, right: Reading) -> Dispute | None:
    kind = left.kind
    if not _fits(question, kind) or _denied_apart(a, b) or _other_edition(a, b):
        return None
    for here, there in _texts(a, b, left, right):
        shared = shared_words(a, b, here, there)
        if shared is None or (kind in {"date", "day", "time"} and not (happens_once(here) and happens_once(there))):
            continue
        if kind == "version" and not (_follows(here, left) and _follows(there, right)):
            continue
        named: ConflictKind = "date" if kind in {"date", "day"} else cast("ConflictKind", kind)
        return Dispute(named, a, b, (left.text.strip(), right.text.strip()), about(a, shared))
    return None


def _texts(a: Evidence, b: Evidence, left: Reading, right: Reading) -> Iterator[tuple[str, str]]:
    """The sentences without their figures; and of longer ones the clauses of the two."""
    one, other = _blank(a), _blank(b)
    yield one, other
    yield one[: _tail(a, left)], other[: _tail(b, right)]
    here = one[slice(*clause_around(a.source.claim, left.start, left.end))]
    there = other[slice(*clause_around(b.source.claim, right.start, right.end))]
    if min(len(here.split()), len(there.split())) >= 4:
        yield here, there


def _blank(unit: Evidence) -> str:
    """The sentence with blanks for its figures, so that offsets stay."""
    chars = list(unit.text)
    for reading in readings(unit.source.claim):
        chars[reading.start : reading.end] = " " * (reading.end - reading.start)
    return "".join(chars)


def _follows(text: str, reading: Reading) -> bool:
    """Whether words stand before a version: in "Version 2.4 supports it" the version is what is spoken of."""
    before = [word.casefold() for word in text[: reading.start].split()]
    return len(
        [word for word in before if word not in {"the", "version", "release", "die", "in", "v", "with"}]
    ) > 0 or any(c in text[: reading.start] for c in "是为到")


def _denial(question: str, a: Evidence, b: Evidence) -> Dispute | None:
    if expected(question):
        return None
    claims = (a.source.claim, b.source.claim)
    if pair := opposed(a, b):
        shared = claims[0].terms & claims[1].terms
        return Dispute("denial", a, b, pair, about(a, shared)) if shared else None
    if not _denied_apart(a, b) or (claims[0].denied and claims[1].denied):
        return None
    shared_ = shared_words(a, b, _plain(a), _plain(b))
    if shared_ is None or len(shared_) < 2:
        return None
    values = ("denied", "affirmed") if claims[0].denied else ("affirmed", "denied")
    return Dispute("denial", a, b, values, about(a, shared_))


def _plain(unit: Evidence) -> str:
    """The sentence; in Chinese without its negations, which are no stop words there."""
    text = _blank(unit)
    if unit.source.claim.language in _SPACELESS:
        for cue in ("没有", "并非", "不", "未", "没"):
            text = text.replace(cue, " " * len(cue))
    return text


def _denied_apart(a: Evidence, b: Evidence) -> bool:
    return contradicts(a.source.claim, [b.source.claim])


def _asked_about(asked: Claim, unit: Evidence) -> bool:
    """Whether a sentence, with its heading, holds enough of the question."""
    if not asked.terms:
        return True
    own = unit.source.terms | words_of(unit.source.claim, unit.text)
    held = sum(bool((variants(term) | words_of(asked, term)) & own) for term in asked.terms)
    return held / len(asked.terms) >= (_ASKED_BIGRAMS if asked.language in _SPACELESS else _ASKED)


def _fits(question: str, kind: str) -> bool:
    """Whether figures of a kind may be what is asked for."""
    wanted = expected(question)
    if wanted == "name":
        return False
    if wanted == "date":
        return kind in {"date", "day", "time"}
    return True


def _one_subject(asked: Claim, a: Evidence, b: Evidence, evidence: Sequence[Evidence]) -> bool:
    """Whether nothing says that two sentences speak of two things: no title, no code, and not what is asked."""
    named = [fact for fact in asked.facts if fact.kind in {"name", "code"}]
    if not all(_speaks_of(unit, fact.text) for fact in named for unit in (a, b)):
        return False
    if _codes(a) != _codes(b) or _entitled(a, b) or _entitled(b, a):
        return False
    if any(_PRONOUN.match(unit.text) for unit in (a, b)) and not _same_title(a, b):
        return False
    anchored = bool(named) or bool(_names(a) & _names(b))
    return anchored or not (_titled(a, b, evidence) or _titled(b, a, evidence))


def _codes(unit: Evidence) -> frozenset[tuple[str, ...]]:
    """The product codes that a sentence names, or else its heading; versions are values."""
    versions = {reading.start for reading in readings(unit.source.claim) if reading.kind == "version"}
    for claim in (unit.source.claim, unit.source.header):
        found = frozenset(
            tuple(map(str, fact.value))
            for fact in claim.facts
            if fact.kind == "code" and isinstance(fact.value, tuple)
            and not (claim is unit.source.claim and fact.start in versions)
        )  # fmt: skip
        if found:
            return found
    return frozenset()


def _names(unit: Evidence) -> frozenset[str]:
    return known_names([unit.source.claim])


def _speaks_of(unit: Evidence, name: str) -> bool:
    """Whether the passage of a sentence, or its heading, holds a name."""
    text = _passage(unit)
    return all(word in text for word in name.casefold().split())


def _passage(unit: Evidence) -> str:
    return f"{unit.hit.chunk.header} {unit.hit.chunk.text}".casefold()


def _same_title(a: Evidence, b: Evidence) -> bool:
    return any(_speaks_of(unit, other.hit.chunk.title) for unit, other in ((a, b), (b, a)))


def _entitled(a: Evidence, b: Evidence) -> bool:
    """Whether the passage of ``a`` speaks of what its title names, and that of ``b`` does not.

    "Tamar Bridge" is such a title, "Travel Policy" names the document itself.
    """
    title = a.hit.chunk.title
    if not title or _names_document(a):
        return False
    heads = {title, re.split(r"\s*[(,:]", title)[0]}
    return any(head and head in a.hit.chunk.text and head.casefold() not in _passage(b) for head in heads)


def _titled(a: Evidence, b: Evidence, evidence: Sequence[Evidence]) -> bool:
    """Whether a word of ``a``'s title is a name in its passage, and the other passage does not hold it."""
    header, text = a.source.header, _passage(b)
    own = [unit.source.claim for unit in evidence if unit.hit is a.hit]
    if header.language in _SPACELESS:
        title = header.text
        runs = {title[i : i + 2] for i in range(len(title) - 1) if title[i : i + 2].isalpha()}
        if any(word in title for word in DOCUMENTS_CJK):
            return False
        return any(run in claim.text for run in runs for claim in own) and not any(run in text for run in runs)
    names = known_names(own)
    return any(word in names and word not in text for word in header.tokens)


def _names_document(unit: Evidence) -> bool:
    return bool(_documents() & unit.source.header.tokens)


@cache
def _documents() -> frozenset[str]:
    return frozenset(DOCUMENTS.split())


def _other_edition(a: Evidence, b: Evidence) -> bool:
    """Whether two texts say, each of its own year, what was so then.

    A "Handbook 2023" and a "Handbook 2024" that say what is so disagree; two annual reports do not.
    """
    one, other = (readings(unit.source.header) for unit in (a, b))
    if not any(not agree(x, y) for x in one for y in other if comparable(x, y)):
        return False
    if a.source.claim.language in _SPACELESS:  # verbs without tenses
        return True
    return (in_the_past(a) and in_the_past(b)) or not (_names_document(a) and _names_document(b))


def _both(dispute: Dispute) -> tuple[Evidence, Evidence]:
    return dispute.first, dispute.second


def _conflict(dispute: Dispute, preference: Preference) -> Conflict:
    preferred, reason = preference.choose(dispute.first.hit, dispute.second.hit)
    first, second = (_cite(unit) for unit in _both(dispute))
    return Conflict(dispute.kind, dispute.about, dispute.values, (first, second), preferred, reason)


def _cite(unit: Evidence) -> Citation:
    return Quote(unit.hit, unit.start, unit.end, 1.0).cite(1)


def _quoted(sentence: Sentence, unit: Evidence) -> Sentence:
    """The preferred document's own sentence in the place of one of the answer's."""
    return replace(sentence, text=unit.text, support=1.0, supported=True, citations=(_cite(unit),), unsupported=())


def _told(conflict: Conflict, question: str) -> Sentence:
    said = disagreement(conflict, question_language(question))
    return Sentence(said, 0, len(said), 1.0, supported=True, citations=conflict.citations)


def _composed(answer: Answer, made: Sequence[tuple[Sentence, str]], rest: str, conflicts: Sequence[Conflict]) -> Answer:
    """The sentences at their places, and their sources numbered in order of first use."""
    numbers: dict[tuple[str, int, int], int] = {}
    spans = {
        hit.chunk.id: (hit.chunk.document_id, hit.chunk.start, hit.chunk.end) for hit in (*answer.hits, *answer.dropped)
    }

    def numbered(citation: Citation) -> Citation:
        return replace(citation, number=numbers.setdefault(spans[citation.chunk_id], len(numbers) + 1))

    text = ""
    placed: list[Sentence] = []
    for sentence, gap in made:
        start = len(text) + len(gap)
        text += gap + sentence.text
        citations = tuple(map(numbered, sentence.citations))
        placed.append(replace(sentence, start=start, end=len(text), citations=citations))
    told = tuple(replace(one, citations=(numbered(one.citations[0]), numbered(one.citations[1]))) for one in conflicts)
    return replace(answer, text=text + rest, sentences=tuple(placed), conflicts=told)
