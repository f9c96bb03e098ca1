"""A collection in the BEIR layout with its passages, for benchmarks, and the score of a run over it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rag.evaluation.datasets import read_dataset
from rag.evaluation.ranking.judgements import Qrels, Run
from rag.evaluation.ranking.measures import score_run

COLLECTIONS = "cranfield, hotpotqa-100, squad2, xquad-zh"


@dataclass(frozen=True, slots=True)
class Collection:
    """Title and text of passages by id; queries, those that are judged; hashes of the files by name."""

    name: str
    corpus: Path
    passages: Mapping[str, tuple[str, str]]
    queries: Mapping[str, str]
    qrels: Qrels
    sha256: Mapping[str, str]


def read_collection(folder: Path) -> Collection:
    """Load corpus.jsonl, queries.jsonl and qrels/test.tsv of ``folder``."""
    if not (folder / "corpus.jsonl").is_file():
        raise SystemExit(
            f"no collection at {folder}. Give --data DIR, a folder that holds {COLLECTIONS} in the BEIR layout "
            "(Cranfield 1400; 100 HotpotQA questions; SQuAD 2.0 dev passages; XQuAD zh)."
        )
    dataset = read_dataset(folder)
    corpus = folder / "corpus.jsonl"
    with corpus.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    passages = {row["_id"]: (row["title"], row["text"]) for row in rows}
    return Collection(dataset.name, corpus, passages, dataset.queries, dataset.qrels, dataset.sha256)


def score(collection: Collection, run: Run, measure: str = "nDCG@10") -> float:
    """Mean of a measure over all judged queries; a query without results counts 0."""
    return score_run(collection.qrels, run, [measure]).mean(measure).value or 0.0
