"""Recordings: what a step holds, whose child it is, and that threads and generators keep apart."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import tracing
from rag.errors import QueryError
from rag.tracing import carried, isolated, recording, step
from rag.types import Message, Step, Trace


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(tracing.time, "perf_counter", made)
    monkeypatch.setattr(tracing.time, "time", lambda: 1_700_000_000.0)
    return made


def names(trace: Trace | Step) -> list[str]:
    return [taken.name for taken in trace.walk()]


def test_steps_with_worked_values(clock):
    with recording("ask") as run:
        clock.now += 1
        with step("search", query="warranty") as search:
            clock.now += 2
            with step("embed"):
                clock.now += 0.5
            search.note(hits=6)
        with step("generate") as written:
            clock.now += 3
            written.spend(100, 20)
            written.spend(1, 2)
    assert run.trace == Trace(
        "ask",
        began=1_700_000_000.0,
        seconds=6.5,
        steps=(
            Step(
                "search",
                {"query": "warranty"},
                {"hits": 6},
                started=1.0,
                seconds=2.5,
                steps=(Step("embed", {}, {}, started=3.0, seconds=0.5),),
            ),
            Step("generate", {}, {}, started=3.5, seconds=3.0, prompt_tokens=101, output_tokens=22),
        ),
    )
    assert (run.trace.prompt_tokens, run.trace.output_tokens) == (101, 22)
    assert names(run.trace) == ["search", "embed", "generate"]


def test_a_trace_that_has_ended_stays_as_it_is(clock):
    with recording("ask") as run:
        with step("search") as search:
            search.note(hits=1)
        clock.now += 1
        assert run.trace.seconds == 1
    before = run.trace
    clock.now += 100
    search.note(hits=2, late=True)
    assert run.trace == before
    assert before.steps[0].outputs == {"hits": 1}


def test_nothing_is_recorded_without_a_recording():
    with step("search") as search:
        search.note(hits=1)
        search.spend(1, 1)
    with recording("ask") as run:
        pass
    assert run.trace.steps == ()


def test_an_error_is_noted_and_passed_on():
    with pytest.raises(QueryError), recording("ask") as run, step("search"), step("embed"):
        raise QueryError("the question is empty", hint="ask something")
    outer = run.trace.steps[0]
    assert (outer.error, outer.error_type) == ("the question is empty (ask something)", "QueryError")
    assert outer.steps[0].error == outer.error


def test_an_error_without_a_message_has_its_name():
    with pytest.raises(KeyboardInterrupt), recording("ask") as run, step("search"):
        raise KeyboardInterrupt
    assert run.trace.steps[0].error == run.trace.steps[0].error_type == "KeyboardInterrupt"


def test_a_step_keeps_no_error_alive():
    with recording("ask") as run:
        try:
            with step("search"):
                error = QueryError("gone")
                died = weakref.ref(error)
                raise error
        except QueryError:
            del error
    gc.collect()
    assert died() is None
    assert run.trace.steps[0].error == "gone"


def test_a_recording_within_another_is_a_step_of_it(clock):
    with recording("outer") as outer:
        clock.now += 1
        with step("part"):
            clock.now += 1
            with recording("inner") as inner:
                clock.now += 1
                with step("search"):
                    clock.now += 1
        clock.now += 1
    assert inner.trace.steps[0].started == 1.0
    (part,) = outer.trace.steps
    (whole,) = part.steps
    assert (whole.name, whole.started, whole.seconds) == ("inner", 2.0, 2.0)
    assert (whole.steps[0].name, whole.steps[0].started) == ("search", 3.0)


def test_a_recording_that_fails_within_another_says_so():
    with pytest.raises(QueryError), recording("outer") as outer, recording("inner"):
        raise QueryError("no")
    assert outer.trace.steps[0].error_type == "QueryError"


def walked(source: Sequence[str]) -> Iterator[str]:
    with step("produce"):
        for piece in source:
            with step(f"make {piece}"):
                pass
            yield piece


def test_steps_of_an_isolated_generator_stay_apart_from_its_consumers():
    with recording("ask") as run, step("consume"):
        for piece in isolated(walked("ab")):
            with step(f"use {piece}"):
                pass
    (consume,) = run.trace.steps
    assert [one.name for one in consume.steps] == ["produce", "use a", "use b"]
    assert [one.name for one in consume.steps[0].steps] == ["make a", "make b"]


def test_two_isolated_generators_may_take_turns():
    with recording("ask") as run:
        for _ in zip(isolated(walked("ab")), isolated(walked("cd")), strict=True):
            pass
    assert [[inner.name for inner in one.steps] for one in run.trace.steps] == [
        ["make a", "make b"],
        ["make c", "make d"],
    ]


def test_an_isolated_generator_that_is_left_ends_its_steps_and_closes_its_source():
    closed = []

    def source() -> Iterator[int]:
        with step("produce"):
            try:
                yield 1
                yield 2
            finally:
                closed.append(True)

    with recording("ask") as run:
        pieces = isolated(source())
        assert next(pieces) == 1
        pieces.close()
    assert closed == [True]
    assert run.trace.steps[0].error_type == "GeneratorExit"


def test_an_isolated_generator_may_be_consumed_by_another_thread():
    with recording("ask") as run:
        pieces = isolated(walked("abc"))
        first = next(pieces)
        with ThreadPoolExecutor(1) as pool:
            rest = pool.submit(list, pieces).result()
    assert [first, *rest] == ["a", "b", "c"]
    assert names(run.trace) == ["produce", "make a", "make b", "make c"]


def test_a_thread_starts_without_a_recording_unless_it_is_carried_there():
    def work(name: str) -> str:
        with step(name), step("inner"):
            return name

    with recording("ask") as run, ThreadPoolExecutor(2) as pool, step("all"):
        assert pool.submit(work, "lost").result() == "lost"
        assert list(pool.map(carried(work), ["x", "y"])) == ["x", "y"]
    (everything,) = run.trace.steps
    assert sorted(one.name for one in everything.steps) == ["x", "y"]
    assert all([inner.name for inner in one.steps] == ["inner"] for one in everything.steps)


def test_a_carried_function_runs_in_several_threads_at_once():
    together = threading.Barrier(4, timeout=10)

    def work(number: int) -> None:
        with step("work", number=number):
            together.wait()

    with recording("ask") as run, ThreadPoolExecutor(4) as pool:
        list(pool.map(carried(work), range(4)))
    assert sorted(one.inputs["number"] for one in run.trace.steps) == [0, 1, 2, 3]


def test_steps_are_in_the_order_in_which_they_started(clock):
    first_started, second_ended = threading.Event(), threading.Event()

    def first() -> None:
        with step("first"):
            first_started.set()
            assert second_ended.wait(10)

    with recording("ask") as run, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(carried(first))
        assert first_started.wait(10)
        clock.now += 1
        with step("second"):
            pass
        second_ended.set()
        waiting.result()
    assert names(run.trace) == ["first", "second"]


@given(st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=3), max_leaves=12))
def test_a_trace_has_the_shape_of_the_calls(shape):
    def call(inner: list) -> None:
        with step("call"):
            for one in inner:
                call(one)

    def shape_of(steps: Sequence[Step]) -> list:
        return [shape_of(one.steps) for one in steps]

    with recording("ask") as run:
        for one in shape:
            call(one)
    assert shape_of(run.trace.steps) == shape
    for taken in run.trace.walk():
        assert all(
            taken.started <= inner.started and inner.started + inner.seconds <= taken.started + taken.seconds + 1e-9
            for inner in taken.steps
        )


class Counting:
    """Three tokens a message, and one a word."""

    context_size = 100

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(3 + len(message.content.split()) for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        yield from ("two", " words")


def test_a_reply_counts_the_tokens_of_the_prompt_and_its_own():
    with recording("ask") as run:
        assert tracing.generate(Counting(), [Message("user", "one two three")], max_tokens=7) == "two words"
    (taken,) = run.trace.steps
    assert (taken.prompt_tokens, taken.output_tokens) == (6, 2)
    assert (taken.inputs, taken.outputs) == ({"max_tokens": 7}, {"reply": "two words"})
