"""JSON and server-sent events over HTTP over a Unix socket: the standard library has all but the socket."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from rag.errors import GenerationError

Json: TypeAlias = Mapping[str, Any]
_HINT = "the model may have been closed while it answered"


class _Connection(http.client.HTTPConnection):
    """An HTTP connection whose other end is a socket file."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


@dataclass(frozen=True, slots=True)
class UnixHttpClient:
    """Posts JSON to the server behind a socket file, with a bearer key; one connection a request."""

    path: str
    key: str

    def get(self, route: str) -> Json:
        """The JSON object at ``route``. Raises GenerationError."""
        with self._response("GET", route, None) as response:
            return _parsed(response.read(), route)

    def post(self, route: str, body: Json) -> Json:
        """The JSON object that ``route`` answers to ``body``. Raises GenerationError."""
        with self._response("POST", route, body) as response:
            return _parsed(response.read(), route)

    def stream(self, route: str, body: Json) -> Generator[Json, None, None]:
        """The JSON events of a streamed answer. Closing the iterator closes the connection. Raises GenerationError."""
        with self._response("POST", route, body) as response:
            for line in response:
                field, _, value = line.partition(b":")
                if field in (b"data", b"error") and value.strip() != b"[DONE]":
                    yield _parsed(value, route)

    @contextlib.contextmanager
    def _response(self, method: str, route: str, body: Json | None) -> Iterator[http.client.HTTPResponse]:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        connection = _Connection(self.path)
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, route, data, headers)
            # a streamed response outlives the connection object, so it is closed by its own with
            with connection.getresponse() as response:
                if response.status != http.HTTPStatus.OK:
                    _parsed(response.read(), route)
                    raise GenerationError(f"{route} answered {response.status} {response.reason}", where="llama.cpp")
                yield response
        except (OSError, http.client.HTTPException) as error:
            raise GenerationError(f"{route} broke off: {error!r}", where="llama.cpp", hint=_HINT) from error
        finally:
            connection.close()


def _parsed(data: bytes, route: str) -> Json:
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise GenerationError(f"{route} answered no JSON: {data[:200]!r}", where="llama.cpp") from error
    if not isinstance(answer, dict):
        raise GenerationError(f"{route} answered no JSON object: {data[:200]!r}", where="llama.cpp")
    fault = answer.get("error", answer if "message" in answer and "code" in answer else None)
    if fault:
        message = fault.get("message", fault) if isinstance(fault, dict) else fault
        raise GenerationError(f"{route}: {message}", where="llama.cpp")
    return answer
