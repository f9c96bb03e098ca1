"""Embeddings from any OpenAI-compatible API."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rag.embedders.tokenization import EstimatingTokenizer, check_lengths
from rag.errors import EmbeddingError
from rag.keys import OPENAI_URL, read_key, without_key
from rag.protocols import Tokenizer
from rag.types import Vectors

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types import CreateEmbeddingResponse


class OpenAIEmbedder:
    """A model behind ``POST {base_url}/embeddings``. Implements Embedder.

    Answers 408, 409, 429 and 5xx, lost connections and time-outs are tried again ``max_retries``
    times with exponential backoff and jitter, or after what ``Retry-After`` says. ``dim`` is checked
    against every vector; without it the service is asked once. A service has no tokenizer to ask:
    unless one is given, tokens are estimated, on the high side.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key_env: str = "OPENAI_API_KEY",
        dim: int | None = None,
        max_tokens: int = 8191,
        batch_size: int = 128,
        timeout: float = 60.0,
        max_retries: int = 5,
        tokenizer: Tokenizer | None = None,
    ) -> None:
        """``timeout`` is in seconds a try; ``api_key_env`` names the environment variable with the key.

        A key held for the address (``rag.keys``) comes before it.
        """
        self._model = model
        self._base_url = base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        self._api_key_env = api_key_env
        self._dim = dim
        self._max_tokens = max_tokens
        self._batch_size = batch_size
        self._timeout = timeout
        self._max_retries = max_retries
        self._tokenizer = tokenizer or EstimatingTokenizer()

    @cached_property
    def dim(self) -> int:
        """Length of a vector; asks the service where the constructor was not told."""
        return self._dim or len(self._request(["dimension"])[0])

    @property
    def max_tokens(self) -> int:
        """The longest input, special tokens included."""
        return self._max_tokens

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer given, or an estimate."""
        return self._tokenizer

    @property
    def fingerprint(self) -> str:
        """Service, model and dimension: all that can be known of a model elsewhere."""
        return f"api-{self.dim}:{self._base_url.rstrip('/')} {self._model}"

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, dim), in the order of ``texts``; equal texts are sent once. Raises EmbeddingError."""
        check_lengths([self._tokenizer.count(text) for text in texts], self._max_tokens)
        distinct = list(dict.fromkeys(texts))
        row = {text: index for index, text in enumerate(distinct)}
        return self._embed(distinct)[[row[text] for text in texts]]

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors (n, dim), in the order of ``texts``; a question over ``max_tokens`` loses its tail."""
        return self._embed([self._cut(text) for text in texts])

    def _cut(self, text: str) -> str:
        special = self._tokenizer.count("")
        offsets = self._tokenizer.offsets(text)
        room = max(0, self._max_tokens - special)
        return text if len(offsets) <= room else text[: offsets[room - 1][1] if room else 0]

    def _embed(self, texts: Sequence[str]) -> Vectors:
        vectors = np.empty((len(texts), self.dim), np.float32)
        for start in range(0, len(texts), self._batch_size):
            batch = texts[start : start + self._batch_size]
            for index, values in enumerate(self._request(batch), start):
                if values.shape != (self.dim,):
                    raise self._error(f"a vector of {values.size} numbers instead of {self.dim}")
                vectors[index] = values
        if not np.isfinite(vectors).all():
            raise self._error("a vector with numbers that are not finite")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not lengths.all():
            raise self._error("a vector of zeros, which has no direction")
        vectors /= lengths
        return vectors

    def _request(self, texts: Sequence[str]) -> list[Vectors]:
        """The vectors of one request, in the order of ``texts`` whatever the order of the answer."""
        from openai import OpenAIError

        try:
            response: CreateEmbeddingResponse = self._client.embeddings.create(
                model=self._model, input=list(texts), encoding_format="float"
            )
            rows = {row.index: np.asarray(row.embedding, np.float32) for row in response.data}
        except OpenAIError as error:
            reason = without_key(str(error), read_key(self._api_key_env, self._base_url))
            raise self._error(f"no embeddings: {reason}") from None
        except (ValueError, TypeError, AttributeError) as error:  # an answer that is no embeddings response
            raise self._error(f"an answer of another form: {error}") from error
        if sorted(rows) != list(range(len(texts))) or len(response.data) != len(texts):
            raise self._error(f"{len(response.data)} vectors for {len(texts)} texts, or indices that do not match")
        return [rows[index] for index in range(len(texts))]

    def _error(self, message: str) -> EmbeddingError:
        return EmbeddingError(message, where=f"{self._base_url} {self._model}")

    @cached_property
    def _client(self) -> OpenAI:
        from openai import OpenAI

        key = read_key(self._api_key_env, self._base_url)
        if not key and "api.openai.com" in self._base_url:
            raise EmbeddingError("no API key", where=self._base_url, hint=f"set {self._api_key_env}")
        return OpenAI(
            api_key=key or "none",
            base_url=self._base_url,
            timeout=self._timeout,
            max_retries=self._max_retries,
        )
