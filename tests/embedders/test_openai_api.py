"""OpenAIEmbedder against a service on loopback that misbehaves on demand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from rag.embedders import OpenAIEmbedder
from rag.errors import EmbeddingError
from rag.keys import forget_key, hold_key
from rag.protocols import Embedder

Answer = Callable[[list[str]], tuple[int, dict[str, str], object]]


def vector(text: str) -> list[float]:
    return [float(len(text)), 2.0, 1.0]


def unit(text: str) -> np.ndarray:
    values = np.array(vector(text), np.float32)
    return values / np.linalg.norm(values)


def good(texts: list[str]) -> tuple[int, dict[str, str], object]:
    rows = [{"object": "embedding", "index": i, "embedding": vector(t)} for i, t in enumerate(texts)]
    return 200, {}, {"object": "list", "model": "m", "data": rows, "usage": {"prompt_tokens": 1, "total_tokens": 1}}


def changed(change: Callable[[list[dict[str, object]]], object]) -> Answer:
    def answer(texts: list[str]) -> tuple[int, dict[str, str], object]:
        status, headers, body = good(texts)
        assert isinstance(body, dict)
        body["data"] = change(body["data"])
        return status, headers, body

    return answer


def failure(status: int, **headers: str) -> Answer:
    return lambda _: (status, headers, {"error": {"message": f"status {status}"}})


def slow(texts: list[str]) -> tuple[int, dict[str, str], object]:
    time.sleep(0.6)
    return good(texts)


@dataclass
class Service:
    url: str = ""
    script: list[Answer] = field(default_factory=list)
    asked: list[list[str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@pytest.fixture
def service(monkeypatch) -> Iterator[Service]:
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/embeddings"
            state.asked.append(body["input"])
            state.keys.append(self.headers["Authorization"])
            answer = state.script.pop(0) if state.script else good
            status, headers, value = answer(body["input"])
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            try:
                self.send_response(status)
                for name, text in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name.replace("_", "-"), text)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client stopped waiting

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    monkeypatch.setenv("TEST_KEY", "secret")
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def make(service: Service, **options: object) -> OpenAIEmbedder:
    return OpenAIEmbedder("m", base_url=service.url, api_key_env="TEST_KEY", **{"dim": 3} | options)


def test_values_batches_and_key(service):
    embedder = make(service, batch_size=2)
    assert isinstance(embedder, Embedder)
    texts = ["a", "bbb", "a", "cc"]
    np.testing.assert_allclose(embedder.embed_documents(texts), [unit(t) for t in texts], rtol=1e-6)
    assert service.asked == [["a", "bbb"], ["cc"]]
    assert set(service.keys) == {"Bearer secret"}
    assert embedder.embed_queries(["q"]).dtype == np.float32
    assert embedder.embed_documents([]).shape == (0, 3)


def test_the_dimension_is_asked_for_once_when_unknown(service):
    embedder = make(service, dim=None)
    assert embedder.dim == embedder.dim == 3
    assert len(service.asked) == 1
    assert embedder.fingerprint == f"api-3:{service.url} m"


def test_order_is_restored_by_index(service):
    service.script = [changed(lambda rows: rows[::-1])]
    texts = ["a", "bb", "ccc"]
    np.testing.assert_allclose(make(service).embed_documents(texts), [unit(t) for t in texts], rtol=1e-6)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_passing_failures_are_tried_again(service, status):
    service.script = [failure(status, retry_after_ms="5"), failure(status, retry_after_ms="5")]
    np.testing.assert_allclose(make(service).embed_documents(["a"]), [unit("a")], rtol=1e-6)
    assert len(service.asked) == 3


def test_retry_after_is_honoured(service):
    service.script = [failure(429, retry_after="1")]
    start = time.monotonic()
    make(service).embed_documents(["a"])
    assert 1 <= time.monotonic() - start < 30


def test_a_time_out_is_tried_again(service):
    service.script = [slow]
    make(service, timeout=0.2).embed_documents(["a"])
    assert len(service.asked) == 2


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([failure(500, retry_after_ms="1")] * 3, "status 500"),
        ([slow] * 3, "timed out"),
        ([failure(401)], "status 401"),
        ([failure(400)], "status 400"),
        ([changed(lambda rows: [{**r, "embedding": [1.0, 2.0]} for r in rows])], "2 numbers instead of 3"),
        ([changed(lambda rows: [{**r, "embedding": [0.0] * 3} for r in rows])], "vector of zeros"),
        ([changed(lambda rows: [{**r, "embedding": [float("nan")] * 3} for r in rows])], "not finite"),
        ([changed(lambda rows: [{**r, "embedding": ["x"] * 3} for r in rows])], "another form"),
        ([changed(lambda rows: rows[:-1])], "1 vectors for 2 texts"),
        ([changed(lambda rows: [{**r, "index": 0} for r in rows])], "indices that do not match"),
        ([changed(lambda _: None)], "another form|no embeddings"),
        ([lambda _: (200, {}, {"unexpected": 1})], "another form|no embeddings"),
        ([lambda _: (200, {"Content-Type": "text/html"}, b"<html>")], "another form|no embeddings"),
    ],
)
def test_lasting_failures_are_errors_with_a_reason(service, answers, reason):
    service.script = list(answers)
    with pytest.raises(EmbeddingError, match=f"(?s){service.url} m: .*({reason})"):
        make(service, timeout=0.2, max_retries=2).embed_documents(["a", "bb"])
    assert len(service.asked) == len(answers)


def test_nobody_listens():
    embedder = OpenAIEmbedder("m", base_url="http://127.0.0.1:9/v1", dim=3, max_retries=0)
    with pytest.raises(EmbeddingError, match="Connection error"):
        embedder.embed_queries(["a"])


def test_a_key_held_for_the_address_comes_before_the_environments(service):
    hold_key(service.url, "held-for-this-one")
    try:
        make(service).embed_queries(["a"])
    finally:
        forget_key(service.url)
    assert service.keys == ["Bearer held-for-this-one"]


def test_a_refusal_that_repeats_the_key_is_told_without_it(service):
    service.script = [lambda _: (401, {}, {"error": {"message": "Incorrect API key provided: secret"}})]
    with pytest.raises(EmbeddingError, match=r"provided: \*\*\*") as caught:
        make(service).embed_queries(["a"])
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_the_public_service_needs_a_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(EmbeddingError, match="set OPENAI_API_KEY"):
        OpenAIEmbedder("m", dim=3).embed_queries(["a"])


def test_limits(service):
    embedder = make(service, max_tokens=5)
    with pytest.raises(EmbeddingError, match="text 1 has 8 tokens; the model reads 5"):
        embedder.embed_documents(["a", "b c d e f g"])
    embedder.embed_queries(["b c d e f g"])
    assert service.asked == [["b c d"]]
