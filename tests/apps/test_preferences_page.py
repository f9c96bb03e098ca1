"""The settings as a person uses them, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from api_endpoint import Endpoint, serving
from browsing import BATTERY, App, ask
from playwright.sync_api import expect

from rag.evaluation.tuning.recipe import recipe_toml
from rag.pipeline import Pipeline
from rag.recipe import parse_recipe

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.models, pytest.mark.slow]

KEY = "sk-typed-into-the-page-0815"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with serving() as state:
        yield state


def part(page: Page, name: str) -> None:
    """Open a part of the settings."""
    page.get_by_role("tab", name=name).click()
    page.get_by_role("tab", name=name, selected=True).wait_for()


def use(page: Page) -> None:
    """Take what is chosen into use."""
    page.get_by_role("button", name="Use this…").click()
    page.get_by_text("What changes").wait_for()
    page.get_by_role("button", name="Use it", exact=True).click()
    page.get_by_text("What changes").wait_for(state="detached")


def in_use(page: Page) -> str:
    """The name of the recipe in use, as the page tells it."""
    part(page, "About")
    return page.get_by_text("Recipe in use:").inner_text().removeprefix("Recipe in use: ")


def fill(page: Page, label: str, text: str) -> None:
    """Type into a field, and wait until the server has it."""
    field = page.get_by_role("textbox", name=label)
    field.fill(text)
    field.press("Tab")
    page.wait_for_timeout(1000)


def test_answers_are_quotes_alone_and_then_a_models_again(sampled: App):
    page = sampled.open("/settings")
    assert in_use(page) == "default"
    part(page, "Generator")
    page.get_by_text("sentences of the documents, word for word").click()
    page.get_by_role("button", name="Try it").click()
    page.get_by_text("first words after").wait_for()
    use(page)
    assert Pipeline(sampled.index).recipe.generator.kind == "extractive"
    page.get_by_role("link", name="Ask").click()
    ask(page, BATTERY)
    expect(page.locator(".answer .sentences")).to_contain_text("22 hours")
    page.get_by_role("link", name="Settings").click()
    part(page, "Generator")
    page.get_by_text("A model on this machine").click()
    use(page)
    assert Pipeline(sampled.index).recipe.generator.kind == "llama.cpp"
    page.context.close()


def test_a_recipe_that_is_wrong_says_where_and_changes_nothing(sampled: App):
    before = Pipeline(sampled.index).recipe
    page = sampled.open("/settings")
    part(page, "Recipe")
    for text, said in (
        ("[retrieval]\nk = 0\narmss = 1\n", ("Line 2: retrieval.k", "Line 3: unknown key", "did you mean 'arms'?")),
        ("[retrieval\n", ("Line 1: this is not TOML",)),
    ):
        fill(page, "Recipe (TOML)", text)
        page.get_by_role("button", name="Use this…").click()
        for each in said:
            page.get_by_text(each).first.wait_for()
    fill(page, "Recipe (TOML)", '[generator]\nmodel = "/no/such.gguf"\n')
    page.get_by_role("button", name="Use this…").click()
    page.get_by_text("/no/such.gguf").nth(1).wait_for()
    expect(page.get_by_text("What changes")).to_have_count(0)
    assert Pipeline(sampled.index).recipe == before
    page.context.close()


def test_documents_are_cut_anew_for_a_recipe_that_cuts_otherwise(sampled: App):
    before = Pipeline(sampled.index)
    page = sampled.open("/settings")
    part(page, "Recipe")
    passages = before.info().chunks
    for text in ('[chunker]\nkind = "sentences"\nmax_tokens = 48\n', recipe_toml(before.recipe)):
        fill(page, "Recipe (TOML)", text)
        page.get_by_role("button", name="Use this…").click()
        page.get_by_text("Documents would be cut otherwise").wait_for()
        page.get_by_role("button", name="Use it and index all documents again").click()
        page.get_by_text("Documents would be cut otherwise").wait_for(state="detached")
        page.get_by_text("Indexed by this recipe").wait_for()
        now = Pipeline(sampled.index)
        assert now.recipe == parse_recipe(text)
        assert (now.info().chunks > passages) == (now.recipe != before.recipe)
    assert now.info().documents == before.info().documents
    page.context.close()


def test_a_recipe_is_kept_loaded_and_deleted(sampled: App):
    page = sampled.open("/settings")
    part(page, "Recipe")
    fill(page, "Recipe (TOML)", "# short\n[retrieval]\nk = 3\n")
    fill(page, "Name to keep it under", "three passages")
    page.get_by_role("button", name="Keep this recipe").click()
    page.get_by_text("Kept as three passages.").wait_for()
    kept = sampled.index.with_name("index.recipes") / "three passages.toml"
    assert kept.read_text() == "# short\n[retrieval]\nk = 3\n"
    choose(page, "Start from", "bm25 (ships with Ragstone)")
    page.get_by_role("button", name="Load").click()
    page.wait_for_function("document.querySelector('textarea').value.includes('sparse')")
    choose(page, "Start from", "three passages (kept here)")
    page.get_by_role("button", name="Load").click()
    page.wait_for_function("document.querySelector('textarea').value.startsWith('# short')")
    page.get_by_role("button", name="Delete").click()
    page.get_by_text("Delete the recipe three passages?").wait_for()
    page.get_by_role("button", name="Delete").last.click()
    page.get_by_text("Delete the recipe three passages?").wait_for(state="detached")
    page.wait_for_timeout(1000)
    assert not kept.exists()
    page.context.close()


def choose(page: Page, label: str, option: str) -> None:
    """Choose in a box."""
    page.get_by_label(label).click()
    page.get_by_role("option", name=option).click()
    page.wait_for_timeout(1000)


def test_an_api_answers_and_its_key_is_found_nowhere(sampled: App, endpoint: Endpoint):
    before = Pipeline(sampled.index).recipe
    page = sampled.open("/settings")
    part(page, "Generator")
    page.get_by_text("An OpenAI-compatible API").click()
    fill(page, "Address, up to and with /v1", endpoint.url)
    fill(page, "Model", "m")
    fill(page, "Environment variable that holds the key", "")
    page.locator("input[type=password]").fill(KEY)
    page.get_by_role("button", name="Hold the key").click()
    held = page.get_by_text("A key for").and_(page.get_by_text("is held."))
    held.wait_for()
    assert page.locator("input[type=password]").input_value() == ""
    endpoint.keys.clear()
    page.get_by_role("button", name="Try it").click()
    page.get_by_text("A full battery of the SLM-210 lasts 22 hours.").wait_for()
    use(page)
    page.get_by_role("link", name="Ask").click()
    ask(page, BATTERY)
    expect(page.locator(".answer .sentences")).to_contain_text("lasts 22 hours")
    assert set(endpoint.keys) == {f"Bearer {KEY}"}
    endpoint.refuses = True
    page.get_by_role("link", name="Settings").click()
    part(page, "Generator")
    page.get_by_role("button", name="Try it").click()
    page.get_by_text("Bearer ***").wait_for()
    endpoint.refuses = False
    assert KEY not in page.content()
    page.get_by_role("button", name="Forget the key").click()
    held.wait_for(state="detached")
    assert Pipeline(sampled.index).recipe.generator.base_url == endpoint.url
    for file in (path for path in sampled.index.parent.rglob("*") if path.is_file()):
        assert KEY.encode() not in file.read_bytes(), file
    part(page, "Recipe")
    fill(page, "Recipe (TOML)", recipe_toml(before))
    use(page)
    assert Pipeline(sampled.index).recipe == before
    page.context.close()


def test_models_are_listed_and_checked(sampled: App):
    page = sampled.open("/settings")
    page.get_by_text("SmolLM2-135M-Instruct-Q4_1", exact=True).wait_for()
    expect(page.get_by_text("used by the recipe in use")).to_have_count(2)
    page.get_by_role("button", name="Check every byte").last.click()
    page.get_by_text("Every byte is right").wait_for()
    page.context.close()


def test_the_language_is_remembered_by_the_browser(sampled: App):
    page = sampled.open("/settings")
    choose_language = page.get_by_test_id("stMain").get_by_label("Language")
    choose_language.click()
    page.get_by_role("option", name="中文").click()
    page.get_by_role("heading", name="设置").wait_for()
    page.wait_for_function("document.cookie.includes('ragstone_language=zh')")
    page.reload()
    page.get_by_role("heading", name="设置").wait_for()
    page.context.close()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_the_settings_fit_on_a_phone(sampled: App, locale: str):
    page = sampled.open("/settings", width=390, locale=locale)
    tabs = page.get_by_role("tab")
    tabs.first.wait_for()
    for place in range(tabs.count()):
        tabs.nth(place).click()
        page.wait_for_timeout(1500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
