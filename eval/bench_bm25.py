"""BM25 scores of an index after adds, updates and deletes, against bm25s and rank_bm25 on the same tokens."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import bm25s
import numpy as np
from beir import read_collection
from rank_bm25 import BM25Okapi

from rag.index import IndexSettings, Snapshot, Writer
from rag.text import query_terms, terms
from rag.types import Chunk, Document

SEED = 7
QUERIES = 60


def measure(data: Path) -> list[dict[str, object]]:
    """The largest relative difference of any score, a row for each variant."""
    collection = read_collection(data / "cranfield")
    texts = [text for _, text in collection.passages.values() if text.strip()]
    queries = list(collection.queries.values())[:QUERIES]
    return [_row("lucene", 1.2, 0.75, texts, queries), _row("okapi", 1.5, 0.75, texts, queries)]


def _row(variant: str, k1: float, b: float, texts: list[str], queries: list[str]) -> dict[str, object]:
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        live: dict[str, str] = {}
        with Writer.open(path, IndexSettings(variant=variant, k1=k1, b=b)) as writer:  # type: ignore[arg-type]
            for start in range(0, len(texts), 350):
                for number in range(start, min(start + 350, len(texts))):
                    _put(writer, live, f"doc:{number}", texts[number])
                for uri in rng.sample(sorted(live), 60):
                    writer.delete([uri])
                    del live[uri]
                for uri in rng.sample(sorted(live), 40):
                    _put(writer, live, uri, rng.choice(texts))
                writer.commit()
        corpus = [terms(text, "en") for text in live.values()]
        with Snapshot.open(path) as snapshot:
            worst = max(_difference(snapshot, variant, k1, b, live, corpus, query) for query in queries)
    return {
        "measure": f"BM25 {variant}: largest relative difference to {'bm25s' if variant == 'lucene' else 'rank_bm25'}",
        "value": worst,
        "at_most": 1e-5,
        "documents": len(live),
    }


def _put(writer: Writer, live: dict[str, str], uri: str, text: str) -> None:
    document = Document(uri=uri, text=text, language="en")
    chunk = Chunk(document.id, uri, 0, len(text), text, language="en")
    writer.put(document, [chunk], None, source=uri, state="")
    live[uri] = text


def _difference(
    snapshot: Snapshot, variant: str, k1: float, b: float, live: dict[str, str], corpus: list[list[str]], query: str
) -> float:
    words = query_terms(query, snapshot.languages)
    if variant == "lucene":
        reference = bm25s.BM25(method="lucene", k1=k1, b=b)
        reference.index(corpus, show_progress=False)
        known = [word for word in words if word in reference.vocab_dict]
        expected = reference.get_scores(known)
    else:
        expected = BM25Okapi(corpus, k1=k1, b=b).get_scores(words)
    uris = list(live)
    ranking = snapshot.sparse(words, len(live))
    found = dict(zip((chunk.uri for chunk in snapshot.chunks(ranking.refs)), ranking.scores.tolist(), strict=True))
    got = np.array([found.get(uri, 0.0) for uri in uris])
    scale = np.maximum(np.abs(expected), 1e-9)
    return float(np.max(np.abs(got - expected) / np.where(np.abs(expected) < 1e-9, 1.0, scale)))
