"""The real app, started as its users start it, and pages of it in a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

Scheme: TypeAlias = Literal["light", "dark"]
RAG = Path(sys.executable).with_name("rag")
SAMPLES = Path(__file__).parents[2] / "apps" / "samples"
BATTERY = "How long does a full battery of the SLM-210 last?"
WAIT = 120_000  # milliseconds: other tests keep the machine busy
expect.set_options(timeout=WAIT)


@dataclass
class App:
    """A running app; ``foreign`` are the requests of all its pages that went elsewhere."""

    url: str
    index: Path
    browser: Browser
    foreign: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def open(self, path: str = "/", *, width: int = 1280, locale: str = "en-GB", scheme: Scheme = "light") -> Page:
        """A page in a browser session of its own."""
        context = self.browser.new_context(viewport={"width": width, "height": 900}, locale=locale, color_scheme=scheme)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.on("request", self._asked)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.goto(self.url + path)
        return page

    def _said(self, message: ConsoleMessage) -> None:
        # Streamlit looks for its server below a page's own path first
        path = message.location["url"].removeprefix(self.url)
        if message.type == "error" and not ("/_stcore/" in path and not path.startswith("/_stcore/")):
            self.troubles.append(f"{message.text} {message.location['url']}")

    def _asked(self, request: Request) -> None:
        address = request.url
        if not address.startswith((self.url, "data:", f"blob:{self.url}")):
            self.foreign.append(address)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Headless Chromium, for what is not a test: those take the fixture."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        )
        yield launched
        launched.close()


def started(
    folder: Path, browser: Browser, *options: str, before: Callable[[str], None] = lambda url: None
) -> tuple[subprocess.Popen[bytes], App]:
    """The app over ``folder/index``, on a port of its own; ``before`` is told its address, before it starts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    before(url)
    environment = {**os.environ, "RAGSTONE_SESSIONS": str(folder / "sessions.sqlite"), "HF_HUB_OFFLINE": "1"}
    with (folder / "app.log").open("wb") as log:
        server = subprocess.Popen(
            [RAG, "app", "--no-browser", "--port", str(port), "--index", folder / "index", *options],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}/", timeout=5).close()
            break
        except OSError as error:
            if server.poll() is not None:
                raise RuntimeError((folder / "app.log").read_text()) from error
            time.sleep(0.25)
    return server, App(url, folder / "index", browser)


def stopped(server: subprocess.Popen[bytes]) -> None:
    os.killpg(server.pid, signal.SIGINT)
    try:
        server.wait(30)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)


def ask(page: Page, question: str) -> None:
    """Ask, and wait until the answer is there."""
    answers = page.locator(".answer .verdict")
    before = answers.count()
    box = page.get_by_placeholder("Ask about your documents")
    box.fill(question)
    box.press("Enter")
    answers.nth(before).wait_for()
    page.get_by_role("button", name="Stop").wait_for(state="detached")
