"""Messages -> the exact token ids of a chat prompt in which no message can forge a control token.

llama.cpp turns ``<|im_end|>`` into the end-of-turn token wherever it stands in a rendered prompt, in a
retrieved passage too. So the template is rendered with unguessable marks in place of the contents;
what stands between the marks is the template's own and may hold control tokens, and each content
is tokenised as plain text. Contents reach the model as they are, but for characters that no reader of them sees
(``rag.text.visible``): a template that would strip a message does not strip here.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import GenerationError
from rag.generators._engine import Engine, Turn
from rag.text.visible import visible
from rag.types import Message


@dataclass(frozen=True, slots=True)
class Prompt:
    """Token ids of a prompt, of which the first ``opening`` stand before the last message's content."""

    tokens: list[int]
    opening: int


def prompt_tokens(engine: Engine, messages: Sequence[Message]) -> Prompt:
    """The prompt the messages make.

    Raises GenerationError without messages, for a message that the chat template leaves out, and
    where the template refuses the order of roles.
    """
    if not messages:
        raise GenerationError("there are no messages to answer", hint="pass at least one user message")
    mark = secrets.token_hex(16)
    rendered = engine.render([Turn(m.role, f"{mark}x{i}x") for i, m in enumerate(messages)])
    parts = re.split(f"{mark}x(\\d+)x", rendered)
    placed = {int(number) for number in parts[1::2]}
    if missing := [m.role for i, m in enumerate(messages) if i not in placed]:
        raise GenerationError(
            f"the model's chat template has no place for a {missing[0]} message",
            hint="put its text into the user message",
        )
    tokens: list[int] = []
    opening = 0
    for i, part in enumerate(parts):
        if i % 2 == 0:
            if part or i == 0:
                tokens += engine.tokenize(part, control=True, first=i == 0)
            continue
        if int(part) == len(messages) - 1:
            opening = len(tokens)
        if content := visible(messages[int(part)].content):
            # a lone surrogate, as an undecodable file name has, is no text in UTF-8
            tokens += engine.tokenize(content.encode("utf-8", "replace").decode(), control=False)
    return Prompt(tokens, opening)
