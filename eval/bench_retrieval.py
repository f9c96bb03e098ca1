"""Each way of searching better without a language model: what it gains, and what it costs.

    python eval/bench_retrieval.py --data DIR [--only hotpotqa-100] [--limit 200] [--out results/retrieval.json]

For each collection and technique: nDCG@10, recall@5, milliseconds a question (median; embedding included), and the
p-value of the paired randomisation test on nDCG@10 against the default recipe. "mean" is the mean over the collections
in English, its test one over all their questions, each weighted so that every collection counts the same.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
from beir import Collection, read_collection
from machine import describe

from rag.evaluation.ranking.measures import score_run
from rag.evaluation.ranking.significance import randomization_p
from rag.pipeline import Pipeline
from rag.recipe import Recipe, load_recipe

ENGLISH = ("cranfield", "hotpotqa-100", "squad2")
NAMES = (*ENGLISH, "xquad-zh")
TECHNIQUES: dict[str, dict[str, object]] = {
    "default": {},
    "sentences": {"sentences": 0.5},
    "feedback": {"feedback": 1.0},
    "hops": {"hops": 1},
    "multihop": load_recipe("multihop").retrieval.model_dump(exclude_defaults=True),
    "best-local": load_recipe("best-local").retrieval.model_dump(exclude_defaults=True),
}
DEPTH = 100


@dataclass(frozen=True, slots=True)
class Row:
    """What a technique came to on a collection; ``p`` is of the difference of nDCG@10 to the default."""

    technique: str
    collection: str
    questions: int
    ndcg: float
    gain: float
    p: float
    recall: float
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Values by question, in the order of the questions; seconds of each search."""

    ndcg: np.ndarray
    recall: np.ndarray
    seconds: list[float]


def search(collection: Collection, folder: Path, recipe: Recipe, queries: dict[str, str]) -> Measured:
    """Ask every question of an index; a document counts as its best passage."""
    run: dict[str, dict[str, float]] = {}
    seconds: list[float] = []
    with Pipeline(folder, recipe) as pipeline:
        pipeline.search("a first question loads the models", DEPTH)
        for query, text in queries.items():
            started = time.perf_counter()
            hits = pipeline.search(text, DEPTH)
            seconds.append(time.perf_counter() - started)
            run[query] = {}
            for hit in hits:
                run[query].setdefault(str(hit.metadata["_id"]), hit.score)
    qrels = {query: collection.qrels[query] for query in queries}
    scores = score_run(qrels, run, ["nDCG@10", "R@5"]).per_query
    return Measured(
        np.array([scores["nDCG@10"][query] for query in queries]),
        np.array([scores["R@5"][query] for query in queries]),
        seconds,
    )


def p_value(differences: np.ndarray) -> float:
    """Of the randomisation test; 1 where nothing differs."""
    return float(np.ravel(randomization_p(differences))[0]) if differences.any() else 1.0


def bench(data: Path, names: list[str], limit: int | None) -> list[Row]:
    """Every technique on every collection."""
    rows: list[Row] = []
    gains: dict[str, dict[str, np.ndarray]] = {technique: {} for technique in TECHNIQUES}
    means: dict[str, list[Row]] = {technique: [] for technique in TECHNIQUES}
    for name in names:
        collection = read_collection(data / name)
        queries = dict(list(collection.queries.items())[:limit])
        with tempfile.TemporaryDirectory() as folder:
            index = Path(folder) / "index"
            with Pipeline(index, "default") as pipeline:
                pipeline.add(collection.corpus)
            base: Measured | None = None
            for technique, keys in TECHNIQUES.items():
                default = load_recipe("default")
                retrieval = default.retrieval.model_copy(update=keys)
                found = search(collection, index, default.model_copy(update={"retrieval": retrieval}), queries)
                base = base or found
                gains[technique][name] = found.ndcg - base.ndcg
                row = Row(
                    technique,
                    name,
                    len(queries),
                    round(float(found.ndcg.mean()), 4),
                    round(float(gains[technique][name].mean()), 4),
                    round(p_value(gains[technique][name]), 4),
                    round(float(found.recall.mean()), 4),
                    round(statistics.median(found.seconds) * 1000, 1),
                )
                print_row(row)
                rows.append(row)
                means[technique].append(row)
    if set(ENGLISH) <= set(names):
        for technique, own in means.items():
            english = [row for row in own if row.collection in ENGLISH]
            weighted = np.concatenate([gains[technique][name] / len(gains[technique][name]) for name in ENGLISH]) / 3
            rows.append(
                Row(
                    technique,
                    "mean",
                    len(weighted),
                    round(statistics.mean(row.ndcg for row in english), 4),
                    round(float(weighted.sum()), 4),
                    round(p_value(weighted), 4),
                    round(statistics.mean(row.recall for row in english), 4),
                    round(statistics.mean(row.milliseconds for row in english), 1),
                )
            )
            print_row(rows[-1])
    return rows


def print_row(row: Row) -> None:
    """A row of the table, as it comes."""
    print(
        f"{row.collection:14} {row.technique:12} nDCG@10 {row.ndcg:.4f} ({row.gain:+.4f}, p {row.p:.4f})  "
        f"R@5 {row.recall:.4f}  {row.milliseconds:7.1f} ms",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help=f"folder with {', '.join(NAMES)}")
    parser.add_argument("--only", choices=NAMES, action="append", help="this collection only; may be repeated")
    parser.add_argument("--limit", type=int, help="the first so many questions of each")
    parser.add_argument("--out", type=Path, help="write the rows as JSON")
    arguments = parser.parse_args()
    names = arguments.only or list(NAMES)
    rows = bench(arguments.data, names, arguments.limit)
    if arguments.out:
        hashes = {name: dict(read_collection(arguments.data / name).sha256) for name in names}
        record = {**describe(), "data_sha256": hashes, "rows": [asdict(row) for row in rows]}
        arguments.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
