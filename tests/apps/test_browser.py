"""The app as a person uses it: the real server with the default models, in a real browser."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing import BATTERY, RAG, SAMPLES, App, ask, started, stopped
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.models, pytest.mark.slow]


@pytest.fixture(scope="module")
def sampled(app: App) -> App:
    """The app, with the samples taken in by a click, as on its first run."""
    page = app.open()
    page.get_by_role("button", name="Try it with sample documents").click()
    page.get_by_placeholder("Ask about your documents").wait_for()
    page.context.close()
    return app


def test_a_first_question_and_the_words_it_stands_on(sampled: App):
    page = sampled.open()
    page.get_by_role("button", name=BATTERY).click()
    page.locator(".answer .verdict").wait_for()
    expect(page.locator(".answer .verdict")).to_have_text("Supported")
    expect(page.locator(".answer .sentences")).to_contain_text("22 hours")
    page.locator(".answer button.cite").first.click()
    page.locator(".source .page .quote").first.wait_for()
    expect(page.locator("body")).to_contain_text("page 1")
    marked = words_in_boxes(SAMPLES / "slm-210-manual.pdf", page)
    assert "A full battery lasts 22 hours, or 17" in marked
    assert "hours when Bluetooth is switched on" in marked
    assert "Charging takes" not in marked
    page.get_by_role("button", name="Close").click()
    page.locator(".source").wait_for(state="detached")
    page.context.close()


def words_in_boxes(pdf: Path, page: Page) -> str:
    """What PDFium reads in the boxes that are shown on the picture of the first page."""
    import pypdfium2

    boxes = page.locator(".source .page .quote").evaluate_all(
        "all => all.map(one => ['left', 'top', 'width', 'height'].map(key => parseFloat(one.style[key]) / 100))"
    )
    with pypdfium2.PdfDocument(pdf.read_bytes()) as document:
        leaf = document[0]
        wide, high = leaf.get_size()
        text = leaf.get_textpage()
        return " ".join(
            text.get_text_bounded(left * wide, (1 - top - height) * high, (left + width) * wide, (1 - top) * high)
            for left, top, width, height in boxes
        )


def test_a_refusal_shows_the_nearest_passages_and_a_follow_up_is_understood(sampled: App):
    page = sampled.open()
    ask(page, "How much does the SLM-220 cost?")
    expect(page.locator(".answer .verdict")).to_have_text("Not in the documents")
    page.get_by_test_id("stExpander").get_by_text("The nearest passages").wait_for()
    ask(page, "How long is the warranty of the VM-40?")
    ask(page, "And of the batteries?")
    expect(page.locator(".answer .verdict")).to_have_count(3)
    page.get_by_role("link", name="Look inside").click()
    page.get_by_text("Every arm's ranking").wait_for()
    expect(page.locator("body")).to_contain_text("And of the batteries?")
    page.context.close()


def test_a_session_comes_back_after_a_reload_and_another_browser_sees_nothing_of_it(sampled: App):
    page = sampled.open()
    ask(page, "Is the SLM-210 rain proof?")
    address = page.url
    page.reload()
    page.locator(".answer .verdict").wait_for()
    expect(page.locator("body")).to_contain_text("Is the SLM-210 rain proof?")
    other = sampled.open("/" + address.removeprefix(sampled.url).lstrip("/"))
    other.get_by_placeholder("Ask about your documents").wait_for()
    assert "rain proof" not in other.inner_text("body")
    page.context.close()
    other.context.close()


def test_a_thumb_is_kept_as_a_test_question(sampled: App):
    page = sampled.open()
    ask(page, BATTERY)
    page.get_by_role("button", name="Good answer").click()
    page.get_by_label("Why? (kept as a test question)").fill("right and short")
    page.locator("[data-testid=stFormSubmitButton] button", has_text="Good answer").click()
    page.get_by_text("Kept as a test question.").wait_for()
    from rag.evaluation.datasets import read_testset

    (question,) = read_testset(sampled.index.with_name("index.questions.jsonl")).questions
    assert question.text == BATTERY
    assert question.spans
    assert question.made["reason"] == "right and short"
    page.context.close()


def test_the_interface_speaks_chinese(sampled: App):
    page = sampled.open(locale="zh-CN")
    page.get_by_placeholder("就您的文档提问").wait_for()
    box = page.get_by_placeholder("就您的文档提问")
    box.fill("充电电池的保修期为多久？")
    box.press("Enter")
    page.locator(".answer .verdict").wait_for()
    expect(page.locator(".answer .verdict")).to_have_text(re.compile(r"[\u4e00-\u9fff]"))
    page.context.close()


PAYLOADS = [
    "![a](http://evil.example/1.png)",
    "[a](http://evil.example/2)",
    "[r]: http://evil.example/3\n![x][r]",
    '<img src="http://evil.example/4.png">',
    "<img src=x onerror=\"fetch('http://evil.example/5')\">",
    "<svg onload=\"fetch('http://evil.example/6')\"></svg>",
    '<svg><image href="http://evil.example/7.png"/></svg>',
    "<style>@import 'http://evil.example/8.css';</style>",
    '<div style="background:url(http://evil.example/9.png)">x</div>',
    '<link rel="stylesheet" href="http://evil.example/10.css">',
    '<iframe src="http://evil.example/11"></iframe>',
    "<script>fetch('http://evil.example/12')</script>",
    '<script src="http://evil.example/13.js"></script>',
    "<http://evil.example/14>",
    "http://evil.example/15.png",
    "[x](javascript:fetch('http://evil.example/16'))",
    "<a href=\"javascript:fetch('http://evil.example/17')\">x</a>",
    "$\\href{http://evil.example/18}{x}$",
    "$$\\includegraphics{http://evil.example/19.png}$$",
    '<video poster="http://evil.example/20.png" autoplay></video>',
    '<audio src="http://evil.example/21.mp3" autoplay></audio>',
    '<object data="http://evil.example/22"></object>',
    '<meta http-equiv="refresh" content="0;url=http://evil.example/23">',
    '<link rel="prefetch" href="http://evil.example/24">',
    ':material/home: :red[x] <base href="http://evil.example/25/">',
]


def test_no_document_makes_the_browser_ask_anybody_else(sampled: App, tmp_path: Path):
    assert len(PAYLOADS) == 25
    text = "\n\n".join(f"The kraken report number {n} says: {payload}" for n, payload in enumerate(PAYLOADS, 1))
    (tmp_path / "![i](http:evil.example) kraken.txt").write_text(text)
    rows = [{"_id": str(n), "title": one, "text": f"Kraken sighting {n}: {one}"} for n, one in enumerate(PAYLOADS)]
    (tmp_path / "kraken.jsonl").write_text("\n".join(map(json.dumps, rows)))
    page = sampled.open("/documents")
    page.locator("input[type=file]").set_input_files(sorted(tmp_path.iterdir()))
    page.get_by_text("kraken.jsonl").first.wait_for()
    page.get_by_role("button", name="Index", exact=True).click()
    page.get_by_text("added").first.wait_for()
    page.get_by_role("link", name="Ask").click()
    for question in ("What does the kraken report number 5 say?", PAYLOADS[0], f"Kraken sighting 3 {PAYLOADS[3]}"):
        ask(page, question)
    cites = page.locator(".answer button.cite")
    if cites.count():
        cites.first.click()
        page.locator(".source .quote").first.wait_for()
    for expander in page.get_by_text("The nearest passages").all():
        expander.click()
    page.get_by_role("link", name="Look inside").click()
    page.get_by_text("Every arm's ranking").wait_for()
    page.wait_for_load_state("networkidle")
    assert not sampled.foreign
    assert page.url.startswith(sampled.url)
    page.context.close()


def test_where_there_are_users_the_door_is_shut(tmp_path: Path, browser: Browser):
    for name in ("ann", "bob"):
        subprocess.run([RAG, "app-user", name], input=b"correct horse\n", cwd=tmp_path, check=True, capture_output=True)
    server, app = started(tmp_path, browser, "--users", "users.toml")
    try:
        page = app.open()
        assert page.url.endswith("/sign-in")
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Wrong name or password").wait_for()
        page.get_by_label("Name").fill("ann")
        page.get_by_label("Password").fill("correct horse")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_text("Ask your own documents").wait_for()
        page.get_by_text("Sign out ann").wait_for()
    finally:
        stopped(server)
    assert not app.foreign


def test_it_does_not_start_where_anybody_could_reach_it(tmp_path: Path):
    done = subprocess.run(
        [RAG, "app", "--no-browser", "--host", "0.0.0.0"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "nobody would have to sign in" in done.stderr
    assert "Traceback" not in done.stderr


def test_whoever_stops_the_command_stops_its_server(tmp_path: Path, browser: Browser):
    server, app = started(tmp_path, browser)
    server.terminate()
    server.wait(30)
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(app.url, timeout=5)
