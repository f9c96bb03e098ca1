"""The app's modules, as its own program finds them: in its folder; and a running app, for the tests that look at it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path[:0] = [str(Path(__file__).parents[2] / "apps" / "document_qa"), str(Path(__file__).parent)]

from browsing import App, started, stopped  # noqa: E402  found by the line above

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("app")
    server, found = started(folder, browser)
    yield found
    stopped(server)
    assert not found.foreign
    assert not found.troubles
    assert "Traceback" not in (folder / "app.log").read_text()


@pytest.fixture(scope="module")
def sampled(app: App) -> App:
    """The app, with the samples taken in by a click."""
    page = app.open()
    page.get_by_role("button", name="Try it with sample documents").click()
    page.get_by_placeholder("Ask about your documents").wait_for()
    page.context.close()
    return app
