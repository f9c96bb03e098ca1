"""Fixtures shared by all tests; options that say where the public collections are."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parent.parent
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        help="folder of public test collections in the BEIR layout (cranfield, squad2, hotpotqa-100, xquad-zh)",
    )


def pytest_configure(config: pytest.Config) -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    _keep_to_a_core()
    # A shell starts background jobs with Ctrl-C ignored, and programs they start inherit that: tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _keep_to_a_core() -> None:
    """Each of several workers to a core of its own, with all it starts: threads of models do not wait for others'."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and CORES:
        os.sched_setaffinity(0, {CORES[int(worker.removeprefix("gw")) % len(CORES)]})


@contextmanager
def _on_any_core() -> Iterator[None]:
    """Programs that are started within may use all cores."""
    if not CORES:
        yield
        return
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CORES)
    try:
        yield
    finally:
        os.sched_setaffinity(0, own)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def collections_dir(request: pytest.FixtureRequest) -> Path:
    """The public test collections; skips without them, which under CI is a failure."""
    folder: Path = request.config.getoption("--data")
    if folder.is_dir():
        return folder
    reason = f"no test collections at {folder}; name their folder with --data DIR"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


# of a module, no longer: while Playwright runs, its thread has an event loop, in which asyncio.run cannot be called
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium; skips without it, which under CI is a failure."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        reason = "no chromium on the PATH (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with ExitStack() as stack:
        with _on_any_core():  # a page is drawn while the app indexes
            playwright = stack.enter_context(sync_playwright())
            launched = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield launched
        launched.close()
