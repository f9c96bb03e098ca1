"""nDCG@10 of the shipped recipes, each passage one document, scored with ir_measures."""

from __future__ import annotations

import tempfile
from pathlib import Path

from beir import Collection, read_collection, score

from rag.pipeline import Pipeline

DEPTH = 100
TARGETS = (
    ("default", "cranfield", 0.416),
    ("default", "hotpotqa-100", 0.835),
    ("default", "squad2", 0.900),
    ("bm25", "xquad-zh", 0.895),
)


def run_recipe(recipe: str, collection: Collection, folder: Path) -> dict[str, dict[str, float]]:
    """Index the collection's corpus.jsonl as a user would, and search every judged query.

    A passage longer than the recipe's budget is several chunks: its score is that of its best.
    """
    with Pipeline(folder, recipe) as pipeline:
        report = pipeline.add(collection.corpus)
        blank = sum(not text.strip() for _, text in collection.passages.values())
        if len(report.skipped) != blank:  # Cranfield has two records without text
            raise SystemExit(f"{collection.name}: skipped {report.skipped[:3]}")
        run: dict[str, dict[str, float]] = {}
        for query_id, query in collection.queries.items():
            best: dict[str, float] = {}
            for hit in pipeline.search(query, DEPTH):
                best.setdefault(str(hit.metadata["_id"]), hit.score)
            run[query_id] = best
    return run


def measure(data: Path) -> list[dict[str, object]]:
    """A row for each recipe and collection."""
    rows: list[dict[str, object]] = []
    for recipe, name, target in TARGETS:
        collection = read_collection(data / name)
        with tempfile.TemporaryDirectory() as folder:
            run = run_recipe(recipe, collection, Path(folder) / "index")
        rows.append(
            {
                "measure": f"nDCG@10, recipe {recipe}, {name}",
                "value": round(score(collection, run), 4),
                "at_least": target,
                "data_sha256": collection.sha256,
            }
        )
    return rows
