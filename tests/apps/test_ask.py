"""Ask: versions of a question, files, what a narrowed filter hides, and answers that are broken off in the middle."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("streamlit")
from browsing import App, ask, started, stopped
from playwright.sync_api import expect
from source_pane import citation_at

from rag.chains.sessions import SessionStore
from rag.chains.turns import Turn
from rag.pipeline import Pipeline
from rag.recipe import parse_recipe
from rag.types import Answer, Citation, Sentence

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

QUOTING = """
[embedder]
backend = "none"
[retrieval]
arms = ["sparse"]
[generator]
kind = "extractive"
"""
TEXTS = {
    "ferry": "The ferry to Aran leaves at noon. A ticket for the ferry costs 12 euros.",
    "secret": "The chief pilot Olga Reznik is paid 4711 crowns.",
}
WHEN = "When does the ferry to Aran leave?"
PAID = "What is the chief pilot Olga Reznik paid?"


def test_a_place_that_the_browser_makes_up_is_no_citation():
    cited = Citation(1, "d", "c", "file:///d", "", 0, 1, "a", 1.0)
    sentence = Sentence("a", 0, 1, 1.0, supported=True, citations=(cited,))
    path = [Turn(3, None, "q", "q", (), None, Answer("q", "a", "supported", (sentence,), "a", ()), 0.0, 0.0)]
    assert citation_at(path, 3, "0.0") == cited
    for number, place in ((4, "0.0"), (3, "0.1"), (3, "1.0"), (3, "-1.0"), (3, "0.-1"), (3, "0"), (3, "²."), (3, "x")):
        assert citation_at(path, number, place) is None


def indexed(folder: Path) -> Path:
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text)
    with Pipeline(folder / "index", parse_recipe(QUOTING)) as pipeline:
        pipeline.add(*(folder / f"{name}.txt" for name in TEXTS))
    return folder


@pytest.fixture(scope="module")
def quoting(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[App]:
    folder = indexed(tmp_path_factory.mktemp("quoting"))
    server, found = started(folder, browser)
    yield found
    stopped(server)
    assert not found.foreign
    assert not found.troubles
    assert "Traceback" not in (folder / "app.log").read_text()


@pytest.mark.slow
def test_versions_of_a_question_are_kept_and_can_be_gone_back_to(quoting: App):
    page = quoting.open()
    ask(page, WHEN)
    ask(page, "And what does a ticket cost?")
    page.get_by_role("button", name="Edit the question").first.click()
    page.get_by_role("textbox", name="Edit the question").fill(PAID)
    page.get_by_role("button", name="Ask this instead").click()
    page.get_by_text("2 / 2").wait_for()
    page.get_by_text("4711 crowns").first.wait_for()
    expect(page.locator(".answer")).to_have_count(1)  # what followed the other version is on its branch
    page.get_by_role("button", name="Earlier version").press("Enter")
    page.get_by_text("1 / 2").wait_for()
    page.get_by_text("And what does a ticket cost?").wait_for()
    expect(page.locator(".answer")).to_have_count(2)
    expect(page.get_by_role("button", name="Earlier version")).to_be_disabled()
    page.reload()
    page.get_by_text("1 / 2").wait_for()  # and that is where it goes on
    page.context.close()


@pytest.mark.slow
def test_a_conversation_is_downloaded_as_pdf_with_its_sources(quoting: App):
    import pypdfium2

    page = quoting.open()
    ask(page, WHEN)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Export as PDF").click()
    with pypdfium2.PdfDocument(Path(waiting.value.path()).read_bytes()) as document:
        text = " ".join(document[0].get_textpage().get_text_range().split())
    assert f"1. {WHEN} The ferry to Aran leaves at noon. [1]" in text
    assert "Sources [1] ferry file:///" in text
    page.context.close()


@pytest.mark.slow
def test_buttons_of_an_answer_work_by_keyboard(quoting: App):
    page = quoting.open()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ask(page, WHEN)
    page.locator(".answer button.copy").press("Enter")
    page.get_by_role("button", name="Copied").wait_for()
    assert "leaves at noon" in page.evaluate("navigator.clipboard.readText()")
    for name in ("Answer anew", "Edit the question", "Good answer", "Bad answer"):
        button = page.get_by_role("button", name=name)
        button.focus()
        assert button.evaluate("one => one === document.activeElement"), name
    page.get_by_role("button", name="Bad answer").press("Enter")
    page.get_by_label("Why? (kept as a test question)").fill("no")
    page.get_by_label("Why? (kept as a test question)").press("Enter")
    page.get_by_text("Kept as a test question.").wait_for()
    page.context.close()


@pytest.mark.slow
def test_good_questions_to_the_user_s_own_documents_are_offered(quoting: App):
    page = quoting.open()
    page.get_by_text("Questions to begin with").wait_for()
    offered = page.locator("[class*='st-key-suggestion'] button").first
    question = offered.inner_text()
    offered.click()
    page.locator(".answer .verdict").wait_for()
    expect(page.get_by_test_id("stChatMessage").first).to_contain_text(question)
    page.context.close()


@dataclass
class Endpoint:
    """An OpenAI-compatible server that begins an answer at once, and ends it when ``go`` is set."""

    url: str = ""
    go: threading.Event = field(default_factory=threading.Event)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    found = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            if not self.path.endswith("/chat/completions"):
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            try:
                self._say("The ferry to Aran ")
                while not found.go.wait(0.1):
                    self._say(" ")  # a model that goes on writing, so that it is noticed when nobody listens any more
                self._say("leaves at noon.", "stop")
                self.wfile.write(b"data: [DONE]\n\n")
            except OSError:  # nobody listens
                return

        def _say(self, text: str, reason: str | None = None) -> None:
            choice = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": reason}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
            self.wfile.flush()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield found
    found.go.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, browser: Browser, endpoint: Endpoint) -> Iterator[App]:
    folder = indexed(tmp_path_factory.mktemp("slow"))
    quoting = QUOTING.replace('kind = "extractive"', "")
    (folder / "slow.toml").write_text(
        f'{quoting}kind = "openai"\nmodel = "m"\nbase_url = "{endpoint.url}"\napi_key_env = ""\ncontext_size = 8192\n'
    )
    server, found = started(folder, browser, "--recipe", "slow.toml")
    yield found
    stopped(server)
    assert not found.troubles


def begin(page: Page, question: str) -> None:
    box = page.get_by_placeholder("Ask about your documents")
    box.fill(question)
    box.press("Enter")
    page.get_by_text("Draft, not yet checked").wait_for()
    page.get_by_text("The ferry to Aran", exact=True).wait_for()


def turns_kept(app: App) -> int:
    (file,) = app.index.parent.glob("app-*.sqlite") or [None]
    with SessionStore(file) as store:
        return sum(info.turns for info in store.infos())


@pytest.mark.slow
def test_stop_in_the_middle_of_an_answer_keeps_nothing_and_gives_the_question_back(slow: App, endpoint: Endpoint):
    endpoint.go.clear()
    page = slow.open()
    begin(page, WHEN)
    page.get_by_role("button", name="Stop").press("Enter")
    page.get_by_text("nothing of it was kept").wait_for()
    assert page.get_by_placeholder("Ask about your documents").input_value() == WHEN
    expect(page.locator(".answer")).to_have_count(0)
    assert turns_kept(slow) == 0
    endpoint.go.set()
    page.get_by_role("button", name="Ask it again").press("Enter")
    page.locator(".answer .verdict").wait_for()
    expect(page.locator(".answer")).to_contain_text("leaves at noon")
    expect(page.get_by_text("nothing of it was kept")).to_have_count(0)
    page.context.close()


@pytest.mark.slow
def test_a_reload_in_the_middle_of_an_answer_keeps_nothing_and_the_next_one_is_not_held_up(
    slow: App, endpoint: Endpoint
):
    endpoint.go.clear()
    page = slow.open()
    begin(page, WHEN)
    page.reload()
    page.get_by_placeholder("Ask about your documents").wait_for()
    page.wait_for_timeout(1000)
    assert page.locator(".answer").count() == 0
    endpoint.go.set()
    ask(page, "When does the ferry leave?")
    expect(page.locator(".answer")).to_contain_text("leaves at noon")
    page.context.close()


def read(page: Page) -> str:
    """All that is to be read, also within the components."""
    return "\n".join([page.inner_text("body"), *page.locator(".answer, .source").all_inner_texts()])


def sign_in(page: Page) -> None:
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_placeholder("Ask about your documents").wait_for()


@pytest.mark.slow
def test_an_old_answer_is_hidden_once_its_document_is_forbidden(tmp_path: Path, browser: Browser):
    from users import write_user

    folder = indexed(tmp_path)
    write_user(folder / "users.toml", "ann", "correct horse")
    server, app = started(folder, browser, "--users", "users.toml")
    try:
        page = app.open()
        sign_in(page)
        ask(page, WHEN)
        ask(page, PAID)
        page.locator(".answer").get_by_text("4711 crowns").wait_for()
        page.get_by_role("link", name="How it came about").nth(1).wait_for()
        address = page.url
        page.context.close()
    finally:
        stopped(server)
    write_user(folder / "users.toml", "ann", "correct horse", where="title != 'secret'")
    server, app = started(folder, browser, "--users", "users.toml")
    try:
        page = app.open()
        sign_in(page)
        page.goto(app.url + "/" + address.partition("/?")[2].join(["?", ""]))
        page.get_by_text("This answer is not shown").wait_for()
        page.locator(".answer").get_by_text("leaves at noon").wait_for()  # the other one is
        assert "4711" not in read(page)
        expect(page.locator(".answer")).to_have_count(1)
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Export as Markdown").click()
        assert "4711" not in Path(waiting.value.path()).read_text()
        page.goto(app.url + "/inside?turn=2&" + address.partition("/?")[2])
        page.get_by_role("heading", name="Every arm's ranking").wait_for()
        time.sleep(1)
        assert "4711" not in read(page)
        page.goto(app.url + "/" + address.partition("/?")[2].join(["?", ""]))
        ask(page, "What is she paid?")
        assert "4711" not in read(page)
        page.context.close()
    finally:
        stopped(server)
