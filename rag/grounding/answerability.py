"""Whether the evidence is about the question: a sentence copied from the wrong passage proves itself only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from rag.grounding.claims import Claim, read_claim
from rag.grounding.evidence import Evidence
from rag.grounding.facts import states
from rag.grounding.verify import Weights
from rag.text import is_stop_word
from rag.types import Hit

Expected: TypeAlias = Literal["", "name", "date", "number"]

_ASKS: tuple[tuple[Expected, re.Pattern[str]], ...] = (
    (
        "date",
        re.compile(
            r"\bwhen\b|\b(?:what|which) (?:year|date|day|month|decade|century)\b|\bwann\b|\bwelche[ms]? (?:jahr|tag|datum|monat)\b"
            r"|\bquand\b|\bquelle (?:année|date)\b|\bcuándo\b|\bqué (?:año|fecha|día)\b|什么时候|何时|哪一?[年天日月]|几[月号点]|いつ",
            re.IGNORECASE,
        ),
    ),
    (
        "number",
        re.compile(
            r"\bhow (?:many|much|long|old|far|tall|high|heavy|big|large)\b|\bwhat (?:percent|percentage|number|price)\b"
            r"|\bwie (?:viele?|lange?|alt|hoch|teuer|weit|schwer|groß)\b|\bcombien\b|\bcuánt[oa]s?\b|多少|几[个次名人年天场种位]|多[长久大高远重]|いくつ|いくら|何[人年日回個]",
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
    r"什么时候|什么样|什么|哪[一些个里儿]?|谁|多少|几|为什么|怎么样?|如何|何时|何地|吗|呢|是否|请问|是谁|いつ|どこ|だれ|誰|なに|何",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Answerability:
    """What speaks for evidence that answers the question.

    ``coverage`` is the idf-weighted share of the question's terms that stand in the evidence, beside it or
    in its header; ``named`` the share of the question's names, codes and numbers that do;
    ``typed`` whether it holds the name, date or number asked for, beyond those of the question;
    ``novel`` whether the answer says anything the question does not; ``dense`` the best cosine of the retrieved passages, if known.
    """

    coverage: float
    named: float
    typed: bool
    novel: bool
    dense: float | None

    @property
    def score(self) -> float:
        """From 0 to 1."""
        if not self.novel:
            return 0.0
        score = 0.6 * self.coverage + 0.4 * self.named
        return score if self.typed else 0.7 * score


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
    weights: Weights,
    hits: Sequence[Hit],
) -> Answerability:
    """How far ``claims``, the answer's supported sentences, and their evidence ``cited`` answer the question."""
    here = frozenset[str]().union(*(unit.source.terms for unit in cited))
    near = frozenset[str]().union(*(unit.source.near for unit in cited))
    total = weights.sum(asked.terms)
    coverage = weights.sum(asked.terms & (here | near)) / total if total else 1.0
    facts = asked.firm
    named = (
        sum(any(unit.source.holds(fact) for unit in cited) for fact in facts) / len(facts)
        if facts
        else coverage
    )
    dense = [hit.arms["dense"].score for hit in hits if "dense" in hit.arms]
    return Answerability(
        coverage,
        named,
        _typed(expected(question), asked, cited),
        bool(_POLAR.search(question)) or any(_adds(claim, asked) for claim in claims),
        max(dense) if dense else None,
    )


def _adds(claim: Claim, asked: Claim) -> bool:
    if claim.terms - asked.terms:
        return True
    return any(not any(states(old, fact) for old in asked.facts) for fact in claim.facts)


def _typed(kind: Expected, asked: Claim, cited: Sequence[Evidence]) -> bool:
    if not kind:
        return True
    if kind == "name":
        return any(_names(unit.source.claim, asked) for unit in cited)
    wanted = {"date": ("date", "time", "number", "ordinal"), "number": ("number", "ordinal", "date", "time")}[
        kind
    ]
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
        word[0].isupper()
        and word.casefold() not in asked.tokens
        and not is_stop_word(word.casefold(), claim.language)
        for word in words
    )
