"""Whether the evidence is about the question: a sentence copied from the wrong passage proves itself only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.grounding.claims import Claim, holds_name, read_claim
from rag.grounding.evidence import Evidence
from rag.grounding.facts import Fact, states
from rag.grounding.verify import Source, Weights
from rag.text import Expected, expected, fits_years, has_unit, terms, variants, without_asking

_POLAR = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|may|must|ist|sind|war|hat|haben|kann|darf|"
    r"gibt|gilt|muss|est-ce|es|está|puede|hay)\b|吗\W*$|是否|是不是|か[？?]?$",
    re.IGNORECASE,
)
# Whatever else speaks for it, a sentence that holds next to nothing of what is asked does not answer it.
_FLOOR, _CEILING_SLOPE = 0.25, 1.25
_SPACELESS = frozenset({"zh", "ja", "ko", "th", "lo", "km", "my"})
# Bigrams straddle words, so that even a good passage holds fewer of a question's than it holds words.
_BIGRAM_COVERAGE = 0.5
# Cosines between which MiniLM and its likes go from "something else" to "about the question", and how far
# they may move the score: other models' cosines may lie all above, and must not decide alone.
_NEAR_SHARE = 0.5  # what a term or name of the question counts that stands in the passage, not in the sentence
_FAR, _NEAR, _DENSE_WEIGHT, _DENSE_DOWN, _DENSE_UP = 0.3, 0.6, 0.4, 0.3, 0.2
_WEAK, _STRONG = 0.35, 0.6  # shares of a question's words, see ``outdone``


@dataclass(frozen=True, slots=True)
class Answerability:
    """What speaks for evidence that answers the question; shares are weighted by idf.

    ``cited``: share of the question's terms in the cited sentences or their headers; beside them counts half.
    ``retrieved``: share in any sentence retrieved.
    ``named``: share of the question's names, codes, numbers and dates in the cited sentences or their
    headers, half where they are elsewhere in the passage; None without any. ``known``: share of them in any
    sentence retrieved.
    ``typed``: the cited sentences hold the name, date or number asked for, beyond those of the question.
    ``novel``: the answer says something that the question does not, and where a number or a date is asked for,
    nor the headers of the cited sentences: a model that does not know repeats them.
    ``elsewhere``: the question names products, and the cited sentences speak of others or nothing retrieved names it.
    ``dense``: best cosine of the retrieved passages; None where unknown.
    """

    cited: float
    retrieved: float
    named: float | None
    known: float
    typed: bool
    novel: bool
    elsewhere: bool
    dense: float | None

    @property
    def score(self) -> float:
        """From 0 to 1; docs/grounding.md has what it refuses."""
        if not self.novel or self.elsewhere:
            return 0.0
        score = 0.7 * self.cited + 0.15 * self.retrieved + 0.15 * self.known
        if self.named is not None:
            score = 0.75 * score + 0.25 * self.named
        score *= 1.0 if self.typed else 0.8
        ceiling = _FLOOR + _CEILING_SLOPE * self.cited
        if self.dense is None:
            return min(score, ceiling)
        close = min(max((self.dense - _FAR) / (_NEAR - _FAR), 0.0), 1.0)
        mixed = (1 - _DENSE_WEIGHT) * score + _DENSE_WEIGHT * close
        return min(max(mixed, score - _DENSE_DOWN, 0.0), score + _DENSE_UP, ceiling, 1.0)


def read_question(question: str, language: str, known: frozenset[str] = frozenset()) -> Claim:
    """The question's terms and facts, without the words it asks with."""
    return read_claim(without_asking(question), language, known=known)


def answerability(
    question: str,
    asked: Claim,
    claims: Sequence[Claim],
    cited: Sequence[Evidence],
    evidence: Sequence[Evidence],
    weights: Weights,
) -> Answerability:
    """How far ``claims``, supported sentences of the answer, answer the question.

    ``cited`` is the evidence of the claims, ``evidence`` all that was retrieved.
    """
    spaceless = asked.language in _SPACELESS
    full = _BIGRAM_COVERAGE if spaceless else 1.0
    topics = _topics(asked)
    own = [unit.source.terms for unit in cited]
    passages = {id(unit.hit) for unit in cited}
    near = [unit.source.near for unit in cited]
    near += [unit.source.claim.terms for unit in evidence if id(unit.hit) in passages]
    dense = [unit.hit.arms["dense"].score for unit in evidence if "dense" in unit.hit.arms]
    facts = asked.firm
    kind = expected(question)
    said = asked.terms
    if kind not in ("", "name"):
        said = said.union(*(unit.source.header.terms for unit in cited))
    retrieved = min(_share(topics, [unit.source.terms for unit in evidence], (), weights) / full, 1.0)
    return Answerability(
        cited=min(_share(topics, own, near, weights) / full, 1.0),
        retrieved=retrieved,
        named=_named(facts, cited, evidence) if facts else None,
        known=_held(facts, evidence) if facts else retrieved,
        typed=_typed(kind, asked, cited) and any(fits_years(question, unit.text) for unit in cited),
        elsewhere=_elsewhere(asked, cited, evidence),
        novel=bool(_POLAR.search(question)) or any(_adds(claim, asked, said) for claim in claims),
        # An embedder may know no language but its own, and finds all texts of another one alike.
        dense=max(dense) if dense and not spaceless else None,
    )


def names_some(question: str, cited: Sequence[tuple[str, str]], language: str = "") -> bool:
    """Whether evidence, (header, quote) pairs, holds some of the names, codes, numbers and dates of the question.

    True where the question has none.
    """
    facts = read_question(question, language).firm
    sources = [Source(read_claim(quote, language), read_claim(header, language)) for header, quote in cited]
    return not facts or any(source.holds(fact) for source in sources for fact in facts)


def direct(asked: Claim, cited: Sequence[Evidence], weights: Weights) -> float:
    """The share of the question's terms that the cited sentences themselves hold."""
    return _share(_topics(asked), [unit.source.claim.terms for unit in cited], (), weights)


def outdone(
    question: str, asked: Claim, cited: Sequence[Evidence], evidence: Sequence[Evidence], weights: Weights
) -> bool:
    """Whether the cited sentences answer another question.

    They do if they hold hardly any of the question's words, and another sentence retrieved holds
    most of them beside the number, date or name asked for.
    """
    kind = expected(question)
    if not kind or direct(asked, cited, weights) >= _WEAK:
        return False
    return any(direct(asked, [unit], weights) >= _STRONG and _typed(kind, asked, [unit]) for unit in evidence)


def _topics(asked: Claim) -> frozenset[str]:
    """The question's terms without those of its codes, which are compared as facts."""
    codes = [fact.text for fact in asked.facts if fact.kind == "code"]
    rest = asked.terms - frozenset(term for code in codes for term in terms(code, asked.language))
    return rest or asked.terms


def _share(
    asked: frozenset[str], own: Sequence[frozenset[str]], near: Sequence[frozenset[str]], weights: Weights
) -> float:
    total = weights.sum(asked)
    if not total:
        return 1.0
    here, beside = frozenset[str]().union(*own), frozenset[str]().union(*near)
    held = frozenset(term for term in asked if variants(term) & here)
    around = frozenset(term for term in asked - held if variants(term) & beside)
    return (weights.sum(held) + _NEAR_SHARE * weights.sum(around)) / total


def _held(facts: Sequence[Fact], units: Sequence[Evidence]) -> float:
    return sum(any(unit.source.holds(fact) for unit in units) for fact in facts) / len(facts)


def _named(facts: Sequence[Fact], cited: Sequence[Evidence], evidence: Sequence[Evidence]) -> float:
    """As ``_held``, where a name elsewhere in the passage of a cited sentence counts as well, if less."""
    passages = [unit for unit in evidence if any(unit.hit is one.hit for one in cited)]
    return (1 - _NEAR_SHARE) * _held(facts, cited) + _NEAR_SHARE * _held(facts, passages)


def _elsewhere(asked: Claim, cited: Sequence[Evidence], evidence: Sequence[Evidence]) -> bool:
    codes = [fact for fact in asked.facts if fact.kind == "code"]
    if not codes:
        return False
    if not all(any(unit.source.holds(code) for unit in evidence) for code in codes):
        return True
    return all(
        any(fact.kind == "code" for fact in unit.source.claim.facts)
        and not any(holds_name(unit.source.claim, code) for code in codes)
        for unit in cited
    )


def _adds(claim: Claim, asked: Claim, said: frozenset[str]) -> bool:
    if claim.terms - said:
        return True
    return any(not any(states(old, fact) for old in asked.facts) for fact in claim.facts)


def _typed(kind: Expected, asked: Claim, cited: Sequence[Evidence]) -> bool:
    if not kind:
        return True
    if kind == "name":
        return any(_names(unit.source.claim, asked) for unit in cited)
    wanted = ("date", "time", "number", "ordinal")
    return any(
        fact.kind in wanted and has_unit(kind, unit.text) and not any(states(old, fact) for old in asked.facts)
        for unit in cited
        for fact in unit.source.claim.facts
    )


def _names(claim: Claim, asked: Claim) -> bool:
    if claim.language in {"zh", "ja", "ko", "th", "ar", "hi", "he", "fa"}:
        return True  # no capitals to tell a name by
    return any(
        fact.kind == "name" and isinstance(fact.value, tuple) and not {str(w) for w in fact.value} <= asked.tokens
        for fact in claim.facts
    )
