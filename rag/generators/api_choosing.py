"""What an OpenAI-compatible server's reply says about a choice: log probabilities where given, else its words."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rag.errors import GenerationError
from rag.generators.choosing import read_choice, weigh_listed


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Alternative(_Record):
    token: str
    # a rounded probability of 1 may come out above it
    logprob: float = Field(allow_inf_nan=False, le=1)


class _Token(_Alternative):
    top_logprobs: tuple[_Alternative, ...] = ()


class _Logprobs(_Record):
    content: tuple[_Token, ...] | None = None


class _Message(_Record):
    content: str | None = None


class _Choice(_Record):
    message: _Message
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Reply(_Record):
    choices: tuple[_Choice, ...]


def read_reply(body: str, options: Sequence[str], *, where: str) -> tuple[float, ...]:
    """The probability of each option from the JSON of a chat completion.

    Taken at the first token that holds a letter or figure. Without log probabilities the option that the reply begins
    with has 1 and the others 0. Raises ChoiceError if the reply is none of the options, GenerationError if the JSON is
    none, or no whole chat completion.
    """
    try:
        (choice, *_) = _Reply.model_validate_json(body).choices
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise GenerationError(
            f"the server's reply is no chat completion: {place}{': ' if place else ''}{problem['msg']}", where=where
        ) from error
    except ValueError as error:
        raise GenerationError("the server's reply holds no choices", where=where) from error
    if choice.finish_reason not in ("stop", "length"):
        raise GenerationError(f"the reply was ended by the server: {choice.finish_reason}", where=where)
    for token in (choice.logprobs and choice.logprobs.content) or ():
        if token.top_logprobs and any(character.isalnum() for character in token.token):
            return weigh_listed([(each.token, each.logprob) for each in token.top_logprobs], options)
    chosen = read_choice(choice.message.content or "", options)
    return tuple(float(i == chosen) for i in range(len(options)))
