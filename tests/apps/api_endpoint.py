"""An OpenAI-compatible API on loopback that keeps the keys it is sent."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Endpoint:
    """An OpenAI-compatible API on loopback: what it was sent, and what it does."""

    url: str = ""
    keys: list[str | None] = field(default_factory=list)
    refuses: bool = False


@contextmanager
def serving() -> Iterator[Endpoint]:
    """The API, while it is served."""
    state = Endpoint()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if not self.path.endswith("/chat/completions"):
                self.answer(404, "application/json", b"{}")
                return
            state.keys.append(self.headers["authorization"])
            if state.refuses:
                said = {"error": {"message": f"Incorrect API key provided: {self.headers['authorization']}"}}
                self.answer(401, "application/json", json.dumps(said).encode())
                return
            events = b"".join(b"data: " + event + b"\n\n" for event in pieces())
            self.answer(200, "text/event-stream", events)

        def answer(self, status: int, kind: str, data: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def pieces() -> Iterator[bytes]:
        for text, reason in (("A full battery of the SLM-210 ", None), ("lasts 22 hours.", None), ("", "stop")):
            choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
            yield json.dumps(chunk).encode()
        yield b"[DONE]"

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}/v1"
        yield state
        server.shutdown()
        thread.join()
