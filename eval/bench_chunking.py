"""What ways of cutting and giving passages come to in long documents: gold answers read within a budget of tokens.

    python eval/bench_chunking.py --data DIR [--out FILE] [--questions N] [--llm]

The passages of an article of SQuAD 2.0 are joined to one document (XQuAD's Chinese paragraphs, which carry no titles,
ten by ten), so that cutting matters; the gold of a question is where its answers stand within its own passage. A
question counts where one shown passage holds a gold answer whole within the first N tokens read: so longer passages
do not win by being longer. Nothing is tuned here: every technique stands as the recipe says, with defaults.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
from machine import describe

from rag.embedders import LateEmbedder, load_embedder
from rag.embedders.late import SpansEmbedder
from rag.evaluation.datasets import read_dataset
from rag.evaluation.misses.gold import occurrences
from rag.evaluation.ranking.significance import compare
from rag.pipeline import Pipeline
from rag.protocols import Tokenizer
from rag.recipe import Recipe, parse_recipe
from rag.tracing import recording
from rag.types import Hit, Vectors

BUDGETS = (500, 1000)
DEPTH = 60  # hits asked for: more than either budget holds
ZH_JOINED = 10
BASELINE = "default (sentences, 256 tokens)"
TECHNIQUES: Mapping[str, str] = {
    BASELINE: "",
    "token windows, overlap 32": '[chunker]\nkind = "tokens"',
    "paragraphs (structure)": '[chunker]\nkind = "structure"',
    "sentences, 128 tokens": "[chunker]\nmax_tokens = 128",
    "semantic": '[chunker]\nkind = "semantic"',
    "semantic, 128 tokens": '[chunker]\nkind = "semantic"\nmax_tokens = 128',
    "single sentences": '[chunker]\nkind = "sentence-window"',
    "single sentences + 1 to each side": '[chunker]\nkind = "sentence-window"\n[retrieval]\nexpand = "neighbours"',
    "single sentences + 2 to each side": (
        '[chunker]\nkind = "sentence-window"\n[retrieval]\nexpand = "neighbours"\nexpand_by = 2'
    ),
    "single sentences + parent of 256 tokens": (
        '[chunker]\nkind = "sentence-window"\n[retrieval]\nexpand = "parent"\nexpand_tokens = 256'
    ),
    "128 tokens + neighbours": '[chunker]\nmax_tokens = 128\n[retrieval]\nexpand = "neighbours"',
    "default + parent of 512 tokens": '[retrieval]\nexpand = "parent"',
    "default + first sentence as context": '[chunker]\ncontext = "lead"',
    "128 tokens + first sentence as context": '[chunker]\nmax_tokens = 128\ncontext = "lead"',
    "default, late chunking": "[chunker]\nlate = true",
    "128 tokens, late chunking": "[chunker]\nmax_tokens = 128\nlate = true",
    "single sentences, late chunking": '[chunker]\nkind = "sentence-window"\nlate = true',
    "default without near-duplicates (.9)": "[retrieval]\nnear_duplicates = 0.9",
}
BY_MODEL: Mapping[str, str] = {
    "cut by the model": '[chunker]\nkind = "llm"',
    "contexts by the model": '[chunker]\ncontext = "llm"',
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and where in a document its answers stand."""

    id: str
    text: str
    document: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Long:
    """Long documents by file name, and the questions to them."""

    name: str
    texts: Mapping[str, str]
    questions: tuple[Asked, ...]
    sha256: Mapping[str, str]


class Remembering:
    """An embedder that embeds a question once, whatever asks it; passages are embedded as often as they are given."""

    def __init__(self, embedder: SpansEmbedder) -> None:
        self._embedder = embedder
        self._queries: dict[str, Vectors] = {}
        self.dim, self.fingerprint, self.max_tokens = embedder.dim, embedder.fingerprint, embedder.max_tokens
        self.tokenizer: Tokenizer = embedder.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """As the embedder."""
        return self._embedder.embed_documents(texts)

    def embed_spans(self, text: str, spans: Sequence[tuple[int, int]], *, prefix: str = "") -> Vectors:
        """As the embedder."""
        return self._embedder.embed_spans(text, spans, prefix=prefix)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """As the embedder, from memory where it has been asked before."""
        if new := [text for text in dict.fromkeys(texts) if text not in self._queries]:
            self._queries |= dict(zip(new, self._embedder.embed_queries(new), strict=True))
        return np.stack([self._queries[text] for text in texts])


def read_long(folder: Path, limit: int) -> Long:
    """The collection with its passages joined; at most ``limit`` questions, drawn by their ids."""
    dataset = read_dataset(folder)
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    titled = any(row["title"] for row in rows)
    names = [row["title"] if titled else f"{number // ZH_JOINED:03}" for number, row in enumerate(rows)]
    texts: dict[str, str] = {}
    places: dict[str, tuple[str, int, int]] = {}
    for name, members in groupby(zip(names, rows, strict=True), key=lambda member: member[0]):
        text = ""
        for _, row in members:
            text += "\n\n" if text else ""
            places[row["_id"]] = (name, len(text), len(text) + len(row["text"]))
            text += row["text"]
        texts[name] = text
    questions = []
    for question in dataset.questions:
        for passage in question.documents if question.answerable else ():
            name, start, end = places[passage]
            found = {
                (start + first, start + last)
                for answer in question.answers
                for first, last in occurrences(answer, texts[name][start:end])
            }
            if found:
                questions.append(Asked(question.id, question.text, name, tuple(sorted(found))))
    questions.sort(key=lambda asked: hashlib.blake2b(asked.id.encode()).digest())
    return Long(dataset.name, texts, tuple(questions[:limit]), dataset.sha256)


def read_within(hits: Sequence[Hit], asked: Asked, budget: int, tokenizer: Tokenizer) -> bool:
    """Whether one of the hits holds an answer whole within the first ``budget`` tokens of their texts."""
    left = budget
    for hit in hits:
        chunk = hit.chunk
        offsets = tokenizer.offsets(chunk.text)
        end = chunk.start + (offsets[left - 1][1] if len(offsets) > left else len(chunk.text))
        own = hit.metadata["path"] == f"{asked.document}.txt"
        if own and any(chunk.start <= first and last <= end for first, last in asked.spans):
            return True
        left -= len(offsets)
        if left <= 0:
            return False
    return False


@dataclass(frozen=True, slots=True)
class Index:
    """An index made once for all techniques that cut alike: its folder, passages, seconds, and a model's tokens."""

    folder: Path
    passages: int
    seconds: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Result:
    """A technique's figures, and its scores by measure and question. ``tokens_a_hit`` is of the first six hits."""

    technique: str
    passages: int
    tokens_a_hit: float
    index_seconds_per_1000_tokens: float
    index_model_tokens_per_1000_tokens: float
    search_ms: float
    scores: Mapping[str, Mapping[str, float]]

    def row(self) -> dict[str, object]:
        """The figures, with the mean of each measure."""
        means = {name: round(float(np.mean(list(values.values()))), 4) for name, values in self.scores.items()}
        return {name: value for name, value in asdict(self).items() if name != "scores"} | means


class Bench:
    """One collection's documents in a folder, and what is made of them."""

    def __init__(self, long: Long, embedder: Remembering, folder: Path) -> None:
        self.long = long
        self.embedder = embedder
        self.folder = folder
        self.tokens = sum(len(embedder.tokenizer.offsets(text)) for text in long.texts.values())
        self.made: dict[str, Index] = {}
        (folder / "documents").mkdir()
        for name, text in long.texts.items():
            (folder / "documents" / f"{name}.txt").write_text(text, encoding="utf-8", newline="")

    def run(self, technique: str, recipe: Recipe) -> Result:
        """Index the documents, unless that is done, and ask the questions."""
        index = self._index(recipe)
        with self._open(index.folder, recipe) as pipeline:
            started = time.perf_counter()
            found = [pipeline.search(asked.text, DEPTH) for asked in self.long.questions]
            searching = time.perf_counter() - started
        return Result(
            technique=technique,
            passages=index.passages,
            tokens_a_hit=round(float(np.mean([hit.chunk.tokens for hits in found for hit in hits[:6]])), 1),
            index_seconds_per_1000_tokens=round(1000 * index.seconds / self.tokens, 4),
            index_model_tokens_per_1000_tokens=round(1000 * index.tokens / self.tokens, 1),
            search_ms=round(1000 * searching / len(found), 2),
            scores={f"gold@{budget}": self._scores(found, budget) for budget in BUDGETS},
        )

    def _scores(self, found: Sequence[Sequence[Hit]], budget: int) -> dict[str, float]:
        return {
            asked.id: float(read_within(hits, asked, budget, self.embedder.tokenizer))
            for asked, hits in zip(self.long.questions, found, strict=True)
        }

    def _index(self, recipe: Recipe) -> Index:
        key = recipe.chunk_settings
        if key not in self.made:
            path = self.folder / f"index-{len(self.made)}"
            with self._open(path, recipe) as pipeline, recording("index") as run:
                report = pipeline.add(self.folder / "documents")
            trace = run.trace
            self.made[key] = Index(path, report.passages, trace.seconds, trace.prompt_tokens + trace.output_tokens)
        return self.made[key]

    def _open(self, path: Path, recipe: Recipe) -> Pipeline:
        pipeline = Pipeline(path, recipe)
        pipeline.__dict__["embedder"] = LateEmbedder(self.embedder) if recipe.chunker.late else self.embedder
        return pipeline


def measure(data: Path, name: str, techniques: Mapping[str, str], limit: int) -> dict[str, object]:
    """All techniques on one collection, compared with the default question by question."""
    long = read_long(data / name, limit)
    embedder = Remembering(load_embedder(parse_recipe("").embedder.model))
    embedder.embed_queries([asked.text for asked in long.questions])
    embedder.embed_documents(["warm"] * 2)
    embedder.embed_spans("warm", [(0, 4)])
    results = []
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(long, embedder, Path(folder))
        for technique, toml in techniques.items():
            results.append(bench.run(technique, parse_recipe(toml)))
            print(_line(results[-1]), flush=True)
    baseline, *others = results
    compared = compare({one.technique: one.scores for one in others}, baseline.scores, baseline=BASELINE)
    return {
        "collection": name,
        "documents": len(long.texts),
        "questions": len(long.questions),
        "data_sha256": long.sha256,
        "rows": [one.row() for one in results],
        "comparisons": [asdict(one) for one in compared],
    }


def _line(result: Result) -> str:
    row = result.row()
    means = "  ".join(f"{name} {row[name]:.3f}" for name in result.scores)
    return (
        f"{result.technique:42} {result.passages:>6} passages  {means}  "
        f"{result.index_seconds_per_1000_tokens:>8.4f} s/1000 tokens  {result.search_ms:>6.1f} ms"
    )


def _table(result: Mapping[str, object]) -> Iterator[str]:
    yield f"\n{result['collection']}: {result['questions']} questions, {result['documents']} documents"
    comparisons = result["comparisons"]
    assert isinstance(comparisons, list)
    for one in comparisons:
        yield (
            f"{one['system']:42} {one['measure']:9} {one['difference']:+.4f} "
            f"[{one['low']:+.4f}, {one['high']:+.4f}]  p {one['p_randomization']:.4f}, Holm {one['p_corrected']:.4f}"
        )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Chunking techniques, by the gold answers read within N tokens.")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds squad2 and xquad-zh")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    parser.add_argument("--questions", type=int, default=600, help="of each collection, at most")
    parser.add_argument("--collections", nargs="+", default=["squad2", "xquad-zh"])
    parser.add_argument("--llm", action="store_true", help="the techniques that ask a language model, too: slow")
    arguments = parser.parse_args()
    techniques = {**TECHNIQUES, **BY_MODEL} if arguments.llm else TECHNIQUES
    results = []
    for name in arguments.collections:
        results.append(measure(arguments.data, name, techniques, arguments.questions))
        print("\n".join(_table(results[-1])))
    if arguments.out:
        record = {**describe(), "results": results}
        arguments.out.write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
