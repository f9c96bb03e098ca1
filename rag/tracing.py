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
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from typing import TypeVar

from rag import protocols
from rag.types import Message, Step, Trace, Value

__all__ = ["OpenStep", "Recording", "generate", "isolated", "recording", "reply_tokens", "step"]

T = TypeVar("T")


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

    @property
    def trace(self) -> Trace:
        """The steps that have ended so far."""
        return Trace(self.name, self.began, time.perf_counter() - self.clock, tuple(self.root.steps))


_current: ContextVar[tuple[Recording, OpenStep] | None] = ContextVar("rag-trace", default=None)


@contextmanager
def recording(name: str) -> Iterator[Recording]:
    """Record the steps taken within. A recording within another one is a step of that, too."""
    run = Recording(name, time.time(), time.perf_counter(), OpenStep(name, {}))
    outer = _current.get()
    token = _current.set((run, run.root))
    try:
        yield run
    finally:
        _current.reset(token)
        if outer is not None:
            offset = run.clock - outer[0].clock
            inner = tuple(_shifted(taken, offset) for taken in run.root.steps)
            outer[1].steps.append(Step(name, {}, {}, offset, time.perf_counter() - run.clock, steps=inner))


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
    error = ""
    try:
        yield current
    except BaseException as raised:
        error = str(raised) or type(raised).__name__
        raise
    finally:
        _current.reset(token)
        parent.steps.append(
            Step(
                name,
                current.inputs,
                current.outputs,
                current.began - run.clock,
                time.perf_counter() - current.began,
                current.prompt_tokens,
                current.output_tokens,
                tuple(current.steps),
                error,
            )
        )


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


def reply_tokens(generator: protocols.Generator, reply: str) -> int:
    """Tokens of a reply by the generator's own count."""
    empty = generator.count_tokens((Message("assistant", ""),))
    return generator.count_tokens((Message("assistant", reply),)) - empty


def _shifted(taken: Step, offset: float) -> Step:
    return Step(
        taken.name,
        taken.inputs,
        taken.outputs,
        taken.started + offset,
        taken.seconds,
        taken.prompt_tokens,
        taken.output_tokens,
        tuple(_shifted(inner, offset) for inner in taken.steps),
        taken.error,
    )
