"""A question for an answer that was picked first: written by a generator, or turned from the statement by rule."""

from __future__ import annotations

import re

from rag.evaluation.testset.rules import is_person
from rag.evaluation.testset.source import AnswerKind, Candidate
from rag.protocols import Generator
from rag.types import Message

MAX_TOKENS = 40

# One example of the same kind: with SmolLM2-135M a statement with a gap got more questions right than "Text …
# Answer …" did; docs/evaluation-testset.md has the figures. And a gap cannot be copied into the question.
_EXAMPLES: dict[AnswerKind, tuple[str, str]] = {
    "year": ("The bridge over the Tamar was opened in ___.", "In what year was the bridge over the Tamar opened?"),
    "date": ("The bridge over the Tamar was opened on ___.", "When was the bridge over the Tamar opened?"),
    "time": ("The town museum opens at ___ on Sundays.", "At what time does the town museum open on Sundays?"),
    "money": ("Members of the rowing club pay ___ a year.", "How much do members of the rowing club pay a year?"),
    "share": ("About ___ of the visitors come by train.", "What percentage of the visitors come by train?"),
    "extent": ("The ferry to Torpoint takes ___.", "How long does the ferry to Torpoint take?"),
    "measure": ("The ferry to Torpoint has a length of ___.", "What length does the ferry to Torpoint have?"),
    "count": ("The ferry to Torpoint carries ___ cars.", "How many cars does the ferry to Torpoint carry?"),
    "code": ("The ferry to Torpoint needs the engine ___.", "Which engine does the ferry to Torpoint need?"),
}
_PERSON = ("The bridge over the Tamar was designed by ___.", "Who designed the bridge over the Tamar?")
_PLACE = ("The ferry to Torpoint lands at ___.", "Where does the ferry to Torpoint land?")
_THING = ("The town bridge crosses ___.", "What does the town bridge cross?")
_AT = re.compile(r"\b(?:in|at|near|on|from|to)\s+(?:the\s+)?$", re.IGNORECASE)
_LABEL = re.compile(r"^\W*(?:question|frage|q|问题)\s*[:：]\s*", re.IGNORECASE)


def write_question(candidate: Candidate, generator: Generator) -> str:
    """The generator's question, its first line without quotation marks and labels. Raises GenerationError."""
    before, after = candidate.statement
    said, asked = _example(candidate, before)
    messages = (
        Message("user", f"Fill in: {said}"),
        Message("assistant", asked),
        Message("user", f"Fill in: {before}___{after}."),
    )
    return tidy("".join(generator.generate(messages, stop=("\n",), max_tokens=MAX_TOKENS)))


def _example(candidate: Candidate, before: str) -> tuple[str, str]:
    """A statement with a gap and its question, which show the words to ask with."""
    if candidate.kind != "name":
        return _EXAMPLES[candidate.kind]
    if is_person(candidate):
        return _PERSON
    return _PLACE if _AT.search(before) else _THING


def tidy(draft: str) -> str:
    """The first line of a draft, up to its first question mark, without label and quotation marks."""
    line = draft.strip().partition("\n")[0]
    line = _LABEL.sub("", line).strip().strip("\"'“”«»`*").strip()
    match = re.match(r"[^?？]*[?？]", line)
    line = match.group() if match else line
    return line[:1].upper() + line[1:]
