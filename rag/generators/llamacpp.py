"""Answers from a GGUF model on this machine, through llama.cpp."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, assert_never

from rag.errors import ContextError, GenerationError, ModelError
from rag.generators._engine import Engine, EngineSettings, Sampling, UnixServer
from rag.generators.chat_prompt import prompt_tokens
from rag.generators.choosing import check_options, token_branches, weigh_branches
from rag.generators.structured import check_reply, check_schema, drain
from rag.protocols import JsonSchema
from rag.types import Message

Binding = Literal["xllamacpp", "llama-cpp-python"]


class LlamaCppGenerator:
    """A GGUF model, loaded once and shared by all calls; a Generator, Chooser, Sampler and StructuredGenerator.

    The chat template is the model's own. Text inside messages never becomes a control token (see
    ``chat_prompt``). At temperature 0 the same messages give the same answer on every run, and with
    xllamacpp for any number of threads. Calls from several threads are answered one after another.
    Close the generator, or use it in a ``with``, to free the model.
    """

    def __init__(
        self,
        model_path: str | Path,
        *,
        binding: Binding = "xllamacpp",
        context_size: int = 2048,
        seed: int = 0,
        temperature: float = 0.0,
        repeat_penalty: float = 1.0,
        threads: int | None = None,
    ) -> None:
        """Load the model.

        Args:
            model_path: a GGUF file with a chat template (``rag.models.resolve`` finds registered ones).
            binding: which Python binding of llama.cpp runs it.
            context_size: tokens for prompt and answer together; at most what the model was trained on.
            seed: of the sampler; without effect at temperature 0.
            temperature: 0 takes the likeliest token each time.
            repeat_penalty: above 1 discourages the tokens of the last 64; 1 is off.
            threads: CPU threads; None takes every CPU this process may use.

        Raises ModelError if the file is missing or cannot be loaded, MissingExtraError if the binding is
        not installed.
        """
        path = Path(model_path).expanduser().resolve()
        _check_gguf(path)
        settings = EngineSettings(path, context_size, threads or _available_cpus())
        self._sampling = Sampling(temperature, seed, repeat_penalty)
        self._context_size = context_size
        self._engine = _load(binding, settings)

    @property
    def context_size(self) -> int:
        """Tokens that prompt and answer may fill together."""
        return self._context_size

    @property
    def server(self) -> UnixServer | None:
        """Where the loaded model also answers as an OpenAI-compatible API, for clients that want one.

        None with llama-cpp-python, which has none. Raises GenerationError after ``close``.
        """
        return self._engine.server

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt: exactly those that ``generate`` sends. Raises GenerationError."""
        return len(prompt_tokens(self._engine, messages).tokens)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        """Yield pieces of the answer until the model ends its turn, a stop string or ``max_tokens``.

        Closing the iterator stops the model. Raises GenerationError, and ContextError where the prompt and
        ``max_tokens`` exceed ``context_size``.
        """
        with contextlib.closing(self._complete(messages, stop, max_tokens)) as pieces:
            yield from pieces

    def generate_json(self, messages: Sequence[Message], schema: JsonSchema, *, max_tokens: int = 256) -> str:
        """A reply that is valid under ``schema``, the JSON Schema of an object: no other token can be chosen.

        Bound every string and array in it, by ``maxLength`` and ``maxItems``. Raises GenerationError for a reply that
        ``max_tokens`` cut off, and where llama.cpp cannot keep to the schema; ContextError as ``generate`` does.
        """
        check_schema(schema)
        with contextlib.closing(self._complete(messages, (), max_tokens, schema)) as pieces:
            reply, cut = drain(pieces)
        blame = "llama.cpp did not keep to the schema, which may say what it cannot express"
        return check_reply(reply, schema, cut=max_tokens if cut else 0, where="llama.cpp", blame=blame)

    def sample(self, messages: Sequence[Message], *, temperature: float, seed: int, max_tokens: int = 256) -> str:
        """A reply at this temperature and seed, the same each time; the prompt is read once for several in a row.

        Raises GenerationError, and ContextError as ``generate`` does.
        """
        drawn = replace(self._sampling, temperature=temperature, seed=seed)
        with contextlib.closing(self._complete(messages, (), max_tokens, drawn=drawn)) as pieces:
            return "".join(pieces)

    def _complete(
        self,
        messages: Sequence[Message],
        stop: Sequence[str],
        max_tokens: int,
        schema: JsonSchema | None = None,
        drawn: Sampling | None = None,
    ) -> Generator[str, None, bool]:
        """``drawn`` is how to sample a reply to a prompt of which more are to come: all of it is kept."""
        if max_tokens < 1:
            raise GenerationError(f"max_tokens is {max_tokens}", hint="ask for at least 1")
        prompt = prompt_tokens(self._engine, messages)
        if len(prompt.tokens) + max_tokens > self._context_size:
            raise ContextError(
                f"a prompt of {len(prompt.tokens)} tokens and an answer of {max_tokens} exceed the context of "
                f"{self._context_size}",
                hint="raise context_size, or pass fewer or shorter passages (pack_context does)",
            )
        pieces = self._engine.complete(
            prompt.tokens,
            drawn or self._sampling,
            stop=stop,
            max_tokens=max_tokens,
            opening=len(prompt.tokens) - 1 if drawn else prompt.opening,
            schema=schema,
        )
        with contextlib.closing(pieces):
            return (yield from pieces)

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        """The probability of each option as the reply, given that it is one of them (see ``choosing``).

        Exact, and independent of ``temperature``, ``seed`` and ``repeat_penalty``; two options of a token each cost
        no more than reading the prompt. Raises GenerationError, and ContextError where the prompt does not fit.
        """
        check_options(options)
        prompt = prompt_tokens(self._engine, messages).tokens
        branches = token_branches(self._engine, options)
        longest = max(map(len, branches))
        if len(prompt) + longest > self._context_size:
            raise ContextError(
                f"a prompt of {len(prompt)} tokens and a choice of {longest} exceed the context of "
                f"{self._context_size}",
                hint="raise context_size, or ask about less",
            )
        return weigh_branches(self._engine, prompt, branches, len(options))

    def close(self) -> None:
        """Free the model; calling it again does nothing."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _load(binding: Binding, settings: EngineSettings) -> Engine:
    match binding:
        case "xllamacpp":
            from rag.generators._xllamacpp import XLlamaCppEngine

            return XLlamaCppEngine(settings)
        case "llama-cpp-python":
            from rag.generators._llama_cpp_python import LlamaCppPythonEngine

            return LlamaCppPythonEngine(settings)
        case _:
            assert_never(binding)


def _check_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ModelError(f"cannot read the model: {error.strerror}", where=str(path)) from error
    if magic != b"GGUF":
        raise ModelError("not a GGUF file", where=str(path), hint="llama.cpp reads GGUF models only")


def _available_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
