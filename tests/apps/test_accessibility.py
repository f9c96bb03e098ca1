"""Every page for those who use no mouse, see little contrast, or hold a phone: axe-core's rules, and the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import BATTERY, App, ask

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.models, pytest.mark.slow]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}
PAGES = ("ask", "documents", "inside", "map", "evaluate", "settings")


def violations(page: Page) -> list[str]:
    """What axe finds: the rule and the elements. Of a page that is still being drawn, the old parts are faint."""
    page.wait_for_function("!document.querySelector('[data-stale=true], [data-testid=stStatusWidget]')")
    page.wait_for_timeout(1000)
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else ''}"
        for each in found
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility(sampled: App, scheme: str):
    page = sampled.open(scheme=scheme)
    ask(page, BATTERY)
    page.locator(".answer button.cite").first.click()
    page.locator(".source .quote").first.wait_for()
    wrong = {"ask": violations(page)}
    for name in PAGES[1:]:
        page.locator(f"[data-testid=stSidebarNav] a[href$='/{name}']").click()
        page.locator("h1").first.wait_for()
        page.wait_for_load_state("networkidle")
        wrong[name] = violations(page)
    assert {name: each for name, each in wrong.items() if each} == {}
    page.context.close()


FOCUSED = """() => {
  let element = document.activeElement
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement
  const said = ["BODY", "MAIN"].includes(element.tagName) ? "" : element.innerText
  return `${element.tagName} ${element.className} ${element.placeholder ?? ""} ${said}`
}"""


def tab_to(page: Page, text: str) -> None:
    """Press Tab until what has the focus says so."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if text in page.evaluate(FOCUSED):
            return
    pytest.fail(f"Tab does not come to {text!r}")


def test_a_keyboard_is_enough_to_ask_and_to_read_the_source(sampled: App):
    page = sampled.open()
    page.get_by_placeholder("Ask about your documents").wait_for()
    tab_to(page, "Ask about your documents")
    page.keyboard.type(BATTERY)
    page.keyboard.press("Enter")
    page.locator(".answer .verdict").wait_for()
    page.get_by_role("button", name="Stop").wait_for(state="detached")
    page.evaluate("document.activeElement.blur()")
    tab_to(page, "BUTTON cite")
    page.keyboard.press("Enter")
    page.locator(".source .quote").first.wait_for()
    tab_to(page, "Close")
    page.keyboard.press("Space")
    page.locator(".source").wait_for(state="detached")
    page.context.close()


def test_on_a_phone_nothing_is_cut_off(sampled: App):
    for locale in ("en-GB", "zh-CN"):
        page = sampled.open(width=390, locale=locale)
        for name in ("", *PAGES[1:]):
            page.goto(f"{sampled.url}/{name}")
            page.locator("h1, [data-testid=stChatInput]").first.wait_for()
            page.wait_for_load_state("networkidle")
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 390, (name, locale)
        page.context.close()
