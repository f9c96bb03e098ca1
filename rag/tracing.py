"""What a run did and what it cost: steps, recorded where someone asked for a recording.

>>> with recording("ask") as run:
...     with step("search", query="warranty") as search:
...         search.note(hits=6)
>>> run.trace.steps[0].outputs
{'hits': 6}

A part opens a ``step`` whether or not anybody records; without a recording it costs next to nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypeVar

from rag import protocols
from rag.errors import GenerationError
from rag.types import Message, Step, Trace, Value

__all__ = [
    "OpenStep",
    "Recording",
    "carried",
    "generate",
    "generate_json",
    "isolated",
    "recording",
    "reply_tokens",
    "step",
]

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(slots=True)
class OpenStep:
    """A step under way."""

    name: str
    inputs: dict[str, Value]
    began: float = 0.0
    outputs: dict[str, Value] = field(default_factory=dict)
    prompt_tokens: int = 0
    output_tokens: int = 0
    steps: list[Step] = field(default_factory=list)

    def note(self, **outputs: Value) -> None:
        """Add to what came out."""
        self.outputs.update(outputs)

    def spend(self, prompt: int, output: int) -> None:
        """Add tokens that a language model read and wrote."""
        self.prompt_tokens += prompt
        self.output_tokens += output


@dataclass(slots=True)
class Recording:
    """A recording; ``trace`` is complete once it has ended."""

    name: str
    began: float
    clock: float
    root: OpenStep
    seconds: float | None = None

    @property
    def trace(self) -> Trace:
        """The steps that have ended so far, and the time until now or until it ended."""
        seconds = time.perf_counter() - self.clock if self.seconds is None else self.seconds
        return Trace(self.name, self.began, seconds, _in_order(self.root.steps))


_current: ContextVar[tuple[Recording, OpenStep] | None] = ContextVar("rag-trace", default=None)


@contextmanager
def recording(name: str) -> Iterator[Recording]:
    """Record the steps taken within. A recording within another one is a step of that, too."""
    run = Recording(name, time.time(), time.perf_counter(), OpenStep(name, {}))
    outer = _current.get()
    token = _current.set((run, run.root))
    failure = ("", "")
    try:
        yield run
    except BaseException as error:
        failure = _failure(error)
        raise
    finally:
        _current.reset(token)
        run.seconds = time.perf_counter() - run.clock
        if outer is not None:
            offset = run.clock - outer[0].clock
            run.root.began = run.clock
            outer[1].steps.append(_shifted(_ended(run.root, run.clock, run.seconds, failure), offset))


@contextmanager
def step(name: str, **inputs: Value) -> Iterator[OpenStep]:
    """A step of the recording under way, if there is one. What it raises is noted and passed on."""
    outer = _current.get()
    current = OpenStep(name, inputs)
    if outer is None:
        yield current
        return
    run, parent = outer
    current.began = time.perf_counter()
    token = _current.set((run, current))
    failure = ("", "")
    try:
        yield current
    except BaseException as error:
        failure = _failure(error)
        raise
    finally:
        _current.reset(token)
        parent.steps.append(_ended(current, run.clock, time.perf_counter() - current.began, failure))


def carried(function: Callable[P, T]) -> Callable[P, T]:
    """``function`` for another thread, where its steps are steps of the one open here.

    A thread of a pool starts without a recording. Wait for the call within the step that it belongs to:
    a step that ends after the one around it is not recorded.
    """
    context = copy_context()
    return lambda *args, **kwargs: context.copy().run(function, *args, **kwargs)


def isolated(pieces: Iterator[T]) -> Iterator[T]:
    """The same pieces, from an iterator whose steps stay apart from those of whoever consumes it.

    A step that is open while a generator function yields would else be the parent of its consumer's steps.
    """
    context = copy_context()
    try:
        while True:
            try:
                piece = context.run(next, pieces)
            except StopIteration:
                return
            yield piece
    finally:
        if isinstance(pieces, Generator):
            context.run(pieces.close)


def generate(
    generator: protocols.Generator, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
) -> str:
    """A generator's whole reply, as a step with its tokens. Raises GenerationError, ContextError."""
    with step("generate", max_tokens=max_tokens) as taken:
        reply = "".join(generator.generate(messages, stop=stop, max_tokens=max_tokens))
        taken.note(reply=reply)
        taken.spend(generator.count_tokens(messages), reply_tokens(generator, reply))
        return reply


def generate_json(
    generator: protocols.Generator, messages: Sequence[Message], schema: protocols.JsonSchema, *, max_tokens: int = 256
) -> str:
    """A reply that is valid JSON under ``schema``, as a step with its tokens.

    Raises GenerationError, also for a generator that is no StructuredGenerator; ContextError.
    """
    if not isinstance(generator, protocols.StructuredGenerator):
        raise GenerationError(
            f"{type(generator).__name__} cannot be held to a schema", hint="take a llama.cpp or openai generator"
        )
    with step("generate", max_tokens=max_tokens) as taken:
        reply = generator.generate_json(messages, schema, max_tokens=max_tokens)
        taken.note(reply=reply)
        taken.spend(generator.count_tokens(messages), reply_tokens(generator, reply))
        return reply


def reply_tokens(generator: protocols.Generator, reply: str) -> int:
    """Tokens of a reply by the generator's own count."""
    empty = generator.count_tokens((Message("assistant", ""),))
    return generator.count_tokens((Message("assistant", reply),)) - empty


def _ended(taken: OpenStep, clock: float, seconds: float, failure: tuple[str, str]) -> Step:
    """The record of a step; what is noted on it later changes nothing."""
    error, error_type = failure
    return Step(
        taken.name,
        dict(taken.inputs),
        dict(taken.outputs),
        taken.began - clock,
        seconds,
        taken.prompt_tokens,
        taken.output_tokens,
        _in_order(taken.steps),
        error,
        error_type,
    )


def _failure(error: BaseException) -> tuple[str, str]:
    """Message and type: the error itself would keep alive all that its frames hold."""
    return str(error) or type(error).__name__, type(error).__name__


def _in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """By start: steps in threads may end in another order."""
    return tuple(sorted(steps, key=lambda taken: taken.started))


def _shifted(taken: Step, offset: float) -> Step:
    return replace(taken, started=taken.started + offset, steps=tuple(_shifted(inner, offset) for inner in taken.steps))
