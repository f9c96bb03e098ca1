"""Questions to tune by: those of a test set whose gold the index holds."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from rag.errors import EvaluationError
from rag.evaluation.datasets import Dataset, Question, Span
from rag.evaluation.misses.gold import find_documents, locate
from rag.evaluation.tuning.score import Case, Objective
from rag.index import Snapshot

SHOWN = 3


def cases_of(
    dataset: Dataset, snapshot: Snapshot, objective: Objective, *, limit: int | None, seed: int
) -> tuple[list[Case], tuple[str, ...]]:
    """The cases that the objective can score, at most ``limit`` of them, and notes on those left out.

    Raises EvaluationError where the index does not hold the gold documents, or where they have changed.
    """
    found = [case for case in _all(dataset, objective) if case.question.text.strip()]
    wanted = {document for case in found for document in case.documents}
    held = find_documents(snapshot, dataset.key, wanted)
    if missing := sorted(wanted - held.keys()):
        shown = ", ".join(missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
        raise EvaluationError(
            f"{len(missing)} of the {len(wanted)} gold documents of {dataset.name} are not in the index: {shown}",
            where=str(snapshot.path),
            hint="is this the test set of another index? Else index the documents, or make the test set again",
        )
    random.Random(seed).shuffle(found)  # noqa: S311  a sample, not a secret
    notes: list[str] = []
    if objective.kind == "spans":
        found, unplaced = _with_spans(found, snapshot, held, limit)
        if unplaced:
            notes.append(
                f"{unplaced} of {len(found) + unplaced} questions are left out: their answers stand nowhere in their "
                "gold documents"
            )
    if not found:
        raise EvaluationError(
            f"no question of {dataset.name} can be scored by {objective.name}",
            hint="give another --measure: nDCG@10 needs gold documents, Span@512 gold spans or answers",
        )
    return found[:limit], tuple(notes)


def _with_spans(
    cases: Sequence[Case], snapshot: Snapshot, held: Mapping[str, tuple[str, ...]], limit: int | None
) -> tuple[list[Case], int]:
    """The first ``limit`` cases whose answers are found in their gold documents, and how many were not."""
    found: list[Case] = []
    unplaced = 0
    for case in cases:
        if len(found) == limit:
            break
        located = replace(case, question=_located(case, snapshot, held))
        if located.question.spans:
            found.append(located)
        else:
            unplaced += 1
    return found, unplaced


def _all(dataset: Dataset, objective: Objective) -> list[Case]:
    questions = {one.id: one for one in dataset.questions}
    if objective.kind == "answers":
        # A question without gold answers can be scored only where refusing it is right.
        return [
            Case(one, dataset.qrels.get(one.id, {})) for one in questions.values() if one.answers or not one.answerable
        ]
    return [
        Case(questions.get(query, Question(query, text)), dataset.qrels[query])
        for query, text in dataset.queries.items()
        if any(grade > 0 for grade in dataset.qrels[query].values())
    ]


def _located(case: Case, snapshot: Snapshot, held: Mapping[str, tuple[str, ...]]) -> Question:
    """The question with the places of its answers in its gold documents."""
    spans: dict[Span, None] = {}
    for document in _gold_documents(case):
        for uri in held[document]:
            spans |= dict.fromkeys(locate(case.question, document, snapshot.document(uri).text))
    return replace(case.question, spans=tuple(spans))


def _gold_documents(case: Case) -> Sequence[str]:
    named = [span.document for span in case.question.spans] or case.question.documents
    return list(dict.fromkeys(named or [document for document, grade in case.grades.items() if grade > 0]))
