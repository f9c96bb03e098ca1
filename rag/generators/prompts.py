"""The answer prompt: plain strings, filled in one pass, so that nothing inside a passage is ever substituted."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.errors import GenerationError
from rag.text.visible import visible
from rag.types import Message

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """How a question and its passages become messages.

    ``user`` has the slots ``{passages}`` and ``{question}``; ``passage`` the slots ``{number}`` (from 1) and
    ``{content}`` (title and headings on a line, then the text). ``system`` is sent where it is not empty;
    ``examples`` are turns shown before the real ones, which teach a small model more than instructions do.
    """

    user: str
    passage: str = "{content}"
    separator: str = "\n\n"
    system: str = ""
    examples: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        for name, text, wanted in (
            ("user", self.user, {"passages", "question"}),
            ("passage", self.passage, {"number", "content"}),
        ):
            if unknown := set(_SLOT.findall(text)) - wanted:
                raise GenerationError(
                    f"unknown slot {{{min(unknown)}}}",
                    where=f"prompt template, {name}",
                    hint=f"slots are {', '.join(sorted(wanted))}",
                )
        if missing := {"passages", "question"} - set(_SLOT.findall(self.user)):
            raise GenerationError(f"there is no slot {{{min(missing)}}}", where="prompt template, user")


# With SmolLM2-135M on 24 SQuAD2 questions this and its like gave full sentences and 9 to 13 gold answers, the
# instructions that were tried 8 to 10 (told to "answer in one sentence" it echoes the question): no more than a
# hint at that sample size. Passages carry no numbers, because citations need none: grounding finds the sources.
ANSWER = PromptTemplate(
    user="Context: {passages}\n\nQuestion: {question}",
    examples=(
        Message(
            "user",
            "Context: Bridges\nThe bridge over the Tamar was opened in 1961. It is 642 metres long and carries the "
            "A38 road.\n\nQuestion: When was the bridge opened?",
        ),
        Message("assistant", "The bridge over the Tamar was opened in 1961."),
    ),
)


def fill(template: str, values: Mapping[str, str]) -> str:
    """``template`` with each ``{name}`` replaced; in one pass, so braces inside a value stay as they are."""
    return _SLOT.sub(lambda slot: values[slot[1]], template)


def render_question(question: str, passages: Sequence[tuple[str, str]], template: PromptTemplate = ANSWER) -> Message:
    """The user message for a question over (header, text) passages, numbered in their order; a header may be empty.

    What no reader of a passage sees, the model is not shown (``rag.text.visible``).
    """
    rendered = [
        fill(template.passage, {"number": str(number), "content": visible(f"{header}\n{text}" if header else text)})
        for number, (header, text) in enumerate(passages, 1)
    ]
    content = fill(template.user, {"passages": template.separator.join(rendered), "question": question})
    return Message("user", content, question=question, passages=tuple(text for _, text in passages))


def render_messages(
    question: str,
    passages: Sequence[tuple[str, str]],
    template: PromptTemplate = ANSWER,
    history: Sequence[Message] = (),
) -> tuple[Message, ...]:
    """All messages: the system prompt if there is one, the examples, the history, the question over the passages."""
    system = (Message("system", template.system),) if template.system else ()
    return (*system, *template.examples, *history, render_question(question, passages, template))
