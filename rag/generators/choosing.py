"""Which of several replies a model would give: by its tokens' probabilities, or by reading what it wrote.

A reply may be written in several ways ("Yes", " yes", "YES"). Those that are one token each are added up, since a
model spreads its belief over them by the accident of what stands before.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from rag.errors import ChoiceError, GenerationError
from rag.generators._engine import Engine

# the tokens of a spelling -> which option it spells
Branches: TypeAlias = Mapping[tuple[int, ...], int]

# as many alternatives as OpenAI's API lists; and a few tokens, since a written reply may begin with markup
TOP_LOGPROBS = 20
REPLY_TOKENS = 8

_MARKUP = re.compile(r"^[\s*_`\"'“‘(\[>#-]+")
_SHOWN = 80


def check_options(options: Sequence[str]) -> None:
    """Raises GenerationError unless there are two or more options that differ in more than case and begin apart."""
    if len(options) < 2:
        raise GenerationError(f"there are {len(options)} options", hint="offer at least two to choose from")
    plain = [option.strip().casefold() for option in options]
    for i, one in enumerate(plain):
        for j, other in enumerate(plain):
            if i != j and other.startswith(one):
                raise GenerationError(
                    f"the option {options[i]!r} begins the option {options[j]!r}",
                    hint="offer options of which none is blank or begins another",
                )


def spellings(option: str) -> list[str]:
    """The option as it is, in other cases, and each with a blank before it."""
    text = option.strip()
    cases = dict.fromkeys((text, text.lower(), text.capitalize(), text.upper()))
    return [option, *(spelling for case in cases for spelling in (case, f" {case}") if spelling != option)]


def token_branches(engine: Engine, options: Sequence[str]) -> Branches:
    """The tokens of each option and of those of its other spellings that are one token.

    Raises GenerationError where the tokens of one option begin another.
    """
    branches = {tuple(engine.tokenize(option, control=False)): i for i, option in enumerate(options)}
    for one, i in branches.items():
        for other, j in branches.items():
            if i != j and other[: len(one)] == one:
                raise GenerationError(f"to this model the option {options[i]!r} begins the option {options[j]!r}")
    first = {branch[0] for branch in branches}
    for i, option in enumerate(options):
        for spelling in spellings(option)[1:]:
            tokens = tuple(engine.tokenize(spelling, control=False))
            # a token that also begins a longer option says nothing yet
            if len(tokens) == 1 and tokens[0] not in first:
                branches.setdefault(tokens, i)
    return branches


def weigh_branches(engine: Engine, prompt: Sequence[int], branches: Branches, count: int) -> tuple[float, ...]:
    """The probability of each of ``count`` options for a decoder that may write nothing but the branches.

    The chain rule over the branches' tokens, at each fork normalised over its arms, as a grammar would. The model reads
    the prompt once for each fork.
    """
    weights = [0.0] * count
    heads: dict[int, dict[tuple[int, ...], int]] = {}
    for tokens, option in branches.items():
        heads.setdefault(tokens[0], {})[tokens[1:]] = option
    shares = engine.weigh(prompt, list(heads)) if len(heads) > 1 else [1.0]
    for (head, rest), share in zip(heads.items(), shares, strict=True):
        if len(rest) == 1:
            (option,) = rest.values()
            weights[option] += share
        else:
            for option, part in enumerate(weigh_branches(engine, [*prompt, head], rest, count)):
                weights[option] += share * part
    return tuple(weights)


def weigh_listed(listed: Sequence[tuple[str, float]], options: Sequence[str]) -> tuple[float, ...]:
    """The probability of each option from the likeliest tokens at its place, each with its log probability.

    Tokens are compared without case and blanks; where an option is no single token, those count that begin
    it and no other. Raises ChoiceError if no option is listed.
    """
    plain = [option.strip().casefold() for option in options]
    weights: list[float] = []
    for option in plain:
        whole, begun = [], []
        for token, logprob in listed:
            text = token.strip().casefold()
            if text == option:
                whole.append(math.exp(logprob))
            elif text and [other for other in plain if other.startswith(text)] == [option]:
                begun.append(math.exp(logprob))
        weights.append(math.fsum(whole or begun))
    total = math.fsum(weights)
    if not total > 0:
        likeliest = [token for token, _ in sorted(listed, key=lambda item: -item[1])[:3]]
        raise ChoiceError(
            f"none of {_names(options)} is among the {len(listed)} likeliest replies, as are {_names(likeliest)}"
        )
    return tuple(weight / total for weight in weights)


def read_choice(reply: str, options: Sequence[str]) -> int:
    """Which option a written reply gives: its first words, followed by punctuation or nothing.

    So "Yes, because" is "Yes", and neither "Yesterday" nor "No one knows" is a choice. Raises ChoiceError.
    """
    text = _MARKUP.sub("", reply)
    for i, option in enumerate(options):
        if re.match(rf"{re.escape(option.strip())}(?![ \t]*[\w'’])", text, re.IGNORECASE):
            return i
    shown = reply if len(reply) <= _SHOWN else f"{reply[:_SHOWN]}…"
    raise ChoiceError(f"the reply is none of {_names(options)}: {shown!r}")


def _names(texts: Sequence[str]) -> str:
    return ", ".join(map(repr, texts))
