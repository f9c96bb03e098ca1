"""Fill a model's context with the best passages that fit, counted by the model's own tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import ContextError
from rag.generators.prompts import ANSWER, PromptTemplate, render_hits
from rag.protocols import Generator
from rag.types import Hit, Message


@dataclass(frozen=True, slots=True)
class PackedContext:
    """Messages that fit, ``prompt_tokens`` in all, and what was left out for want of room.

    ``used`` and ``dropped`` are the hits in rank order; ``forgotten`` the oldest turns of the history.
    """

    messages: tuple[Message, ...]
    used: tuple[Hit, ...]
    dropped: tuple[Hit, ...]
    prompt_tokens: int
    forgotten: tuple[Message, ...] = ()


def pack_context(
    question: str,
    hits: Sequence[Hit],
    generator: Generator,
    *,
    max_answer_tokens: int,
    history: Sequence[Message] = (),
    template: PromptTemplate = ANSWER,
) -> PackedContext:
    """Pack hits best first, leaving ``max_answer_tokens`` of the context for the answer.

    A hit that does not fit is dropped and reported, and a later, shorter one may still be taken: half-empty
    contexts help nobody. History gets at most half of what the question leaves; its oldest turns go first, and it
    starts with a user's turn. Raises ContextError if the question alone does not fit.
    """
    budget = generator.context_size - max_answer_tokens

    def count(taken: Sequence[Hit], turns: Sequence[Message]) -> int:
        return generator.count_tokens(render_hits(question, taken, template, turns))

    bare = count((), ())
    if bare > budget:
        raise ContextError(
            f"the question needs {bare} tokens; a context of {generator.context_size} leaves {max(budget, 0)} "
            f"beside an answer of {max_answer_tokens}",
            hint="ask a shorter question, lower max_answer_tokens or raise context_size",
        )
    turns = list(history)
    while turns and (turns[0].role != "user" or count((), turns) > bare + (budget - bare) // 2):
        turns.pop(0)

    # all of them, or else the longest run from the top, found by bisection: one count a step
    used: list[Hit] = list(hits)
    total = count(used, turns)
    if total > budget:
        fits, fails = 0, len(used)
        while fails - fits > 1:
            middle = (fits + fails) // 2
            fits, fails = (middle, fails) if count(hits[:middle], turns) <= budget else (fits, middle)
        used, total = list(hits[:fits]), count(hits[:fits], turns)
        for hit in hits[fits + 1 :]:
            if (size := count([*used, hit], turns)) <= budget:
                used.append(hit)
                total = size
    kept = {id(hit) for hit in used}
    return PackedContext(
        messages=render_hits(question, used, template, turns),
        used=tuple(used),
        dropped=tuple(hit for hit in hits if id(hit) not in kept),
        prompt_tokens=total,
        forgotten=tuple(history[: len(history) - len(turns)]),
    )
