"""Answers from any server that speaks OpenAI's chat completions API."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rag.errors import ContextError, GenerationError, GenerationTimeoutError, MissingExtraError
from rag.generators._engine import Sampling
from rag.generators.api_counting import Count, count_bytes, llama_server_count, tokenizer_count
from rag.generators.choosing import REPLY_TOKENS, TOP_LOGPROBS, check_options
from rag.generators.control_text import neutralise, restore, restored
from rag.generators.structured import check_reply, check_schema, drain
from rag.keys import OPENAI_URL, read_key, without_key
from rag.protocols import JsonSchema
from rag.text.visible import visible
from rag.types import Message

if TYPE_CHECKING:
    from openai import APIStatusError, OpenAI, OpenAIError, Stream
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
    from openai.types.shared_params import ResponseFormatJSONSchema

_CONTEXT_CODES = ("context_length_exceeded", "exceed_context_size_error")


class OpenAIGenerator:
    """A model behind an OpenAI-compatible API; a Generator, Chooser, Sampler and StructuredGenerator.

    Requests that fail with 408, 409, 429 or 5xx, time out or find no server are retried by the openai
    package with exponential backoff and jitter, honouring Retry-After. A stream that breaks off is an error and never a
    short answer. Text in messages that looks like a control token is neutralised (see
    ``control_text``), and restored in the answer. The key is one held for the address (``rag.keys``), or the
    environment's; it occurs in no message.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key_env: str = "OPENAI_API_KEY",
        context_size: int = 8192,
        temperature: float | None = 0.0,
        seed: int | None = 0,
        timeout: float = 60.0,
        max_retries: int = 3,
        tokenizer: str | Path | None = None,
        limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens",
    ) -> None:
        """Set up the client; nothing is sent yet.

        Args:
            model: the model's name on the server.
            base_url: where the API is, up to and with ``/v1``; None is OpenAI's own.
            api_key_env: the environment variable that holds the key; "" for a server without keys.
            context_size: tokens for prompt and answer together.
            temperature: None where the model allows no choice.
            seed: None where the server knows none.
            timeout: seconds to wait for the server to connect, and for each piece of the answer.
            max_retries: further attempts after the first; 0 for none.
            tokenizer: a ``tokenizer.json`` to count with, where the server is not llama.cpp's (which counts
                itself). Without it counts are an upper bound (see ``api_counting``).
            limit_field: what the server calls the limit of an answer; newer OpenAI models want the second.

        Raises GenerationError if the key is not set, CredentialError if it is none, MissingExtraError without the
        openai package.
        """
        self._model = model
        self._context_size = context_size
        self._temperature = temperature
        self._seed = seed
        self._limit_field = limit_field
        self._base_url = base_url or OPENAI_URL
        self._key = _key_for(self._base_url, api_key_env)
        self._client = _client(self._base_url, self._key, timeout, max_retries)
        self._has_logprobs = True
        self._refused: set[str] = set()  # schemas that the server does not take as strict
        self._count: Count | None = tokenizer_count(Path(tokenizer)) if tokenizer else None

    @property
    def context_size(self) -> int:
        """Tokens that prompt and answer may fill together."""
        return self._context_size

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt: exact from llama.cpp's server, else an estimate or a bound (see ``api_counting``).

        Raises GenerationError if the server cannot be asked.
        """
        from openai import OpenAIError

        try:
            if self._count is None:
                self._count = llama_server_count(self._client) or count_bytes
            return self._count(_inert(messages))
        except OpenAIError as error:
            raise self._error(error) from None

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        """Yield pieces of the answer; closing the iterator closes the connection.

        Raises GenerationError, and ContextError where prompt and answer exceed ``context_size``.
        """
        self._check_room(messages, max_tokens)
        yield from restored(self._pieces(_inert(messages), stop, max_tokens))

    def generate_json(self, messages: Sequence[Message], schema: JsonSchema, *, max_tokens: int = 256) -> str:
        """A reply that is valid under ``schema``, the JSON Schema of an object, by the API's ``response_format``.

        It is asked for as strict, which OpenAI's own API takes only where every property is required and
        ``additionalProperties`` is false; one that the server refuses is asked for again without, and each reply is
        checked here. Raises GenerationError where an endpoint ignored the format or the reply was cut off, and
        ContextError.
        """
        check_schema(schema)
        self._check_room(messages, max_tokens)
        reply, cut = drain(self._pieces(_inert(messages), (), max_tokens, schema))
        blame = "the endpoint ignored response_format json_schema"
        return check_reply(restore(reply), schema, cut=max_tokens if cut else 0, where=self._base_url, blame=blame)

    def sample(self, messages: Sequence[Message], *, temperature: float, seed: int, max_tokens: int = 256) -> str:
        """A reply at this temperature and seed; where the constructor got None for one, the server's own.

        Raises GenerationError, ContextError.
        """
        self._check_room(messages, max_tokens)
        drawn = Sampling(temperature, seed)
        return restore(drain(self._pieces(_inert(messages), (), max_tokens, drawn=drawn))[0])

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        """The probability of each option as the reply, given that it is one of them.

        From the log probabilities of the 20 likeliest tokens, which leaves one that is not among them 0. A server
        that gives none is taken at its word: 1 for the option that its reply begins with, 0 for the others.

        Raises ChoiceError where the reply is none of the options, GenerationError, ContextError.
        """
        from rag.generators.api_choosing import read_reply

        check_options(options)
        self._check_room(messages, REPLY_TOKENS)
        return read_reply(self._short_reply(_inert(messages)), options, where=self._base_url)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _check_room(self, messages: Sequence[Message], max_tokens: int) -> None:
        prompt = self.count_tokens(messages)
        if prompt + max_tokens > self._context_size:
            raise ContextError(
                f"a prompt of {prompt} tokens and an answer of {max_tokens} exceed the context of {self._context_size}",
                where=self._base_url,
                hint="raise context_size, or pass fewer or shorter passages (pack_context does)",
            )

    def _short_reply(self, messages: Sequence[Message]) -> str:
        """The JSON of a reply of a few tokens, with log probabilities unless the server has refused them."""
        from openai import BadRequestError, OpenAIError, omit

        old_limit = self._limit_field == "max_tokens"
        while True:
            try:
                reply = self._client.chat.completions.with_raw_response.create(
                    model=self._model,
                    messages=[_param(m) for m in messages],
                    logprobs=True if self._has_logprobs else omit,
                    top_logprobs=TOP_LOGPROBS if self._has_logprobs else omit,
                    temperature=omit if self._temperature is None else self._temperature,
                    seed=omit if self._seed is None else self._seed,
                    max_tokens=REPLY_TOKENS if old_limit else omit,
                    max_completion_tokens=omit if old_limit else REPLY_TOKENS,
                )
            except BadRequestError as error:
                if not (self._has_logprobs and "logprobs" in str(error)):
                    raise self._error(error) from None
                self._has_logprobs = False
            except OpenAIError as error:
                raise self._error(error) from None
            else:
                return reply.text

    def _pieces(
        self,
        messages: Sequence[Message],
        stop: Sequence[str],
        max_tokens: int,
        schema: JsonSchema | None = None,
        drawn: Sampling | None = None,
    ) -> Generator[str, None, bool]:
        """The answer piece by piece; returns whether the limit ended it."""
        from httpx2 import TransportError
        from openai import OpenAIError

        try:
            with self._stream(messages, stop, max_tokens, schema, drawn) as stream:
                reason = None
                for chunk in stream:
                    for choice in chunk.choices[:1]:
                        if choice.delta.content:
                            yield choice.delta.content
                        reason = choice.finish_reason or reason
        except OpenAIError as error:
            raise self._error(error) from None
        except TransportError as error:  # openai 3.3 lets these through once a stream has begun
            raise GenerationError(f"the stream was cut: {error}", where=self._base_url) from error
        except ValueError as error:
            raise GenerationError(f"the server sent an event that is no JSON: {error}", where=self._base_url) from error
        if reason is None:
            raise GenerationError(
                "the stream was cut: it ended before the answer did", where=self._base_url, hint="ask again"
            )
        if reason not in ("stop", "length"):
            raise GenerationError(f"the answer was ended by the server: {reason}", where=self._base_url)
        return reason == "length"

    def _stream(
        self,
        messages: Sequence[Message],
        stop: Sequence[str],
        max_tokens: int,
        schema: JsonSchema | None,
        drawn: Sampling | None,
    ) -> Stream[ChatCompletionChunk]:
        from openai import BadRequestError, omit

        text = "" if schema is None else json.dumps(schema, sort_keys=True)
        strict = text not in self._refused
        old_limit = self._limit_field == "max_tokens"
        try:
            return self._client.chat.completions.create(
                model=self._model,
                messages=[_param(m) for m in messages],
                stream=True,
                stop=list(stop) or omit,
                temperature=omit if self._temperature is None else drawn.temperature if drawn else self._temperature,
                seed=omit if self._seed is None else drawn.seed if drawn else self._seed,
                max_tokens=max_tokens if old_limit else omit,
                max_completion_tokens=omit if old_limit else max_tokens,
                response_format=omit if schema is None else _format(schema, strict=strict),
            )
        except BadRequestError as error:
            if schema is None or not strict or "schema" not in str(error).lower():
                raise
            self._refused.add(text)
        return self._stream(messages, stop, max_tokens, schema, drawn)

    def _error(self, error: OpenAIError) -> GenerationError:
        """What happened, without the key, which some servers repeat in their answer."""
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        retries = self._client.max_retries
        text = without_key(str(error), self._key)
        match error:
            case APITimeoutError():
                return GenerationTimeoutError(
                    f"no answer within {self._client.timeout} s, {retries} retries included", where=self._base_url
                )
            case APIConnectionError():
                reason = without_key(str(error.__cause__ or error), self._key)
                return GenerationError(f"the connection failed or was cut: {reason}", where=self._base_url)
            case APIStatusError() if error.code in _CONTEXT_CODES or _type(error) in _CONTEXT_CODES:
                return ContextError(text, where=self._base_url, hint="set context_size to what the server has")
            case _:
                return GenerationError(text, where=self._base_url)


def _param(message: Message) -> ChatCompletionMessageParam:
    match message.role:
        case "system":
            return {"role": "system", "content": message.content}
        case "user":
            return {"role": "user", "content": message.content}
        case "assistant":
            return {"role": "assistant", "content": message.content}


def _format(schema: JsonSchema, *, strict: bool) -> ResponseFormatJSONSchema:
    return {"type": "json_schema", "json_schema": {"name": "reply", "schema": dict(schema), "strict": strict}}


def _type(error: APIStatusError) -> str:
    return error.type or ""


def _inert(messages: Sequence[Message]) -> list[Message]:
    # a lone surrogate, as an undecodable file name has, is no text in UTF-8
    return [replace(m, content=neutralise(visible(m.content).encode("utf-8", "replace").decode())) for m in messages]


def _key_for(base_url: str, variable: str) -> str:
    key = read_key(variable, base_url)
    if key or not variable:
        return key
    raise GenerationError(
        f"the environment variable {variable} is not set",
        hint='export it with your key, or set api_key_env to "" for a server without keys',
    )


def _client(base_url: str, key: str, timeout: float, max_retries: int) -> OpenAI:
    try:
        from openai import OpenAI
    except ImportError as error:
        raise MissingExtraError("openai is not installed", hint="pip install openai") from error
    return OpenAI(base_url=base_url, api_key=key or "none", timeout=timeout, max_retries=max_retries)
