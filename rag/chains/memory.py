"""What a generator is told of the conversation so far: all, a window, a running summary, or what fits a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from rag import tracing
from rag.errors import GenerationError
from rag.protocols import Generator
from rag.queries.mentions import salient
from rag.text import detect_language, sentences
from rag.types import Message

__all__ = [
    "Budget",
    "Exchange",
    "Extend",
    "Memory",
    "RunningSummary",
    "Summary",
    "Window",
    "everything",
    "extend_by_model",
    "extend_by_rule",
    "messages_of",
]

_ASKED = "What have we talked about so far?"
_LINE = 160  # characters of an exchange in a summary by rule
_LINES = 6  # exchanges that it tells one by one; of older ones it keeps the names
_NAMES = 12
_EARLIER = "Earlier: "
_SUMMARY_TOKENS = 128
_CUT = " …"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and the answer to it, as shown."""

    question: str
    answer: str


class Memory(Protocol):
    """Exchanges, oldest first -> the messages a generator is shown before the question."""

    def __call__(self, exchanges: Sequence[Exchange]) -> list[Message]:
        """Messages that alternate between user and assistant, oldest first."""
        ...


Extend: TypeAlias = Callable[[str, Exchange], str]
"""A summary so far and the exchange after it -> the summary of both."""


def messages_of(exchanges: Sequence[Exchange]) -> list[Message]:
    """Each exchange as two messages."""
    return [
        message
        for exchange in exchanges
        for message in (Message("user", exchange.question), Message("assistant", exchange.answer))
    ]


def everything(exchanges: Sequence[Exchange]) -> list[Message]:
    """The full buffer; what does not fit the context is left out by ``pack_context``, oldest first. A Memory."""
    return messages_of(exchanges)


@dataclass(frozen=True, slots=True)
class Window:
    """The last ``turns`` exchanges, verbatim. A Memory."""

    turns: int = 3

    def __call__(self, exchanges: Sequence[Exchange]) -> list[Message]:
        """The messages of the last exchanges."""
        return messages_of(exchanges[-self.turns :]) if self.turns else []


@dataclass(slots=True)
class RunningSummary:
    """A summary that grows by one exchange at a time; what was summarised before is not read again."""

    extend: Extend
    _known: dict[tuple[Exchange, ...], str] = field(default_factory=dict)

    def __call__(self, exchanges: Sequence[Exchange]) -> str:
        """The summary of the exchanges, "" of none. Raises what ``extend`` raises."""
        wanted = tuple(exchanges)
        done = next((count for count in range(len(wanted), 0, -1) if wanted[:count] in self._known), 0)
        summary = self._known[wanted[:done]] if done else ""
        for count in range(done, len(wanted)):
            summary = self.extend(summary, wanted[count])
            self._known[wanted[: count + 1]] = summary
        return summary


@dataclass(frozen=True, slots=True)
class Summary:
    """A running summary of all but the last ``turns`` exchanges, and those verbatim. A Memory."""

    summary: RunningSummary
    turns: int = 1

    def __call__(self, exchanges: Sequence[Exchange]) -> list[Message]:
        """The summary as an exchange of its own, then the last ones."""
        old = exchanges[: max(len(exchanges) - self.turns, 0)]
        return [*_told(self.summary(old)), *messages_of(exchanges[len(old) :])]


@dataclass(frozen=True, slots=True)
class Budget:
    """The last exchanges verbatim, as many as fit, and a summary of the rest in what is left. A Memory.

    ``tokens`` bounds the whole by the generator's own count, chat template included; a quarter is kept for the
    summary where there is something to summarise.
    """

    tokens: int
    count: Callable[[Sequence[Message]], int]
    summary: RunningSummary

    def __call__(self, exchanges: Sequence[Exchange]) -> list[Message]:
        """Never more than ``tokens``; no messages where not even one exchange fits."""
        if self.count(messages_of(exchanges)) <= self.tokens:
            return messages_of(exchanges)
        kept: list[Exchange] = []
        for exchange in reversed(exchanges):
            if self.count(messages_of([exchange, *kept])) > self.tokens * 3 // 4:
                break
            kept.insert(0, exchange)
        recent = messages_of(kept)
        return [*self._fitting(self.summary(exchanges[: len(exchanges) - len(kept)]), recent), *recent]

    def _fitting(self, summary: str, recent: Sequence[Message]) -> list[Message]:
        """The summary, cut to the longest beginning that fits before the recent messages."""
        if self.count([*_told(summary), *recent]) <= self.tokens:
            return _told(summary)
        fits, fails = 0, len(summary)
        while fails - fits > 1:
            middle = (fits + fails) // 2
            inside = self.count([*_told(summary[:middle].rstrip() + _CUT), *recent]) <= self.tokens
            fits, fails = (middle, fails) if inside else (fits, middle)
        return _told(summary[:fits].rstrip() + _CUT) if fits else []


def _told(summary: str) -> list[Message]:
    """A summary as an exchange: every chat template has a place for one, and not all have one for notes."""
    return [Message("user", _ASKED), Message("assistant", summary)] if summary else []


def extend_by_rule(summary: str, exchange: Exchange) -> str:
    """The summary and a line for the exchange: its question and its answer's first sentence. An Extend.

    When there are more lines than six, the oldest are told by the names in them.
    """
    earlier, lines = _parts(summary)
    answer = " ".join(exchange.answer.split())
    first = sentences(answer)[:1]
    said = answer[slice(*first[0])] if first else answer
    lines.append(_short(f"{' '.join(exchange.question.split())} {said}".strip()))
    if len(lines) > _LINES:
        old = lines[:-_LINES]
        language = detect_language(" ".join(lines)) or "en"
        names = salient([(line, 1.0) for line in [*earlier, *old]], language, _NAMES)
        earlier, lines = names, lines[-_LINES:]
    return "\n".join([*([_EARLIER + ", ".join(earlier)] if earlier else []), *lines])


def _parts(summary: str) -> tuple[list[str], list[str]]:
    lines = summary.split("\n") if summary else []
    if lines and lines[0].startswith(_EARLIER):
        return lines[0].removeprefix(_EARLIER).split(", "), lines[1:]
    return [], lines


def _short(line: str) -> str:
    return line if len(line) <= _LINE else line[: _LINE - len(_CUT)].rsplit(" ", 1)[0] + _CUT


def extend_by_model(generator: Generator) -> Extend:
    """An Extend that a language model writes. It raises GenerationError, ContextError."""

    def extend(summary: str, exchange: Exchange) -> str:
        told = f"Summary: {summary}\n" if summary else ""
        asked = (
            f"{told}Question: {exchange.question}\nAnswer: {exchange.answer}\n\n"
            "Write one short summary of all this, with its names and numbers. Use the language of the question."
        )
        with tracing.step("summarise"):
            reply = tracing.generate(generator, [Message("user", asked)], max_tokens=_SUMMARY_TOKENS)
        written = " ".join(reply.split()).removeprefix("Summary:").strip()
        if not written:
            raise GenerationError(
                "the model wrote no summary of the conversation",
                where="conversation.memory",
                hint='take "window", or summary = "rules"',
            )
        return written

    return extend
