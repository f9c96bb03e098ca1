"""Sign-in by OpenID Connect, against a provider that signs real tokens."""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from browsing import started, stopped

pytest.importorskip("streamlit")
from joserfc import jwt
from joserfc.jwk import RSAKey
from signing_in import LastUse

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@dataclass
class Provider:
    """An OpenID provider whose visitor is always the person that ``claims`` says."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}))
    nonces: dict[str, str] = field(default_factory=dict)

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def token(self, code: str, client: str) -> dict[str, Any]:
        now = int(time.time())
        claims = {"iss": self.url, "aud": client, "iat": now, "exp": now + 600, "nonce": self.nonces.pop(code)}
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, {**claims, "sub": "s", **self.claims}, self.key)
        return {"access_token": "opaque", "token_type": "Bearer", "expires_in": 600, "id_token": signed}


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, asked = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
            if path == "/authorize":
                code = secrets.token_hex(8)
                found.nonces[code] = asked["nonce"][0]
                back = urlencode({"code": code, "state": asked["state"][0]})
                self.send_response(302)
                self.send_header("location", f"{asked['redirect_uri'][0]}?{back}")
                self.end_headers()
            elif path == "/keys":
                self.say({"keys": [found.key.as_dict(private=False)]})
            else:
                self.say(found.metadata())

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            self.say(found.token(form["code"][0], "ragstone"))

        def say(self, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.mark.models
@pytest.mark.slow
def test_people_sign_in_elsewhere_and_who_is_not_named_stays_outside(
    tmp_path: Path, browser: Browser, provider: Provider
):
    (tmp_path / "users.toml").write_text("[users.'ann@example.org']\nmanages = false\n")
    secret = tmp_path / ".streamlit" / "secrets.toml"
    secret.parent.mkdir()

    def configure(url: str) -> None:
        secret.write_text(
            f'[auth]\nredirect_uri = "{url}/oauth2callback"\ncookie_secret = "{secrets.token_hex(32)}"\n'
            f'client_id = "ragstone"\nclient_secret = "{secrets.token_hex(16)}"\n'
            f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
        )

    server, app = started(tmp_path, browser, "--oidc", "--users", "users.toml", "--idle", "0.1", before=configure)
    try:
        page = app.open()
        provider.claims = {"email": "ann@example.org", "email_verified": True}
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("There are no documents yet, and you may not add any").wait_for()
        page.get_by_role("button", name=re.compile("^Sign out ann")).wait_for()
        page.wait_for_timeout(7000)  # longer than --idle
        page.reload()
        page.get_by_text("Your session has ended").wait_for()
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name=re.compile("^Sign out ann")).click()
        page.get_by_role("button", name="Sign in").wait_for()
        page.context.close()
        for claims in (
            {"email": "ann@example.org", "email_verified": False},
            {"email": "ann@example.org"},
            {"email": "mallory@example.org", "email_verified": True},
        ):
            provider.claims = claims
            page = app.open()
            page.get_by_role("button", name="Sign in").click()
            page.get_by_text("may not use this app").wait_for()
            assert page.get_by_text("Ask your own documents").count() == 0
            page.context.close()
    finally:
        stopped(server)
    assert "Traceback" not in (tmp_path / "app.log").read_text()


def test_a_token_ends_after_idle_seconds_without_use(monkeypatch: pytest.MonkeyPatch):
    now = 1000.0
    monkeypatch.setattr(time, "time", lambda: now)
    held = LastUse(idle=60)
    assert held.use("ann", issued=990)
    now = 1059.0
    assert held.use("ann", issued=990)
    now = 1119.0
    assert not held.use("ann", issued=990)
    assert not held.use("bob", issued=1059)  # by another process, and too long ago
    assert held.use("bob", issued=1060)
