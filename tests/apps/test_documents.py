"""The documents page as a person uses it: the real server with the default models, in a real browser."""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browsing import SAMPLES, App, ask
from playwright.sync_api import expect

from rag.loaders import page_pixels
from rag.pipeline import Pipeline

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.models, pytest.mark.slow]

ROW = 35  # pixels of a row of a table


def send(page: Page, *files: Path, whole: bool = False) -> None:
    """Send files, or one whole folder, and have them indexed."""
    if whole:
        page.get_by_text("A whole folder").click()
    field = page.locator(f"input[type=file]{'[webkitdirectory]' if whole else ':not([webkitdirectory])'}")
    field.set_input_files(list(files) if not whole else files[0])
    page.get_by_test_id("stFileChip").first.wait_for()
    page.get_by_role("button", name="Index", exact=True).click()  # which waits until all have been sent


def documents(app: App, **options: str) -> Page:
    page = app.open("/documents", **options)
    page.get_by_role("textbox", name=re.compile("Find by title or path|按标题或路径查找")).wait_for()
    return page


def cells(page: Page, table: int) -> list[str]:
    """What a table says to those who do not see it."""
    found = page.get_by_test_id("stDataFrame").nth(table).locator("td[role=gridcell]")
    found.first.wait_for(state="attached")
    return [text for text in found.all_text_contents() if text]


def dismiss(page: Page) -> None:
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_role("button", name="Dismiss").wait_for(state="detached")


def choose(page: Page, words: str, among: int = 1) -> Locator:
    """Search for a document, and tick the first that is found."""
    box = page.get_by_role("textbox", name="Find by title or path")
    box.fill(words)
    box.press("Enter")
    page.get_by_text(re.compile(rf"^{among} documents, ")).wait_for()
    table = page.get_by_test_id("stDataFrame").last
    page.wait_for_timeout(1000)  # it is drawn anew
    table.scroll_into_view_if_needed()
    table.click(position={"x": 17, "y": ROW + ROW // 2})
    page.get_by_role("button", name="Delete (1)").wait_for()
    return table


def formats(folder: Path) -> dict[str, str]:
    """A file of each format, and what is said in it alone."""
    from docx import Document
    from reportlab.pdfgen.canvas import Canvas

    said = {
        "harbour.txt": "The harbour of Zarkov was opened in 1911.",
        "pilots.md": "The chief pilot of Zarkov is Olga Reznik.",
        "light.html": "The lighthouse of Zarkov is 41 metres high.",
        "tariff.csv": "ship fee 4711 crowns",
        "crew.jsonl": "The cook of the Zephyr is Tomas Brandl.",
        "minutes.docx": "The meeting of the dockers was held in the old customs house.",
        "plan.pdf": "The dry dock of Zarkov takes ships of 90 metres.",
        "fees.py": "weighbridge",
    }
    for name in ("harbour.txt", "pilots.md"):
        (folder / name).write_text(said[name])
    (folder / "light.html").write_text(f"<p>{said['light.html']}</p>")
    (folder / "tariff.csv").write_text("ship,fee\nZephyr,4711 crowns\n")
    (folder / "crew.jsonl").write_text(json.dumps({"_id": "1", "title": "Crew", "text": said["crew.jsonl"]}))
    (folder / "fees.py").write_text("def fee(tonnes):\n    # at the weighbridge, in crowns\n    return 3 * tonnes\n")
    document = Document()
    document.add_paragraph(said["minutes.docx"])
    document.save(str(folder / "minutes.docx"))
    canvas = Canvas(str(folder / "plan.pdf"))
    canvas.drawString(72, 700, said["plan.pdf"])
    canvas.save()
    return said


def test_every_format_is_taken_in_and_found_and_a_broken_file_says_why(sampled: App, tmp_path: Path) -> None:
    said = formats(tmp_path)
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7\nnothing more")
    page = documents(sampled)
    send(page, *sorted(tmp_path.iterdir()))
    page.get_by_text("8 added").wait_for()
    page.get_by_text("Left out, in whole or in part: 1").wait_for()
    shown = cells(page, 0)
    assert shown[:2] == ["broken.pdf", "left out"]
    assert "truncated" in shown[2]
    kept = {path.name for path in sampled.index.with_name("index.files").rglob("*") if path.is_file()}
    assert kept == set(said)
    with Pipeline(sampled.index) as pipeline:
        for name, words in said.items():
            assert pipeline.search(words)[0].chunk.uri.partition("#")[0].endswith(f"/{name}"), name
    dismiss(page)
    page.get_by_role("link", name="Ask").click()
    ask(page, "Who is the chief pilot of Zarkov?")
    expect(page.locator(".answer .sentences").last).to_contain_text("Olga Reznik")
    page.context.close()


def test_a_deleted_document_is_gone_from_the_list_from_answers_and_from_the_disk(sampled: App, tmp_path: Path) -> None:
    (tmp_path / "ferry.txt").write_text("The ferry to Morvena is called Halcyon Day.")
    page = documents(sampled)
    send(page, tmp_path / "ferry.txt")
    page.get_by_text("1 added").wait_for()
    dismiss(page)
    choose(page, "ferry")
    page.locator(".text").get_by_text("Halcyon Day").wait_for()
    page.get_by_role("button", name="Delete (1)").click()
    page.get_by_role("button", name="Delete from the index").click()
    page.get_by_text("No document matches.").wait_for()
    assert not list(sampled.index.with_name("index.files").rglob("ferry.txt"))
    with Pipeline(sampled.index) as pipeline:
        assert not [hit for hit in pipeline.search("Halcyon Day ferry to Morvena") if "Halcyon" in hit.chunk.text]
    page.get_by_role("link", name="Ask").click()
    ask(page, "What is the ferry to Morvena called?")
    assert "Halcyon" not in page.locator(".answer").last.inner_text()
    page.context.close()


def test_two_files_of_one_name_in_a_folder_that_is_dropped_are_told_apart(sampled: App, tmp_path: Path) -> None:
    for name, words in (("quay", "Crane Alpha lifts 40 tonnes."), ("yard", "Crane Beta lifts 60 tonnes.")):
        (tmp_path / "cranes" / name).mkdir(parents=True)
        (tmp_path / "cranes" / name / "crane.txt").write_text(words)
    page = documents(sampled)
    send(page, tmp_path / "cranes", whole=True)
    page.get_by_text("2 added").wait_for()
    assert sorted(cells(page, 0)) == ["added", "added", "cranes/quay/crane.txt", "cranes/yard/crane.txt"]
    dismiss(page)
    choose(page, "yard crane")
    page.locator(".text").get_by_text("Crane Beta").wait_for()
    page.context.close()


def test_a_title_is_shown_as_it_is_written(sampled: App, tmp_path: Path) -> None:
    title = "![gull](http://evil.example/1.png) <img src=http://evil.example/2.png> :material/home: **x**"
    (tmp_path / "gull.jsonl").write_text(json.dumps({"_id": "1", "title": title, "text": f"A gull. {title}"}))
    page = documents(sampled)
    send(page, tmp_path / "gull.jsonl")
    page.get_by_text("1 added").wait_for()
    dismiss(page)
    choose(page, "evil.example")
    heading = page.get_by_role("heading", name=re.compile("gull"))
    heading.wait_for()
    assert heading.inner_text().replace("\u2060", "").strip() == title
    page.get_by_text("Details", exact=True).click()
    page.get_by_role("button", name="Download the original").wait_for()
    assert not sampled.foreign
    page.context.close()


def test_a_page_of_a_pdf_looks_as_pdfium_draws_it(sampled: App) -> None:
    from PIL import Image

    page = documents(sampled)
    choose(page, "manual")
    for number in (1, 2):
        page.get_by_alt_text(f"page {number}", exact=True).wait_for()
        source = page.locator(".source .page img").get_attribute("src")
        assert source
        drawn = np.asarray(Image.open(io.BytesIO(b64decode(source.partition(",")[2]))))
        expected, _, _ = page_pixels((SAMPLES / "slm-210-manual.pdf").read_bytes(), number)
        assert np.array_equal(drawn, expected)
        assert drawn.min() < 50, "there is something on it"
        if number == 1:
            page.get_by_role("button", name="Next").click()
    page.get_by_text("Passages", exact=True).last.click()
    page.locator(".text .start").first.wait_for()
    with Pipeline(sampled.index) as pipeline:
        manual = next(one for one in pipeline.snapshot.documents() if one.uri.endswith("slm-210-manual.pdf"))
        places = pipeline.snapshot.places(manual.id)
    labels = page.locator(".text .start").all_text_contents()
    assert labels == [f"{number} · {one.tokens}" for number, one in enumerate(places, 1)]
    page.get_by_text("Details", exact=True).click()
    page.get_by_role("button", name="Download the original").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the original").click()
    assert Path(download.value.path()).read_bytes() == (SAMPLES / "slm-210-manual.pdf").read_bytes()
    page.context.close()


def test_a_folder_is_watched_changed_and_synchronised_and_its_loss_loses_nothing(sampled: App, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "buoys.md").write_text("Buoy seven is green.")
    (docs / "tides.md").write_text("High water is at noon.")
    page = documents(sampled)
    page.get_by_text("Watched folders of the server").click()
    page.get_by_role("textbox", name="Path of a folder").fill(str(docs))
    page.get_by_role("button", name="Watch and index").click()
    page.get_by_text("2 added").wait_for()
    dismiss(page)
    page.get_by_text("Nothing has changed.").wait_for()
    (docs / "buoys.md").write_text("Buoy seven is bright red.")
    (docs / "moles.md").write_text("The north mole is closed.")
    (docs / "tides.md").unlink()
    page.get_by_role("button", name="Look for changes").click()
    page.get_by_text("1 new · 1 changed · 1 removed").wait_for()
    page.get_by_role("button", name="Synchronise").click()
    page.get_by_text("1 added, 1 updated, 0 unchanged, 1 removed").wait_for()
    dismiss(page)
    docs.rename(tmp_path / "elsewhere")
    page.reload()
    page.get_by_text("The folder is no longer there.").wait_for()
    expect(page.get_by_role("button", name="Synchronise")).to_be_disabled()
    with Pipeline(sampled.index) as pipeline:
        assert pipeline.search("What colour is buoy seven?")[0].chunk.text == "Buoy seven is bright red."
    page.get_by_role("button", name="Forget").click()
    page.get_by_role("button", name="Delete its documents (2)").click()
    page.get_by_text("Watched folders of the server (0)").wait_for()
    with Pipeline(sampled.index) as pipeline:
        assert not [one for one in pipeline.snapshot.documents() if "docs/" in one.uri]
    page.context.close()


def test_a_reload_shows_the_run_again_which_can_be_stopped_and_goes_on(sampled: App, tmp_path: Path) -> None:
    for number in range(8):
        (tmp_path / f"log-{number}.txt").write_text(f"On day {number} the tug Marta made {number + 3} trips.")
    trips = (f"## Trip {n}\n\nOn trip {n} the tug Marta drew {n % 7 + 2} barges to pier {n % 31}." for n in range(6000))
    (tmp_path / "log-long.md").write_text("\n\n".join(trips))  # it takes longer than all that is looked at meanwhile
    page = documents(sampled)
    send(page, *sorted(tmp_path.iterdir()))
    page.get_by_text(re.compile("of 9 files")).wait_for()
    page.reload()
    page.get_by_text(re.compile("^8 of 9 files")).wait_for()
    other = documents(sampled)
    other.get_by_text("Somebody else's files are being indexed.").wait_for()
    assert "log-" not in other.inner_text("body")
    other.context.close()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped. What was done before is kept.").wait_for()
    short = [f"log-{number}" for number in range(8)]
    assert logs(sampled) == short
    page.get_by_role("button", name="Go on").click()
    page.get_by_text(re.compile("^0 of 1 files")).wait_for()  # those that are done are not read again
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped. What was done before is kept.").wait_for()
    assert logs(sampled) == short
    dismiss(page)
    page.context.close()


def logs(app: App) -> list[str]:
    with Pipeline(app.index) as pipeline:
        return sorted(one.title for one in pipeline.snapshot.documents() if one.title.startswith("log-"))


def test_chosen_documents_are_indexed_again(sampled: App) -> None:
    page = documents(sampled)
    choose(page, "handbook")
    page.get_by_role("button", name="Index again (1)").click()
    page.get_by_text("0 added, 1 updated").wait_for()
    dismiss(page)
    page.context.close()


def test_on_a_phone_and_in_chinese_nothing_is_cut_off(sampled: App) -> None:
    page = documents(sampled, width=390, locale="zh-CN")
    page.get_by_text("索引中的文档").first.wait_for()
    page.get_by_text("索引概况").click()
    page.get_by_text("占用空间").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
