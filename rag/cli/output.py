"""What ``--json`` prints: one record a command, and the JSON Schema of each (``rag schema``)."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

from rag.chains.ingest import IndexReport
from rag.cli.calibrating import CalibrateRecord
from rag.cli.chat_records import SessionRecord, SessionsRecord, TurnRecord
from rag.cli.measure_records import CompareRecord, MeasureRecord
from rag.cli.tune_record import TuneRecord
from rag.evaluation.experiment.summary import Summary
from rag.evaluation.testset.making import Making
from rag.index import IndexInfo
from rag.models import ModelStatus
from rag.types import Answer, ArmScore, Chunk, Conflict, Document, Hit, Metadata, Sentence, Trace, Verdict

__all__ = [
    "SCHEMAS",
    "AgentRecord",
    "AgentStepRecord",
    "AnswerRecord",
    "DeleteRecord",
    "EvalRecord",
    "HitRecord",
    "ModelRecord",
    "ModelsRecord",
    "RecipeRecord",
    "RecipesRecord",
    "RouteRecord",
    "SearchRecord",
    "VerifyRecord",
    "answer_record",
    "hit_records",
    "model_record",
    "print_json",
    "print_json_line",
    "schema",
]


@dataclass(frozen=True, slots=True)
class HitRecord:
    """A passage: ``text`` is the document's ``[start:end]``; ``arms`` its rank and score in each retriever.

    ``within``: of more text than was found, the ids of the passages in it. ``duplicates``: nearly the same passages,
    for which this one stands.
    """

    rank: int
    score: float
    chunk_id: str
    document_id: str
    uri: str
    title: str
    headings: tuple[str, ...]
    page: int | None
    start: int
    end: int
    text: str
    arms: Mapping[str, ArmScore]
    metadata: Metadata
    within: tuple[str, ...]
    duplicates: tuple[HitRecord, ...]


@dataclass(frozen=True, slots=True)
class RouteRecord:
    """The index that ``--routes`` chose, how probable it is that it is the right one, and what says so."""

    name: str
    index: str
    probability: float
    reason: str


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """What ``rag search`` found, best first; ``route``: with --routes, the index chosen."""

    query: str
    where: str | None
    hits: tuple[HitRecord, ...]
    route: RouteRecord | None = None


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """What ``rag ask`` answered; ``draft`` is the generator's text before the verdict.

    ``quoted``: nothing in the draft could be proved, and ``text`` quotes the documents instead.
    ``score``: from 0 to 1, how sure it is that the documents hold the answer; ``risk``: the share of wrong answers that
    `rag calibrate` drew the line for, null without. ``trace``: every step, with --trace. ``route``: the
    index chosen, with --routes.
    """

    question: str
    verdict: Verdict
    score: float
    text: str
    sentences: tuple[Sentence, ...]
    draft: str
    quoted: bool
    hits: tuple[HitRecord, ...]
    dropped: tuple[HitRecord, ...]
    conflicts: tuple[Conflict, ...]
    seconds: float
    trace: Trace | None = None
    risk: float | None = None
    route: RouteRecord | None = None


@dataclass(frozen=True, slots=True)
class AgentStepRecord:
    """A step of an agent; ``new`` counts passages that no step before had found, ``value`` is a calculation's."""

    number: int
    thought: str
    tool: str
    arguments: Mapping[str, object]
    summary: str
    new: int
    error: str
    value: int | float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """What ``rag agent`` did and answered.

    ``tokens`` were read and written to decide the steps. ``documents`` are what outside tools said, which citations of
    ``tool:`` sources quote. ``trace`` is the whole run.
    """

    answer: AnswerRecord
    steps: tuple[AgentStepRecord, ...]
    ended: Literal["finished", "repeated", "steps", "tokens", "seconds"]
    tokens: int
    documents: tuple[Document, ...]
    trace: Trace | None


@dataclass(frozen=True, slots=True)
class VerifyRecord:
    """What ``rag verify`` found; no problems means that the index is sound."""

    index: str
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeleteRecord:
    """How many documents ``rag delete`` removed, and the uris that the index did not hold."""

    removed: int
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A registered model; ``size`` in bytes."""

    name: str
    aliases: tuple[str, ...]
    kind: str
    licence: str
    size: int
    state: str
    path: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ModelsRecord:
    """The registered models."""

    models: tuple[ModelRecord, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class RecipeRecord:
    """A shipped recipe."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class RecipesRecord:
    """The shipped recipes."""

    recipes: tuple[RecipeRecord, ...]


@dataclass(frozen=True, slots=True)
class EvalRecord:
    """What ``rag eval`` measured, a summary for each recipe."""

    evaluations: tuple[Summary, ...]


SCHEMAS: Mapping[str, type] = {
    "index": IndexReport,
    "search": SearchRecord,
    "ask": AnswerRecord,
    "agent": AgentRecord,
    "info": IndexInfo,
    "compact": IndexInfo,
    "verify": VerifyRecord,
    "delete": DeleteRecord,
    "models": ModelsRecord,
    "recipes": RecipesRecord,
    "eval": EvalRecord,
    "measure": MeasureRecord,
    "compare": CompareRecord,
    "tune": TuneRecord,
    "testset": Making,
    "calibrate": CalibrateRecord,
    "chat": TurnRecord,
    "chat-list": SessionsRecord,
    "chat-export": SessionRecord,
}


def schema(command: str) -> dict[str, Any]:
    """The JSON Schema of what ``rag COMMAND --json`` prints."""
    return TypeAdapter(SCHEMAS[command]).json_schema(mode="serialization")


def print_json(record: object) -> None:
    """One record as one JSON document on stdout; numbers are finite, text is UTF-8."""
    value = TypeAdapter(type(record)).dump_python(record, mode="json")
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2) + "\n")


def print_json_line(record: object) -> None:
    """One record as one line of JSON on stdout, at once."""
    value = TypeAdapter(type(record)).dump_python(record, mode="json")
    sys.stdout.write(json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def _hit_record(hit: Hit) -> HitRecord:
    chunk: Chunk = hit.chunk
    return HitRecord(
        rank=hit.rank,
        score=hit.score,
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        uri=chunk.uri,
        title=chunk.title,
        headings=chunk.headings,
        page=chunk.page_at(chunk.start),
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        arms=hit.arms,
        metadata=hit.metadata,
        within=hit.within,
        duplicates=hit_records(hit.duplicates),
    )


def hit_records(hits: Sequence[Hit]) -> tuple[HitRecord, ...]:
    """Hits as they are printed."""
    return tuple(_hit_record(hit) for hit in hits)


def answer_record(
    answer: Answer, seconds: float, *, trace: bool = False, route: RouteRecord | None = None
) -> AnswerRecord:
    """An answer as it is printed."""
    return AnswerRecord(
        question=answer.question,
        verdict=answer.verdict,
        score=answer.score,
        text=answer.text,
        sentences=answer.sentences,
        draft=answer.draft,
        quoted=answer.quoted,
        hits=hit_records(answer.hits),
        dropped=hit_records(answer.dropped),
        conflicts=answer.conflicts,
        seconds=seconds,
        trace=answer.trace if trace else None,
        risk=answer.risk,
        route=route,
    )


def model_record(status: ModelStatus) -> ModelRecord:
    """A model's status as it is printed."""
    return ModelRecord(
        name=status.name,
        aliases=status.aliases,
        kind=status.kind,
        licence=status.licence,
        size=status.size,
        state=status.state,
        path=str(status.path),
        reason=status.reason,
    )
