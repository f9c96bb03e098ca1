"""What the rest of the index says to a made question: the same answer elsewhere, another one, or any at all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.evaluation.datasets import Span
from rag.evaluation.testset.source import AnswerKind, Candidate, answer_kind
from rag.grounding import Fact
from rag.grounding.claims import Claim, holds_name, read_claim
from rag.grounding.facts import states
from rag.index import Snapshot
from rag.protocols import Embedder, Retriever
from rag.retrieval import DenseRetriever, SparseRetriever
from rag.text import sentences, terms, variants, without_asking
from rag.types import Chunk, Hit

DEPTH = 20
SAME_MATTER = 0.75  # share of the question's terms that a sentence and its header hold which is about the same
NEAR_MATTER = 0.6
_NUMERIC = frozenset({"number", "ordinal", "date", "time"})


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence of a retrieved passage, with the terms of its header."""

    chunk: Chunk
    start: int
    claim: Claim
    header: Claim

    @property
    def terms(self) -> frozenset[str]:
        """Terms of sentence and header."""
        return self.claim.terms | self.header.terms | frozenset(terms(self.claim.text, self.claim.language))

    def holds(self, fact: Fact) -> bool:
        """Whether sentence or header holds a fact, by value."""
        if fact.kind in _NUMERIC:
            return any(states(own, fact) for own in (*self.claim.facts, *self.header.facts))
        return holds_name(self.claim, fact) or holds_name(self.header, fact)


class Evidence:
    """Searches one index for what bears on made questions: the first 20 passages of BM25, and of the vectors."""

    def __init__(self, snapshot: Snapshot, embedder: Embedder | None, where: str | None = None) -> None:
        self._arms: list[Retriever] = [SparseRetriever(snapshot)]
        if embedder is not None and snapshot.settings.dim:
            self._arms.append(DenseRetriever(snapshot, embedder))
        self._where = where

    def found(self, question: str) -> list[Hit]:
        """The passages retrieved, each once."""
        hits = [hit for arm in self._arms for hit in arm.retrieve(question, DEPTH, where=self._where)]
        return list({hit.chunk.id: hit for hit in hits}.values())

    def elsewhere(self, question: str, candidate: Candidate) -> tuple[Span, ...] | None:
        """Where else the answer stands; None where another sentence gives another answer to the question.

        A sentence answers if it and its header hold the question's names, codes and numbers and three quarters of
        its terms, and a fact of the answer's kind: the same value is the same answer.
        """
        same: list[Span] = []
        for said in self._about(question, SAME_MATTER):
            begins = said.chunk.start + said.start
            if said.chunk.uri == candidate.passage.uri and _overlap(
                begins, len(said.claim.text), candidate.sentence_start, len(candidate.sentence)
            ):
                continue
            facts = _answers(said, candidate.kind, candidate.fact, question)
            alike = [fact for fact in facts if states(fact, candidate.fact) or states(candidate.fact, fact)]
            if facts and not alike:
                return None
            same += [Span(said.chunk.uri, begins + fact.start, begins + fact.end) for fact in alike[:1]]
        return tuple(dict.fromkeys(same))

    def answers(self, question: str, kind: AnswerKind, fact: Fact) -> bool:
        """Whether any passage may answer the question: stricter, as for a question that is to have no answer.

        A passage that holds the question's names, codes and numbers, and a sentence of it that holds three fifths
        of the terms and a fact of the answer's kind, may.
        """
        return any(_answers(said, kind, fact, question) for said in self._about(question, NEAR_MATTER, whole=True))

    def _about(self, question: str, share: float, *, whole: bool = False) -> Iterator[_Said]:
        for hit in self.found(question):
            chunk = hit.chunk
            language = chunk.language
            asked = frozenset(terms(without_asking(question), language))
            facts = [
                fact
                for fact in read_claim(question, language).facts
                if fact.firm
                and not re.fullmatch(
                    r"\W*(?:when|who|what|which|how|in|by|since|until|from|for|within)\W*", fact.text, re.I
                )
            ]
            header = read_claim(chunk.header, language)
            if whole:
                passage = _Said(chunk, 0, read_claim(chunk.text, language), header)
                if not all(passage.holds(fact) for fact in facts):
                    continue
            for start, end in sentences(chunk.text, language):
                said = _Said(chunk, start, read_claim(chunk.text[start:end], language), header)
                if not whole and not all(said.holds(fact) for fact in facts):
                    continue
                held = sum(bool(variants(term) & said.terms) for term in asked)
                if asked and held / len(asked) >= share:
                    yield said


def _answers(said: _Said, kind: AnswerKind, fact: Fact, question: str) -> list[Fact]:
    """Facts of the kind and unit asked for, beyond those of the question."""
    asked = read_claim(question, said.claim.language).facts
    return [
        own
        for own in said.claim.facts
        if (own.kind == fact.kind or answer_kind(said.claim.text, own) == kind)
        and (not own.unit or not fact.unit or own.unit == fact.unit)
        and own.text.casefold() not in question.casefold()
        and not any(states(other, own) for other in asked)
    ]


def _overlap(start: int, length: int, other: int, other_length: int) -> bool:
    return start < other + other_length and other < start + length


def documents_of(spans: Sequence[Span]) -> tuple[str, ...]:
    """The documents of spans, each once, in order."""
    return tuple(dict.fromkeys(span.document for span in spans))
