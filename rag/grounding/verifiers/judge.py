"""A language model as judge: the probability of yes, so that nothing it writes has to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import ContextError, GenerationError
from rag.generators.prompts import fill
from rag.protocols import Chooser, Generator
from rag.text import detect_language, sentences
from rag.tracing import step
from rag.types import Message

YES_NO = ("Yes", "No")
_REPLY = 8  # tokens kept free for the reply


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """How a claim and its evidence become messages: ``user`` has the slots ``{claim}`` and ``{evidence}``.

    ``examples`` are pairs of (claim, evidence, reply) shown before as turns.
    """

    user: str
    system: str = ""
    examples: tuple[tuple[str, str, str], ...] = ()

    def messages(self, claim: str, evidence: str) -> tuple[Message, ...]:
        """The turns; filled in one pass, so nothing inside a text is substituted."""
        shown = [
            message
            for said, text, reply in self.examples
            for message in (Message("user", self._user(said, text)), Message("assistant", reply))
        ]
        system = [Message("system", self.system)] if self.system else []
        return (*system, *shown, Message("user", self._user(claim, evidence)))

    def _user(self, claim: str, evidence: str) -> str:
        return fill(self.user, {"claim": claim, "evidence": evidence})


SUPPORTS = JudgePrompt(
    user='{evidence}\n\nQuestion: Does the text above say that "{claim}"? Answer Yes or No.\nAnswer:',
    examples=(
        (
            "The bridge was opened in 1961.",
            "The bridge over the Tamar, which carries the A38 road, was opened to traffic in 1961.",
            "Yes",
        ),
        ("The bridge was opened in 1961.", "The bridge over the Tamar was planned in 1961 and opened in 1975.", "No"),
        (
            "Anna Schmidt sold the company to Karl Weber.",
            "In spring Karl Weber sold his company to Anna Schmidt.",
            "No",
        ),
        ("Members pay no fee.", "Entry costs 8 euros; for members it is free.", "Yes"),
    ),
)


class JudgeVerifier:
    """P(yes, given that the reply is yes or no) of a Generator that can weigh replies. Implements Verifier.

    Evidence too long for the model's context is read in parts, cut between sentences, of which the best counts. Each
    question is a step of the trace. The default prompt shows four examples.
    """

    def __init__(self, generator: Generator, *, prompt: JudgePrompt = SUPPORTS) -> None:
        """Raises GenerationError for a generator that is no Chooser."""
        if not isinstance(generator, Chooser):
            raise GenerationError(
                f"{type(generator).__name__} cannot weigh yes against no",
                hint="a judge needs a language model: llama.cpp, or an OpenAI-compatible API",
            )
        self._generator = generator
        self._chooser: Chooser = generator
        self._prompt = prompt

    def support(self, claim: str, evidence: str) -> float:
        """The probability of yes. Raises GenerationError, ContextError, ChoiceError."""
        return max((self._yes(claim, part) for part in self._parts(claim, evidence)), default=0.0)

    def _yes(self, claim: str, evidence: str) -> float:
        messages = self._prompt.messages(claim, evidence)
        with step("judge", claim=claim, evidence=evidence) as taken:
            yes = self._chooser.choose(messages, YES_NO)[0]
            taken.note(yes=yes)
            taken.spend(self._generator.count_tokens(messages), 1)
        return yes

    def _parts(self, claim: str, evidence: str) -> list[str]:
        """The evidence in as few runs of whole sentences as fit the context; a sentence too long for it is cut."""
        if self._fits(claim, evidence):
            return [evidence]
        if not self._fits(claim, ""):
            raise ContextError(
                "the claim alone does not fit the judge's context", hint="name a model with a larger context"
            )
        parts: list[str] = []
        start = end = 0
        for s, e in _pieces(evidence):
            if end > start and not self._fits(claim, evidence[start:e]):
                parts.append(evidence[start:end])
                start = s
            end = e
        parts.append(evidence[start:end])
        return [piece for part in parts for piece in self._halves(claim, part)]

    def _halves(self, claim: str, text: str) -> list[str]:
        if self._fits(claim, text) or len(text) < 2:
            return [text]
        blank = text.find(" ", len(text) // 2)
        middle = blank if blank > 0 else len(text) // 2
        return [*self._halves(claim, text[:middle]), *self._halves(claim, text[middle:])]

    def _fits(self, claim: str, evidence: str) -> bool:
        needed = self._generator.count_tokens(self._prompt.messages(claim, evidence))
        return needed <= self._generator.context_size - _REPLY


def _pieces(text: str) -> Sequence[tuple[int, int]]:
    return sentences(text, detect_language(text))
