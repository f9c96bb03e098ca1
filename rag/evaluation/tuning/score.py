"""What a trial is judged by: a trec_eval measure, gold spans within a budget of words, or answers.

Ways of cutting are compared fairly only by what a reader gets for the same effort: a longer passage holds a gold
span more easily, but takes more of the context. So ``Span@N`` counts the words that are read, not the passages: it is
recall at a fixed amount of text read, as INEX measures focused retrieval whose results differ in length (Kamps et al.,
"INEX 2007 Evaluation Measures", 2008, section 3). Documents, which ``nDCG@10`` and its like rank, do not change with
the cut either; but they say nothing about how much of one has to be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from rag.errors import EvaluationError
from rag.evaluation.datasets import Dataset, DocumentKey, Question, Span, document_key
from rag.evaluation.ranking.judgements import Run
from rag.text import words
from rag.types import Hit

Kind: TypeAlias = Literal["documents", "spans", "answers"]

SPAN = re.compile(r"span@([1-9]\d*)", re.IGNORECASE)
CUTOFF = re.compile(r"@(\d+)$")
ANSWER_MEASURES = ("contains", "F1", "EM")
DEFAULT_SPANS, DEFAULT_DOCUMENTS, DEFAULT_ANSWERS = "Span@512", "nDCG@10", "contains"
# Passages that a ranking is read to, where the measure does not look deeper.
DEPTH = 50


@dataclass(frozen=True, slots=True)
class Objective:
    """A measure from 0 to 1, higher is better; ``words`` is the budget of ``Span@N``, ``depth`` in passages."""

    name: str
    kind: Kind
    words: int = 0
    depth: int = DEPTH


@dataclass(frozen=True, slots=True)
class Case:
    """A question to tune by, and the grades of the documents judged for it."""

    question: Question
    grades: Mapping[str, int]

    @property
    def id(self) -> str:
        """The question's id."""
        return self.question.id

    @property
    def documents(self) -> frozenset[str]:
        """All documents that its gold names."""
        return frozenset([*self.grades, *self.question.documents, *(span.document for span in self.question.spans)])


def choose_objective(text: str | None, dataset: Dataset, *, answers: bool) -> Objective:
    """The measure of that name, or the one that suits the data set. Raises EvaluationError."""
    name = text or _default(dataset, answers=answers)
    if answers:
        known = {measure.casefold(): measure for measure in ANSWER_MEASURES}
        if name.casefold() not in known:
            raise EvaluationError(
                f"{name!r} is no measure of answers", where="measure", hint=f"one of: {', '.join(ANSWER_MEASURES)}"
            )
        return Objective(known[name.casefold()], "answers")
    if name.casefold() in {measure.casefold() for measure in ANSWER_MEASURES}:
        raise EvaluationError(f"{name} is a measure of answers", where="measure", hint="add --answers")
    if match := SPAN.fullmatch(name):
        return Objective(f"Span@{match[1]}", "spans", words=int(match[1]))
    from rag.evaluation.ranking.measures import parse_measures

    measures = parse_measures(name)
    if len(measures) != 1:
        raise EvaluationError(f"{name!r} is {len(measures)} measures", where="measure", hint="tune by one")
    cutoff = CUTOFF.search(measures[0])
    depth = max(DEPTH, 2 * int(cutoff[1])) if cutoff else 2 * DEPTH
    return Objective(measures[0], "documents", depth=depth)


def _default(dataset: Dataset, *, answers: bool) -> str:
    if answers:
        return DEFAULT_ANSWERS
    has_spans = any(one.spans for one in dataset.questions)
    return DEFAULT_SPANS if has_spans else DEFAULT_DOCUMENTS


def document_run(hits: Sequence[Hit], key: DocumentKey) -> dict[str, float]:
    """Documents by the rank of their best passage, as scores that fall with it.

    By rank, since a diversified ranking is not in the order of its scores.
    """
    run: dict[str, float] = {}
    for rank, hit in enumerate(hits, 1):
        for one in (hit, *hit.duplicates):
            run.setdefault(document_key(one, key), 1.0 / rank)
    return run


def span_recall(hits: Sequence[Hit], spans: Sequence[Span], *, budget: int, key: DocumentKey) -> float:
    """The share of gold documents of which a gold span is read within the first ``budget`` words of the hits.

    Spans of one document are places that state the same, so one is enough; those of different documents are all
    needed. A span counts where one passage holds the whole of it. A passage is read up to the word at
    which the budget ends, and text that two passages share is read twice. Headers are not counted.
    """
    wanted = {span.document for span in spans}
    if not wanted:
        raise EvaluationError("a question without gold spans cannot be scored by them")
    found: set[str] = set()
    left = budget
    for hit in hits:
        chunk = hit.chunk
        ends = _word_ends(chunk.text)
        end = chunk.end if len(ends) <= left else chunk.start + ends[left - 1]
        document = document_key(hit, key)
        found |= {
            span.document
            for span in spans
            if span.document == document and chunk.start <= span.start and span.end <= end
        }
        left -= len(ends)
        if left <= 0:
            break
    return len(found) / len(wanted)


@lru_cache(maxsize=4096)
def _word_ends(text: str) -> tuple[int, ...]:
    return tuple(end for _, end in words(text))


def score_hits(
    objective: Objective, cases: Sequence[Case], found: Sequence[Sequence[Hit]], key: DocumentKey
) -> list[float]:
    """A ranking's score for each case, in their order."""
    if objective.kind == "spans":
        return [
            span_recall(hits, case.question.spans, budget=objective.words, key=key)
            for case, hits in zip(cases, found, strict=True)
        ]
    from rag.evaluation.ranking.measures import score_run

    run: Run = {case.id: document_run(hits, key) for case, hits in zip(cases, found, strict=True)}
    scores = score_run({case.id: case.grades for case in cases}, run, (objective.name,)).per_query[objective.name]
    return [scores[case.id] for case in cases]


def score_text(objective: Objective, question: Question, text: str) -> float:
    """An answer's score as ``rag eval`` gives it; ``text`` is "" for a refusal.

    As SQuAD 2.0 has it, refusing is right where there is no answer and wrong elsewhere (Rajpurkar, Jia & Liang, "Know
    What You Don't Know: Unanswerable Questions for SQuAD", ACL 2018).
    """
    from rag.evaluation.answers.text import contains, exact_match, f1

    measure = {"contains": contains, "F1": f1, "EM": exact_match}[objective.name]
    return measure(text, question.answers if question.answerable else ())
