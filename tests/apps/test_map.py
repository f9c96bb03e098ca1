"""The map as a person uses it: points that tell their text, topics, and where a question falls."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import BATTERY, RAG, App, Scheme, ask, started, stopped

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.models, pytest.mark.slow]
FIND = "Find on the map"


def go_to_map(page: Page) -> Locator:
    page.locator("[data-testid=stSidebarNav] a[href$='/map']").click()
    return whole_map(page)


def whole_map(page: Page) -> Locator:
    """The map, once its points and their texts are there."""
    page.locator(".map[data-read][data-points]").wait_for()
    page.wait_for_load_state("networkidle")
    return page.locator(".map")


def hit_spots(page: Page) -> list[tuple[float, float]]:
    """Where the rings are on the page."""
    page.locator(".map[data-rings*=',']").wait_for()
    page.locator(".map canvas").scroll_into_view_if_needed()
    box = page.locator(".map canvas").bounding_box()
    assert box is not None
    spots = (page.locator(".map").get_attribute("data-rings") or "").split()
    return [(box["x"] + float(x), box["y"] + float(y)) for x, y in (each.split(",") for each in spots)]


def look_for(page: Page, words: str) -> list[tuple[float, float]]:
    page.get_by_label(FIND).fill(words)
    page.get_by_label(FIND).press("Enter")
    page.get_by_text(f"Question: {words}").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    return hit_spots(page)


def test_a_point_tells_its_first_words_and_opens_to_be_read(sampled: App):
    page = sampled.open()
    shown = go_to_map(page)
    assert int(shown.get_attribute("data-points") or 0) == int(shown.get_attribute("data-read") or 0) > 50
    (x, y), *_ = look_for(page, "How long is the warranty of the VM-40?")
    page.mouse.move(x, y)
    tip = page.locator(".map .tip .words")
    tip.wait_for()
    first_words = tip.inner_text()[:40]
    page.mouse.click(x, y)
    page.get_by_role("button", name="Close").wait_for()
    read = " ".join(page.locator("[data-testid=stText]").all_inner_texts())
    assert first_words in " ".join(read.split())
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Close").wait_for(state="detached")
    page.context.close()


def test_the_last_question_and_what_it_found_are_drawn(sampled: App):
    page = sampled.open()
    ask(page, BATTERY)
    shown = go_to_map(page)
    assert len(hit_spots(page)) >= 3
    assert shown.get_attribute("data-cross")
    page.get_by_text(f"Question: {BATTERY}").wait_for()
    other = sampled.open()
    untouched = go_to_map(other)
    assert not untouched.get_attribute("data-rings")
    assert not untouched.get_attribute("data-cross")
    other.context.close()
    page.context.close()


def test_the_canvas_holds_colours_of_topics_and_one_can_be_shown_alone(sampled: App):
    page = sampled.open()
    go_to_map(page)

    def painted() -> int:
        return int(
            page.locator(".map canvas").evaluate(
                "all => new Uint32Array(all.getContext('2d').getImageData(0, 0, all.width, all.height).data.buffer)"
                ".filter((pixel) => pixel >>> 24 > 100).length"
            )
        )

    before = painted()
    assert before > 500
    topic = page.locator(".map .legend button").first
    topic.click()
    page.wait_for_timeout(500)
    assert topic.get_attribute("aria-pressed") == "true"
    assert 0 < painted() < before
    page.locator(".map select").select_option("document")
    assert page.locator(".map .legend button").count() > 15  # the samples are that many documents
    page.wait_for_timeout(500)
    assert painted() > 500
    page.context.close()


def test_the_map_is_moved_and_read_with_keys_alone(sampled: App):
    page = sampled.open()
    shown = go_to_map(page)
    look_for(page, "warranty")
    before = shown.get_attribute("data-rings")
    page.locator(".map canvas").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(500)
    assert shown.get_attribute("data-rings") != before
    page.keyboard.press("0")
    page.wait_for_timeout(500)
    assert shown.get_attribute("data-rings") == before
    for _ in range(40):  # until a passage is under the middle
        if int(shown.get_attribute("data-hovered") or -1) >= 0:
            break
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Close").wait_for()
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_map_breaks_no_rule_of_accessibility(sampled: App, scheme: Scheme):
    page = sampled.open(scheme=scheme)
    go_to_map(page)
    look_for(page, "warranty")
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
    found = Axe().run(page, options=rules).response["violations"]
    assert [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]] == []
    page.context.close()


def test_on_a_phone_and_in_chinese_nothing_is_cut_off(sampled: App):
    page = sampled.open("/", width=390, locale="zh-CN")
    page.get_by_placeholder("就您的文档提问").wait_for()
    page.evaluate("() => document.querySelector('[data-testid=stExpandSidebarButton]')?.click()")
    page.get_by_role("link", name="文档地图").click()
    shown = whole_map(page)
    assert "个主题的地图" in (page.locator(".map canvas").get_attribute("aria-label") or "")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert shown.bounding_box()["width"] <= 390
    page.context.close()


def test_what_documents_say_is_never_markup_and_a_user_sees_only_their_points(tmp_path: Path, browser: Browser):
    rows = [
        {
            "_id": f"{tenant}{n}",
            "title": f"{tenant} {n} <b>bold</b>",
            "text": f"The {word} of ship {n} <img src='http://evil.example/4.png'> weighs {n * 7} tons",
            "metadata": {"tenant": tenant},
        }
        for tenant, word in (("acme", "anchor"), ("zenith", "rudder"))
        for n in range(20)
    ]
    (tmp_path / "ships.jsonl").write_text("\n".join(map(json.dumps, rows)))
    subprocess.run(
        [RAG, "index", tmp_path / "ships.jsonl", "--index", tmp_path / "index"],
        check=True,
        capture_output=True,
    )
    for name, where in (("ann", "tenant = 'acme'"), ("zoe", "tenant = 'zenith'")):
        subprocess.run(
            [RAG, "app-user", name, "--where", where, "--read-only"],
            input=b"correct horse\n",
            cwd=tmp_path,
            check=True,
            capture_output=True,
        )
    server, app = started(tmp_path, browser, "--users", "users.toml")
    try:
        for name, own, other in (("ann", "anchor", "rudder"), ("zoe", "rudder", "anchor")):
            page = app.open()
            page.get_by_label("Name").fill(name)
            page.get_by_label("Password").fill("correct horse")
            page.get_by_role("button", name="Sign in").click()
            page.get_by_placeholder("Ask about your documents").wait_for()
            shown = go_to_map(page)
            assert shown.get_attribute("data-points") == "20"
            look_for(page, f"the {other}")
            texts = shown.evaluate("root => JSON.stringify(root.view.picture.texts)")
            assert own in texts
            assert other not in texts
            assert "<b>bold</b>" in texts
            assert other not in page.locator("[data-testid=stMain]").inner_text().replace(f"the {other}", "")
            page.locator(".map select").select_option("document")
            assert page.locator(".map b, .map img").count() == 0
            page.context.close()
    finally:
        stopped(server)
    assert not app.foreign
    files = list((tmp_path / "index.maps").iterdir())
    assert len(files) == 2
    assert len([one for one in files if b"anchor" in one.read_bytes()]) <= 1
