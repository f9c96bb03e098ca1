"""What needs no search: a sum is computed, and small talk is answered by an invitation to ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rag.chains.computed import with_calculations
from rag.chains.drafting import AnswerParts, Chain, Event, checked, traced
from rag.chains.tools import Calculated
from rag.grounding.phrases import phrases_for, question_language
from rag.queries import Wanted
from rag.text.calculator import evaluate
from rag.tracing import recording
from rag.types import Answer

__all__ = ["Intents", "first_without_search", "without_search"]

Intents = Callable[[str], Wanted]
"""What a message wants: an ``IntentRouter``."""


def without_search(message: str, intents: Intents, parts: AnswerParts) -> Answer | None:
    """The answer to what no document has to answer; None where a search is wanted.

    It cites nothing. A sum is shown as an equation, and "supported", because code computed it; the reply to small talk
    states nothing, and counts as "not in the documents".
    """
    wanted = intents(message)
    if wanted.intent == "search":
        return None
    text = phrases_for(question_language(message)).invitation
    reply = Answer(message, text, "not in the documents", (), draft="", hits=())
    if wanted.intent == "none":
        return reply
    calculated = Calculated(wanted.expression, evaluate(wanted.expression))
    computed = with_calculations(message, reply, [calculated], (), parts)
    return None if computed is reply else computed


def first_without_search(chain: Chain, intents: Intents, parts: AnswerParts) -> Chain:
    """The chain, which is asked only where a search is wanted."""

    def run(question: str, k: int | None = None, *, where: str | None = None) -> Iterator[Event]:
        with recording("ask") as taken:
            answer = without_search(checked(question, 1 if k is None else k), intents, parts)
        if answer is None:
            return chain(question, k, where=where)
        return traced(iter([answer]), taken)

    return run
