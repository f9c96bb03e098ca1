"""The app's modules, as its own program finds them: in its folder; and a running app, for the tests that look at it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path[:0] = [str(Path(__file__).parents[2] / "apps" / "document_qa"), str(Path(__file__).parent)]

from browsing import SAMPLES, App, started, stopped  # noqa: E402  found by the line above

from rag.pipeline import Pipeline  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        seen = "browser" in getattr(item, "fixturenames", ())
        if seen and item.path.is_relative_to(here) and item.path.name != "test_browser.py":
            item.add_marker("browser")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[App]:
    """The app with nothing in it."""
    yield from _running(tmp_path_factory.mktemp("app"), browser)


@pytest.fixture(scope="session")
def samples_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of the samples, to be copied."""
    folder = tmp_path_factory.mktemp("samples") / "index"
    with Pipeline(folder) as pipeline:
        pipeline.add(SAMPLES)
    return folder


@pytest.fixture(scope="module")
def sampled(samples_index: Path, tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[App]:
    """The app with the samples in it."""
    folder = tmp_path_factory.mktemp("app")
    shutil.copytree(samples_index, folder / "index")
    yield from _running(folder, browser)


def _running(folder: Path, browser: Browser) -> Iterator[App]:
    server, found = started(folder, browser)
    yield found
    stopped(server)
    assert not found.foreign
    assert not found.troubles
    assert "Traceback" not in (folder / "app.log").read_text()
