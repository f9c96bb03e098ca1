"""How many tokens a prompt has on a server that does not say so: three ways, from exact to an upper bound."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rag.errors import ModelError
from rag.types import Message

if TYPE_CHECKING:
    from openai import OpenAI

Count: TypeAlias = Callable[[Sequence[Message]], int]

# A chat template wraps a turn in at most this much, in every format seen: role names, turn tokens, line
# breaks. The same again pays for BOS and the start of the answer.
TURN_OVERHEAD = 12


def count_bytes(messages: Sequence[Message]) -> int:
    """An upper bound without a tokenizer: every token stands for one UTF-8 byte or more.

    English has about four bytes a token, so this leaves three quarters of the context unused.
    """
    return _overhead(messages) + sum(len(m.content.encode("utf-8", "surrogatepass")) for m in messages)


def tokenizer_count(path: Path) -> Count:
    """Counts with a ``tokenizer.json``: exact for contents, ``TURN_OVERHEAD`` for each turn.

    Raises ModelError if the file is not one.
    """
    from tokenizers import Tokenizer

    if not path.is_file():
        raise ModelError("there is no such tokenizer", where=str(path), hint="name a tokenizer.json file")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise ModelError(f"not a tokenizer: {error}", where=str(path)) from error

    def count(messages: Sequence[Message]) -> int:
        return _overhead(messages) + sum(len(tokenizer.encode(m.content, add_special_tokens=False)) for m in messages)

    return count


def llama_server_count(client: OpenAI) -> Count | None:
    """Exact counts by llama.cpp's server, or None if ``client`` talks to another one.

    The server's own /apply-template and /tokenize give the tokens it will read.
    Raises openai.OpenAIError if it cannot be asked.
    """
    from openai import APIStatusError

    root = client.copy(base_url=str(client.base_url).removesuffix("/").removesuffix("/v1"))

    def ask(route: str, body: dict[str, object]) -> object:
        return root.post(route, cast_to=object, body=body)

    def count(messages: Sequence[Message]) -> int:
        turns = [{"role": m.role, "content": m.content} for m in messages]
        prompt = _field(ask("/apply-template", {"messages": turns}), "prompt")
        tokens = _field(ask("/tokenize", {"content": prompt, "add_special": True, "parse_special": True}), "tokens")
        if not isinstance(tokens, list):
            raise TypeError(f"/tokenize answered {tokens!r}")
        return len(tokens)

    try:
        count([Message("user", "x")])
    except APIStatusError as error:
        if error.status_code in (400, 404, 405, 422):
            return None
        raise
    except (TypeError, KeyError):
        return None
    return count


def _field(answer: object, name: str) -> object:
    if not isinstance(answer, dict):
        raise TypeError(f"{answer!r} is no JSON object")
    return answer[name]


def _overhead(messages: Sequence[Message]) -> int:
    return TURN_OVERHEAD * (len(messages) + 1)
