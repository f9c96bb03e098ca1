"""Thumbs up and down, kept as test questions: rows of a test set that `rag eval` and `rag calibrate` read."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Literal

from rag.errors import EvaluationError
from rag.evaluation.datasets import Question, Span, question_row
from rag.types import Answer, content_hash

_writing = threading.Lock()


def rate(file: Path, answer: Answer, rating: Literal["good", "bad"], reason: str = "") -> None:
    """Keep an answer's rating in the place of an earlier one. Raises EvaluationError, OSError.

    A good answer's words are the gold answer and its citations the gold spans; a bad one leaves both for you to fill
    in, so that it cannot be mistaken for gold: an answer that was wrongly given, and a refusal that was right.
    """
    good = rating == "good"
    question = Question(
        id=content_hash(answer.question, answer.text),
        text=answer.question,
        answers=(answer.text,) if good and not answer.refused else (),
        answerable=not answer.refused if good else True,
        documents=tuple(dict.fromkeys(citation.uri for citation in answer.citations)) if good else (),
        spans=tuple(Span(one.uri, one.start, one.end) for one in answer.citations) if good else (),
        made={"rated": rating, "reason": reason, "answer": answer.text},
    )
    with _writing:
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        kept = [line for number, line in enumerate(lines, 1) if _id_of(line, f"{file}:{number}") != question.id]
        new = file.with_name(f".{file.name}.new")
        new.write_text("".join(f"{line}\n" for line in [*kept, json.dumps(question_row(question))]), "utf-8")
        new.replace(file)


def _id_of(line: str, where: str) -> str:
    try:
        return str(json.loads(line)["_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise EvaluationError(
            "this line is no question", where=where, hint="mend or remove it: nothing was kept"
        ) from error
