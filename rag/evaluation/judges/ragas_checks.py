"""Whether the judge's replies bear the number that Ragas makes of them.

Ragas computes a value from whatever fits its schema: from three verdicts on five statements, from a verdict of 7,
from no statement at all, which it calls a perfect match in one metric, NaN in another and 0 in a third. A check
reads the replies of one metric on one answer, in the order asked, and gives the status that says so, or None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from rag.evaluation.scores import Score

Reply: TypeAlias = Any
"""A reply in one of Ragas' pydantic models."""

Check: TypeAlias = Callable[[Sequence[Reply]], Score | None]


def check_faithfulness(replies: Sequence[Reply]) -> Score | None:
    """Statements of the answer, then a verdict on each."""
    statements = replies[0].statements
    return _said(statements, "the answer") or _verdicts(replies[1].statements, statements)


def check_factual_correctness(replies: Sequence[Reply]) -> Score | None:
    """Claims of the answer and a verdict on each, then the same of the reference; no verdicts where no claims."""
    rest = iter(replies)
    for whose in ("the answer", "the reference"):
        claims = next(rest).claims
        if problem := _said(claims, whose) or _verdicts(next(rest).statements, claims):
            return problem
    return None


def check_answer_correctness(replies: Sequence[Reply]) -> Score | None:
    """Statements of the answer and of the reference, then all of the answer's as TP or FP, and the missed as FN."""
    answer, reference, *rest = replies
    if nothing := _said(answer.statements, "the answer") or _said(reference.statements, "the reference"):
        return nothing
    (classes,) = rest
    judged, missed = len(classes.TP) + len(classes.FP), len(classes.FN)
    if judged != len(answer.statements):
        return _unreadable(f"{judged} verdicts for {len(answer.statements)} statements of the answer")
    if missed > len(reference.statements):
        return _unreadable(f"{missed} statements missed of {len(reference.statements)} in the reference")
    return None


def check_noise_sensitivity(replies: Sequence[Reply]) -> Score | None:
    """Statements of reference and answer; verdicts on both for each passage; last, the answer's by the reference."""
    reference, answer, *verdicts = replies
    if nothing := _said(reference.statements, "the reference") or _said(answer.statements, "the answer"):
        return nothing
    for number, reply in enumerate(verdicts):
        last = number == len(verdicts) - 1
        judged = answer.statements if last or number % 2 else reference.statements
        if problem := _verdicts(reply.statements, judged):
            return problem
    return None


def check_context_recall(replies: Sequence[Reply]) -> Score | None:
    """Statements of the reference, each with its verdict; the judge finds them itself, so none are to be missed."""
    (reply,) = replies
    return _said(reply.classifications, "the reference") or _in_range(
        (one.attributed for one in reply.classifications), (0, 1), "verdict"
    )


def check_context_precision(replies: Sequence[Reply]) -> Score | None:
    """A verdict on each passage."""
    return _in_range((reply.verdict for reply in replies), (0, 1), "verdict")


def check_context_entity_recall(replies: Sequence[Reply]) -> Score | None:
    """Entities of the reference, then of the passages."""
    if not replies[0].entities:
        return Score.missing("no_claims", "the judge found no entity in the reference")
    return None


def check_answer_relevancy(replies: Sequence[Reply]) -> Score | None:
    """Questions that the answer would answer, each with whether the answer is evasive; Ragas passes over blank ones."""
    if any(not reply.question.strip() and not reply.noncommittal for reply in replies):
        return _unreadable("a blank question")
    return _in_range((reply.noncommittal for reply in replies), (0, 1), "noncommittal")


def check_ratings(*allowed: int) -> Check:
    """A rating by each of two judges; Ragas makes do with one. None are asked where it settles the matter itself."""

    def check(replies: Sequence[Reply]) -> Score | None:
        return _in_range((reply.rating for reply in replies), allowed, "rating")

    return check


def _said(statements: Sequence[Reply], whose: str) -> Score | None:
    return None if statements else Score.missing("no_claims", f"the judge found no statement in {whose}")


def _verdicts(verdicts: Sequence[Reply], statements: Sequence[Reply]) -> Score | None:
    if len(verdicts) != len(statements):
        return _unreadable(f"{len(verdicts)} verdicts for {len(statements)} statements")
    return _in_range((one.verdict for one in verdicts), (0, 1), "verdict")


def _in_range(values: Iterable[int], allowed: Sequence[int], what: str) -> Score | None:
    outside: Iterator[int] = (value for value in values if value not in allowed)
    if (wrong := next(outside, None)) is not None:
        return _unreadable(f"a {what} of {wrong}, not one of {', '.join(map(str, allowed))}")
    return None


def _unreadable(detail: str) -> Score:
    return Score.missing("parse_error", f"the judge gave {detail}")
