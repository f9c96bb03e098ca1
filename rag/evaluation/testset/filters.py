"""What a made question must pass. Each filter is deterministic and says why it fails; "" means that it passes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rag.evaluation.testset.english_verbs import AUXILIARIES, PAST
from rag.evaluation.testset.rules import is_person
from rag.evaluation.testset.source import AnswerKind, Candidate, answer_kind
from rag.generators import ExtractiveGenerator
from rag.generators.prompts import render_messages
from rag.grounding import Fact, ground, read_facts
from rag.grounding.claims import holds_name, read_claim
from rag.grounding.facts import states
from rag.protocols import Embedder
from rag.text import is_stop_word, query_terms, terms, variants, without_asking, words
from rag.types import Chunk, Hit, Vectors, content_hash

MIN_WORDS, MAX_WORDS = 4, 30
MAX_JACCARD = 0.7
MAX_COSINE = 0.92
MIN_COVERED = 0.5  # of the words of the answer's clause, without the answer
MIN_TOPICS = 2

_ENDS = re.compile(r"[?？]$")
_ASKS = re.compile(
    r"^(?:\w+\s){0,2}?(?:who|whom|whose|when|where|why|which|what|how|wann|wer|wem|wen|wo|wie|welche[rmns]?|quand|qui|où|combien|"
    r"quel(?:le)?s?|cuándo|quién|dónde|cuánt[oa]s?|cuál|qué)\b|^was (?:ist|sind|war|kostet|hat|bedeutet)\b"
    r"|什么|多少|多久|几|谁|哪|百分之多少",
    re.IGNORECASE,
)
_IMPERATIVE = re.compile(r"^(?:name|list|give|state|describe|nenne|nennen sie)\b", re.IGNORECASE)
# "his" after a name in the question is that name's
_POSSESSIVE = frozenset({"his", "her", "its", "their"})
_NAMED = re.compile(r"\b[A-Z]\w+\s")
# A gap that was copied; a comma, which in a draft mostly joins two questions or the halves of a statement.
# Nor does a question end where something must follow.
_CLUTTER = re.compile(r"_|,\s|[;:\n]|\b(?:that|of|by|from|with|and|or|the|an?|as|for|to|at)\W*$", re.IGNORECASE)
_DANGLING = re.compile(
    r"\b(?:he|she|him|his|hers?|it|its|they|them|their|theirs|this|these|those|such|we|us|our|i|my|me|you|your|"
    r"er|ihm|sein\w*|ihr\w*|dies\w*|il|elle|ils|elles|leurs?|cette|ces|él|ella|esto|este|esta|su|sus|"
    r"here|the (?:text|passage|sentence|document|statement|author|answer|following|above|latter|former|same))\b"
    r"|他|她|它|这|该|其",
    re.IGNORECASE,
)
_KINDS: dict[AnswerKind, str] = {
    "year": r"\b(?:what|which) year\b|^(?:since |until |from )?when\b|\bwann\b|welche\w* jahr|哪一?年",
    "date": r"^(?:since |until |from |by )?when\b|\b(?:what|which) (?:date|day|month)\b|\bwann\b"
    r"|什么时候|哪一?[天日月]",
    "time": r"\bwhat time\b|^(?:until |from )?when\b|\bum wie ?viel uhr\b|几点",
    "money": r"\bhow (?:much|many (?:euros?|dollars?|pounds?|million))\b|^what (?:is|was|are|were|does|do|did)\b"
    r"|\bwie viele?\b|多少钱",
    "share": r"\bpercent(?:age)?\b|\bhow much\b|\bshare\b|prozent|百分之",
    "extent": r"\bhow (?:long|often|soon|old|far|many)\b|^what (?:is|was|are|were)\b"
    r"|\bwie (?:lange?|viele?|oft)\b|多久|多长",
    "measure": r"\bhow (?:much|many|long|high|far|large|big|heavy|fast|wide|deep|tall|thick)\b"
    r"|^(?:at |in )?what\b|\bwie \w+|多",
    "count": r"\bhow many\b|\bwie viele?\b|多少|几",
    "code": r"^(?:\w+ )?(?:which|what)\b|welche",
    "name": r"\b(?:who|whom|whose|which|what|where)\b|\b(?:wer|wem|wen|wo|welche\w*)\b|谁|什么|哪",
}  # fmt: skip
_ASKS_FOR = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _KINDS.items()}
# Terms that a question may bring along: they name the kind of answer.
_ASKING_WORDS: dict[AnswerKind, str] = {
    "year": "year",
    "date": "date day month year",
    "time": "time",
    "share": "percent percentage share",
    "money": "much cost price money",
    "extent": "many long",
    "measure": "many long",
    "name": "name person people place city country company",
}
_ASKING_TERMS = {kind: frozenset(terms(listed, "en")) for kind, listed in _ASKING_WORDS.items()}
# What "the city" is only its own document knows.
_VAGUE = re.compile(
    r"\bthe (?:new |old |present |current |other |first |second |whole )*(?:building|city|town|village|country|region|"
    r"area|place|company|factory|fort|dispute|group|government|man|woman|king|event|law|act|treaty|war|battle|meeting|project|"
    r"park|grounds|plan|work|book|film|game|team|season|couple|situation|system|process|result|school|river|church|program|"
    r"programme|show|series|band|album|song|province|island|army|fleet|bill|case)(?:['’]s)?\b(?!\s+of\b)",
    re.IGNORECASE,
)
_DO = re.compile(r"\b(?:do|does|did)\b", re.IGNORECASE)
_SPACELESS = frozenset({"zh", "ja"})
_CJK_ASKING = re.compile("多久|多长|什么时候|几点|多少钱?|百分之|哪一年|谁|什么|哪|[久长]")
_COUNTED = re.compile(r"\b(?:how many|wie viele?)((?:\s+\S+){1,2})", re.IGNORECASE)
_CLAUSE_ENDS = re.compile(r"[;:()。；：（）]|,(?=\s)|，|\s(?:and|but|while|or|und|aber)\s")
_REPEATS = re.compile(r"\b(\w+(?:\W+\w+)?)\W+\1\b|\b([\w-]*\d[\w-]*)\b.*\b\2\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether a question may be kept: ``failed`` is the first filter that it fails, "" if none."""

    failed: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)


def judge(question: str, candidate: Candidate, *, embedder: Embedder | None) -> Judged:
    """All filters that need no other question and no search, cheapest first."""
    checks: Sequence[tuple[str, Callable[[], bool]]] = (
        ("not well-formed", lambda: well_formed(question)),
        ("holds its answer", lambda: not holds_answer(question, candidate)),
        ("answered by the title", lambda: not in_title(question, candidate)),
        ("not grammatical", lambda: grammatical(question, candidate)),
        ("asks for another kind", lambda: asks_for(question, candidate)),
        ("not from the passage", lambda: not foreign(question, candidate)),
        ("not self-contained", lambda: self_contained(question, candidate)),
    )
    for reason, passes in checks:
        if not passes():
            return Judged(reason)
    covered = coverage(question, candidate)
    scores = {"covered": round(covered, 3)}
    if covered < MIN_COVERED:
        return Judged("too little of the sentence", scores)
    if not holds_neighbours(question, candidate):
        return Judged("not what the answer is said of", scores)
    if rivalled(question, candidate):
        return Judged("another answer in the sentence", scores)
    answered = answer_score(question, candidate, embedder)
    scores["answerable"] = round(answered, 3)
    return Judged("" if answered else "not answerable from the span", scores)


def well_formed(question: str) -> bool:
    """One sentence of 4 to 30 words that asks, with no pronoun that points outside it and nothing said twice."""
    count = len(words(question))
    if not MIN_WORDS <= count <= MAX_WORDS or not _ENDS.search(question) or _CLUTTER.search(question):
        return False
    if not (_ASKS.search(question) or _IMPERATIVE.search(question)) or _REPEATS.search(question):
        return False
    # "US" and "IT" are no pronouns, and "his" after a name is that name's.
    dangling = any(
        (not match.group().isupper() or match.group() == "I")
        and not (match.group() in _POSSESSIVE and _NAMED.search(question, 3, match.start()))
        for match in _DANGLING.finditer(question)
    )
    return not (
        dangling
        or question.count('"') % 2
        or re.search(r"\bthere\b(?<!are there)(?<!is there)", question, re.IGNORECASE)
    )


def holds_answer(question: str, candidate: Candidate) -> bool:
    """Whether the question gives away its answer, in its words or by value."""
    said = " ".join(question.casefold().split())
    answer = " ".join(candidate.answer.casefold().split())
    if answer in said if len(answer) > 2 else re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", said):
        return True
    fact = candidate.fact
    if fact.kind in {"name", "code", "quote"} and isinstance(fact.value, tuple):
        held = {question[a:b].casefold() for a, b in words(question)}
        return any(str(word) in held for word in fact.value)
    return any(_same_value(other, fact) for other in read_facts(question, candidate.passage.language))


def _same_value(other: Fact, fact: Fact) -> bool:
    if states(other, fact) or states(fact, other):
        return True
    if fact.kind == other.kind == "date":  # "in January" where January 2024 is asked for
        return any(a == b and a is not None for a, b in zip(other.value, fact.value, strict=False))  # type: ignore[arg-type]
    return False


def in_title(question: str, candidate: Candidate) -> bool:
    """Whether the title or a heading holds the answer, or is the question."""
    header = "\n".join(candidate.passage.header)
    if candidate.answer.casefold() in header.casefold():
        return True
    if any(states(other, candidate.fact) for other in read_facts(header, candidate.passage.language)):
        return True
    language = candidate.passage.language
    asked = frozenset(terms(question, language))
    return any(
        asked and jaccard(asked, frozenset(terms(line, language))) > MAX_JACCARD for line in candidate.passage.header
    )


def asks_for(question: str, candidate: Candidate) -> bool:
    """Whether the question's words of asking want the answer's kind, and a count what is counted."""
    language = candidate.passage.language
    if not _ASKS_FOR[candidate.kind].search(question):
        return False
    if candidate.kind == "name":
        return _names_kind(question, candidate)
    counted = _COUNTED.search(question)
    if counted is not None and candidate.kind in {"money", "extent", "measure"}:
        return bool(frozenset(terms(counted[1], language)) & frozenset(terms(candidate.answer, language)))
    if candidate.kind != "count" or language == "zh":
        return True
    _, after = candidate.around
    noun = frozenset(terms(" ".join(after.split()[:3]), language))
    return counted is not None and bool(noun & frozenset(terms(counted[1], language)))


def grammatical(question: str, candidate: Candidate) -> bool:
    """Whether the question neither closes up around the answer nor asks "does" of what "is".

    Small models leave "costs of ___ a year" as "costs of a year", and ask of "the menu is in ___" where it "does".
    English only; true elsewhere.
    """
    if candidate.passage.language != "en":
        return True
    before, after = (part.split() for part in candidate.statement)
    if len(before) > 1 and after and is_stop_word(before[-1], "en"):
        closed = rf"\b{re.escape(before[-1])}\s+{re.escape(after[0])}(?!\w)"
        if re.search(closed, question, re.IGNORECASE):
            return False
    auxiliary = next((word for word in before + after if word in AUXILIARIES), "")
    return not (auxiliary and _DO.search(question) and not re.search(rf"\b{auxiliary}\b", question))


def _names_kind(question: str, candidate: Candidate) -> bool:
    """Whether "who" asks for a person, and "where" or "which" for what stands after "in"."""
    before, _ = candidate.around
    who = re.search(r"\b(?:who|whom|whose)\b", question, re.IGNORECASE)
    if who:
        return is_person(candidate)
    where = re.search(r"\b(?:where|which|in what|at what|wo|welche\w*)\b|哪|什么", question, re.IGNORECASE)
    return bool(where) or not re.search(r"\b(?:in|at|near|on|from|to)\s+(?:the\s+)?$", before)


def foreign(question: str, candidate: Candidate) -> list[str]:
    """The question's terms, numbers and names that neither the sentence nor its title and headings hold."""
    language = candidate.passage.language
    text = "\n".join((candidate.sentence, *candidate.passage.header))
    held = frozenset(terms(text, language))
    asked = without_asking(question)
    if language in _SPACELESS:  # bigrams straddle what was left out
        return [c for c in _CJK_ASKING.sub("", asked) if c.isalnum() and c.casefold() not in text.casefold()]
    allowed = _ASKING_TERMS.get(candidate.kind, frozenset())
    held |= frozenset(form for term in held for form in _forms(term, language))
    strange = [term for term in terms(asked, language) if not variants(term) & held and term not in allowed]
    evidence = read_claim(text, language)
    for fact in read_claim(question, language).facts:
        if fact.kind in {"name", "code", "quote"}:
            if fact.text.casefold() not in {"when", "who", "what", "which", "how"} and not holds_name(evidence, fact):
                strange.append(fact.text)
        elif not any(states(own, fact) for own in evidence.facts):
            strange.append(fact.text)
    return strange


def self_contained(question: str, candidate: Candidate) -> bool:
    """Whether it names enough of the sentence to be asked without it: two of its terms and a name, code or number,
    or else three.
    """  # noqa: D205
    if _VAGUE.search(question):
        return False
    language = candidate.passage.language
    facts = [fact for fact in read_facts(without_asking(question), language) if fact.firm]
    named = any(not _ASKS.fullmatch(fact.text) for fact in facts)
    return len(_topics(question, candidate)) >= MIN_TOPICS + (not named)


def _topics(question: str, candidate: Candidate) -> frozenset[str]:
    """The sentence's terms in the question, without its unit, which says nothing of the matter."""
    language = candidate.passage.language
    held = frozenset(terms(candidate.sentence, language)) - frozenset(terms(candidate.answer, language))
    return frozenset(term for term in terms(without_asking(question), language) if _forms(term, language) & held)


def coverage(question: str, candidate: Candidate) -> float:
    """Share of the terms of the statement, without the answer's own, that the question holds."""
    language = candidate.passage.language
    own = frozenset(terms(candidate.answer, language))
    wanted = frozenset(terms("  ".join(candidate.statement), language)) - own
    asked = frozenset(term for one in terms(question, language) for term in _forms(one, language))
    return sum(bool(_forms(term, language) & asked) for term in wanted) / len(wanted) if wanted else 0.0


def holds_neighbours(question: str, candidate: Candidate) -> bool:
    """Whether the question holds the content words right before and right after the answer in its statement.

    They say what the answer is said of: of "costs 18 euros and takes 4 days", one for the price must hold "costs".
    """
    language = candidate.passage.language
    said_before, said_after = candidate.statement
    before, after = terms(said_before, language), terms(said_after, language)
    own = frozenset(terms(candidate.answer, language))
    asked = frozenset(term for one in terms(question, language) for term in _forms(one, language))
    near = {term for term in (*before[-1:], *after[:1]) if term not in own}
    return all(_forms(term, language) & asked for term in near)


def _forms(term: str, language: str) -> frozenset[str]:
    """A term, its variants, and the stem of its base form if it is an English past: "led" and "lead"."""
    base = PAST.get(term) if language == "en" else None
    return variants(term) | frozenset(terms(base, language) if base else ())


def _clause_span(sentence: str, place: int) -> tuple[int, int]:
    edges = [0, *(match.end() for match in _CLAUSE_ENDS.finditer(sentence)), len(sentence)]
    start = max(edge for edge in edges if edge <= place)
    return start, min(edge for edge in edges if edge > place)


def rivalled(question: str, candidate: Candidate) -> bool:
    """Whether another fact of the answer's kind stands in its clause, or in one that the question is as much about."""
    place = candidate.start - candidate.sentence_start
    own = _clause_span(candidate.sentence, place)
    language = candidate.passage.language
    asked = frozenset(term for one in terms(question, language) for term in variants(one))
    mine = frozenset(terms(candidate.sentence[slice(*own)], language))
    for other in candidate.rivals:
        if answer_kind(candidate.sentence, other) != candidate.kind and other.kind != candidate.fact.kind:
            continue
        if candidate.kind in {"name", "code"} and other.text.casefold() in question.casefold():
            continue  # what is asked about, not an answer
        if other.kind in {"number", "date"} and other.unit != candidate.fact.unit:
            continue
        if any(states(said, other) for said in read_facts(question, language)):
            continue
        theirs = _clause_span(candidate.sentence, other.start)
        others = frozenset(terms(candidate.sentence[slice(*theirs)], language)) - mine
        if theirs == own or others & asked:
            return True
    return False


def answer_score(question: str, candidate: Candidate, embedder: Embedder | None) -> float:
    """How far the sentence alone answers the question: the grounding's score of its quotation, 0 if refused.

    The question is asked over the sentence with its title; the extractive generator quotes, grounding judges.
    """
    chunk = Chunk(
        document_id=content_hash(candidate.passage.uri),
        uri=candidate.passage.uri,
        start=candidate.sentence_start,
        end=candidate.sentence_start + len(candidate.sentence),
        text=candidate.sentence,
        title=candidate.passage.title,
        headings=candidate.passage.headings,
        language=candidate.passage.language,
    )
    generator = ExtractiveGenerator(embedder)
    draft = "".join(generator.generate(render_messages(question, [(chunk.header, chunk.text)])))
    answer = ground(question, draft, [Hit(chunk, 1.0, 1)])
    quoted = any(cited.start <= candidate.start and candidate.end <= cited.end for cited in answer.citations)
    return answer.score if quoted and not answer.refused else 0.0


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Size of the intersection over that of the union; 0 for two empty sets."""
    union = left | right
    return len(left & right) / len(union) if union else 0.0


class Kept:
    """The questions kept so far, against which a new one must not be a near-duplicate."""

    def __init__(self, embedder: Embedder | None, texts: Iterable[str] = ()) -> None:
        self._embedder = embedder
        self._bags: list[frozenset[str]] = []
        self._vectors: list[Vectors] = []
        for text in texts:
            self.add(text)

    def add(self, question: str) -> None:
        """Remember a question."""
        self._bags.append(_bag(question))
        if self._embedder is not None:
            self._vectors.append(self._embedder.embed_queries([question])[0])

    def repeats(self, question: str) -> bool:
        """Whether one with nearly the same terms, or the same sense by the embedder, is there.

        Those that differ in a number or code ask different things, however alike their vectors.
        """
        bag = _bag(question)
        if any(jaccard(bag, other) > MAX_JACCARD and _figures(bag) == _figures(other) for other in self._bags):
            return True
        if self._embedder is None or not self._vectors:
            return False
        cosines = np.stack(self._vectors) @ self._embedder.embed_queries([question])[0]
        near = np.flatnonzero(cosines > MAX_COSINE)
        return any(_figures(self._bags[int(i)]) == _figures(bag) for i in near)


def _bag(question: str) -> frozenset[str]:
    return frozenset(query_terms(without_asking(question), ["en"])) or frozenset(terms(question))


def _figures(bag: frozenset[str]) -> frozenset[str]:
    return frozenset(term for term in bag if any(c.isdigit() for c in term))
