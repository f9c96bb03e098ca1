"""Where Ragas' metrics ask: an OpenAI-compatible API, with the time and the patience it is given."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from rag.errors import EvaluationError
from rag.evaluation.judges.ragas_import import load_ragas
from rag.generators import LlamaCppGenerator
from rag.protocols import Generator

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from rag.recipe import GeneratorConfig

__all__ = ["Endpoint", "endpoint_of"]

ReplyFormat = Literal["json_schema", "json_object", "text"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible chat API, and how it is asked.

    A call, its retries included, is left after ``timeout * (max_retries + 1)`` seconds, ``seconds_a_call``, however
    slowly its answer drips in. After ``patience`` calls in a row without any reply (time-outs, no connection, a wrong
    key, HTTP 5xx) nothing more is asked: a dead endpoint costs ``seconds_a_call * (patience / concurrency + 1)``
    seconds at most, that quotient rounded up, whatever the number of questions.

    Attributes:
        model: the model's name on the server.
        base_url: where the API is, up to and with ``/v1``; "" is OpenAI's own.
        api_key_env: the environment variable that holds the key; "" for a server without keys.
        timeout: seconds for one attempt.
        max_retries: further attempts after the first, for 408, 409, 429, 5xx, time-outs and lost connections.
        concurrency: calls at the same time.
        patience: calls in a row without a reply after which nothing more is asked.
        max_tokens: of a reply; a longer one is cut and cannot be read.
        temperature: None where the model allows no choice.
        seed: None where the server knows none.
        reply_format: how the server is told the shape of a reply. "json_schema" is followed by llama.cpp, vLLM, Ollama
            and OpenAI; for a server that refuses it, take "json_object", or "text": the prompt holds the schema too.
        limit_field: what the server calls the limit of a reply; newer OpenAI models want the second.
        socket: a socket file to speak to in place of the network, with ``key`` as the bearer key.
        key: see ``socket``.
    """

    model: str
    base_url: str = ""
    api_key_env: str = "OPENAI_API_KEY"
    timeout: float = 60.0
    max_retries: int = 2
    concurrency: int = 4
    patience: int = 8
    max_tokens: int = 1024
    temperature: float | None = 0.0
    seed: int | None = 0
    reply_format: ReplyFormat = "json_schema"
    limit_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    socket: str = ""
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Raises EvaluationError for a value that allows no call."""
        for name, value, least in (
            ("max_retries", self.max_retries, 0),
            ("concurrency", self.concurrency, 1),
            ("patience", self.patience, 1),
            ("max_tokens", self.max_tokens, 1),
        ):
            if value < least:
                raise EvaluationError(f"{name} is {value}", where="endpoint", hint=f"allow at least {least}")
        if not self.timeout > 0:
            raise EvaluationError(f"timeout is {self.timeout}", where="endpoint", hint="wait longer than 0 seconds")

    @property
    def seconds_a_call(self) -> float:
        """The longest a call takes, its retries and the waits between them included."""
        return self.timeout * (self.max_retries + 1)

    @property
    def where(self) -> str:
        """What to call it in a message."""
        return f"the model in this process ({self.model})" if self.socket else self.base_url or "api.openai.com"

    def bearer(self) -> str:
        """The key, "" for none. Raises EvaluationError where the environment does not hold it."""
        if self.socket or not self.api_key_env:
            return self.key
        if found := os.environ.get(self.api_key_env):
            return found
        raise EvaluationError(
            f"the environment variable {self.api_key_env} is not set",
            where=self.where,
            hint='export it with your key, or set api_key_env to "" for a server without keys',
        )


def endpoint_of(settings: GeneratorConfig, generator: Generator, *, concurrency: int = 4) -> Endpoint:
    """The API behind a recipe's generator: a hosted model, or the one that ``generator`` holds loaded.

    A loaded model answers one call at a time, is not asked again (it would say the same) and keeps the server open
    only as long as the generator is. Raises EvaluationError for a generator that has no such API.
    """
    if settings.kind == "openai":
        return Endpoint(
            settings.model,
            base_url=settings.base_url,
            api_key_env=settings.api_key_env,
            timeout=settings.timeout,
            max_retries=settings.max_retries,
            concurrency=concurrency,
            temperature=settings.temperature,
            seed=settings.seed,
        )
    server = generator.server if isinstance(generator, LlamaCppGenerator) else None
    if server is None:
        raise EvaluationError(
            f"the generator {settings.kind} ({settings.binding}) has no API that Ragas could ask",
            hint='judge with kind = "openai", or "llama.cpp" with binding = "xllamacpp"',
        )
    return Endpoint(
        settings.model,
        timeout=settings.timeout,
        max_retries=0,
        concurrency=1,
        patience=3,
        temperature=settings.temperature,
        seed=settings.seed,
        socket=server.path,
        key=server.key,
    )


def connect(endpoint: Endpoint) -> AsyncOpenAI:
    """The client for an endpoint, with its time-outs and retries; nothing is sent yet. Close it.

    Raises EvaluationError where the key is missing, MissingExtraError without the extra.
    """
    load_ragas()
    from httpx2 import AsyncHTTPTransport
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    key = endpoint.bearer()
    if endpoint.socket:
        base_url = "http://localhost/v1"
        http = DefaultAsyncHttpxClient(transport=AsyncHTTPTransport(uds=endpoint.socket), follow_redirects=False)
    else:
        base_url = endpoint.base_url or "https://api.openai.com/v1"
        http = DefaultAsyncHttpxClient(follow_redirects=False)
    return AsyncOpenAI(
        base_url=base_url,
        api_key=key or "none",
        timeout=endpoint.timeout,
        max_retries=endpoint.max_retries,
        http_client=http,
    )
