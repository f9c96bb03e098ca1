"""The door in front of the app: no page, socket, file or upload passes without a session, where there are users.

Sessions live in this process: a random token in a cookie, with the time it was last used. Nothing that a browser keeps
says who it is, so nothing can be forged, and all sessions end with the process.
"""

from __future__ import annotations

import html
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from users import Account, User, signs_in

COOKIE = "ragstone_session"
DOOR = "/sign-in"
LEAVE = "/sign-out"
_TRIES = 5  # wrong passwords for a name, or from an address
_PAUSE = 60.0  # seconds that no further one is heard
_FORM = 4096  # bytes


@dataclass(frozen=True, slots=True)
class _Held:
    user: User
    used: float


@dataclass(slots=True)
class Sessions:
    """Who is signed in; a session ends after ``idle`` seconds in which it is not used."""

    idle: float
    _held: dict[str, _Held] = field(default_factory=dict)
    _tried: dict[str, list[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, user: User) -> str:
        """A new token."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            now = time.monotonic()
            self._held = {key: held for key, held in self._held.items() if now - held.used < self.idle}
            self._held[token] = _Held(user, now)
        return token

    def use(self, token: str) -> User | None:
        """Whose token it is, and keep it alive; None where it is nobody's any more."""
        with self._lock:
            held = self._held.get(token)
            now = time.monotonic()
            if held is None or now - held.used >= self.idle:
                self._held.pop(token, None)
                return None
            self._held[token] = replace(held, used=now)
            return held.user

    def end(self, token: str) -> None:
        """Sign out."""
        with self._lock:
            self._held.pop(token, None)

    def may_try(self, *keys: str) -> bool:
        """Count a password that is tried, before it is; False where there were too many wrong ones for a key."""
        with self._lock:
            now = time.monotonic()
            recent = {key: [at for at in times if now - at < _PAUSE] for key, times in self._tried.items()}
            self._tried = {key: times for key, times in recent.items() if times}
            if any(len(self._tried.get(key, ())) >= _TRIES for key in keys):
                return False
            for key in keys:
                self._tried.setdefault(key, []).append(now)
            return True

    def was_right(self, *keys: str) -> None:
        """Forget what was tried."""
        with self._lock:
            for key in keys:
                self._tried.pop(key, None)


@dataclass(slots=True)
class LastUse:
    """When tokens of another's signing were last used: one ends after ``idle`` seconds in which it is not."""

    idle: float
    _used: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def use(self, token: str, issued: float) -> bool:
        """Whether it still holds, and keep it alive. One that this process has not seen was last used when issued.

        ``issued`` is in seconds since 1970.
        """
        with self._lock:
            now = time.time()
            if now - self._used.get(token, issued) >= self.idle:
                return False
            self._used[token] = now
            return True


class Door:
    """ASGI middleware: whoever has no session sees the sign-in page, and nothing else."""

    def __init__(self, app: ASGIApp, *, sessions: Sessions, accounts: Mapping[str, Account]) -> None:
        self._app = app
        self._sessions = sessions
        self._accounts = accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or show the door."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        token = HTTPConnection(scope).cookies.get(COOKIE, "")
        known = bool(token) and self._sessions.use(token) is not None
        if scope["type"] == "websocket":
            if known:
                await self._app(scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 4401, "reason": "signed out"})
            return
        if scope["path"] == LEAVE:  # a link will do: from another site it comes without the cookie, and ends nothing
            self._sessions.end(token)
            response: Response = RedirectResponse(DOOR, 303)
            response.delete_cookie(COOKIE)
        elif scope["path"] == DOOR:
            response = await self._sign_in(Request(scope, receive))
        elif known:
            await self._app(scope, receive, send)
            return
        elif scope["path"] == "/":
            response = RedirectResponse(DOOR, 303)
        else:
            response = PlainTextResponse("signed out", 401)
        await response(scope, receive, send)

    async def _sign_in(self, request: Request) -> Response:
        if request.method != "POST":
            return _page("")
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return PlainTextResponse("another site may not sign you in", 403)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _FORM:
                return PlainTextResponse("too much", 413)
        fields = parse_qs(body.decode("utf-8", "replace"))
        name, password = (fields.get(key, [""])[0] for key in ("name", "password"))
        keys = (f"name {name}", f"from {request.client.host if request.client else ''}")
        if not self._sessions.may_try(*keys):
            return _page("Too many wrong passwords: wait a minute. 密码错误次数过多，请稍候一分钟。", 429)
        user = await run_in_threadpool(signs_in, self._accounts, name, password)
        if user is None:
            return _page("Wrong name or password. 用户名或密码不正确。", 401)
        self._sessions.was_right(*keys)
        response = RedirectResponse("/", 303)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, self._sessions.begin(user), httponly=True, samesite="strict", secure=secure)
        return response


def _page(message: str, status: int = 200) -> HTMLResponse:
    said = f'<p role="alert">{html.escape(message)}</p>' if message else ""
    return HTMLResponse(_PAGE.replace("<!--said-->", said), status)


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Ragstone</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 100vh; margin: 0;
       color: #1c2430; background: #f4f5f7; }
form { display: grid; gap: .75rem; width: min(20rem, 90vw); padding: 2rem; background: #fff; border-radius: .75rem;
       border: 1px solid #d5d9e0; }
h1 { font-size: 1.25rem; margin: 0; }
label { display: grid; gap: .25rem; }
input, button { font: inherit; padding: .5rem; border-radius: .4rem; border: 1px solid #8a93a3; }
button { background: #1d4f91; border-color: #1d4f91; color: #fff; cursor: pointer; }
p { color: #9b1c1c; margin: 0; }
@media (prefers-color-scheme: dark) {
  body { color: #e8ebf0; background: #14181f; } form { background: #1e242e; border-color: #3a4352; }
  input { color: inherit; background: #14181f; } p { color: #ffa7a7; } button { background: #2c66b3; }
}
</style>
<form method="post" action="/sign-in">
<h1>Ragstone</h1><!--said-->
<label>Name · 用户名<input name="name" autocomplete="username" autofocus required></label>
<label>Password · 密码<input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in · 登录</button>
</form></html>
"""
