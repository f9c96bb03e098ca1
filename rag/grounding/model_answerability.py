"""Whether the generator itself finds an answer in what it is shown: its probability of "Yes".

Asked with examples of both, one of which deceives, over the same excerpt as the draft was written from, so that
nothing that the model writes has to be read (P(True) of Kadavath et al. 2022, section 3, of the question and not of
a proposed answer).
"""

from __future__ import annotations

from collections.abc import Sequence

from rag.errors import GenerationError
from rag.generators import PromptTemplate, pack_context
from rag.protocols import Chooser, Generator
from rag.tracing import step
from rag.types import Hit, Message

__all__ = ["ANSWERS", "p_answers"]

YES_NO = ("Yes", "No")
_REPLY = 8  # tokens kept free for the reply
_ASKED = "{passages}\n\nQuestion: {question}\nDoes the text above answer the question? Answer Yes or No.\nAnswer:"
_BRIDGE = "The bridge over the Tamar was opened in 1961. It is 642 metres long."
_SALE = "In spring Karl Weber sold his company to Anna Schmidt for two million euros."


def _shown(text: str, question: str, reply: str) -> tuple[Message, Message]:
    asked = _ASKED.replace("{passages}", text).replace("{question}", question)
    return Message("user", asked), Message("assistant", reply)


ANSWERS = PromptTemplate(
    user=_ASKED,
    examples=(
        *_shown(_BRIDGE, "When was the bridge opened?", "Yes"),
        *_shown(_BRIDGE, "When was the tunnel opened?", "No"),
        *_shown(_SALE, "Who bought the company?", "Yes"),
        *_shown(_SALE, "Who lent the company money?", "No"),
    ),
)


def p_answers(
    question: str,
    hits: Sequence[Hit],
    generator: Generator,
    *,
    excerpt: int = 0,
    focus: str = "",
    template: PromptTemplate = ANSWERS,
) -> float:
    """P(yes, given that the reply is yes or no) that the passages, as far as they fit, answer the question.

    ``excerpt`` and ``focus`` are those of ``pack_context``. A step of the trace, with its tokens. Raises
    GenerationError for a generator that is no Chooser, ContextError where the question does not fit, ChoiceError.
    """
    if not isinstance(generator, Chooser):
        raise GenerationError(
            f"{type(generator).__name__} cannot weigh yes against no",
            hint="take a language model: llama.cpp, or an OpenAI-compatible API",
        )
    with step("ask model", question=question) as taken:
        packed = pack_context(
            question, hits, generator, max_answer_tokens=_REPLY, template=template, excerpt=excerpt, focus=focus
        )
        yes = generator.choose(packed.messages, YES_NO)[0]
        taken.note(yes=yes, passages=len(packed.used))
        taken.spend(packed.prompt_tokens, 1)
    return yes
