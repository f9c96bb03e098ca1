"""What a message wants: a search, no search (a greeting, thanks, about the assistant), or a computation.

Where in doubt it is a search: one too many costs milliseconds, one too few an answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np

from rag import tracing
from rag.errors import QueryError, ToolError
from rag.protocols import Chooser, Embedder
from rag.queries.small_talk import PHRASES
from rag.text.calculator import operands
from rag.types import Message, Vectors

__all__ = ["Intent", "IntentRouter", "Wanted", "arithmetic"]

Intent: TypeAlias = Literal["search", "none", "compute"]

_ASKS = r"what(?:'s|’s| is| are)|how much (?:is|are)|was (?:ist|sind|ergibt|macht)|wie ?viel (?:ist|sind|ergibt|macht)"
_ORDERS = (
    r"calculate|compute|work out|evaluate|berechne|rechne|combien (?:font|fait)|calcul(?:e|ez|er|a)|cuánto (?:es|son)|"
    r"请?计算(?:一下)?|请?算(?:一下)?"
)
# of a sum after another: "and 15% of 90?"
_GOING_ON = re.compile(
    r"\A(?:(?:(?:and|or|so|then|now|what about|how about|und|oder|et|ou|y|o)(?![a-z])|那么?|再|然后)[\s,，、]*)+", re.I
)
_OPENING = re.compile(
    rf"(?:please\s+|can you\s+|could you\s+)*(?:(?P<asks>{_ASKS})|(?P<orders>{_ORDERS}))(?![a-z])", re.I
)
_CLOSING = re.compile(
    r"(?:\s|[=?？.。]|等于(?:多少|几)|呢|是?多少|はいくつ(?:ですか)?|は何(?:ですか)?|を?計算して(?:ください)?)+$"
)
_WORDS = [
    (re.compile(pattern, re.IGNORECASE), symbol)
    for pattern, symbol in (
        (r"(?:the )?square root of\s*(\d[\d.,]*|\([^()]*\))", r"sqrt(\1)"),
        (r"\bto the power of\b|的?次方", "^"),
        (r"\bsquared\b|²", "^2"),
        (r"\bcubed\b|³", "^3"),
        (r"\bplus\b|加(?:上)?", "+"),
        (r"\bminus\b|减(?:去)?", "-"),
        (r"\b(?:times|multiplied by|mal|fois|por)\b|乘(?:以)?", "*"),
        (r"\b(?:divided by|geteilt durch|divisé par|dividido (?:por|entre))\b|除以", "/"),
        (r"\s*(?:percent|per cent|prozent)\b", "%"),
        (r"%\s*(?:von|de)\b", "% of"),
        (r"(?<=\d)\s*[x×]\s*(?=\d)", " * "),
    )
]
_FULL_WIDTH = str.maketrans({0xFF01 + i: 0x21 + i for i in range(94)})
# a date, a telephone number, a ratio, an emergency: "9/11", "24/7", "2024-05-01", "555-1234"
_NAME_OF_FIGURES = re.compile(r"\+?\d+(?:[-/–.]\d+)+")
_OPERATION = re.compile(r"[-+*/^%(]|\bof\b")
_FUNCTION = re.compile(r"[a-z]\s*\(")
_BREAK = re.compile(r"[,.!?;:~，。！？；：、～¡¿…\s]*[,.!?;:~，。！？；：、～¡¿…\n]+[,.!?;:~，。！？；：、～¡¿…\s]*")
_NOT_SAID = re.compile(r"[\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F\"“”]")
_SMILEY = re.compile(r"(?<!\w)[:;]-?[()DP](?!\w)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a message wants, how probable that is, and what says so; of a computation the ``expression``."""

    intent: Intent
    probability: float
    reason: str
    expression: str = ""


class IntentRouter:
    """Tells searches from small talk and sums: by rules, else by likeness to small talk, else by asking a model.

    With ``embedder``, a message in Latin letters that is as near to a known phrase as a cosine of ``similar`` is small
    talk: by all-MiniLM-L6-v2, none of 1,765 English questions of three public collections comes nearer than .5. The
    ``chooser`` is asked last, if given, and is believed from a probability of ``sure`` on.
    """

    def __init__(
        self,
        *,
        embedder: Embedder | None = None,
        chooser: Chooser | None = None,
        similar: float = 0.75,
        sure: float = 0.95,
    ) -> None:
        self.embedder = embedder
        self.chooser = chooser
        self.similar = similar
        self.sure = sure

    def __call__(self, message: str) -> Wanted:
        """What a message wants. Raises QueryError for a blank one, GenerationError."""
        if not message.strip():
            raise QueryError("the question is empty", hint="ask something")
        with tracing.step("intent", query=message) as step:
            wanted = self._wanted(message)
            step.note(intent=wanted.intent, probability=wanted.probability, reason=wanted.reason)
            return wanted

    def _wanted(self, message: str) -> Wanted:
        if expression := arithmetic(message):
            return Wanted("compute", 1.0, "rule: an arithmetic expression", expression)
        if kind := _small_talk(message):
            return Wanted("none", 1.0, f"rule: {kind}")
        if self.embedder is not None and _is_latin(message):
            cosine, phrase = self._nearest(message, self.embedder)
            if cosine >= self.similar:
                return Wanted("none", min(cosine, 1.0), f"similarity {cosine:.2f} to {phrase!r}")
        if self.chooser is not None:
            prompt = (
                f"{message}\n\nIs this a question that documents could answer, or just talk? Reply Question or Talk."
            )
            question, talk = self.chooser.choose([Message("user", prompt)], ["Question", "Talk"])
            if talk >= self.sure:
                return Wanted("none", talk, "the model's choice")
            return Wanted("search", question, "the model's choice")
        return Wanted("search", 1.0, "nothing speaks against it")

    def _nearest(self, message: str, embedder: Embedder) -> tuple[float, str]:
        cosines = self._vectors @ embedder.embed_queries([" ".join(_parts(message)) or message])[0]
        best = int(np.argmax(cosines))
        return float(cosines[best]), self._phrases[best]

    @cached_property
    def _phrases(self) -> list[str]:
        return sorted(phrase for phrases in PHRASES.values() for phrase in phrases if _is_latin(phrase))

    @cached_property
    def _vectors(self) -> Vectors:
        if self.embedder is None:
            raise QueryError("an intent router without an embedder has no vectors")
        return self.embedder.embed_queries(self._phrases)


def arithmetic(message: str) -> str:
    """The arithmetic expression that a message asks to compute, for ``rag.text.calculator.evaluate``; "" if none.

    >>> arithmetic("What is 15% of 1,200?")
    '15% of 1,200'
    >>> arithmetic("What is 9/11?")
    ''
    """
    text = _GOING_ON.sub("", message.translate(_FULL_WIDTH).strip())
    opening = _OPENING.match(text)
    ordered = bool(opening and opening["orders"]) or text.rstrip("? ").endswith("=")
    text = _CLOSING.sub("", text[opening.end() :] if opening else text).strip(" :\t")
    if _NAME_OF_FIGURES.fullmatch(text) and not ordered:
        return ""
    for pattern, symbol in _WORDS:
        text = pattern.sub(symbol, text)
    text = " ".join(text.split())
    if not _OPERATION.search(text.lstrip("+-")):
        return ""
    try:
        count = len(operands(text))
    except ToolError:
        return ""
    return text if count > 1 or _FUNCTION.search(text) else ""


def _is_latin(text: str) -> bool:
    # to a model that knows no Chinese, "你能做什么" and any question of as many characters are the same unknown tokens
    return any(map(str.isalpha, text)) and all(ord(character) < 0x250 for character in text if character.isalpha())


def _small_talk(message: str) -> str:
    """The kind of small talk that a message is, all parts of it; "" where a part is none."""
    kinds = [_kind(part) for part in _parts(message)]
    return kinds[0] if kinds and all(kinds) else ""


def _parts(message: str) -> list[str]:
    """What a message says between its punctuation, in lower case."""
    said = _SMILEY.sub(" ", _NOT_SAID.sub(" ", message.lower()))
    return [text for part in _BREAK.split(said) if (text := " ".join(part.split()))]


def _kind(part: str) -> str:
    return next((kind for kind, phrases in PHRASES.items() if part in phrases), "")
