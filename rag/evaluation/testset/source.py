"""Where a test set's questions come from: sentences of the documents, and a fact in each to ask for."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Literal, TypeAlias

from rag.evaluation.testset.english_verbs import base_form
from rag.grounding import Fact, read_facts
from rag.grounding.numerals import MONTHS
from rag.index import Snapshot
from rag.text import detect_language, is_heading, is_stop_word, sentences, words
from rag.types import Block, Document

AnswerKind: TypeAlias = Literal["year", "date", "time", "money", "share", "extent", "measure", "count", "code", "name"]

MIN_WORDS, MAX_WORDS = 5, 32
_ENDED = re.compile(r"[.!。！।॥؟]['\"»”’)\]]*$")
_ASKS = re.compile(r"[?？؟]")
# A sentence that points back says nothing by itself; "it" inside one mostly points to its own subject.
_POINTS_BACK = re.compile(
    r"\W*(?:(?:and|but|or|so|then|thus|however|also|therefore|moreover|instead|in addition|for example|"
    r"as a result|und|aber|auch|et|mais|y|pero)\W+)?"
    r"(?:it|its|he|his|him|she|her|they|their|them|this|these|those|that|there|here|such|both|another|others?|"
    r"one|some|many|the (?:former|latter|same|other|others|first|second|two)|i|we|our|you|your|my|"
    r"er|sein\w*|ihr\w*|es|dies\w*|diese\w*|beide|wir|ich|il|elle|ils|elles|cela|ce|ces|cette|son|sa|ses|nous|je|él|ella|"
    r"esto|este|esta|su|sus)\b"
    r"|\W*(?:它|他|她|这|该|其|那|此|我|您|你)",
    re.IGNORECASE,
)
_BOILERPLATE = re.compile(
    r"\.{4,}|(?:\.\s){4,}|…{2,}|©|\ball rights reserved\b|\bcopyright\b|\bterms of (?:use|service)\b|\bcookies?\b|"
    r"\bclick here\b|\bprivacy policy\b|\bunsubscribe\b|\bisbn\b|https?://|www\.",
    re.IGNORECASE,
)
_LABEL = re.compile(r"[^:：]{1,80}[:：]\s")  # "Answer of 3 May:", "Fixed:", "From: ..."
_LIST_MARK = re.compile(r"(?:[-*+•‣◦▪·–—]|\d{1,3}[.)]|\(?[A-Za-z]\))[ \t]+")
_CURRENCIES = frozenset({"EUR", "USD", "GBP", "CHF", "JPY", "CNY", "INR", "¥"})
_EXTENTS = frozenset({"second", "minute", "hour", "day", "week", "month", "year"})
_WORKING_DAYS = re.compile(
    r"[\s-](?:working|business|calendar|more|full|consecutive)\s(?:hours|days|weeks|months|years)\b"
)
_PER_CENT = re.compile(r"\s?per\s?cent\b")
_COUNTED = re.compile(r"\s[a-z]{3,}|\s?[\u4e00-\u9fff]")
_NUMBERED = re.compile(
    r"[A-Z]\w*\s$|(?i:\b(?:class|version|firmware|article|chapter|section|page|no|number|level|type|volume|part))\.?\s$"
)
_NAME_ENDS = re.compile(
    r"\s*(?:$|[.,;:)\]!?]|[(\[–—]|\s-\s|\s(?:and|or|but|is|are|was|were|has|had|have|will|would|can|could|may|must|should|in|on|at|by|of|"
    r"to|from|for|with|as|who|which|that|when|where|while|since|until|after|before|during|because|if|than|between|into|"
    r"through|under|over|did|does|do|und|oder|ist|sind|war|hat|mit|für|von|bei|zu|an|auf|aus)\b)"
)
_NAME_GOES_ON = re.compile(r"(?:[-/'’&]|\b[A-Z][\w'’.-]*\s|(?:,|\b(?:and|or|und|oder))\s(?:the\s)?)$")
_PARAGRAPH = re.compile(r"\S(?:.|\n(?![ \t]*\r?\n))*")
_PROSE = frozenset({"paragraph", "list"})
_ASIDE = re.compile(r"\s*[(\[（][^)\]）]*[)\]）]\s*(?=[\s,.;]|$)|\s*[(（][^)）]*$")
_RELATIVE = re.compile(
    r",\s(?:who|which|where|whose|when)\b[^,;]*,\s|,\s(?:an?|the)\s[^,;]*,\s(?=[a-z]+ed\b|was\b|is\b|were\b|are\b|had\b|has\b)"
)
_OPENING = re.compile(
    r"^(?:However|Eventually|Later|Finally|Initially|Originally|Today|Similarly|Subsequently|Also|Then|Thus|Therefore|Furthermore|"
    r"Moreover|Additionally|In addition|As a result|For example|For instance|By contrast|In fact|Meanwhile),?\s"
)
_JOINT = re.compile(r"[;:]\s|,\s(?:and|but|so|while|although)\s|\s(?:while|whereas|because|although)\s")
_SUBJECT = re.compile(r"\s*(?:the|a|an|[A-Z][\w'’.-]*|[a-z]+s)\s(?!of\b)")
_FRONTED = re.compile(r"(?:in|on|by|since|after|before|around|until|from|at)\b", re.IGNORECASE)
_CLAUSE_WORDS, _FRONTED_WORDS = 4, 3
_ADDED = re.compile(
    r",\s|[;:–—]|\s-\s|^\s(?:and|or)\s|\s(?:but|which|who|while|when|because|so|although|though|where)\s"
    r"|\sand\s(?=(?:was|is|were|are|had|has|have|then|later|also|\w+ed|it|he|she|they|\d[\d.,]*)\b)"
)
_NAMING = frozenset({"name", "code"})
# A chapter and its page number, a price and its article: lines of figures state no sentence.
_MAX_FIGURES = 0.3


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph or list, ``document.text[start:end]``, with the title and the headings above it."""

    uri: str
    title: str
    headings: tuple[str, ...]
    language: str
    start: int
    end: int

    @property
    def header(self) -> tuple[str, ...]:
        """Title and headings."""
        return (self.title, *self.headings)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence and the fact in it to ask for; ``start`` to ``end`` are the answer's place in the document's text.

    ``sentence_start`` is the sentence's place there; ``rivals`` are the other facts of the sentence.
    ``opens_plain``: its first word stands in the document without a capital, too; ``proper``: no word of the answer
    does.
    """

    passage: Passage
    sentence: str
    sentence_start: int
    fact: Fact
    kind: AnswerKind
    opens_plain: bool
    proper: bool
    start: int
    end: int
    answer: str
    rivals: tuple[Fact, ...] = ()

    @property
    def around(self) -> tuple[str, str]:
        """The sentence before and after the answer, on one line."""
        cut = self.start - self.sentence_start
        before, after = self.sentence[:cut], self.sentence[cut + len(self.answer) :]
        return re.sub(r"\s+", " ", before), re.sub(r"\s+", " ", after)

    @property
    def statement(self) -> tuple[str, str]:
        """As ``around``, with only what the answer is said in: no brackets, no relative clause, nothing added after."""
        before, after = (_ASIDE.sub(" ", text) for text in self.around)
        before = _RELATIVE.sub(" ", _OPENING.sub("", before))
        joint = list(_JOINT.finditer(before))
        if (
            joint
            and len(before[joint[-1].end() :].split()) >= _CLAUSE_WORDS
            and _SUBJECT.match(before[joint[-1].end() :])
        ):
            before = before[joint[-1].end() :]
        fronted = _FRONTED.match(before) is not None and len(before.split()) <= _FRONTED_WORDS
        end = re.search(r"[.!。！]['\"”’)\]]*$", after)
        after = after[: end.start()] if end else after
        comma = re.match(r"\s*,\s*", after) if fronted else None
        rest = after[comma.end() :] if comma else after
        cut = next(
            (match.start() for match in _ADDED.finditer(rest) if match.start() >= (12 if fronted else 0)), len(rest)
        )
        return " ".join(before.split()) + " " * before[-1:].isspace(), f"{' ' if comma else ''}{rest[:cut]}".rstrip()

    @property
    def key(self) -> str:
        """What tells it from all others: document and answer span."""
        return f"{self.passage.uri}[{self.start}:{self.end}]"


def draw(snapshot: Snapshot, *, seed: int, where: str | None = None) -> Iterator[Candidate]:
    """Candidates in a seeded round-robin over the documents.

    Documents come in an order that depends on the seed alone, and so do the sentences of each: a turn takes one
    sentence of every document, so that a long document gives more only once the short ones are used up. The
    facts of one sentence come turns apart.
    """
    uris = [document.uri for document in snapshot.documents(where)]
    random.Random(f"{seed}").shuffle(uris)  # noqa: S311 - a sample, not a secret
    waiting = [_Sampler(snapshot, uri, seed) for uri in uris]
    while waiting:
        still = []
        for sampler in waiting:
            candidate = sampler.take()
            if candidate is not None:
                yield candidate
                still.append(sampler)
        waiting = still


class _Sampler:
    """The candidates of one document, which is read when its first turn comes."""

    def __init__(self, snapshot: Snapshot, uri: str, seed: int) -> None:
        self._snapshot, self._uri, self._seed = snapshot, uri, seed
        self._left: list[Candidate] | None = None

    def take(self) -> Candidate | None:
        if self._left is None:
            found = candidates(self._snapshot.document(self._uri))
            self._left = _spread(found, random.Random(f"{self._seed}:{self._uri}"))[::-1]  # noqa: S311
        return self._left.pop() if self._left else None


def _spread(found: list[Candidate], chance: random.Random) -> list[Candidate]:
    """Shuffled, so that each sentence gives one fact before any gives its second; names and codes come last.

    What has a date or a quantity for its answer can be told right from wrong; of a name, many things are said.
    """
    by_sentence: dict[int, list[Candidate]] = {}
    for candidate in found:
        by_sentence.setdefault(candidate.sentence_start, []).append(candidate)
    groups = list(by_sentence.values())
    chance.shuffle(groups)
    for group in groups:
        chance.shuffle(group)
    rounds = max(map(len, groups), default=0)
    spread = [group[turn] for turn in range(rounds) for group in groups if turn < len(group)]
    return sorted(spread, key=lambda candidate: candidate.kind in _NAMING)


def candidates(document: Document) -> list[Candidate]:
    """Every fact that may be asked for, in the order of the text."""
    return [candidate for passage in passages(document) for candidate in _in_passage(document, passage)]


def passages(document: Document) -> Iterator[Passage]:
    """Paragraphs and lists with their headings; without blocks, what blank lines part."""
    language = document.language or detect_language(document.text)
    if not document.blocks:
        for match in _PARAGRAPH.finditer(document.text):
            yield Passage(document.uri, document.title, (), language, match.start(), match.end())
        return
    path: list[Block] = []
    for block in document.blocks:
        if block.kind == "heading":
            path = [above for above in path if above.level < block.level] + [block]
        elif block.kind in _PROSE:
            headings = tuple(_heading(document.text[above.start : above.end]) for above in path)
            yield Passage(document.uri, document.title, headings, language, block.start, block.end)


def _heading(text: str) -> str:
    return " ".join(text.lstrip("# ").split())


def _in_passage(document: Document, passage: Passage) -> Iterator[Candidate]:
    text = document.text[passage.start : passage.end]
    for start, end in sentences(text, passage.language):
        mark = _LIST_MARK.match(text, start, end)
        begin = mark.end() if mark else start
        if stands_alone(text, begin, end, passage.language):
            yield from _in_sentence(text, passage, begin, end, document.text)


def stands_alone(text: str, start: int, end: int, language: str) -> bool:
    """Whether a sentence is a statement that can be asked about out of its place."""
    sentence = text[start:end]
    count = len(words(sentence))
    if not MIN_WORDS <= count <= MAX_WORDS or not _ENDED.search(sentence) or _ASKS.search(sentence):
        return False
    figures = sum(c.isdigit() for c in sentence) / max(sum(c.isalnum() for c in sentence), 1)
    if figures > _MAX_FIGURES or "|" in sentence or is_heading(text, start, end, language):
        return False
    if _LABEL.match(sentence):
        return False
    return not (_POINTS_BACK.match(sentence) or _BOILERPLATE.search(sentence))


def _in_sentence(text: str, passage: Passage, start: int, end: int, whole: str) -> Iterator[Candidate]:
    sentence = text[start:end]
    first = re.match(r"\W*(\w+)", sentence)
    plain = first is not None and _written(first[1].lower(), whole)
    facts = [fact for fact in read_facts(sentence, passage.language) if fact.firm]
    for fact in facts:
        kind = answer_kind(sentence, fact)
        left, right = _trim(sentence, fact.start, fact.end)
        if kind == "extent" and (unit := _WORKING_DAYS.match(sentence, right)):
            right = unit.end()
        if kind == "share" and (percent := _PER_CENT.match(sentence, right)):
            right = percent.end()
        answer = sentence[left:right]
        if not kind or not answer or sentence.count(answer) > 1 or _listed(sentence, fact, facts):
            continue
        yield Candidate(
            passage=passage,
            sentence=sentence,
            sentence_start=passage.start + start,
            fact=fact,
            kind=kind,
            opens_plain=plain,
            proper=not any(_written(word.lower(), whole) for word in re.findall(r"\w+", answer)),
            start=passage.start + start + left,
            end=passage.start + start + right,
            answer=answer,
            rivals=tuple(other for other in facts if other is not fact),
        )


def answer_kind(sentence: str, fact: Fact) -> AnswerKind | None:
    """What sort of answer a fact is; None where nobody would ask for it.

    A number must have a unit or count something ("two thirds of", "class 1" and "version 2.4" do not), and a
    name must stand for itself: before a noun ("the French coast") it only says which.
    """
    match fact.kind:
        case "date":
            return "date" if isinstance(fact.value, tuple) and fact.value[0] is not None else None
        case "time":
            return "time"
        case "number" if isinstance(fact.value, Decimal):
            return _number_kind(sentence, fact)
        case "name" | "code":
            before, after = sentence[: fact.start], sentence[fact.end :]
            if (
                not (_NAME_ENDS.match(after) or _does(before, after))
                or _NAME_GOES_ON.search(before)
                or MONTHS.keys() & set(fact.text.casefold().split())
            ):
                return None
            return "code" if any(c.isdigit() for c in fact.text) else "name"
    return None


def _does(before: str, after: str) -> bool:
    """Whether a name begins the sentence and a verb follows it."""
    verb = re.match(r"\s([a-z]+)\s", after)
    return not before.strip() and verb is not None and base_form(verb[1]) is not None


def _number_kind(sentence: str, fact: Fact) -> AnswerKind | None:  # noqa: PLR0911 - a table of cases
    after = sentence[fact.end :]
    if re.match(r"[.\w]*\w", after) and fact.text.isascii() and after[:1].isascii():
        return None  # a part of something else: "1.x"
    if fact.unit in _CURRENCIES:
        return "money"
    if fact.unit == "%":
        return "share"
    if fact.unit in _EXTENTS or _WORKING_DAYS.match(sentence, fact.end):
        return "extent"
    if fact.unit and fact.unit != "decade":
        return "measure"
    if re.fullmatch(r"1\d{3}|20\d{2}", fact.text):
        return "year"
    counted = _COUNTED.match(after)
    if counted is None or is_stop_word(counted.group().strip(), "en") or _NUMBERED.search(sentence[: fact.start]):
        return None
    return "count"


def _written(word: str, text: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text) is not None


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and (text[end - 1].isspace() or text[end - 1] in ".,;:'’"):
        end -= 1
    return start, end


def _listed(sentence: str, fact: Fact, facts: list[Fact]) -> bool:
    """Whether the fact is one of several alike in a row ("Lund and Moe"): alone it would be half an answer."""
    alike = [other for other in facts if other.kind == fact.kind]
    return any(
        fact in pair
        and re.fullmatch(r"\s*(?:,|/|&|(?:,\s*)?(?:and|or|to|und|oder|bis|et|ou|y|o)\b|[和或与至、–-])\s*", gap)
        for pair in pairwise(alike)
        if (gap := sentence[pair[0].end : pair[1].start])
    )
