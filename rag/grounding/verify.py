"""How far evidence supports a claim: the one measure of grounding, and the hard rules it obeys.

The score is the idf-weighted share of the claim's terms and facts that the evidence holds, lifted by
embedding similarity where there is one. Whatever the score: a number, date, time, name, code or quotation that the
evidence lacks, or a negation on one side only, keeps it under any sensible threshold.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rag.grounding.claims import Claim, context, holds_name, known_names, read_claim
from rag.grounding.facts import Fact, rivals, states
from rag.grounding.spaceless import foreign_words
from rag.text import detect_language, sentences

CEILING = 0.3  # of a claim that breaks a hard rule
_NUMERIC = frozenset({"number", "ordinal", "date", "time"})
_NEAR = 0.5  # what a term counts that stands beside the evidence, not in it
_BOUND = 0.34  # share of a number's context that the sentence stating it must hold
_NO_TERMS: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Weights:
    """Weight of a term: ``log(1 + (n - df + .5) / (df + .5))`` over the evidence sentences (Lucene's idf)."""

    n: int = 0
    df: Counter[str] = field(default_factory=Counter)

    @classmethod
    def over(cls, claims: Iterable[Claim]) -> Weights:
        """Weights from the sentences of the retrieved passages."""
        df: Counter[str] = Counter()
        n = 0
        for claim in claims:
            df.update(claim.terms)
            n += 1
        return cls(n, df)

    def __call__(self, term: str) -> float:
        """Weight of a term; 1 where there are too few sentences to tell rare from common."""
        df = self.df[term]
        return math.log(1 + (self.n - df + 0.5) / (df + 0.5)) if self.n > 4 else 1.0

    @property
    def fact(self) -> float:
        """Weight of a number, date or time: that of a term which is nowhere else."""
        return self("")

    def sum(self, terms: Iterable[str]) -> float:
        """Total weight."""
        return math.fsum(self(term) for term in terms)


@dataclass(frozen=True, slots=True)
class Source:
    """A sentence of the evidence with what stands around it.

    ``header`` is the passage's title and heading path: it may name what the sentence is about, so
    its terms, names and codes count beside the sentence's own; its numbers and dates do not,
    because no quotation could show them. ``near`` are the terms of the neighbouring sentences.
    """

    claim: Claim
    header: Claim
    near: frozenset[str] = _NO_TERMS

    @property
    def terms(self) -> frozenset[str]:
        """Terms of sentence and header."""
        return self.claim.terms | self.header.terms

    def holds(self, fact: Fact) -> bool:
        """Whether the fact stands here, by value."""
        if fact.kind in _NUMERIC:
            return any(states(own, fact) for own in self.claim.facts)
        return holds_name(self.claim, fact) or (fact.kind != "quote" and holds_name(self.header, fact))


@dataclass(frozen=True, slots=True)
class Support:
    """``score`` in [0, 1]; ``missing`` are the facts that the evidence lacks; ``denied`` a negation mismatch."""

    score: float
    missing: tuple[Fact, ...] = ()
    denied: bool = False


def measure(
    claim: Claim,
    evidence: Sequence[Source],
    pool: Sequence[Source],
    weights: Weights,
    similarity: float = 0.0,
) -> Support:
    """Support of a claim by its evidence; ``pool`` are all sentences that might contradict it.

    ``similarity`` is the best cosine between the claim and its evidence, 0 where unknown.
    """
    if claim.empty or not evidence:
        return Support(0.0, claim.firm)
    missing = tuple(fact for fact in claim.firm if not any(supplies(claim, fact, s, pool, weights) for s in evidence))
    missing += foreign_words(claim, [source.claim for source in (*evidence, *pool)])
    total = weights.sum(claim.terms) + weights.fact * sum(fact.kind in _NUMERIC for fact in claim.firm)
    lost = weights.fact * sum(fact.kind in _NUMERIC for fact in missing)
    own = frozenset().union(*(source.claim.terms for source in evidence))
    held = frozenset().union(*(source.terms for source in evidence))
    share = (total - lost - weights.sum(claim.terms - held)) / total if total else 1.0
    quotable = (total - lost - weights.sum(claim.terms - own)) / total if total else 1.0
    near = min(max((similarity - 0.4) / 0.5, 0.0), 1.0)
    score = max(share, (share + near) / 2)
    denied = contradicts(claim, [source.claim for source in evidence])
    # The header alone supports nothing that could be quoted.
    if missing or denied or (quotable < share / 4 and near < 0.5):
        score = min(score, CEILING)
    return Support(min(max(score, 0.0), 1.0), missing, denied)


def supplies(claim: Claim, fact: Fact, source: Source, pool: Sequence[Source], weights: Weights) -> bool:
    """Whether a sentence states a fact of the claim, and of the same thing.

    A number alone proves little: the sentence must share the words the number is said with, speak of no
    other product code, and no sentence that shares more of them may state another value in the same unit.
    """
    if not source.holds(fact):
        return False
    if fact.kind not in _NUMERIC:
        return True
    around = context(claim, fact)
    share = _share(around, source, weights)
    if share < _BOUND or _other_code(claim, source):
        return False
    return not any(
        not rival.holds(fact)
        and any(rivals(other, fact) for other in rival.claim.facts)
        and _share(around, rival, weights) > share + 1e-9
        and not _other_code(claim, rival)
        for rival in pool
    )


def contradicts(claim: Claim, evidence: Sequence[Claim]) -> bool:
    """Whether a shared term is denied on one side and affirmed on the other."""
    affirmed = frozenset().union(*(e.terms - e.denied for e in evidence))
    denied = frozenset().union(*(e.denied for e in evidence)) - affirmed
    return bool(claim.denied & affirmed) or bool((claim.terms - claim.denied) & denied)


def _share(around: frozenset[str], source: Source, weights: Weights) -> float:
    total = weights.sum(around)
    if not total:
        return 1.0
    here = around & source.terms
    return (weights.sum(here) + _NEAR * weights.sum((around - here) & source.near)) / total


def _other_code(claim: Claim, source: Source) -> bool:
    wanted = [fact for fact in claim.facts if fact.kind == "code"]
    if not wanted or any(source.holds(fact) for fact in wanted):
        return False
    return any(fact.kind == "code" for fact in source.claim.facts)


class LexicalVerifier:
    """The measure above over one text of evidence, every term of equal weight. Implements Verifier."""

    def __init__(self, language: str = "") -> None:
        self._language = language

    def support(self, claim: str, evidence: str) -> float:
        """From 0 to 1; at most 0.3 where a number, date or name is missing or a negation differs."""
        return measure_text(claim, evidence, self._language).score


def measure_text(claim: str, evidence: str, language: str = "", similarity: float = 0.0) -> Support:
    """Support of a claim by one text, every term of equal weight; ``language`` is detected where it is ""."""
    language = language or detect_language(evidence)
    nothing = read_claim("", language)
    pool = [Source(read_claim(evidence[start:end], language), nothing) for start, end in sentences(evidence, language)]
    near = frozenset().union(*(source.claim.terms for source in pool))
    pool = [Source(source.claim, nothing, near) for source in pool]
    weights = Weights()
    known = known_names(source.claim for source in pool)
    read = read_claim(claim, language, known=known)
    return measure(read, cover(read, pool, weights), pool, weights, similarity)


def cover(
    claim: Claim,
    pool: Sequence[Source],
    weights: Weights,
    *,
    prefer: frozenset[str] = _NO_TERMS,
    most: int = 3,
) -> list[Source]:
    """The fewest sentences that cover the claim, greedily: each covers most of what is still uncovered.

    ``prefer`` are the question's terms, which decide between sentences that cover as much.
    """
    return [pool[i] for i in cover_indices(claim, pool, weights, prefer=prefer, most=most)]


def cover_indices(
    claim: Claim,
    pool: Sequence[Source],
    weights: Weights,
    *,
    prefer: frozenset[str] = _NO_TERMS,
    most: int = 3,
) -> list[int]:
    """As ``cover``, as positions in ``pool``; earlier positions win ties."""
    left_terms = claim.terms
    left_facts = list(claim.firm)
    total = weights.sum(claim.terms) + weights.fact * len(left_facts)
    preferred = weights.sum(prefer) or 1.0
    chosen: list[int] = []
    while len(chosen) < most and (left_terms or left_facts):
        best, best_gain, best_score = -1, 0.0, 0.0
        for i, source in enumerate(pool):
            if i in chosen or not (left_terms & source.terms or left_facts):
                continue
            stated = [fact for fact in left_facts if supplies(claim, fact, source, pool, weights)]
            gain = weights.sum(left_terms & source.terms) + weights.fact * len(stated)
            if contradicts(claim, [source.claim]):
                gain *= 0.5
            score = gain + 0.1 * total * weights.sum(prefer & (source.terms | source.near)) / preferred
            if gain > 0 and score > best_score:
                best, best_gain, best_score = i, gain, score
        if best < 0 or (chosen and best_gain < 0.1 * total):
            break
        chosen.append(best)
        left_terms = left_terms - pool[best].terms
        left_facts = [fact for fact in left_facts if not supplies(claim, fact, pool[best], pool, weights)]
    return chosen
