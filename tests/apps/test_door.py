"""Where there are users, nothing passes without a session; and no page speaks to another origin."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

pytest.importorskip("streamlit")
from server import BROWSER, POLICY, KeptToItself
from signing_in import COOKIE, Door, Sessions
from users import Account, User, hash_password

ANN = User("ann", "tenant = 'acme'")
ACCOUNTS = {"ann": Account(ANN, hash_password("correct horse"))}


async def inner(scope, receive, send):
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html; charset=utf-8")]}
    )
    await send({"type": "http.response.body", "body": b"secret"})


@pytest.fixture
def sessions():
    return Sessions(idle=60)


@pytest.fixture
def ask(sessions):
    app = Door(inner, sessions=sessions, accounts=ACCOUNTS)

    def ask(path="/", *, kind="http", method="GET", cookie="", headers=(), **fields):
        said = []
        given = [(b"cookie", cookie.encode()), (b"content-type", b"application/x-www-form-urlencoded"), *headers]
        scope = {"type": kind, "path": path, "method": method, "headers": given, "query_string": b"", "scheme": "http",
                 "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}  # fmt: skip

        async def receive():
            connect = {"type": "websocket.connect"}
            return connect if kind == "websocket" else {"type": "http.request", "body": urlencode(fields).encode()}

        async def send(message):
            said.append(message)

        asyncio.run(app(scope, receive, send))
        return said

    return ask


def status(said):
    return said[0]["status"]


def header(said, name):
    return next((value.decode() for key, value in said[0]["headers"] if key == name), "")


def body(said):
    return b"".join(message.get("body", b"") for message in said)


def signed_in(ask):
    said = ask("/sign-in", method="POST", name="ann", password="correct horse")
    assert status(said) == 303
    return header(said, b"set-cookie").partition(";")[0]


def test_another_apps_cookies_of_any_form_keep_nobody_out(ask):
    mine = signed_in(ask)
    for theirs in ('seen={"a": 1}', "a@b=c", "=", "x"):
        assert body(ask(cookie=f"{theirs}; {mine}")) == b"secret"


@pytest.mark.parametrize(
    "path", ["/", "/ask", "/media/x.png", "/_stcore/upload_file/1/2", "/_stcore/health", "/static/a.js", "//sign-in/.."]
)
def test_without_a_session_there_is_the_door_and_nothing_else(ask, path):
    said = ask(path)
    assert status(said) in {303, 401}
    assert b"secret" not in body(said)
    (closed,) = ask(path, kind="websocket")
    assert closed["type"] == "websocket.close"
    forged = ask(path, cookie=f"{COOKIE}=guess")
    assert b"secret" not in body(forged)


def test_a_right_password_opens_it_and_signing_out_closes_it(ask, sessions):
    cookie = signed_in(ask)
    assert body(ask("/", cookie=cookie)) == b"secret"
    assert ask("/_stcore/stream", kind="websocket", cookie=cookie)[0]["type"] == "websocket.accept"
    assert sessions.use(cookie.partition("=")[2]) == ANN
    ask("/sign-out", cookie=cookie)
    assert b"secret" not in body(ask("/", cookie=cookie))


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(ask):
    said = ask("/sign-in", method="POST", name="ann", password="correct horse")
    flags = header(said, b"set-cookie").lower()
    assert "httponly" in flags
    assert "samesite=strict" in flags


def test_another_site_may_not_sign_anybody_in(ask):
    headers = [(b"sec-fetch-site", b"cross-site")]
    said = ask("/sign-in", method="POST", headers=headers, name="ann", password="correct horse")
    assert status(said) == 403


def test_wrong_passwords_are_counted(ask):
    for _ in range(5):
        assert status(ask("/sign-in", method="POST", name="ann", password="wrong")) == 401
    assert status(ask("/sign-in", method="POST", name="ann", password="correct horse")) == 429
    assert b"<script" not in body(ask("/sign-in", method="POST", name="<script>", password="x"))


def test_no_more_passwords_are_tried_at_once_than_one_after_another(sessions):
    with ThreadPoolExecutor(20) as threads:
        tried = list(threads.map(lambda _: sessions.may_try("name ann"), range(100)))
    assert sum(tried) == 5


def test_a_flood_of_a_form_is_not_read(ask):
    assert status(ask("/sign-in", method="POST", name="x" * 5000, password="y")) == 413


def test_an_idle_session_ends(monkeypatch):
    sessions = Sessions(idle=60)
    token = sessions.begin(ANN)
    start = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: start + 50)
    assert sessions.use(token) == ANN
    monkeypatch.setattr(time, "monotonic", lambda: start + 100)
    assert sessions.use(token) == ANN
    monkeypatch.setattr(time, "monotonic", lambda: start + 161)
    assert sessions.use(token) is None


def test_every_response_keeps_to_its_own_origin():
    said = []

    async def send(message):
        said.append(message)

    scope = {"type": "http", "path": "/", "method": "GET", "headers": []}
    asyncio.run(KeptToItself(inner)(scope, None, send))
    assert header(said, b"content-security-policy") == POLICY
    assert "default-src 'none'" in POLICY
    assert "http" not in POLICY
    assert "*" not in POLICY
    assert header(said, b"referrer-policy") == "same-origin"
    cookie = header(said, b"set-cookie")
    assert cookie.startswith(f"{BROWSER}=")
    assert "HttpOnly; SameSite=Lax" in cookie


@pytest.mark.parametrize(
    ("origin", "through"),
    [
        (b"http://127.0.0.1:8501", True),
        (None, True),
        (b"https://docs.example.org", True),
        (b"http://evil.example", False),
        (b"http://127.0.0.1:9999", False),
        (b"null", False),
    ],
)
def test_a_page_of_another_origin_gets_nowhere(origin, through):
    headers = [(b"host", b"127.0.0.1:8501"), *([(b"origin", origin)] if origin else [])]
    for kind in ("http", "websocket"):
        said = []

        async def send(message, said=said):
            said.append(message)

        async def receive():
            return {"type": "websocket.connect"}

        app = KeptToItself(inner, public_host="docs.example.org")
        asyncio.run(app({"type": kind, "path": "/", "method": "GET", "headers": headers}, receive, send))
        if kind == "http":
            assert (status(said) == 200) is through
        else:
            assert (said[0]["type"] == "websocket.accept") is through
