"""One short question to a generator, before it is taken into use."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from jobs import Job, begin

from rag.generators.prompts import render_messages
from rag.protocols import Embedder
from rag.recipe import Recipe, build_generator


@dataclass(frozen=True, slots=True)
class Trial:
    """What was written, and when: seconds until the generator was there, and from then to the first and last words."""

    loading: float
    first: float
    seconds: float
    text: str


class TrialJob(Job[int, Trial]):
    """Asking a generator; its progress counts the characters written."""


def begin_trial(job: TrialJob, recipe: Recipe, embedder: Embedder | None, question: str, passage: str) -> TrialJob:
    """Start the job. A failing API is asked once, not again."""
    once = recipe.model_copy(update={"generator": recipe.generator.model_copy(update={"max_retries": 0})})

    def work(tell: Callable[[int], None]) -> Trial:
        began = time.monotonic()
        generator = build_generator(once, embedder)
        try:
            ready = time.monotonic()
            first, written = 0.0, ""
            tell(0)
            messages = render_messages(question, [("", passage)])
            for piece in generator.generate(messages, max_tokens=recipe.generator.max_answer_tokens):
                first = first or time.monotonic() - ready
                written += piece
                tell(len(written))
            return Trial(ready - began, first, time.monotonic() - ready, written.strip())
        finally:
            if hasattr(generator, "close"):
                generator.close()

    begin(job, work)
    return job
