"""llama.cpp over llama-cpp-python, an extra: built on installation, runs one request at a time."""

from __future__ import annotations

import contextlib
import json
import math
import threading
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from rag.errors import GenerationError, MissingExtraError, ModelError
from rag.generators._engine import EngineSettings, Sampling, Turn
from rag.protocols import JsonSchema

if TYPE_CHECKING:
    from llama_cpp import Llama, LlamaGrammar
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter


class LlamaCppPythonEngine:
    """A model loaded by llama-cpp-python. Raises MissingExtraError, ModelError."""

    def __init__(self, settings: EngineSettings) -> None:
        try:
            import llama_cpp
        except ImportError as error:
            raise MissingExtraError(
                "the generator's binding llama-cpp-python is not installed",
                hint="pip install 'ragstone[llama-cpp-python]', or take binding xllamacpp",
            ) from error
        try:
            model = llama_cpp.Llama(
                str(settings.model_path),
                n_ctx=settings.context_size,
                n_threads=settings.threads,
                n_threads_batch=settings.threads,
                verbose=False,
            )
        except ValueError as error:
            raise ModelError(
                "llama.cpp cannot load it: damaged, of an unknown architecture, or too big for the memory",
                where=str(settings.model_path),
                hint="rag models pull NAME fetches a registered model again",
            ) from error
        self._model: Llama | None = model
        self._busy = threading.Lock()
        self._owner: int | None = None
        trained = llama_cpp.llama_model_n_ctx_train(model._model.model)
        if settings.context_size > trained:
            self.close()
            raise ModelError(
                f"context_size {settings.context_size} is more than the {trained} tokens it was trained on",
                where=str(settings.model_path),
            )
        bos = _piece(model, model.token_bos())
        # SmolLM2 names <|im_start|> its BOS and adds none: there a leading one is the template's own
        self._added_bos = bos if model.tokenize(b"", add_bos=True) else ""
        self._formatter = _formatter(model, bos, str(settings.model_path))

    @property
    def server(self) -> None:
        """See Engine."""
        return

    def render(self, turns: Sequence[Turn]) -> str:
        """See Engine."""
        from jinja2.exceptions import TemplateError

        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        try:
            rendered = self._formatter(messages=messages, enable_thinking=False).prompt
        except (TemplateError, ValueError) as error:
            raise GenerationError(f"the chat template refuses these messages: {error}", where="llama.cpp") from error
        return str(rendered).removeprefix(self._added_bos)

    def tokenize(self, text: str, *, control: bool, first: bool = False) -> list[int]:
        """See Engine."""
        return list(self._live().tokenize(text.encode(), add_bos=first, special=control))

    def complete(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        *,
        stop: Sequence[str],
        max_tokens: int,
        opening: int = 0,  # noqa: ARG002
        schema: JsonSchema | None = None,
    ) -> Generator[str, None, bool]:
        """See Engine; the ``opening`` is read again each time."""
        grammar = None if schema is None else _grammar(schema)
        with self._alone():
            return (yield from self._stream(prompt, sampling, stop, max_tokens, grammar))

    def weigh(self, prompt: Sequence[int], tokens: Sequence[int]) -> list[float]:
        """See Engine."""
        import llama_cpp

        with self._alone():
            model = self._live()
            model.reset()
            try:
                model.eval(list(prompt))
            except (RuntimeError, ValueError) as error:
                raise GenerationError(f"llama.cpp failed: {error}", where="llama.cpp") from error
            logits = llama_cpp.llama_get_logits_ith(model.ctx, -1)  # of the last token
            chosen = [float(logits[token]) for token in tokens]
        highest = max(chosen)
        weights = [math.exp(logit - highest) for logit in chosen]
        total = math.fsum(weights)
        return [weight / total for weight in weights]

    def close(self) -> None:
        """See Engine."""
        if self._model is not None:
            self._model.close()
            self._model = None

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        # the model holds one sequence: a second stream waits, and in the same thread it would wait forever
        if self._owner == threading.get_ident():
            raise GenerationError("an answer is still being streamed in this thread", hint="finish or close it first")
        with self._busy:
            self._owner = threading.get_ident()
            try:
                yield
            finally:
                self._owner = None

    def _stream(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        stop: Sequence[str],
        max_tokens: int,
        grammar: LlamaGrammar | None,
    ) -> Generator[str, None, bool]:
        model = self._live()
        reason = None
        model.reset()  # no reuse of a common prefix: see the same choice in _xllamacpp
        try:
            for event in model.create_completion(
                list(prompt),
                max_tokens=max_tokens,
                temperature=sampling.temperature,
                seed=sampling.seed,
                repeat_penalty=sampling.repeat_penalty,
                stop=list(stop),
                stream=True,
                grammar=grammar,
            ):
                choice = event["choices"][0]
                reason = choice["finish_reason"]
                if text := choice["text"]:
                    yield text
        except (RuntimeError, ValueError) as error:
            raise GenerationError(f"llama.cpp failed: {error}", where="llama.cpp") from error
        return reason == "length"

    def _live(self) -> Llama:
        if self._model is None:
            raise GenerationError("the generator is closed", hint="make a new one")
        return self._model


def _grammar(schema: JsonSchema) -> LlamaGrammar:
    from llama_cpp import LlamaGrammar

    try:
        return LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False)
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise GenerationError(
            f"llama-cpp-python makes no grammar of this schema: {error!r}",
            where="llama.cpp",
            hint="use types, properties, items, enum and bounds",
        ) from error


def _formatter(model: Llama, bos: str, where: str) -> Jinja2ChatFormatter:
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    template = model.metadata.get("tokenizer.chat_template")
    if not template:
        raise ModelError("the GGUF holds no chat template", where=where, hint="take an instruction-tuned model")
    return Jinja2ChatFormatter(template=template, eos_token=_piece(model, model.token_eos()), bos_token=bos)


def _piece(model: Llama, token: int) -> str:
    """The text of a control token; "" for a model that has none."""
    return "" if token < 0 else str(model.detokenize([token], special=True).decode("utf-8", "replace"))
