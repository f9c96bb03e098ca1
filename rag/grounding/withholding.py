"""The calibrated line: an answer that is not sure enough becomes a refusal."""

from __future__ import annotations

from dataclasses import replace

from rag.grounding.evidence import language_of
from rag.grounding.phrases import question_language, refusal
from rag.types import Answer

__all__ = ["withhold"]


def withhold(answer: Answer, threshold: float, risk: float) -> Answer:
    """The answer with the ``risk`` that the line was chosen for; a refusal where its score is under the line.

    It comes after all else, so that a higher line only ever takes answers away: calibration rests on that.
    """
    if answer.refused or answer.score >= threshold:
        return replace(answer, risk=risk)
    hits = (*answer.hits, *answer.dropped)
    text = refusal(hits, question_language(answer.question, language_of(hits)))
    return replace(
        answer, text=text, verdict="not in the documents", sentences=(), quoted=False, conflicts=(), risk=risk
    )
