"""Whether the evidence is about the question: a sentence copied from the wrong passage proves itself only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag.grounding.claims import Claim, read_claim
from rag.grounding.evidence import Evidence
from rag.grounding.facts import Fact, states
from rag.grounding.verify import Weights
from rag.text import is_stop_word

Expected: TypeAlias = Literal["", "name", "date", "number"]

_ASKS: tuple[tuple[Expected, re.Pattern[str]], ...] = (
    (
        "date",
        re.compile(
            r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|decade|century)\b"
            r"|\bwann\b|\bwelche[ms]? (?:jahr|tag|datum|monat)\b"
            r"|\bquand\b|\bquelle (?:année|date)\b|\bcuándo\b|\bqué (?:año|fecha|día)\b"
            r"|什么时候|何时|哪一?[年天日月]|几[月号点]|いつ",
            re.IGNORECASE,
        ),
    ),
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|long|old|far|tall|high|heavy|big|large)\b"
            r"|\bwhat (?:percent|percentage|number|price)\b"
            r"|\bwie (?:viele?|lange?|alt|hoch|teuer|weit|schwer|groß)\b|\bcombien\b|\bcuánt[oa]s?\b"
            r"|多少|几[个次名人年天场种位]|多[长久大高远重]|いくつ|いくら|何[人年日回個]",
            re.IGNORECASE,
        ),
    ),
    ("name", re.compile(r"\bwho(?:m|se)?\b|\bwe[rmn]\b|\bqui\b|\bquién(?:es)?\b", re.IGNORECASE)),
)
_POLAR = re.compile(
    r"^\W*(?:is|are|was|were|do|does|did|can|could|will|would|should|has|have|had|may|must|ist|sind|war|hat|haben|kann|darf|"
    r"gibt|gilt|muss|est-ce|es|está|puede|hay)\b|吗\W*$|是否|是不是|か[？?]?$",
    re.IGNORECASE,
)
# What a question asks with is not what it asks about.
_ASKING = re.compile(
    r"\b(?:how (?:many|much|long|old|far|tall|high|heavy|big|large|often|soon)|(?:what|which) (?:kind|type|sort)s? of|"
    r"wie (?:viele?|lange?|alt|hoch|teuer|weit|schwer|groß|oft)|what (?:is|are|was|were) the (?:names?|title) of)\b|"
    r"什么时候|什么样|什么|哪[一些个里儿]?|谁|多少|几|为什么|怎么样?|如何|何时|何地|吗|呢|是否|请问|是谁|"
    r"いつ|どこ|だれ|誰|なに|何",
    re.IGNORECASE,
)


_SPACELESS = frozenset({"zh", "ja", "ko", "th", "lo", "km", "my"})
# Bigrams straddle words, so that even a good passage holds fewer of a question's than it holds words.
_BIGRAM_COVERAGE = 0.65
# Cosines between which MiniLM and its likes go from "something else" to "about the question", and how far
# they may move the score: other models' cosines may lie all above, and must not decide alone.
_FAR, _NEAR, _DENSE_WEIGHT, _DENSE_DOWN, _DENSE_UP = 0.3, 0.6, 0.4, 0.3, 0.2


@dataclass(frozen=True, slots=True)
class Answerability:
    """What speaks for evidence that answers the question; shares are weighted by idf.

    ``cited``: share of the question's terms in the cited sentences, beside them or in their headers.
    ``retrieved``: share in any sentence retrieved.
    ``named``: share of the question's names, codes, numbers and dates in the cited sentences or their
    headers; None without any. ``known``: share of them in any sentence retrieved.
    ``typed``: the cited sentences hold the name, date or number asked for, beyond those of the question.
    ``novel``: the answer says something that the question does not.
    ``dense``: best cosine of the retrieved passages; None where unknown.
    """

    cited: float
    retrieved: float
    named: float | None
    known: float
    typed: bool
    novel: bool
    dense: float | None

    @property
    def score(self) -> float:
        """From 0 to 1. The weights were chosen on four articles of SQuAD 2 and reported on four others."""
        if not self.novel:
            return 0.0
        score = 0.5 * self.cited + 0.25 * self.retrieved + 0.25 * self.known
        if self.named is not None:
            score = 0.75 * score + 0.25 * self.named
        score *= 1.0 if self.typed else 0.8
        if self.dense is None:
            return score
        close = min(max((self.dense - _FAR) / (_NEAR - _FAR), 0.0), 1.0)
        mixed = (1 - _DENSE_WEIGHT) * score + _DENSE_WEIGHT * close
        return min(max(mixed, score - _DENSE_DOWN, 0.0), score + _DENSE_UP, 1.0)


def expected(question: str) -> Expected:
    """What kind of answer a simple wh-question wants; "" where it does not say."""
    return next((kind for kind, pattern in _ASKS if pattern.search(question)), "")


def read_question(question: str, language: str, known: frozenset[str] = frozenset()) -> Claim:
    """The question's terms and facts, without the words it asks with."""
    return read_claim(_ASKING.sub(" ", question), language, known=known)


def answerability(
    question: str,
    asked: Claim,
    claims: Sequence[Claim],
    cited: Sequence[Evidence],
    evidence: Sequence[Evidence],
    weights: Weights,
) -> Answerability:
    """How far ``claims``, the answer's supported sentences, answer the question.

    ``cited`` is the evidence of the claims, ``evidence`` all that was retrieved.
    """
    spaceless = asked.language in _SPACELESS
    full = _BIGRAM_COVERAGE if spaceless else 1.0
    beside = [unit.source.terms | unit.source.near for unit in cited]
    covered = min(_share(asked, beside, weights) / full, 1.0)
    retrieved = min(_share(asked, [unit.source.terms for unit in evidence], weights) / full, 1.0)
    facts = asked.firm
    dense = [unit.hit.arms["dense"].score for unit in evidence if "dense" in unit.hit.arms]
    return Answerability(
        cited=covered,
        retrieved=retrieved,
        named=_held(facts, cited) if facts else None,
        known=_held(facts, evidence) if facts else retrieved,
        typed=_typed(expected(question), asked, cited),
        novel=bool(_POLAR.search(question)) or any(_adds(claim, asked) for claim in claims),
        # An embedder may know no language but its own, and finds all texts of another one alike.
        dense=max(dense) if dense and not spaceless else None,
    )


def _share(asked: Claim, held: Sequence[frozenset[str]], weights: Weights) -> float:
    total = weights.sum(asked.terms)
    return weights.sum(asked.terms & frozenset[str]().union(*held)) / total if total else 1.0


def _held(facts: Sequence[Fact], units: Sequence[Evidence]) -> float:
    return sum(any(unit.source.holds(fact) for unit in units) for fact in facts) / len(facts)


def _adds(claim: Claim, asked: Claim) -> bool:
    if claim.terms - asked.terms:
        return True
    return any(not any(states(old, fact) for old in asked.facts) for fact in claim.facts)


def _typed(kind: Expected, asked: Claim, cited: Sequence[Evidence]) -> bool:
    if not kind:
        return True
    if kind == "name":
        return any(_names(unit.source.claim, asked) for unit in cited)
    wanted = {"date": ("date", "time", "number", "ordinal"), "number": ("number", "ordinal", "date", "time")}[kind]
    return any(
        fact.kind in wanted and not any(states(old, fact) for old in asked.facts)
        for unit in cited
        for fact in unit.source.claim.facts
    )


def _names(claim: Claim, asked: Claim) -> bool:
    if claim.language in {"zh", "ja", "ko", "th", "ar", "hi", "he", "fa"}:
        return True  # no capitals to tell a name by
    words = re.findall(r"[^\W\d_][\w'’-]+", claim.text)
    return any(
        word[0].isupper() and word.casefold() not in asked.tokens and not is_stop_word(word.casefold(), claim.language)
        for word in words
    )
