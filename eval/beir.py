"""Reading a collection in the BEIR layout, and scoring a run over it with ir_measures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import ir_measures

COLLECTIONS = "cranfield, hotpotqa-100, squad2, xquad-zh"


@dataclass(frozen=True, slots=True)
class Collection:
    """Passages and queries by id; ``qrels`` are graded judgements by query and passage id."""

    name: str
    corpus: Path
    passages: Mapping[str, tuple[str, str]]
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]
    sha256: str


def read_collection(folder: Path) -> Collection:
    """Load corpus.jsonl, queries.jsonl and qrels/test.tsv of ``folder``."""
    if not (folder / "corpus.jsonl").is_file():
        raise SystemExit(
            f"no collection at {folder}. Give --data DIR, a folder that holds {COLLECTIONS} in the BEIR layout "
            "(Cranfield 1400; 100 HotpotQA questions; SQuAD 2.0 dev passages; XQuAD zh)."
        )
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.jsonl")) + sorted(folder.rglob("*.tsv")):
        digest.update(file.read_bytes())
    qrels: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        query, passage, grade = line.split("\t")
        qrels.setdefault(query, {})[passage] = int(grade)
    return Collection(
        name=folder.name,
        corpus=folder / "corpus.jsonl",
        passages={row["_id"]: (row["title"], row["text"]) for row in _rows(folder / "corpus.jsonl")},
        queries={row["_id"]: row["text"] for row in _rows(folder / "queries.jsonl") if row["_id"] in qrels},
        qrels=qrels,
        sha256=digest.hexdigest(),
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def score(collection: Collection, run: Mapping[str, Mapping[str, float]], measure: str = "nDCG@10") -> float:
    """Mean of a measure over all judged queries; a query without results counts 0."""
    parsed = ir_measures.parse_measure(measure)
    return float(ir_measures.calc_aggregate([parsed], collection.qrels, run)[parsed])
