"""The sentences of the retrieved passages, ready to be compared, and the citations made of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.grounding.claims import read_claim
from rag.grounding.verify import Source
from rag.text import is_heading, sentences
from rag.text.visible import visible
from rag.types import Chunk, Citation, Hit

_LONG = 300  # code points; a longer "sentence" is a table, a list or code, and is cut at its lines
_AROUND = 2  # sentences to each side that may say what a sentence is about


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence of a passage: ``hit.chunk.text[start:end]``, the ``index``-th of that passage."""

    hit: Hit
    start: int
    end: int
    index: int
    source: Source

    @property
    def text(self) -> str:
        """The sentence."""
        return self.hit.chunk.text[self.start : self.end]


def language_of(hits: Sequence[Hit]) -> str:
    """The language most passages are in, the better ranked counting more; "" where none is known."""
    votes: Counter[str] = Counter()
    for place, hit in enumerate(hits):
        if hit.chunk.language:
            votes[hit.chunk.language] += 1000 // (place + 1)
    return votes.most_common(1)[0][0] if votes else ""


def read_evidence(hits: Sequence[Hit], language: str) -> list[Evidence]:
    """The sentences of all hits in rank order; one that lies in two overlapping passages comes once.

    Headings and labels are none; they count beside the sentences that they stand by.
    """
    seen: set[tuple[str, int, int]] = set()
    found: list[Evidence] = []
    for hit in hits:
        chunk = hit.chunk
        header = read_claim(chunk.header, language, number_language=chunk.language)
        spans = list(_units(chunk))
        stating = [not is_heading(chunk.text, s, e, chunk.language) for s, e in spans]
        claims = [read_claim(chunk.text[s:e], language, number_language=chunk.language) for s, e in spans]
        for i, (start, end) in enumerate(spans):
            key = (chunk.document_id, chunk.start + start, chunk.start + end)
            # A heading says what its passage is about, not what is so; but a passage may be a title alone.
            if key in seen or (any(stating) and not stating[i]):
                continue
            seen.add(key)
            beside = claims[max(0, i - _AROUND) : i] + claims[i + 1 : i + 1 + _AROUND]
            near = frozenset[str]().union(*(claim.terms for claim in beside))
            found.append(Evidence(hit, start, end, i, Source(claims[i], header, near)))
    return found


def _units(chunk: Chunk) -> Iterator[tuple[int, int]]:
    for start, end in sentences(chunk.text, chunk.language):
        if end - start <= _LONG:
            yield start, end
            continue
        for line in re.finditer(r"\S[^\n]*", chunk.text[start:end]):
            yield start + line.start(), start + line.start() + len(line.group().rstrip())


def verbatim(text: str, evidence: Sequence[Evidence]) -> list[Evidence]:
    """The run of evidence sentences that a sentence repeats word for word, white space and end mark aside; or []."""
    wanted = _plain(text)
    if not wanted:
        return []
    for i, first in enumerate(evidence):
        if not wanted.startswith(_plain(first.text)):
            continue
        run: list[Evidence] = []
        for unit in evidence[i : i + 8]:
            if run and (unit.hit is not first.hit or unit.index != run[-1].index + 1):
                break
            run.append(unit)
            joined = _plain(first.hit.chunk.text[first.start : unit.end])
            if joined == wanted:
                return run
            if len(joined) > len(wanted):
                break
    return []


def _plain(text: str) -> str:
    return " ".join(visible(text).split()).rstrip(".。!！").rstrip()


@dataclass(frozen=True, slots=True)
class Quote:
    """A run of neighbouring sentences of one passage, ``hit.chunk.text[start:end]``, and how far it supports."""

    hit: Hit
    start: int
    end: int
    score: float

    def cite(self, number: int) -> Citation:
        """The citation; its quote is a slice of the passage, and so of the document."""
        chunk = self.hit.chunk
        start = chunk.start + self.start
        return Citation(
            number=number,
            document_id=chunk.document_id,
            chunk_id=chunk.id,
            uri=chunk.uri,
            title=chunk.title,
            start=start,
            end=chunk.start + self.end,
            quote=chunk.text[self.start : self.end],
            score=self.score,
            page=chunk.page_at(start),
            headings=chunk.headings,
        )


def quotes(evidence: Sequence[Evidence], scores: Sequence[float]) -> list[Quote]:
    """Quotes in the order of the evidence; neighbouring sentences become one."""
    made: list[tuple[list[Evidence], list[float]]] = []
    for unit, score in zip(evidence, scores, strict=True):
        for run, run_scores in made:
            if run[0].hit is unit.hit and any(abs(unit.index - other.index) == 1 for other in run):
                run.append(unit)
                run_scores.append(score)
                break
        else:
            made.append(([unit], [score]))
    return [Quote(run[0].hit, min(u.start for u in run), max(u.end for u in run), max(scores)) for run, scores in made]
