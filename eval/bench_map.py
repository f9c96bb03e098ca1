"""The map of a corpus: how faithful it is, and how long it takes to make, to open, and to answer the pointer.

    python eval/bench_map.py --data DIR [--only quality] [--out results/map.json]

quality: of each collection, by UMAP and by PCA, the trustworthiness of the picture (Venna & Kaski 2001, 15 neighbours
by cosine; 1 is best), the share of passages that lie nearer to a question's place than its gold passage does (0 is
best, 0.5 chance), and, where titles name the subject, the agreement of topics with these (adjusted mutual information).
large: a map of 50,000 passages (map_corpus.py), by step; and in a real browser the seconds from the address, or from a
click on "Map" in the open app, until a point under the pointer has told its text. The map is kept then, as it is after
it was made once; the first of the rounds begins with a server that has read nothing yet.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "apps"))

import numpy as np
from beir import Collection, read_collection
from browsing import App, chromium, started, stopped
from machine import describe
from map_corpus import blurred
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_mutual_info_score

from rag.index import Snapshot
from rag.maps import CorpusMap, MapProgress, MapSettings, corpus_map, keep_map, kept_map, map_path, map_state, place
from rag.maps.layout import Method
from rag.pipeline import Pipeline
from rag.recipe import load_recipe

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = ("cranfield", "hotpotqa-100", "squad2", "xquad-zh")
SUBJECTS = frozenset({"squad2"})  # whose titles are those of a few articles
QUESTIONS = 200
PASSAGES = 50_000
ROUNDS = 5
TARGET = 3.0  # seconds until the page answers


@dataclass(frozen=True, slots=True)
class Faith:
    """How faithful a map of a collection is."""

    collection: str
    method: str
    passages: int
    seconds: float
    trustworthiness: float
    nearer_than_gold: float
    topics: int
    without_topic: float
    agreement: float | None


def faith(collection: Collection, pipeline: Pipeline, method: Method) -> Faith:
    """Measure a method on a collection that is indexed."""
    snapshot = pipeline.snapshot
    began = time.perf_counter()
    corpus = corpus_map(snapshot, settings=MapSettings(method))
    seconds = time.perf_counter() - began
    refs = snapshot.refs([corpus.chunk_id(spot) for spot in range(len(corpus))])
    chunks = snapshot.chunks(refs)
    titles = np.unique([chunk.title for chunk in chunks], return_inverse=True)[1]
    return Faith(
        collection.name,
        method,
        len(corpus),
        round(seconds, 2),
        round(float(trustworthiness(snapshot.vectors(refs), corpus.points, n_neighbors=15, metric="cosine")), 4),
        round(nearer_than_gold(collection, pipeline, corpus, [chunk.uri.rpartition("#")[2] for chunk in chunks]), 4),
        len(corpus.topics),
        round(float((corpus.topic < 0).mean()), 3),
        round(float(adjusted_mutual_info_score(titles, corpus.topic)), 3) if collection.name in SUBJECTS else None,
    )


def nearer_than_gold(collection: Collection, pipeline: Pipeline, corpus: CorpusMap, ids: list[str]) -> float:
    """The median share of passages that lie nearer to a question than the nearest of its gold documents."""
    from urllib.parse import unquote

    documents = np.array([unquote(one) for one in ids])
    asked = [one for one in collection.queries if any(grade > 0 for grade in collection.qrels[one].values())][
        :QUESTIONS
    ]
    assert pipeline.embedder is not None
    vectors = pipeline.embedder.embed_queries([collection.queries[one] for one in asked])
    shares = []
    for one, vector in zip(asked, vectors, strict=True):
        spot = place(corpus, pipeline.snapshot, vector)
        gold = np.isin(documents, [name for name, grade in collection.qrels[one].items() if grade > 0])
        if spot is None or not gold.any():
            continue
        away = np.linalg.norm(corpus.points - np.array(spot, np.float32), axis=1)
        shares.append(float((away < away[gold].min()).mean()))
    return statistics.median(shares)


def measure_quality(data: Path, folder: Path) -> list[Faith]:
    """Index every collection, and map it."""
    rows = []
    corpus_map(_warm(folder / "warm", data))  # UMAP is compiled in the first run of a process
    for name in NAMES:
        collection = read_collection(data / name)
        with Pipeline(folder / name, load_recipe("default")) as pipeline:
            pipeline.add(collection.corpus)
            for method in ("umap", "pca"):
                rows.append(faith(collection, pipeline, method))
                print(rows[-1], flush=True)
    return rows


def _warm(folder: Path, data: Path) -> Snapshot:
    with Pipeline(folder, load_recipe("default")) as pipeline:
        pipeline.add(data / "xquad-zh" / "corpus.jsonl")
        return pipeline.snapshot


def measure_making(folder: Path, indexes: list[Path]) -> dict[str, float]:
    """Write the large index, make its map and keep it; seconds by step."""
    found: dict[str, float] = {}
    blurred(indexes, folder / "index", PASSAGES)
    steps: dict[str, float] = {}

    def tell(now: MapProgress) -> None:
        steps.setdefault(now.step, time.perf_counter())

    with Snapshot.open(folder / "index") as snapshot:
        corpus = corpus_map(snapshot, progress=tell)
        marks = [*steps.items(), ("end", time.perf_counter())]
        for (name, began), (_, ended) in pairwise(marks):
            found[name] = round(ended - began, 2)
        found["whole"] = round(marks[-1][1] - marks[0][1], 2)
        path = map_path(folder / "index")
        found["keeping"] = _seconds(lambda: keep_map(corpus, path))
        found["opening"] = _seconds(lambda: kept_map(path, map_state(snapshot)))
        found["megabytes"] = round(path.stat().st_size / 1e6, 2)
        found["topics_found"] = len(corpus.topics)
    print(found, flush=True)
    return found


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return round(time.perf_counter() - began, 3)


def measure_page(folder: Path) -> dict[str, object]:
    """Seconds until the page of the kept map answers, in each round; and a page without a map, for comparison."""
    with chromium() as browser:
        server, app = started(folder, browser)
        try:
            found = {
                "by_address": [_answered(app, "/map") for _ in range(ROUNDS)],
                "by_click": [_clicked(app) for _ in range(ROUNDS)],
                "another_page_by_address": [_another(app) for _ in range(ROUNDS)],
            }
        finally:
            stopped(server)
    medians = {f"median_{name}": round(statistics.median(each), 2) for name, each in found.items()}
    print(found, medians, flush=True)
    return {**found, **medians, "at_most": TARGET}


def _answered(app: App, address: str) -> float:
    began = time.perf_counter()
    page = app.open(address)
    _point_at_something(page)
    seconds = time.perf_counter() - began
    page.context.close()
    return round(seconds, 2)


def _clicked(app: App) -> float:
    page = app.open("/documents")
    page.locator("h1").wait_for()
    page.wait_for_load_state("networkidle")
    began = time.perf_counter()
    page.locator("[data-testid=stSidebarNav] a[href$='/map']").click()
    _point_at_something(page)
    seconds = time.perf_counter() - began
    page.context.close()
    return round(seconds, 2)


def _another(app: App) -> float:
    began = time.perf_counter()
    page = app.open("/inside")
    page.locator("h1").wait_for()
    seconds = time.perf_counter() - began
    page.context.close()
    return round(seconds, 2)


def _point_at_something(page: Page) -> None:
    page.locator(".map[data-read][data-points]").wait_for()
    x, y = page.locator(".map").evaluate(
        """root => {
          const { left, top } = root.querySelector('canvas').getBoundingClientRect()
          const [x, y] = root.view.picture.spot(root.view.picture.x[0], root.view.picture.y[0])
          return [left + x, top + y]
        }"""
    )
    page.mouse.move(x, y)
    page.locator(".map .tip .words").wait_for()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help=f"folder with {', '.join(NAMES)}")
    parser.add_argument("--only", choices=("quality", "large"), help="this part only")
    parser.add_argument("--out", type=Path, help="write the figures as JSON; those of a part left out stay as they are")
    arguments = parser.parse_args()
    parts: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if arguments.only != "large":
            parts["quality"] = [asdict(row) for row in measure_quality(arguments.data, folder)]
        if arguments.only != "quality":
            for name in NAMES[:3]:
                with Pipeline(folder / name, load_recipe("default")) as pipeline:
                    pipeline.add(arguments.data / name / "corpus.jsonl")
            (folder / "large").mkdir()
            making = measure_making(folder / "large", [folder / name for name in NAMES[:3]])
            parts["large"] = {"passages": PASSAGES, "seconds": making, "page": measure_page(folder / "large")}
    if arguments.out:
        facts = describe()
        packages = {name: version(name) for name in ("umap-learn", "scikit-learn", "numba", "streamlit")}
        hashes = {name: dict(read_collection(arguments.data / name).sha256) for name in NAMES}
        before = json.loads(arguments.out.read_text("utf-8")) if arguments.out.exists() else {}
        load = [round(each, 1) for each in os.getloadavg()]
        record = {**before, **facts, "load": load, "map_versions": packages, "data_sha256": hashes, **parts}
        arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
