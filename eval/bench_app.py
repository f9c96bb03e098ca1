"""How the app feels: the first token against `rag ask`, and the pages while files are indexed; run by itself.

Everything is timed where it is seen, in a real browser. Prints its rows; `--out FILE` keeps them.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "apps"))

from beir import read_collection
from browsing import App, chromium, started, stopped
from machine import describe

from rag.pipeline import Pipeline

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).resolve().parent
RAG = Path(sys.executable).with_name("rag")
FIRST_TOKEN = 1.3  # of what it takes without the app
RATE = 100  # passages a second
ANSWERED = 1.0  # seconds from a click to the page

# Text of the draft is the only st.text of the newest message while it is written.
WATCH = """() => {
  window.first = null
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return
    const before = document.querySelectorAll("[data-testid=stChatMessage]").length
    const began = performance.now()
    window.first = null
    const look = () => {
      const all = document.querySelectorAll("[data-testid=stChatMessage]")
      const newest = all[all.length - 1]
      const draft = newest && newest.querySelector("[data-testid=stText]")
      if (all.length >= before + 2 && draft && draft.innerText.trim()) window.first = performance.now() - began
      else if (performance.now() - began < 60000) requestAnimationFrame(look)
    }
    look()
  }, true)
}"""


@contextmanager
def app_over(browser: Browser, folder: Path, *options: str) -> Iterator[App]:
    """The app over ``folder/index``, until the block ends."""
    server, app = started(folder, browser, *options)
    try:
        yield app
    finally:
        stopped(server)


def first_tokens(data: Path, browser: Browser, count: int) -> list[dict[str, object]]:
    """The same questions asked of one index in turn: by the library here, by the command, and in the app."""
    collection = read_collection(data / "squad2")
    questions = list(collection.queries.values())[:: len(collection.queries) // (count + 1)][: count + 1]
    ways = ("library, warm", "rag ask, a new process", "app, warm")
    with tempfile.TemporaryDirectory() as name, Pipeline(Path(name) / "index", "default") as pipeline:
        folder = Path(name)
        pipeline.add(collection.corpus)
        with app_over(browser, folder) as app:
            page = app.open()
            page.get_by_placeholder("Ask about your documents").wait_for()
            page.evaluate(WATCH)
            times: list[tuple[float, float, float]] = []
            for question in questions:
                library = _library(pipeline, question)
                times.append((library, _command(folder / "index", question), _in_browser(page, question)))
    warm = times[1:]  # the first question loads the models
    ratios = [seen / library for library, _, seen in warm]
    seconds = {
        name: round(statistics.median(column), 3) for name, column in zip(ways, zip(*warm, strict=True), strict=True)
    }
    against_command = [seen / command for _, command, seen in warm]
    return [
        {
            "measure": "first token in the app ÷ in ask_stream, both warm (median of questions)",
            "value": round(statistics.median(ratios), 3),
            "at_most": FIRST_TOKEN,
            "questions": len(warm),
            "quartiles": [round(each, 3) for each in statistics.quantiles(ratios, n=4)],
            "seconds": seconds,
            "data_sha256": collection.sha256,
        },
        {
            "measure": "first token in the warm app ÷ first words of `rag ask`, which loads its models (median)",
            "value": round(statistics.median(against_command), 3),
            "at_most": FIRST_TOKEN,
            "questions": len(warm),
        },
    ]


def _library(pipeline: Pipeline, question: str) -> float:
    began = time.perf_counter()
    taken = 0.0
    for event in pipeline.ask_stream(question):
        if not taken and (not isinstance(event, str) or event.strip()):
            taken = time.perf_counter() - began
    return taken


def _command(index: Path, question: str) -> float:
    """Seconds until `rag ask` writes its first words."""
    began = time.perf_counter()
    with subprocess.Popen([RAG, "ask", question, "--index", index], stdout=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        while (byte := asking.stdout.read(1)) and not byte.strip():
            continue
        taken = time.perf_counter() - began
        asking.stdout.read()
    return taken


def _in_browser(page: Page, question: str) -> float:
    """Seconds from Enter to the first words on the page, in a conversation of its own: `rag ask` has none, either."""
    page.get_by_role("button", name="New conversation").click()
    page.locator("[data-testid=stChatMessage]").first.wait_for(state="detached")
    box = page.get_by_placeholder("Ask about your documents")
    box.fill(question)
    box.press("Enter")
    page.locator(".answer .verdict").wait_for()
    page.get_by_role("button", name="Stop").wait_for(state="detached")
    milliseconds = page.evaluate("window.first")
    if milliseconds is None:
        raise RuntimeError(f"no draft was seen for {question!r}")
    return float(milliseconds) / 1000


def while_indexing(browser: Browser, files: int) -> list[dict[str, object]]:
    """How long pages take to come while a folder is indexed, by the recipe that is fast enough: bm25."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        docs = folder / "docs"
        docs.mkdir()
        for number in range(files):
            sections = (
                f"## Order {number}.{part}\n\nCrate {number * 31 + part} of line {part} holds {number + part} valves, "
                f"checked by station {number % 17} and packed for harbour {part % 5}.\n"
                for part in range(160)
            )
            (docs / f"{number:05d}.md").write_text(f"# Ledger {number}\n\n" + "\n".join(sections))
        few = folder / "few"
        few.mkdir()
        (few / "first.md").write_text("# Valves\n\nValves are checked twice.\n")
        subprocess.run(
            [RAG, "index", few, "--index", folder / "index", "--recipe", "bm25"], check=True, capture_output=True
        )
        with app_over(browser, folder) as app:
            page = app.open("/documents")
            page.get_by_text("Watched folders of the server").click()
            page.get_by_role("textbox", name="Path of a folder").fill(str(docs))
            page.get_by_role("button", name="Watch and index").click()
            page.get_by_text("passages (").first.wait_for()
            other = app.open("/documents")
            times, rates = [], []
            while page.get_by_text("passages (").count():
                for link, mark in (
                    ("Look inside", "Ask something first"),
                    ("Documents", "Watched folders of the server"),
                ):
                    began = time.perf_counter()
                    other.get_by_role("link", name=link, exact=True).click()
                    other.get_by_text(mark).first.wait_for()
                    times.append(time.perf_counter() - began)
                rates += _rates(page)
    return [
        {
            "measure": "seconds from a click to another page while files are indexed (95th percentile)",
            "value": round(statistics.quantiles(times, n=20)[-1], 3),
            "at_most": ANSWERED,
            "clicks": len(times),
            "median": round(statistics.median(times), 3),
        },
        {"measure": "passages a second meanwhile", "value": round(statistics.median(rates)), "at_least": RATE},
    ]


def _rates(page: Page) -> list[float]:
    import re

    said = page.inner_text("body")
    return [float(rate) for rate in re.findall(r"passages \((\d+)/s\)", said)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder with the squad2 collection"
    )
    parser.add_argument("--questions", type=int, default=12, help="how many are timed")
    parser.add_argument("--files", type=int, default=120, help="files of 160 sections that are indexed")
    parser.add_argument("--out", type=Path, help="write the result as JSON")
    arguments = parser.parse_args()
    rows, met = [], True
    with chromium() as browser:
        for part in (
            lambda: first_tokens(arguments.data, browser, arguments.questions),
            lambda: while_indexing(browser, arguments.files),
        ):
            for row in part():
                value = float(str(row["value"]))
                right = (
                    value >= float(str(row["at_least"])) if "at_least" in row else value <= float(str(row["at_most"]))
                )
                print(f"{'ok  ' if right else 'MISS'} {json.dumps(row)}", flush=True)
                rows.append(row)
                met = met and right
    if arguments.out:
        result = {
            "measured": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "machine": describe(),
            "rows": rows,
        }
        arguments.out.write_text(json.dumps(result, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
