"""An agent: thought, action, observation, until the question can be answered, within bounds it cannot move.

What a document says can neither name a call (see ``agent_planning``) nor move a filter (``where`` is joined to every
search here), and the answer is proved from what was found or refused, as every answer is.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from rag.chains.agent_planning import (
    FINISH,
    Action,
    AgentStep,
    ModelPlanner,
    Planner,
    RulePlanner,
    Situation,
    Spent,
    missing_words,
)
from rag.chains.builtin_tools import calculator_tool, documents_tool, neighbours_tool, search_tool
from rag.chains.computed import with_calculations
from rag.chains.drafting import AnswerParts, answer_from, checked
from rag.chains.tools import MAX_STRING, Calculated, Tool, ToolResult
from rag.errors import FilterError, GenerationError, GenerationTimeoutError, QueryError, ToolError
from rag.generators import ExtractiveGenerator
from rag.grounding import Preference, report_conflicts
from rag.protocols import Retriever, StructuredGenerator
from rag.retrieval.fusion import rrf
from rag.tracing import isolated, recording, step
from rag.types import Answer, Document, Hit

if TYPE_CHECKING:
    from rag.index import Snapshot

__all__ = ["AgentEvent", "AgentLimits", "AgentResult", "AgentStep", "agent", "agent_stream"]

Ended: TypeAlias = Literal["finished", "repeated", "steps", "tokens", "seconds"]
BuiltIn: TypeAlias = Literal["search", "read", "documents", "calculate"]
BUILT_IN: tuple[BuiltIn, ...] = ("search", "read", "calculate")
MAX_REPEATED = 2


@dataclass(frozen=True, slots=True)
class AgentLimits:
    """Where the steps end, whatever the model wants. The closing answer comes after.

    ``tokens`` are those read and written to decide steps; a decision under way is finished. After too many tokens or
    ``seconds`` the closing answer is quoted from the documents, which needs no model.
    """

    steps: int = 6
    tokens: int = 20_000
    seconds: float = 60.0

    def __post_init__(self) -> None:
        for name in ("steps", "tokens", "seconds"):
            if not getattr(self, name) > 0:
                raise QueryError(f"{name} is {getattr(self, name)}", where=f"agent {name}", hint="allow more than 0")


@dataclass(frozen=True, slots=True)
class AgentResult:
    """What a run came to: the answer, how it was found, and why the steps ended.

    ``documents`` are what tools from outside said: citations of ``tool:`` sources quote these. ``tokens`` were spent on
    deciding steps; those of the closing answer are in the answer's trace.
    """

    answer: Answer
    steps: tuple[AgentStep, ...]
    ended: Ended
    tokens: int
    documents: tuple[Document, ...] = ()


AgentEvent: TypeAlias = AgentStep | str | AgentResult


@dataclass(slots=True)
class _Found:
    """What the steps have brought so far."""

    lists: list[list[Hit]] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    calculations: list[Calculated] = field(default_factory=list)
    standing: tuple[tuple[str, ...], bool] | None = None

    def take(self, result: ToolResult, *, asked: bool) -> int:
        """Keep a result; how many passages no step before had found.

        Unless the question itself was ``asked``, its hits keep no places in the arms: a query that was written from
        passages repeats them, and would flatter as scores of the question.
        """
        known = {hit.chunk.id for hits in self.lists for hit in hits}
        if result.hits:
            self.lists.append([hit if asked else replace(hit, arms={}) for hit in result.hits])
        if result.document is not None:
            self.documents.append(result.document)
        if result.calculated is not None:
            self.calculations.append(result.calculated)
        new = len({hit.chunk.id for hit in result.hits} - known)
        if new:
            self.standing = None
        return new

    def hits(self) -> tuple[Hit, ...]:
        """All passages, fused by reciprocal rank over the steps that found them, ties by the earlier step."""
        by_id: dict[str, Hit] = {}
        for found in self.lists:
            for hit in found:
                by_id.setdefault(hit.chunk.id, hit)
        fused = rrf([[(hit.chunk.id, hit.score) for hit in found] for found in self.lists], [1.0] * len(self.lists))
        order = {key: place for place, key in enumerate(by_id)}
        best = sorted(fused, key=lambda key: (-fused[key], order[key]))
        return tuple(replace(by_id[key], score=fused[key], rank=rank) for rank, key in enumerate(best, 1))


def agent(
    question: str,
    *,
    retriever: Retriever,
    parts: AnswerParts,
    snapshot: Snapshot | None = None,
    tools: Sequence[Tool] = (),
    built_in: Sequence[BuiltIn] = BUILT_IN,
    planner: Literal["auto", "model", "rules"] = "auto",
    limits: AgentLimits = AgentLimits(),
    k: int = 5,
    where: str | None = None,
    filters: bool = False,
    preference: Preference | None = None,
) -> AgentResult:
    """Answer a question in steps.

    Args:
        question: What to answer; QueryError where it is blank.
        retriever: Finds passages.
        parts: What makes the closing answer; its generator also decides the steps.
        snapshot: The index, to read on in its documents and to list them; without it there are no ``read`` and
            ``documents``.
        tools: Further tools, from ``tool`` or ``McpServer.tools``.
        built_in: Which of the tools every agent can have it has.
        planner: ``model`` decides steps with the generator, which must be a StructuredGenerator, ``rules`` without
            one; ``auto`` takes the model where it can.
        limits: Where the steps end.
        k: Passages to a search.
        where: Filter on metadata, for every search and listing; nothing can widen it. Raises FilterError.
        filters: Let the model narrow a search down by metadata.
        preference: Which of documents that disagree is believed; None leaves it unsaid that they do.
    """
    *_, result = agent_stream(
        question,
        retriever=retriever,
        parts=parts,
        snapshot=snapshot,
        tools=tools,
        built_in=built_in,
        planner=planner,
        limits=limits,
        k=k,
        where=where,
        filters=filters,
        preference=preference,
    )
    if not isinstance(result, AgentResult):
        raise TypeError("agent_stream ended without a result")
    return result


def agent_stream(
    question: str,
    *,
    retriever: Retriever,
    parts: AnswerParts,
    snapshot: Snapshot | None = None,
    tools: Sequence[Tool] = (),
    built_in: Sequence[BuiltIn] = BUILT_IN,
    planner: Literal["auto", "model", "rules"] = "auto",
    limits: AgentLimits = AgentLimits(),
    k: int = 5,
    where: str | None = None,
    filters: bool = False,
    preference: Preference | None = None,
) -> Iterator[AgentEvent]:
    """As ``agent``, while it happens: each step taken, pieces of the unchecked draft as str, and last the result.

    Bad arguments raise on the call, not on the first ``next``.
    """
    question = checked(question, k)
    if where is not None:
        from rag.index.filters import parse

        parse(where)
    found = _Found()
    every = _built_in(found, retriever, snapshot, built_in, k, where, filters=filters) + list(tools)
    _check_names(every)
    return isolated(_run(question, every, _planner(planner, parts, every), found, parts, limits, k, preference))


def _built_in(
    found: _Found,
    retriever: Retriever,
    snapshot: Snapshot | None,
    wanted: Sequence[BuiltIn],
    k: int,
    where: str | None,
    *,
    filters: bool,
) -> list[Tool]:
    made: list[Tool] = []
    if "search" in wanted:
        made.append(search_tool(retriever, k=k, where=where, filters=filters))
    if "read" in wanted and snapshot is not None:
        made.append(neighbours_tool(snapshot.chunks_of, found.hits))
    if "documents" in wanted and snapshot is not None:
        made.append(documents_tool(snapshot, where=where))
    if "calculate" in wanted:
        made.append(calculator_tool())
    return made


def _check_names(tools: Sequence[Tool]) -> None:
    if not tools:
        raise ToolError("the agent has no tools", hint="give it search, or tools of your own")
    seen = {FINISH}
    for one in tools:
        if one.name in seen:
            raise ToolError("two tools have this name", where=one.name, hint="give one of them another name")
        seen.add(one.name)


def _planner(kind: Literal["auto", "model", "rules"], parts: AnswerParts, tools: Sequence[Tool]) -> Planner:
    by_model = isinstance(parts.generator, StructuredGenerator) if kind == "auto" else kind == "model"
    return ModelPlanner(parts.generator, tools) if by_model else RulePlanner(tools)


def _run(
    question: str,
    tools: Sequence[Tool],
    planner: Planner,
    found: _Found,
    parts: AnswerParts,
    limits: AgentLimits,
    k: int,
    preference: Preference | None,
) -> Iterator[AgentEvent]:
    by_name = {one.name: one for one in tools}
    spent, began = Spent(), time.monotonic()
    steps: list[AgentStep] = []
    ended: Ended = "steps"
    repeated = 0
    with recording("agent") as run:
        while len(steps) < limits.steps:
            if spent.tokens >= limits.tokens:
                ended = "tokens"
                break
            left = limits.seconds - (time.monotonic() - began)
            if left <= 0:
                ended = "seconds"
                break
            taken = _step(question, by_name, planner, found, steps, spent, left)
            if taken is None:
                ended = "finished"
                break
            steps.append(taken)
            yield taken
            repeated = repeated + 1 if taken.summary == _REPEATED else 0
            if repeated >= MAX_REPEATED:
                ended = "repeated"
                break
        else:
            late = time.monotonic() - began >= limits.seconds
            ended = "seconds" if late else "tokens" if spent.tokens >= limits.tokens else "steps"
        hits = found.hits()[: 2 * k]
        closing = _quoting(parts) if ended in {"tokens", "seconds"} else parts
        for event in answer_from(question, hits, closing):
            if isinstance(event, Answer):
                quoted = replace(event, quoted=event.quoted or (closing is not parts and not event.refused))
                answer = with_calculations(question, quoted, found.calculations, hits, parts)
                if preference is not None:
                    answer = report_conflicts(answer, preference)
                answer = replace(answer, trace=run.trace)
                yield AgentResult(answer, tuple(steps), ended, spent.tokens, tuple(found.documents))
            else:
                yield event


_REPEATED = "not done again: it would come to the same"


def _step(
    question: str,
    tools: dict[str, Tool],
    planner: Planner,
    found: _Found,
    before: Sequence[AgentStep],
    spent: Spent,
    left: float,
) -> AgentStep | None:
    """Decide and do one thing; None to finish."""
    began = time.monotonic()
    number = len(before) + 1
    with step("step", number=number) as taken:
        try:
            action = _decided(question, tools, planner, found, before, spent)
        except GenerationTimeoutError:
            raise
        except GenerationError as error:
            taken.note(error=str(error))
            return AgentStep(number, "", {}, "", "no action came of it", 0, str(error), time.monotonic() - began)
        given = json.dumps(action.arguments, ensure_ascii=False, sort_keys=True)
        taken.note(thought=action.thought, tool=action.tool, arguments=given)
        if action.tool == FINISH:
            return None
        summary, new, failed, result = _REPEATED, 0, "", None
        if not any((one.tool, one.arguments) == (action.tool, action.arguments) for one in before):
            try:
                with step(action.tool, arguments=given) as called:
                    result = tools[action.tool].run(action.arguments, left - (time.monotonic() - began))
                    called.note(summary=result.summary, passages=tuple(hit.chunk.id for hit in result.hits))
            except (ToolError, QueryError) as error:
                # the filter is the model's own words, which it wrote without a document before it; other messages
                # may hold what an outside tool said, or what was written from a passage
                summary = f"it failed: {error}" if isinstance(error, FilterError) else "it failed"
                failed = str(error)
            else:
                summary, new = result.summary, found.take(result, asked=number == 1)
        taken.note(summary=summary, new=new, error=failed)
        return AgentStep(
            number,
            action.tool,
            action.arguments,
            action.thought,
            summary,
            new,
            failed,
            time.monotonic() - began,
            result.calculated if result else None,
        )


def _decided(
    question: str,
    tools: dict[str, Tool],
    planner: Planner,
    found: _Found,
    before: Sequence[AgentStep],
    spent: Spent,
) -> Action:
    """What to do next; first of all to search for the question itself, so that what is decided can only add to that."""
    if not before and "search" in tools:
        return Action("search", {"query": question[:MAX_STRING]}, "the question itself")
    hits = found.hits()
    if found.standing is None:
        found.standing = missing_words(question, hits), _proved(question, hits)
    missing, proved = found.standing
    situation = Situation(question, tuple(before), missing, proved, hits)
    action = planner(situation, spent)
    if action.tool != FINISH and action.tool not in tools:
        raise GenerationError("the planner names a tool that there is not", where="agent")
    return action


def _proved(question: str, hits: Sequence[Hit]) -> bool:
    """Whether quotes from the passages answer the question: a check without a model."""
    with step("check") as taken:
        *_, answer = answer_from(question, hits, AnswerParts(ExtractiveGenerator()))
        proved = isinstance(answer, Answer) and not answer.refused
        taken.note(proved=proved)
    return proved


def _quoting(parts: AnswerParts) -> AnswerParts:
    return replace(parts, generator=ExtractiveGenerator(parts.embedder), fallback=None, excerpt=0, opinion=None)
