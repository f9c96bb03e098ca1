"""Screenshots of every page, taken of the real app over the samples: `make shots` keeps them in docs/screenshots."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from browsing import BATTERY, App, ask, chromium, started, stopped
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOTS = Path(__file__).resolve().parents[2] / "docs" / "screenshots"


def shoot(page: Page, name: str) -> None:
    """Keep what is to be seen, in 256 colours."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # charts and tables draw themselves
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(SHOTS / f"{name}.png", optimize=True)
    print(f"docs/screenshots/{name}.png", flush=True)


def go(page: Page, name: str) -> None:
    """To another page."""
    page.locator(f"[data-testid=stSidebarNav] a[href$='/{name}']").click()
    page.locator("h1").first.wait_for()


def take(app: App) -> None:
    """All of them, as a newcomer comes upon them."""
    page = app.open()
    page.get_by_role("button", name="Try it with sample documents").wait_for()
    shoot(page, "welcome")
    page.get_by_role("button", name="Try it with sample documents").click()
    page.get_by_role("button", name=BATTERY).wait_for()
    ask(page, BATTERY)
    page.locator(".answer button.cite").first.click()
    page.locator(".source .quote").first.wait_for()
    shoot(page, "ask")
    go(page, "inside")
    shoot(page, "inside")
    go(page, "documents")
    page.get_by_text("107 passages").first.wait_for()
    shoot(page, "documents")
    go(page, "map")
    page.locator(".map canvas").wait_for()
    shoot(page, "map")
    go(page, "evaluate")
    page.get_by_label("How many questions").fill("8")
    page.get_by_role("button", name="Make the test set").click()
    page.get_by_text("questions made in").wait_for()
    page.get_by_label("Recipes to measure").click()
    page.get_by_role("option", name="bm25", exact=True).click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Measure", exact=True).click()
    page.get_by_text("questions were asked.").wait_for()
    page.locator("[data-testid=stVegaLiteChart]").first.scroll_into_view_if_needed()
    shoot(page, "evaluate")
    go(page, "settings")
    shoot(page, "settings")
    page.context.close()
    page = app.open()
    ask(page, "How much does the SLM-220 cost?")
    page.get_by_test_id("stExpander").get_by_text("The nearest passages").click()
    shoot(page, "refusal")
    page.context.close()
    page = app.open(locale="zh-CN", scheme="dark")
    box = page.get_by_placeholder("就您的文档提问")
    box.fill("电池的保修期是多久？")
    box.press("Enter")
    page.locator(".answer .verdict").wait_for()
    shoot(page, "chinese")
    page.context.close()
    page = app.open(width=390)
    ask(page, BATTERY)
    shoot(page, "phone")
    page.context.close()


def main() -> None:
    """Start the app, take them, and stop it."""
    SHOTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        server, app = started(Path(name), browser)
        try:
            take(app)
        finally:
            stopped(server)


if __name__ == "__main__":
    main()
