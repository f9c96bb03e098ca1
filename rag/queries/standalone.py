"""Standalone rewrite of a follow-up: what to search for when a question leans on the conversation before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.protocols import Generator
from rag.queries.anaphora import Turn, follow
from rag.queries.asking import ask_for_text
from rag.queries.cleaning import distinct, tidied
from rag.queries.cues import cues_for
from rag.queries.mentions import mentions, salient, stems
from rag.queries.prompts import QueryPrompt, shipped_prompts
from rag.text import detect_language
from rag.tracing import step
from rag.types import Message

_RECENT, _OLDER = 4, 4  # mentions taken from the last turn, and from those before it
_TOLD = 3  # mentions that an answer counts for at most
_FADES = 0.6  # share of its weight that a turn keeps when another one follows
_LONGEST = 48  # tokens of a model's rewrite
_CHARACTERS = 240  # of it, and of each turn that the model is shown
_SPACELESS = frozenset({"zh", "ja"})
_ENOUGH = 5  # content words of a question that names something and points nowhere


def turns_of(history: Sequence[Message]) -> list[Turn]:
    """The turns of a history, oldest first; system messages are left out."""
    turns: list[Turn] = []
    for message in history:
        if message.role == "user":
            turns.append(Turn(message.question or message.content))
        elif message.role == "assistant" and turns:
            said = f"{turns[-1].answer} {message.content}".strip()
            turns[-1] = Turn(turns[-1].question, said)
    return turns


class RuleRewriter:
    """Rewrites a follow-up without a language model. A QueryTransform.

    Gives the question as it is; the question with its pronouns resolved and the salient mentions of the last turn;
    and, where there are earlier turns, the question with theirs. To be searched one by one and fused: what one of
    them loses another one finds, and the question itself is always among them. A question that stands alone
    stays alone.

    Pronouns take the salient mention of the turn before (recency and role, after Lappin & Leass, "An Algorithm
    for Pronominal Anaphora Resolution", Computational Linguistics 1994, without its parser); terms of earlier
    turns widen the query as in Voskarides et al., "Query Resolution for Conversational Search with Limited
    Supervision", SIGIR 2020.
    """

    def __call__(self, query: str, history: Sequence[Message] = ()) -> list[str]:
        """The question first, then its rewrites, without repetitions."""
        with step("standalone", query=query, turns=len(turns_of(history))) as taken:
            queries = self._rewrite(query, turns_of(history))
            taken.note(queries=tuple(queries))
            return queries

    def _rewrite(self, query: str, turns: Sequence[Turn]) -> list[str]:
        if not turns:
            return [query]
        language = _language(query, turns)
        if stands_alone(query, language):
            return [query]
        own = stems(query, language)
        resolved = follow(query, turns, language)
        last = turns[-1]
        recent = salient(_weighted([last], language), language, _RECENT, known=[own, stems(resolved, language)])
        older = salient(_weighted(turns[:-1], language), language, _OLDER, known=[own])
        queries = [query, _widened(resolved, recent, language)]
        if older:
            queries.append(_widened(query, older, language))
        return list(dict.fromkeys(queries))


@dataclass(frozen=True, slots=True)
class ModelRewriter:
    """Rewrites a follow-up by a language model; a QueryTransform.

    Gives the question as it is, and its rewrite, where the model wrote another question. It is shown the last
    ``turns`` turns, fewer where they do not fit. A question that stands alone is not sent to it. Raises
    GenerationError, ContextError.
    """

    generator: Generator
    turns: int = 3
    prompt: QueryPrompt = field(default_factory=lambda: shipped_prompts()["standalone"])

    def __call__(self, query: str, history: Sequence[Message] = ()) -> list[str]:
        """The question first, then its rewrite."""
        turns = turns_of(history)
        with step("standalone", query=query, turns=len(turns)) as taken:
            queries = [query]
            if turns and not stands_alone(query, _language(query, turns)):
                told = self._told(query, turns[-self.turns :])
                reply = ask_for_text(self.generator, self.prompt, told, max_tokens=_LONGEST, stop=("\n",))
                written = tidied(reply[:_CHARACTERS])
                # a small model answers the question as often as it rewrites it
                if _asks(written) or not _asks(query):
                    queries = distinct(query, [written], but=self.prompt.said, most=1)
            taken.note(queries=tuple(queries))
            return queries

    def _told(self, query: str, turns: Sequence[Turn]) -> str:
        """The conversation as the model reads it, without its oldest turns where it would be too long."""
        room = self.generator.context_size - _LONGEST
        shown = list(turns)
        while len(shown) > 1 and self.generator.count_tokens(self.prompt.as_text(_conversation(query, shown))) > room:
            shown.pop(0)
        return _conversation(query, shown)


def _asks(text: str) -> bool:
    return text.rstrip().endswith(("?", "？", "؟", "か", "か。"))


def _conversation(query: str, turns: Sequence[Turn]) -> str:
    lines = [
        line
        for turn in turns
        for line in (f"Q: {_cut(turn.question)}", f"A: {_cut(turn.answer)}" if turn.answer else "")
        if line
    ]
    return "\n".join([*lines, f"Q: {query}"])


def _cut(text: str) -> str:
    """One line of a text, at most its first sentences: a rewrite needs no more."""
    line = " ".join(text.split())
    return line if len(line) <= _CHARACTERS else line[:_CHARACTERS].rsplit(" ", 1)[0] + " …"


def resolved(query: str, history: Sequence[Message] = ()) -> str:
    """The question as one that can be answered by itself, as well as rules can tell; it may be the question itself.

    A pronoun is replaced, or an ellipsis filled; where the result still names nothing, the name that the talk is most
    about follows in brackets.
    """
    turns = turns_of(history)
    if not turns:
        return query
    language = _language(query, turns)
    if stands_alone(query, language):
        return query
    text = follow(query, turns, language)
    if _names(text, language):
        return text
    topic = salient(
        _weighted(turns, language), language, 1, known=[stems(text, language)], named=language not in _SPACELESS
    )
    return _widened(text, topic, language)


def stands_alone(question: str, language: str) -> bool:
    """Whether a question names its subject and points at nothing said before; when in doubt, it does not."""
    if points_back(question, language):
        return False
    words = sum(len(mention.key) for mention in mentions(question, language))
    return words >= _ENOUGH and _names(question, language)


def _names(question: str, language: str) -> bool:
    """Whether a question names something; a script without capitals does where nothing in it points back."""
    if language in _SPACELESS:
        return not points_back(question, language)
    return any(mention.named for mention in mentions(question, language))


def _weighted(turns: Sequence[Turn], language: str) -> list[tuple[str, float]]:
    """The texts of the turns, weighted by how long ago they were; a long answer counts for no more than a short one."""
    weighted: list[tuple[str, float]] = []
    for age, turn in enumerate(reversed(turns)):
        told = len(mentions(turn.answer, language))
        weighted.append((turn.question, _FADES**age))
        weighted.append((turn.answer, _FADES**age * min(1.0, _TOLD / max(told, 1))))
    return weighted


def points_back(question: str, language: str) -> bool:
    """Whether a question says so by a pronoun, an adverb or the way it opens."""
    cues = cues_for(language)
    patterns = (cues.person, cues.thing, cues.owner, cues.other, cues.opening)
    return any(pattern.search(question) for pattern in patterns)


def _widened(question: str, context: Sequence[str], language: str) -> str:
    """The question with what it is about after it, in brackets."""
    if not context:
        return question
    joint = "、" if language in _SPACELESS else ", "
    return f"{question} ({joint.join(context)})"


def _language(query: str, turns: Sequence[Turn]) -> str:
    """The question's language, or the conversation's where so short a question does not say."""
    return detect_language(" ".join([query, *(turn.question for turn in turns[-2:])])) or "en"
