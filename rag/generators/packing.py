"""Fill a model's context with the best passages that fit, counted by the model's own tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import ContextError
from rag.generators.prompts import ANSWER, PromptTemplate, render_messages
from rag.generators.sentence_ranking import excerpts
from rag.protocols import Generator
from rag.text.visible import visible
from rag.types import Hit, Message


@dataclass(frozen=True, slots=True)
class PackedContext:
    """Messages that fit, ``prompt_tokens`` in all, and what was left out.

    ``used`` and ``dropped`` are the hits in rank order, ``shown`` what of each used one the messages hold;
    ``history`` are the turns in the messages, and ``forgotten`` those before them.
    """

    messages: tuple[Message, ...]
    used: tuple[Hit, ...]
    dropped: tuple[Hit, ...]
    prompt_tokens: int
    forgotten: tuple[Message, ...] = ()
    shown: tuple[str, ...] = ()
    history: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenShares:
    """What the tokens of a prompt go to; all together ``prompt_tokens``, each counted by itself.

    ``instructions`` are what is left: system prompt, examples, and the words and turns around the others.
    """

    passages: tuple[int, ...]
    history: int
    question: int
    instructions: int


def token_shares(question: str, packed: PackedContext, generator: Generator) -> TokenShares:
    """How the generator counts each part of what it was packed."""
    empty = generator.count_tokens((Message("user", ""),))

    def count(text: str) -> int:
        return generator.count_tokens((Message("user", text),)) - empty

    headed = [(hit.chunk.header, text) for hit, text in zip(packed.used, packed.shown, strict=True)]
    passages = tuple(count(visible(f"{header}\n{text}" if header else text)) for header, text in headed)
    history = sum(count(message.content) for message in packed.history)
    asked = count(question)
    return TokenShares(passages, history, asked, packed.prompt_tokens - sum(passages) - history - asked)


def pack_context(
    question: str,
    hits: Sequence[Hit],
    generator: Generator,
    *,
    max_answer_tokens: int,
    history: Sequence[Message] = (),
    template: PromptTemplate = ANSWER,
    excerpt: int = 0,
    focus: str = "",
) -> PackedContext:
    """Pack hits best first, leaving ``max_answer_tokens`` of the context for the answer.

    A hit that does not fit is dropped and reported, and a later, shorter one may still be taken: a half-empty
    context helps nobody. History gets at most half of what the question leaves; its oldest turns go
    first, and it starts with a user's turn.

    With ``excerpt``, of all hits only so many sentences are shown, those nearest to the question (see
    ``rank_sentences``), or to ``focus`` where it is given, and a hit with none of them is dropped: small models
    answer from few sentences faster and better than from whole passages.

    Raises ContextError if the question alone does not fit.
    """
    budget = generator.context_size - max_answer_tokens
    texts = [hit.chunk.text for hit in hits]
    shown = excerpts(focus or question, texts, excerpt) if excerpt else texts
    passages = [(hit, text) for hit, text in zip(hits, shown, strict=True) if text or not excerpt]

    def render(taken: Sequence[tuple[Hit, str]], turns: Sequence[Message]) -> tuple[Message, ...]:
        return render_messages(question, [(hit.chunk.header, text) for hit, text in taken], template, turns)

    def count(taken: Sequence[tuple[Hit, str]], turns: Sequence[Message]) -> int:
        return generator.count_tokens(render(taken, turns))

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
    used, total = passages, count(passages, turns)
    if total > budget:
        fits, fails = 0, len(passages)
        while fails - fits > 1:
            middle = (fits + fails) // 2
            fits, fails = (middle, fails) if count(passages[:middle], turns) <= budget else (fits, middle)
        used = passages[:fits]
        total = count(used, turns)
        for passage in passages[fits + 1 :]:
            if (size := count([*used, passage], turns)) <= budget:
                used, total = [*used, passage], size
    kept = {id(hit) for hit, _ in used}
    return PackedContext(
        messages=render(used, turns),
        used=tuple(hit for hit, _ in used),
        dropped=tuple(hit for hit in hits if id(hit) not in kept),
        prompt_tokens=total,
        forgotten=tuple(history[: len(history) - len(turns)]),
        shown=tuple(text for _, text in used),
        history=tuple(turns),
    )
