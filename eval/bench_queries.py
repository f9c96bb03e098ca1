"""Whether query transforms pay: nDCG@10, recall@5, tokens and milliseconds of each, against the question alone.

    python eval/bench_queries.py --data DIR --collection squad2 --queries 100 [--skip 100] [--out FILE]

Questions are drawn by a seed: choose weights and prompts on some (--queries N), and measure on others (--skip N).
"vs raw" is the difference of means with the p-value of a paired randomisation test, after Holm's correction over all
lines. Exit code 1 where a transform failed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from beir import Collection, read_collection
from machine import describe

from rag.errors import RagError
from rag.evaluation.ranking.measures import score_run
from rag.evaluation.ranking.significance import compare
from rag.evaluation.results import Comparison
from rag.pipeline import Pipeline
from rag.protocols import QueryTransform, Retriever
from rag.recipe import QueriesConfig, Recipe, build_retriever, build_transform, load_recipe
from rag.tracing import recording
from rag.types import Message

TRANSFORMS = ("multi-query", "hyde", "step-back", "decompose")
MEASURES = ("nDCG@10", "R@5")
DEPTH = 100


@dataclass(frozen=True, slots=True)
class Made:
    """What a transform made of a question, and what that cost."""

    queries: tuple[str, ...]
    prompt_tokens: int
    output_tokens: int
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Line:
    """A system's figures: means over the questions; milliseconds are of the transform and of all searches."""

    transform: str
    raw_weight: float
    ndcg_10: float
    recall_5: float
    queries: float
    prompt_tokens: float
    output_tokens: float
    transform_ms: float
    search_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """All that one run measured."""

    collection: str
    recipe: str
    model: str
    asked: int
    skipped: int
    seed: int
    lines: tuple[Line, ...]
    comparisons: tuple[Comparison, ...]
    made: Mapping[str, Mapping[str, Made]]
    sha256: Mapping[str, str]
    where: Mapping[str, object]


def draw(collection: Collection, count: int, skip: int, seed: int) -> dict[str, str]:
    """Questions that have judgements, by seed."""
    ids = sorted(collection.queries)
    random.Random(seed).shuffle(ids)
    if not (chosen := ids[skip : skip + count]):
        raise SystemExit(f"{collection.name} has {len(ids)} questions: none is left after {skip}")
    return {key: collection.queries[key] for key in chosen}


def make(transform: QueryTransform, questions: Mapping[str, str], name: str) -> dict[str, Made]:
    """The queries for each question, with their cost by the trace."""
    made: dict[str, Made] = {}
    for done, (key, question) in enumerate(questions.items(), 1):
        with recording(name) as run:
            queries = transform(question)
        trace = run.trace
        made[key] = Made(tuple(queries), trace.prompt_tokens, trace.output_tokens, 1000 * trace.seconds)
        print(f"\r{name}: {done} of {len(questions)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return made


def search(retriever: Retriever, questions: Mapping[str, str]) -> tuple[dict[str, dict[str, float]], float]:
    """A run of the questions, each document by its best passage, and the mean milliseconds of a search."""
    run: dict[str, dict[str, float]] = {}
    started = time.perf_counter()
    for key, question in questions.items():
        best: dict[str, float] = {}
        for hit in retriever.retrieve(question, DEPTH):
            best.setdefault(str(hit.metadata["_id"]), hit.score)
        run[key] = best
    return run, 1000 * (time.perf_counter() - started) / len(questions)


def remembered(made: Mapping[str, Made], questions: Mapping[str, str]) -> QueryTransform:
    """The transform that gives what was made before: weights are compared on the same queries."""
    by_question = {questions[key]: list(one.queries) for key, one in made.items()}

    def transform(query: str, history: Sequence[Message] = ()) -> list[str]:  # noqa: ARG001
        return by_question[query]

    return transform


def measure(pipeline: Pipeline, collection: Collection, arguments: argparse.Namespace) -> Report:
    """All lines, the question alone first."""
    questions = draw(collection, arguments.queries, arguments.skip, arguments.seed)
    qrels = {key: collection.qrels[key] for key in questions}
    recipe = pipeline.recipe
    lines: list[Line] = []
    scores: dict[str, dict[str, Mapping[str, float]]] = {}
    made: dict[str, dict[str, Made]] = {}

    def add(label: str, config: QueriesConfig, retriever: Retriever, cost: Mapping[str, Made]) -> None:
        run, milliseconds = search(retriever, questions)
        values = score_run(qrels, run, MEASURES).per_query
        scores[label] = dict(values)
        lines.append(
            Line(
                config.transform,
                config.raw_weight if cost else 1.0,
                *[mean(values[name].values()) for name in MEASURES],
                mean(len(one.queries) for one in cost.values()) if cost else 1.0,
                mean(one.prompt_tokens for one in cost.values()) if cost else 0.0,
                mean(one.output_tokens for one in cost.values()) if cost else 0.0,
                mean(one.milliseconds for one in cost.values()) if cost else 0.0,
                milliseconds,
            )
        )

    parts = (pipeline.snapshot, pipeline.embedder, pipeline.reranker)
    search(build_retriever(recipe, *parts), dict(list(questions.items())[:3]))  # the first searches fill caches
    add("raw", QueriesConfig(), build_retriever(recipe, *parts), {})
    for name in arguments.transforms:
        made[name] = {}
        for weight in arguments.raw_weight:
            config = QueriesConfig(transform=name, raw_weight=weight, count=arguments.count, fusion=arguments.fusion)
            changed = recipe.model_copy(update={"queries": config})
            transform = build_transform(changed, pipeline.generator)
            assert transform is not None
            made[name] = made[name] or make(transform, questions, name)
            retriever = build_retriever(changed, *parts, remembered(made[name], questions))
            add(f"{name} {weight:g}", config, retriever, made[name])
    systems = {label: values for label, values in scores.items() if label != "raw"}
    return Report(
        collection.name,
        arguments.recipe,
        recipe.generator.model,
        len(questions),
        arguments.skip,
        arguments.seed,
        tuple(lines),
        compare(systems, scores["raw"], baseline="raw") if systems else (),
        made,
        collection.sha256,
        describe(),
    )


def show(report: Report) -> None:
    """The table."""
    print(f"{report.collection}, {report.asked} questions, recipe {report.recipe}, {report.model}")
    print("transform    weight  nDCG@10   vs raw       p    R@5   vs raw       p  queries  tokens in+out      ms")
    tested = {(one.system, one.measure): one for one in report.comparisons}
    for line in report.lines:
        label = f"{line.transform} {line.raw_weight:g}"
        cells = []
        for name, value in zip(MEASURES, (line.ndcg_10, line.recall_5), strict=True):
            one = tested.get((label, name))
            against = f"{one.difference:+8.3f} {one.p_corrected:7.3f}" if one else " " * 16
            cells.append(f"{value:.3f} {against}")
        print(
            f"{line.transform:12} {line.raw_weight:6g}    {'  '.join(cells)} {line.queries:8.1f} "
            f"{line.prompt_tokens:8.0f}+{line.output_tokens:<4.0f} {line.transform_ms + line.search_ms:8.0f}"
        )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of collections in the BEIR layout")
    parser.add_argument("--collection", required=True, help="a folder below it")
    parser.add_argument("--queries", type=int, default=50, help="how many questions (50)")
    parser.add_argument("--skip", type=int, default=0, help="leave out so many of the drawn order first (0)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--transforms", nargs="*", choices=TRANSFORMS, default=list(TRANSFORMS))
    parser.add_argument("--raw-weight", nargs="+", type=float, default=[QueriesConfig().raw_weight])
    parser.add_argument("--count", type=int, default=QueriesConfig().count)
    parser.add_argument("--fusion", choices=("convex", "rrf"), default="convex")
    parser.add_argument("--index", type=Path, help="keep the index here, or take the one that is there")
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    collection = read_collection(arguments.data / arguments.collection)
    recipe: Recipe = load_recipe(arguments.recipe)
    with (
        tempfile.TemporaryDirectory() as folder,
        Pipeline(arguments.index or Path(folder) / "index", recipe) as pipeline,
    ):
        pipeline.add(collection.corpus)
        report = measure(pipeline, collection, arguments)
    show(report)
    if arguments.out:
        arguments.out.write_text(json.dumps(asdict(report), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except RagError as error:
        sys.exit(f"error: {error}")
