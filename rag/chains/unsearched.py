"""What needs no search: a sum is computed, and small talk is answered by an invitation to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rag.chains.computed import equation
from rag.chains.drafting import Chain, Event, checked, traced
from rag.chains.tools import Calculated
from rag.grounding.phrases import phrases_for, question_language
from rag.queries import Wanted
from rag.text.calculator import evaluate
from rag.tracing import recording, step
from rag.types import Answer, Sentence

__all__ = ["Intents", "first_without_search", "is_invitation", "without_search"]

Intents = Callable[[str], Wanted]
"""What a message wants: an ``IntentRouter``."""


def without_search(message: str, intents: Intents) -> Answer | None:
    """The answer to what no document has to answer; None where a search is wanted.

    It cites nothing. A sum, all of which stands in the message, is shown as an equation, and "supported", because code
    computed it; the reply to small talk states nothing, and counts as "not in the documents".
    """
    wanted = intents(message)
    if wanted.intent == "search":
        return None
    if wanted.intent == "none":
        text = phrases_for(question_language(message)).invitation
        return Answer(message, text, "not in the documents", (), draft="", hits=())
    with step("computed", expression=wanted.expression) as taken:
        calculated = Calculated(wanted.expression, evaluate(wanted.expression))
        taken.note(value=calculated.value)
    text = equation(calculated)
    said = Sentence(text, 0, len(text), 1.0, supported=True)
    return Answer(message, text, "supported", (said,), draft="", hits=(), score=1.0)


def is_invitation(answer: Answer) -> bool:
    """Whether it replies to small talk, for which nothing was searched."""
    return answer.refused and answer.text == phrases_for(question_language(answer.question)).invitation


def first_without_search(chain: Chain, intents: Intents) -> Chain:
    """The chain, which is asked only where a search is wanted; a filter that is none is an error all the same."""

    def run(question: str, k: int | None = None, *, where: str | None = None) -> Iterator[Event]:
        from rag.index.filters import parse

        if where is not None:
            parse(where)
        with recording("ask") as taken:
            answer = without_search(checked(question, 1 if k is None else k), intents)
        if answer is None:
            return chain(question, k, where=where)
        return traced(iter([answer]), taken)

    return run
