"""llama.cpp over xllamacpp: its server, in this process, heard on a private socket file only.

xllamacpp tokenises and fills chat templates nowhere but over HTTP. By itself its server listens on a
loopback port, without a key and with CORS open to every origin, so that any page in the user's
browser could use it. Here it listens on no port: on a Unix socket in a folder only this user can
enter, with a random key beside that.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import shutil
import tempfile
import threading
import weakref
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from rag.errors import GenerationError, MissingExtraError, ModelError
from rag.generators._engine import EngineSettings, Sampling, Turn, UnixServer
from rag.generators._unix_http import UnixHttpClient
from rag.protocols import JsonSchema

# loading the library reads the environment, and Server's constructor sets llama.cpp's process-wide logger
_starting = threading.Lock()
# logits differ by some tens; a float32 near a hundred still holds steps of 8e-6
_BIAS = 100
# to llguidance, which else allows any amount of white space between values: a small model can get lost in it
_ONE_LINE = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
_LEAST_KEPT = 32  # tokens; a shorter opening is read again sooner than asked for by itself


class XLlamaCppEngine:
    """A model loaded by xllamacpp. Raises MissingExtraError, ModelError."""

    def __init__(self, settings: EngineSettings) -> None:
        folder = tempfile.mkdtemp(prefix="rag-")  # mode 0700
        self._remove_folder = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        self._client = UnixHttpClient(str(Path(folder) / "llama.sock"), secrets.token_urlsafe(32))
        self._reading = threading.Lock()
        self._opening: list[int] | None = None  # what is cached, and the token after it
        self._server: object | None = _start(settings, self._client)
        # a server that is stopped before its loop runs never stops: an answer shows that it runs
        self._client.post("/completion", {"prompt": "x", "n_predict": 0})
        meta = self._client.get("/v1/models")["data"][0]["meta"]
        if settings.context_size > meta["n_ctx_train"]:
            self.close()
            raise ModelError(
                f"context_size {settings.context_size} is more than the {meta['n_ctx_train']} tokens it was trained on",
                where=str(settings.model_path),
            )

    @property
    def server(self) -> UnixServer:
        """See Engine."""
        client = self._live()
        return UnixServer(client.path, client.key)

    def render(self, turns: Sequence[Turn]) -> str:
        """See Engine."""
        messages = [{"role": turn.role, "content": turn.content} for turn in turns]
        # answers are grounded in passages: a model that can think aloud is told not to
        body = {"messages": messages, "chat_template_kwargs": {"enable_thinking": False}}
        return str(self._live().post("/apply-template", body)["prompt"])

    def tokenize(self, text: str, *, control: bool, first: bool = False) -> list[int]:
        """See Engine."""
        body = {"content": text, "parse_special": control, "add_special": first}
        return list(self._live().post("/tokenize", body)["tokens"])

    def complete(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        *,
        stop: Sequence[str],
        max_tokens: int,
        opening: int = 0,
        schema: JsonSchema | None = None,
    ) -> Generator[str, None, bool]:
        """See Engine."""
        body: dict[str, Any] = {
            "prompt": list(prompt),
            "n_predict": max_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "repeat_penalty": sampling.repeat_penalty,
            "stop": list(stop),
            "stream": True,
        }
        if schema is not None:
            body["json_schema"] = {**schema, "x-guidance": _ONE_LINE}
        with contextlib.closing(self._begin(prompt, opening, body)) as events:
            for event in events:
                if event["content"]:
                    yield event["content"]
                if event["stop"]:
                    return bool(event["stop_type"] == "limit")
        raise GenerationError("the stream ended before the answer did", where="llama.cpp")

    def _begin(self, prompt: Sequence[int], opening: int, body: dict[str, Any]) -> Generator[Any, None, None]:
        """The events of a completion, its prompt's opening read once for all prompts that share it.

        A prompt met half-way in the cache is computed in other batches, which moves the last bits. So the opening is
        always read by itself, with a token after it that no prompt goes on with: whatever came before, what is
        cached is the opening from that one reading, and the rest of the prompt is one batch.
        """
        client = self._live()
        kept = opening >= _LEAST_KEPT
        with self._reading:
            if kept:
                read = [*prompt[:opening], int(prompt[opening] == 0)]
                client.post("/completion", {"prompt": read, "n_predict": 0, "cache_prompt": read == self._opening})
            self._opening = read if kept else None
            events = client.stream("/completion", {**body, "cache_prompt": kept})
            first = next(events, None)  # the prompt is read: what other threads ask for now waits for the answer's end
        with contextlib.closing(events):
            if first is not None:
                yield first
            yield from events

    def weigh(self, prompt: Sequence[int], tokens: Sequence[int]) -> list[float]:
        """See Engine."""
        # The same bias for all of them leaves their ratios as they are and lifts them above every other token, so
        # that the server need list no more: asked for plain log probabilities it would have to list the vocabulary.
        body = {
            "prompt": list(prompt),
            "n_predict": 1,
            "logit_bias": [[token, _BIAS] for token in tokens],
            "n_probs": len(tokens),
            "post_sampling_probs": True,
            "samplers": [],
            "temperature": 1.0,
            "seed": 0,
            "cache_prompt": False,  # see _begin
        }
        with self._reading:
            self._opening = None
            (step,) = self._live().post("/completion", body)["completion_probabilities"]
        listed = {candidate["id"]: float(candidate["prob"]) for candidate in step["top_probs"]}
        weights = [listed.get(token, 0.0) for token in tokens]
        total = math.fsum(weights)
        if not total > 0:
            raise GenerationError("the server listed none of the tokens it was asked about", where="llama.cpp")
        return [weight / total for weight in weights]

    def close(self) -> None:
        """See Engine."""
        self._server = None
        self._remove_folder()

    def _live(self) -> UnixHttpClient:
        if self._server is None:
            raise GenerationError("the generator is closed", hint="make a new one")
        return self._client


@contextlib.contextmanager
def _short_spins() -> Iterator[None]:
    """Load libgomp with waits that sleep after some 30 µs: by default its threads spin for milliseconds at each of
    thousands of barriers a second, and on a busy machine two threads then take ten times as long as one.
    """  # noqa: D205
    chosen = "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ
    if not chosen:
        os.environ["GOMP_SPINCOUNT"] = "10000"
    try:
        yield
    finally:
        if not chosen:
            del os.environ["GOMP_SPINCOUNT"]


def _start(settings: EngineSettings, client: UnixHttpClient) -> object:
    try:
        with _starting, _short_spins():
            import xllamacpp
    except ImportError as error:
        raise MissingExtraError(f"xllamacpp cannot be imported: {error}", hint="pip install xllamacpp") from error
    params: Any = xllamacpp.CommonParams()
    params.model.path = str(settings.model_path)
    params.n_ctx = settings.context_size
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings.threads
    # flash attention splits its sums by thread: without it any thread count gives the same answer
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.hostnames = [client.path]
    params.api_keys = [client.key]
    params.cors_origins = ""
    params.n_threads_http = 4
    params.endpoint_slots = params.ui = False
    params.cache_ram_mib = 0
    params.fit_params = params.warmup = False
    params.verbosity = -1
    try:
        with _starting:
            return xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelError(
            "llama.cpp cannot load it: damaged, of an unknown architecture, or too big for the memory",
            where=str(settings.model_path),
            hint="rag models pull NAME fetches a registered model again",
        ) from error
