"""Keep text that looks like a model's control tokens from becoming them on a server we do not run.

llama.cpp's server, vLLM, Ollama and others fill the chat template with the messages and then read control
tokens wherever their names stand, in a retrieved passage too; an API cannot be told not to. So a word
joiner (U+2060, no width, no meaning) goes behind the first character of every such name:
``<|im_end|>`` becomes ``<U+2060|im_end|>``, which no tokenizer takes for a control token and a reader
sees unchanged. A name that already has n joiners there gets n + 1, so that ``restore`` takes back
exactly what ``neutralise`` put in, whatever the text held before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

JOINER = "\u2060"

# The part of a control token's name behind its first character, over the chat formats of ChatML, Llama 2 to 4,
# Mistral, Gemma, Phi, DeepSeek, GLM, Command R, Granite, SmolLM and Harmony. Anything between
# <| |>, <｜ ｜> or in [CAPITALS] counts; bare names in <> are listed, as HTML has tags too. None may hold
# "<" or "[": a stream is cut there.
_NAMES = (
    r"\|[^|<>\[\n]{1,60}\|>",
    r"｜[^｜<>\[\n]{1,60}｜>",
    r"/?(?:s|unk|pad|bos|eos|sop|eop|think|mask|image|tool_call|tool_response|start_of_turn|end_of_turn|"
    r"start_of_image|end_of_image|repo_name|reponame|file_sep|filename|gh_stars|issue_\w+|jupyter_\w+|"
    r"empty_output|endoftext|unused\d+|reserved\d+|extra_id_\d+|fim_\w+)>",
    r"/?SYS>>",
    r"/?[A-Z][A-Z_]{2,30}\]",
    r"(?:gMASK|sMASK)\]",
    r"_[A-Z][A-Z_]{2,30}_?\|?>",
)
_BEHIND = "|".join(_NAMES)
_PLAIN = re.compile(f"([<\\[])({JOINER}*)(?={_BEHIND})")
_JOINED = re.compile(f"([<\\[]{JOINER}*){JOINER}(?={_BEHIND})")
_LONGEST = 100


def neutralise(text: str) -> str:
    """``text`` with a word joiner inside everything that looks like a control token."""
    return _PLAIN.sub(rf"\1\2{JOINER}", text)


def restore(text: str) -> str:
    """The inverse of ``neutralise``."""
    return _JOINED.sub(r"\1", text)


def restored(pieces: Iterable[str]) -> Iterator[str]:
    """``restore`` over a stream: a piece that may break off inside a name waits for the next."""
    held = ""
    for piece in pieces:
        held += piece
        cut = _decided(held)
        if cut:
            yield restore(held[:cut])
            held = held[cut:]
    if held:
        yield restore(held)


def _decided(text: str) -> int:
    """How much of a stream's text no later piece can change the reading of."""
    if JOINER not in text:
        return len(text) - text.endswith(("<", "["))
    tail = max(len(text) - _LONGEST, 0)
    opened = [at for mark in "<[" if (at := text.find(mark, tail)) >= 0]
    return min(opened, default=len(text))
