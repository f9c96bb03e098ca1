"""Data sets: a BEIR folder with judgements and questions, or a test set made from an index.

Gold is kept as document id and character span, so that it survives any other way of cutting.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.errors import EvaluationError
from rag.evaluation.ranking.judgements import Qrels, read_qrels
from rag.types import Hit, Scalar

DocumentKey: TypeAlias = Literal["_id", "uri"]


@dataclass(frozen=True, slots=True)
class Span:
    """Characters ``start`` to ``end`` of a document's text, which hold an answer."""

    document: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its gold: answers that are right, the documents that hold them, and where, if known.

    One that the documents do not answer has ``answerable`` False and no answers. ``made`` says how a
    generated one came about.
    """

    id: str
    text: str
    answers: tuple[str, ...] = ()
    answerable: bool = True
    documents: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    made: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dataset:
    """What to search and answer. ``key`` says what document ids are: a record's ``_id``, or a document's uri.

    ``corpus`` is None where the documents are in an index already. ``queries`` are the judged ones, in the order
    of their file; ``questions`` may be empty. ``sha256`` covers every file read.
    """

    name: str
    corpus: Path | None
    queries: Mapping[str, str]
    qrels: Qrels
    questions: tuple[Question, ...]
    key: DocumentKey
    sha256: Mapping[str, str]


def document_key(hit: Hit, key: DocumentKey) -> str:
    """The id in the data set of the document that a passage is from."""
    return str(hit.metadata.get("_id", hit.chunk.uri)) if key == "_id" else hit.chunk.uri


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _QueryRow(_Row):
    id: str = Field(alias="_id")
    text: str


class _SpanRow(_Row):
    document: str
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class _QuestionRow(_Row):
    id: str = Field(alias="_id")
    question: str
    answers: tuple[str, ...] = ()
    answerable: bool = True
    passages: tuple[str, ...] = ()
    spans: tuple[_SpanRow, ...] = ()
    made: dict[str, Scalar] = {}


R = TypeVar("R", _QueryRow, _QuestionRow)


def read_dataset(folder: Path, *, split: str = "test") -> Dataset:
    """A BEIR folder: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv (or .trec), and qa.jsonl where there is one.

    Raises EvaluationError, naming file and line.
    """
    corpus, queries = folder / "corpus.jsonl", folder / "queries.jsonl"
    for file in (corpus, queries):
        if not file.is_file():
            raise EvaluationError(
                "there is no data set",
                where=str(file),
                hint="a data set is a folder in the BEIR layout: corpus.jsonl, queries.jsonl, qrels/test.tsv",
            )
    judged = next(
        (path for path in (folder / "qrels" / f"{split}.tsv", folder / "qrels" / f"{split}.trec") if path.is_file()),
        None,
    )
    if judged is None:
        found = sorted(path.stem for path in (folder / "qrels").glob("*.t*") if path.suffix in {".tsv", ".trec"})
        raise EvaluationError(
            f"there are no judgements of the split {split!r}",
            where=str(folder / "qrels"),
            hint=f"name one that is there with --split: {', '.join(found)}" if found else "it takes qrels/test.tsv",
        )
    qrels = read_qrels(judged)
    texts = {row.id: row.text for row in _read(queries, _QueryRow)}
    if unknown := next((query for query in qrels if query not in texts), None):
        raise EvaluationError(f"query {unknown!r} is judged, but not in {queries.name}", where=str(judged))
    asked = folder / "qa.jsonl"
    files = [corpus, queries, judged, *([asked] if asked.is_file() else [])]
    return Dataset(
        name=folder.resolve().name,
        corpus=corpus,
        queries={query: text for query, text in texts.items() if query in qrels},
        qrels=qrels,
        questions=read_questions(asked) if asked.is_file() else (),
        key="_id",
        sha256={str(file.relative_to(folder)): sha256(file) for file in files},
    )


def read_testset(path: Path) -> Dataset:
    """A test set as ``rag testset`` writes it: questions over the documents of an index. Raises EvaluationError."""
    questions = read_questions(path)
    qrels = {one.id: dict.fromkeys(one.documents, 1) for one in questions if one.answerable and one.documents}
    return Dataset(
        name=path.stem,
        corpus=None,
        queries={one.id: one.text for one in questions if one.id in qrels},
        qrels=qrels,
        questions=questions,
        key="uri",
        sha256={path.name: sha256(path)},
    )


def read_questions(path: Path) -> tuple[Question, ...]:
    """Questions with their gold, a JSON object a line. Raises EvaluationError, naming the line."""
    return tuple(
        Question(
            id=row.id,
            text=row.question,
            answers=row.answers,
            answerable=row.answerable,
            documents=row.passages,
            spans=tuple(Span(span.document, span.start, span.end) for span in row.spans),
            made=row.made,
        )
        for row in _read(path, _QuestionRow)
    )


def question_row(question: Question) -> dict[str, object]:
    """A question as a row of qa.jsonl; ``read_questions`` reads it back."""
    return {
        "_id": question.id,
        "question": question.text,
        "answers": list(question.answers),
        "answerable": question.answerable,
        "passages": list(question.documents),
        "spans": [{"document": span.document, "start": span.start, "end": span.end} for span in question.spans],
        "made": dict(question.made),
    }


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(path: Path, kind: type[R]) -> Iterator[R]:
    seen: dict[str, int] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"cannot be read: {error}", where=str(path)) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            row = kind.model_validate_json(line)  # which refuses half a surrogate pair, unlike json
        except ValidationError as error:
            raise EvaluationError(_explain(error), where=where) from error
        if row.id in seen:
            raise EvaluationError(f"the id {row.id!r} is there twice, first in line {seen[row.id]}", where=where)
        seen[row.id] = number
        yield row


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    key = "this is not JSON" if first["type"] == "json_invalid" else ".".join(map(str, ("row", *first["loc"])))
    return f"{key}: {first['msg']}"
