"""Where a citation stands: for whom, and what of a page that cannot be drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("streamlit")
import sources
from sources import PageView, TextView, view

from rag.index import Snapshot
from rag.pipeline import Pipeline
from rag.recipe import parse_recipe
from rag.types import Citation

MANUAL = Path(__file__).parents[2] / "apps" / "samples" / "slm-210-manual.pdf"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    recipe = parse_recipe('[embedder]\nbackend = "none"\n[retrieval]\narms = ["sparse"]\n')
    with Pipeline(tmp_path_factory.mktemp("index") / "index", recipe) as pipeline:
        pipeline.add(MANUAL)
        yield pipeline.snapshot


def cited(snapshot: Snapshot, page: int) -> Citation:
    (document,) = snapshot.documents()
    text = snapshot.document(document.uri)
    start = text.pages[page - 1].start
    quote = text.text[start : start + 20]
    return Citation(1, text.id, "", text.uri, text.title, start, start + 20, quote, 1.0, page)


def test_a_document_that_the_filter_does_not_admit_is_not_shown(snapshot):
    assert view(snapshot, cited(snapshot, 1), "title = 'another'") is None
    assert isinstance(view(snapshot, cited(snapshot, 1), "title != 'another'"), PageView)


def test_a_page_that_could_not_be_drawn_is_not_tried_again_and_the_others_are(snapshot, monkeypatch):
    tried = []
    real = sources.run_limited
    monkeypatch.setattr(sources, "_undrawable", {})
    monkeypatch.setattr(sources, "run_limited", lambda *args, **options: tried.append(1) or real(*args, **options))
    monkeypatch.setattr(sources, "SECONDS", 0.01)  # no page is drawn so fast
    second = cited(snapshot, 2)
    found = view(snapshot, second)
    assert isinstance(found, TextView) and found.changed
    monkeypatch.setattr(sources, "SECONDS", 60)
    again = view(snapshot, second)
    assert isinstance(again, TextView) and again.changed
    assert again.quote == second.quote
    assert len(tried) == 1
    assert isinstance(view(snapshot, cited(snapshot, 3)), PageView)
