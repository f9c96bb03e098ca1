"""The server of the app: Streamlit behind a door, with headers that keep every page to itself. `rag app` starts it."""

from __future__ import annotations

import hashlib
import re
import secrets
import sys
from base64 import b64encode
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from settings import AppSettings, app_settings
from signing_in import Door, LastUse, Sessions
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from users import read_users

from rag.errors import RagError

HERE = Path(__file__).parent
# Nothing is loaded from, sent to, or shown within another origin, whatever a document says. Streamlit makes style
# elements and evaluates its charts' expressions; its component modules and downloads are blobs.
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def inline_scripts() -> str:
    """The scripts that stand in Streamlit's own page, each by its SHA-256, as a policy lists them."""
    page = (Path(st.__file__).parent / "static" / "index.html").read_bytes()
    hashes = [b64encode(hashlib.sha256(script).digest()).decode("ascii") for script in _INLINE.findall(page)]
    return " ".join(f"'sha256-{each}'" for each in hashes)


POLICY = "; ".join(
    [
        "default-src 'none'",
        f"script-src 'self' {inline_scripts()} 'unsafe-eval' 'wasm-unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'self'",
        "frame-ancestors 'none'",
    ]
)
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "same-origin",  # with none at all, the sign-in form would come from origin null
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}


BROWSER = "ragstone_browser"
_YEAR = 365 * 24 * 3600


class KeptToItself:
    """ASGI middleware that adds HEADERS to every response, and tells one browser from another by a cookie."""

    def __init__(self, app: ASGIApp, public_host: str = "") -> None:
        self._app = app
        self._public_host = public_host or None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the headers."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        if self._is_foreign(asked):
            if scope["type"] == "http":
                await PlainTextResponse("another site may not ask this", 403)(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 4403, "reason": "another site may not ask this"})
            return
        new = BROWSER not in asked.cookies

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                if new and headers.get("content-type", "").startswith("text/html"):
                    cookie = f"{BROWSER}={secrets.token_urlsafe(32)}"
                    headers.append("set-cookie", f"{cookie}; Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Lax")
            await send(message)

        await self._app(scope, receive, sending)

    def _is_foreign(self, asked: HTTPConnection) -> bool:
        """Whether a page of another origin asks: Streamlit would look up this machine's public address to tell."""
        origin = asked.headers.get("origin")
        return origin is not None and urlsplit(origin).netloc not in {asked.headers.get("host"), self._public_host}


@cache
def sessions() -> Sessions:
    """Who is signed in to this process."""
    return Sessions(60 * app_settings().idle)


@cache
def last_use() -> LastUse:
    """When those who signed in elsewhere were last seen by this process."""
    return LastUse(60 * app_settings().idle)


def build(settings: AppSettings) -> st.App:
    """The ASGI application."""
    middleware = [Middleware(KeptToItself, public_host=settings.public_host)]
    if settings.users and not settings.oidc:
        middleware.append(Middleware(Door, sessions=sessions(), accounts=read_users(settings.users)))
    return st.App(HERE / "main.py", middleware=middleware)


def config(settings: AppSettings) -> dict[str, object]:
    """Streamlit's options: loopback, no statistics, no error details, no file watcher."""
    found: dict[str, object] = {
        "server.address": settings.host,
        "server.port": settings.port,
        "browser.serverAddress": settings.public_host or settings.host,
        "server.headless": not settings.browser,
        "server.maxUploadSize": settings.upload_mb,
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
        # of the text, captions take 60%: still 4.5 to 1 against the ground
        "theme.light.textColor": "#14181f",
        "theme.light.primaryColor": "#1d4f91",
        "theme.dark.primaryColor": "#3975c4",
    }
    if settings.loopback:
        named = [settings.public_host.partition(":")[0]] if settings.public_host else []
        found["server.allowedHosts"] = ["localhost", "127.0.0.1", "::1", settings.host, *named]
    if settings.certificate and settings.key:
        found |= {"server.sslCertFile": str(settings.certificate), "server.sslKeyFile": str(settings.key)}
    return found


def main() -> int:
    """Serve until interrupted."""
    try:
        settings = app_settings()
        app = build(settings)
    except RagError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not settings.loopback and not settings.certificate:
        print("note: without --certificate, passwords and documents travel in the clear", file=sys.stderr)
    try:
        app.run(config=config(settings))
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.modules["server"] = sys.modules[__name__]  # the pages ask this module, not a second one, who is signed in
    sys.exit(main())
