"""Ingest and hybrid search against the plain stack, in alternating rounds of one run; ratios of the medians.

Passages are those that the model reads whole: of longer ones the plain stack would drop the end, and do less work.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from beir import Collection, read_collection
from plain import PlainStack

from rag.embedders import load_embedder
from rag.models import resolve
from rag.pipeline import Pipeline
from rag.recipe import load_recipe

ROUNDS = 3
PASSAGES = 640
QUERIES = 200


def measure(data: Path) -> list[dict[str, object]]:
    """Rows: passages/s and queries/s as ratios, and the least cosine to fp32 sentence-transformers."""
    squad, cranfield = read_collection(data / "squad2"), read_collection(data / "cranfield")
    model = load_recipe("default").embedder.model
    passages = _whole(squad, model)[: PASSAGES // 2] + _whole(cranfield, model)[: PASSAGES // 2]
    texts = [f"{title}\n{text}" if title else text for title, text in passages]
    queries = [*squad.queries.values()][: QUERIES // 2] + [*cranfield.queries.values()][: QUERIES // 2]
    plain = PlainStack(resolve(model))
    plain.embed(texts[:32])  # neither side pays for its first call
    ingest: dict[str, list[float]] = {"plain": [], "ragstone": []}
    search: dict[str, list[float]] = {"plain": [], "ragstone": []}
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder) / "corpus.jsonl"
        with corpus.open("w", encoding="utf-8") as out:
            for number, (title, text) in enumerate(passages):
                out.write(json.dumps({"_id": str(number), "title": title, "text": text}) + "\n")
        with Pipeline(Path(folder) / "warm") as warm:
            warm_up = Path(folder) / "warm.jsonl"
            warm_up.write_text("".join(corpus.open(encoding="utf-8").readlines()[:32]), encoding="utf-8")
            warm.add(warm_up)
            embedder = warm.embedder
        for number in range(ROUNDS):
            ingest["plain"].append(_seconds(lambda: plain.build(texts)))
            pipeline = Pipeline(Path(folder) / f"index{number}")
            pipeline.embedder = embedder  # the loaded one, as the plain stack keeps its model
            ingest["ragstone"].append(_seconds(lambda p=pipeline: p.add(corpus)))
            pipeline.search(queries[0])
            search["plain"].append(_seconds(lambda: [plain.search(query) for query in queries]))
            search["ragstone"].append(_seconds(lambda p=pipeline: [p.search(query, 10) for query in queries]))
            chunks = pipeline.info().chunks
            pipeline.close()
    cosine = _least_cosine(plain, model, texts)
    return [
        _ratio("embedding + indexing, passages/s ÷ plain stack", ingest, len(texts), 3.0, chunks=chunks),
        {"measure": "cosine to fp32 sentence-transformers, least", "value": cosine, "at_least": 0.999},
        _ratio("hybrid search, queries/s ÷ plain stack", search, len(queries), 1.3),
    ]


def _whole(collection: Collection, model: str) -> list[tuple[str, str]]:
    embedder = load_embedder(model)
    return [
        (title, text)
        for title, text in collection.passages.values()
        if text.strip() and embedder.tokenizer.count(f"{title}\n{text}") <= embedder.max_tokens
    ]


def _least_cosine(plain: PlainStack, model: str, texts: list[str]) -> float:
    embedder = load_embedder(model)
    cosines = np.einsum("nd,nd->n", plain.embed(texts), embedder.embed_documents(texts))
    return round(float(cosines.min()), 6)


def _seconds(call: object) -> float:
    started = time.perf_counter()
    call()  # type: ignore[operator]
    return time.perf_counter() - started


def _ratio(name: str, seconds: dict[str, list[float]], count: int, target: float, **more: object) -> dict[str, object]:
    rates = {side: count / statistics.median(times) for side, times in seconds.items()}
    return {
        "measure": name,
        "value": round(rates["ragstone"] / rates["plain"], 2),
        "at_least": target,
        "per_second": {side: round(rate, 1) for side, rate in rates.items()},
        "rounds": [round(p / r, 2) for p, r in zip(seconds["plain"], seconds["ragstone"], strict=True)],
        "count": count,
        **more,
    }
