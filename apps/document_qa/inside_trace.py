"""What the trace of an answer says of its searches and its prompt, read from the steps. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rag.types import Metadata, Step, Trace, Value

_MOVING = {"rerank", "diversify"}


@dataclass(frozen=True, slots=True)
class Ranking:
    """What an arm found: the best passages by id with their raw scores, of ``found`` in all."""

    arm: str
    passages: tuple[str, ...]
    scores: tuple[float, ...]
    found: int


@dataclass(frozen=True, slots=True)
class Fused:
    """A fusion: the best passages with their scores, and what each arm adds to these (``shares``, by arm)."""

    method: str
    weights: tuple[float, ...]
    passages: tuple[str, ...]
    scores: tuple[float, ...]
    shares: dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Moved:
    """A step that re-orders: the passages before, and those that it passed on; scores may be none."""

    step: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Search:
    """The search for one query; that of several together has no ``query`` and no rankings of its own."""

    query: str
    rankings: tuple[Ranking, ...]
    fusions: tuple[Fused, ...]
    moves: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the generator was shown, and whose its tokens are.

    ``passages`` are ids, ``excerpts`` what of each was shown and ``tokens`` its size; ``messages`` are (role, text).
    """

    passages: tuple[str, ...]
    excerpts: tuple[str, ...]
    tokens: tuple[int, ...]
    messages: tuple[tuple[str, str], ...]
    history: int
    question: int
    instructions: int
    answer: int
    context: int

    @property
    def total(self) -> int:
        """Tokens of the prompt."""
        return sum(self.tokens) + self.history + self.question + self.instructions

    @property
    def free(self) -> int:
        """Tokens of the context that neither the prompt nor the answer may need."""
        return max(0, self.context - self.total - self.answer)


def queries_of(trace: Trace) -> list[str]:
    """All that was searched for, in order."""
    found: dict[str, None] = {}
    for step in trace.walk():
        for name in ("question", "query", "queries", "standalone"):
            for side in (step.inputs, step.outputs):
                found.update(dict.fromkeys(text for text in _texts(side, name) if text))
    return list(found)


def searches_of(trace: Trace) -> list[Search]:
    """The searches, query by query, and after those of a question the fusion of them."""
    return [search for step in trace.walk() if step.name == "retrieve" for search in _searches(step, "question")]


def prompt_of(trace: Trace) -> Prompt | None:
    """The prompt that the draft was written from; None where none was."""
    step = next((step for step in trace.walk() if step.name == "generate" and "excerpts" in step.outputs), None)
    if step is None:
        return None
    out = step.outputs

    def size(name: str) -> int:
        return int(_number(out.get(name)))

    return Prompt(
        _texts(out, "shown"),
        _texts(out, "excerpts"),
        tuple(int(one) for one in _numbers(out, "passage_tokens")),
        tuple(zip(_texts(out, "roles"), _texts(out, "prompt"), strict=True)),
        history=size("history_tokens"),
        question=size("question_tokens"),
        instructions=size("instruction_tokens"),
        answer=size("answer_tokens"),
        context=size("context_size"),
    )


def _searches(step: Step, key: str) -> Iterator[Search]:
    inner = [one for one in step.steps if one.name == "search"]
    for one in inner:
        yield from _searches(one, "query")
    own = [one for child in step.steps if child.name != "search" for one in child.walk()]
    query = "" if inner else "".join(_texts(step.inputs, key))
    search = Search(
        query,
        tuple(_ranking(one) for one in own if one.name == "rank"),
        tuple(_fused(one) for one in own if one.name == "fusion"),
        tuple(_moved(one) for one in own if one.name in _MOVING),
    )
    if search.rankings or search.fusions or search.moves:
        yield search


def _ranking(step: Step) -> Ranking:
    out = step.outputs
    name = "".join(_texts(step.inputs, "arm"))
    return Ranking(name, _texts(out, "passages"), _numbers(out, "scores"), int(_number(out.get("found"))))


def _fused(step: Step) -> Fused:
    out, arms = step.outputs, _texts(step.inputs, "arms")
    shares = {arm: _numbers(out, f"from {arm}") for arm in arms}
    method = "".join(_texts(step.inputs, "method"))
    return Fused(method, _numbers(step.inputs, "weights"), _texts(out, "passages"), _numbers(out, "scores"), shares)


def _moved(step: Step) -> Moved:
    out = step.outputs
    return Moved(step.name, _texts(step.inputs, "passages"), _texts(out, "passages"), _numbers(out, "scores"))


def _all(notes: Metadata, name: str) -> tuple[Value, ...]:
    value = notes.get(name)
    return value if isinstance(value, tuple) else (value,)


def _texts(notes: Metadata, name: str) -> tuple[str, ...]:
    return tuple(one for one in _all(notes, name) if isinstance(one, str))


def _numbers(notes: Metadata, name: str) -> tuple[float, ...]:
    return tuple(_number(one) for one in _all(notes, name) if one is not None)


def _number(value: Value) -> float:
    return value if isinstance(value, int | float) else 0.0
