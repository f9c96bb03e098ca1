"""The language model and the embedder as Ragas' metrics see them.

In the place of Ragas' own client (instructor), which asks again by itself where a reply does not parse, and gives no
account of what it read. Here one prompt is one call; every reply is kept, and every failure has its status.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, Field, ValidationError

from rag.evaluation.judges.ragas_endpoint import Endpoint
from rag.evaluation.scores import Score, Status
from rag.generators.control_text import neutralise, restore
from rag.protocols import Embedder

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.shared_params import ResponseFormatJSONObject, ResponseFormatJSONSchema

R = TypeVar("R", bound=BaseModel)

_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
# the server works and says that it will not do this: the next call may be another matter
_SHOWN = 200
_REFUSED = frozenset({400, 404, 413, 422})


class CallFailedError(Exception):
    """A call came to nothing; why is in ``Calls.failure``."""


@dataclass(slots=True)
class Patience:
    """Counts calls in a row without a reply, over all answers; see Endpoint."""

    allowed: int
    spent: int = 0
    status: Status = "failed"

    @property
    def over(self) -> bool:
        """Whether nothing more is to be asked."""
        return self.spent >= self.allowed

    def lose(self, status: Status) -> None:
        """A call had no reply."""
        self.spent += 1
        self.status = status

    def regain(self) -> None:
        """The server is there."""
        if not self.over:
            self.spent = 0


class UnreadableError(Exception):
    """A reply is not what was asked for; the message says how, and quotes its beginning."""

    def __init__(self, problem: str, text: str = "") -> None:
        super().__init__(f"{problem}: {text[:_SHOWN]!r}" if text else problem)


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)


def read_reply(body: str, response_model: type[R]) -> R:
    """The reply in a server's answer, a JSON object that may stand in a Markdown fence. Raises UnreadableError."""
    try:
        choice = _Completion.model_validate_json(body).choices[0]
    except ValidationError:
        raise UnreadableError("the server's answer is no chat completion", body) from None
    content = restore(choice.message.content or "")
    if choice.finish_reason == "length":
        raise UnreadableError("the reply was cut at max_tokens or at the end of the context", content)
    if not content.strip():
        raise UnreadableError("the reply is empty", choice.message.refusal or "")
    fenced = _FENCED.fullmatch(content)
    try:
        return response_model.model_validate_json(fenced[1] if fenced else content)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise UnreadableError(f"{place + ': ' if place else ''}{problem['msg']}", content) from None


class Calls:
    """The calls of one metric on one answer: its replies in order, and the first failure, after which it is not asked.

    Stands where Ragas wants an InstructorBaseRagasLLM.
    """

    def __init__(self, client: AsyncOpenAI, endpoint: Endpoint, patience: Patience) -> None:
        self._client = client
        self._endpoint = endpoint
        self._patience = patience
        self.replies: list[BaseModel] = []
        self.failure: Score | None = None

    async def agenerate(self, prompt: str, response_model: type[R]) -> R:
        """The reply to a prompt. Raises CallFailedError."""
        if self.failure is None and self._patience.over:
            spent = self._patience.spent
            self._fail(self._patience.status, f"not asked: {spent} calls in a row before it had no reply")
        if self.failure is not None:  # a metric may catch the first error and go on
            raise CallFailedError
        text = await self._ask(prompt, response_model)
        self._patience.regain()
        try:
            reply = read_reply(text, response_model)
        except UnreadableError as error:
            self._fail("parse_error", str(error))
            raise CallFailedError from None
        self.replies.append(reply)
        return reply

    async def _ask(self, prompt: str, response_model: type[BaseModel]) -> str:
        """The body of the server's answer."""
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        try:
            async with asyncio.timeout(self._endpoint.seconds_a_call):
                return await self._post(prompt, response_model)
        except (TimeoutError, APITimeoutError):
            self._lose("timeout", f"no reply within {self._endpoint.seconds_a_call:g} s, retries included")
        except APIConnectionError as error:
            self._lose("failed", f"the connection failed or was cut: {error.__cause__ or error}")
        except APIStatusError as error:
            self._refused(error)
        raise CallFailedError

    async def _post(self, prompt: str, response_model: type[BaseModel]) -> str:
        from openai import omit

        endpoint = self._endpoint
        old_limit = endpoint.limit_field == "max_tokens"
        # a lone surrogate, as an undecodable file name has, is no text in UTF-8
        inert = neutralise(prompt.encode("utf-8", "replace").decode())
        response = await self._client.chat.completions.with_raw_response.create(
            model=endpoint.model,
            messages=[{"role": "user", "content": inert}],
            response_format=_format(endpoint, response_model) or omit,
            temperature=omit if endpoint.temperature is None else endpoint.temperature,
            seed=omit if endpoint.seed is None else endpoint.seed,
            max_tokens=endpoint.max_tokens if old_limit else omit,
            max_completion_tokens=omit if old_limit else endpoint.max_tokens,
            extra_body={"chat_template_kwargs": {"enable_thinking": False}} if endpoint.socket else None,
        )
        return response.text

    def _refused(self, error: APIStatusError) -> None:
        detail = f"HTTP {error.status_code}: {error.message}"
        if key := self._endpoint.bearer():
            detail = detail.replace(key, "***")
        if error.status_code in _REFUSED:
            self._patience.regain()
            self._fail("failed", detail)
        else:
            self._lose("failed", detail)

    def _lose(self, status: Status, detail: str) -> None:
        self._patience.lose(status)
        self._fail(status, detail)

    def _fail(self, status: Status, detail: str) -> None:
        self.failure = Score.missing(status, detail)


class Embedding:
    """An Embedder where Ragas wants a BaseRagasEmbedding; one text at a time, of any thread.

    Ragas compares questions with questions and answers with answers, so both sides are embedded alike, as queries.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._lock = threading.Lock()

    def embed_text(self, text: str) -> list[float]:
        """The vector of a text, cut where the model's input ends."""
        return self.embed_texts([text])[0]

    def embed_texts(self, texts: Sequence[str]) -> list[list[float]]:
        """The vectors of texts, in their order."""
        with self._lock:
            vectors: list[list[float]] = self._embedder.embed_queries(texts).astype("float64").tolist()
        return vectors

    async def aembed_text(self, text: str) -> list[float]:
        """As ``embed_text``, beside other calls."""
        return await asyncio.to_thread(self.embed_text, text)

    async def aembed_texts(self, texts: Sequence[str]) -> list[list[float]]:
        """As ``embed_texts``, beside other calls."""
        return await asyncio.to_thread(self.embed_texts, texts)


def register() -> None:
    """Tell Ragas that these are what it wants: it checks by isinstance."""
    from ragas.embeddings.base import BaseRagasEmbedding
    from ragas.llms.base import InstructorBaseRagasLLM

    InstructorBaseRagasLLM.register(Calls)
    BaseRagasEmbedding.register(Embedding)


def _format(
    endpoint: Endpoint, response_model: type[BaseModel]
) -> ResponseFormatJSONSchema | ResponseFormatJSONObject | None:
    match endpoint.reply_format:
        case "json_schema":
            return {
                "type": "json_schema",
                "json_schema": {"name": response_model.__name__, "schema": response_model.model_json_schema()},
            }
        case "json_object":
            return {"type": "json_object"}
        case "text":
            return None
