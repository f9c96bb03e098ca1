"""Right refusals through the whole pipeline: who is refused, how rightly, and what "supported" is worth.

    python eval/bench_refusals.py --data DIR [--recipe extractive] [--confidence rules learned] [--limit N] [--out FILE]

SQuAD 2.0 with its unanswerable questions, then HotpotQA-100 and XQuAD-zh, whose questions are all answerable, for
over-refusal. The shipped confidence model was trained on these very SQuAD articles: figures on articles that it did
not see are those of ``eval/train_confidence.py``; these here show that the pipeline does what was trained.
Each further ``--confidence`` is compared with the first, question by question: a question is "decided rightly" where it
has an answer and got one, or has none and was refused.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median

from beir import read_collection
from machine import describe

from rag.evaluation.answers.refusals import Outcome, auroc, auroc_interval
from rag.evaluation.ranking.significance import compare
from rag.evaluation.results import Comparison
from rag.pipeline import Pipeline
from rag.recipe import load_recipe


@dataclass(frozen=True, slots=True)
class Row:
    """A figure; ``low`` and ``high`` bound it with 95% confidence where that is computed."""

    measure: str
    value: float
    questions: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A question asked: how it was answered, whether a citation holds a gold answer, and how long it took."""

    answerable: bool
    verdict: str
    score: float
    quoted: bool
    tokens: int
    seconds: float

    @property
    def decided(self) -> float:
        """1 where answered and refused rightly."""
        return float(self.answerable == (self.verdict != "not in the documents"))


def ask_all(data: Path, recipe: str, confidence: str, limit: int | None) -> list[Asked]:
    """A random sample (seed 0) of a collection's questions, or all of them."""
    rows = [json.loads(line) for line in (data / "qa.jsonl").read_text("utf-8").splitlines()]
    if limit is not None and limit < len(rows):
        rows = random.Random(0).sample(rows, limit)
    config = load_recipe(recipe)
    config = config.model_copy(update={"grounding": config.grounding.model_copy(update={"confidence": confidence})})
    found = []
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder) / "index", config) as pipeline:
        pipeline.add(data / "corpus.jsonl")
        pipeline.ask(rows[0]["question"])  # loads the models
        for row in rows:
            began = time.perf_counter()
            answer = pipeline.ask(row["question"])
            seconds = time.perf_counter() - began
            quotes = " ".join(citation.quote for citation in answer.citations).casefold()
            holds = any(gold.casefold() in quotes for gold in row["answers"])
            trace = answer.trace
            tokens = trace.prompt_tokens + trace.output_tokens if trace else 0
            found.append(Asked(bool(row["answerable"]), answer.verdict, answer.score, holds, tokens, seconds))
    return found


def rows_of(name: str, asked: Sequence[Asked]) -> list[Row]:
    """The figures of a collection."""
    refused = [one for one in asked if one.verdict == "not in the documents"]
    yes = [one for one in asked if one.answerable]
    no = [one for one in asked if not one.answerable]
    supported = [one for one in asked if one.verdict == "supported"]
    sure = [one for one in supported if one.answerable]
    rows = []
    if no:
        outcomes = [
            Outcome(one.answerable, one.verdict == "not in the documents", one.score, one.answerable) for one in asked
        ]
        low, high = auroc_interval(outcomes, seed=0) or (None, None)
        rows.append(Row(f"{name}: AUROC of the score", auroc(outcomes).value or 0.0, len(asked), low, high))
        wrongly = sum(one.answerable for one in refused)
        rows.append(Row(f"{name}: refusal precision", 1 - wrongly / max(len(refused), 1), len(refused)))
        rows.append(Row(f"{name}: refusal recall", (len(refused) - wrongly) / len(no), len(no)))
    over = sum(one.verdict == "not in the documents" for one in yes) / len(yes)
    rows.append(Row(f"{name}: over-refusal", over, len(yes)))
    if sure:
        held = sum(one.quoted for one in sure)
        rows.append(Row(f"{name}: supported, of the answerable: quote holds gold", held / len(sure), len(sure)))
        rows.append(Row(f"{name}: supported, of all: quote holds gold", held / len(supported), len(supported)))
        rows.append(Row(f"{name}: answerable with a supported answer", len(sure) / len(yes), len(yes)))
    rows.append(Row(f"{name}: decided rightly", mean(one.decided for one in asked), len(asked)))
    rows.append(Row(f"{name}: tokens a question, mean", mean(one.tokens for one in asked), len(asked)))
    rows.append(
        Row(f"{name}: milliseconds a question, median", 1000 * median(one.seconds for one in asked), len(asked))
    )
    return rows


def compared(asked: Mapping[str, Sequence[Asked]]) -> tuple[Comparison, ...]:
    """Each way of deciding against the first, by the questions decided rightly."""
    scores = {
        way: {"decided rightly": {str(number): one.decided for number, one in enumerate(found)}}
        for way, found in asked.items()
    }
    first, *others = scores
    found = compare({way: scores[way] for way in others}, scores[first], baseline=first) if others else ()
    for one in found:
        print(f"{one.system} against {one.baseline}, {one.measure}: {one.difference:+.3f}, p {one.p_corrected:.4f}")
    return found


def main() -> None:
    """Ask, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the collections")
    parser.add_argument("--recipe", default="extractive")
    parser.add_argument("--confidence", nargs="+", choices=("learned", "rules"), default=["rules", "learned"])
    parser.add_argument("--collections", nargs="+", default=["squad2", "hotpotqa-100", "xquad-zh"])
    parser.add_argument("--limit", type=int, help="questions of each collection")
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    results: list[dict[str, object]] = []
    for name in chosen.collections:
        asked = {way: ask_all(chosen.data / name, chosen.recipe, way, chosen.limit) for way in chosen.confidence}
        for way, found in asked.items():
            rows = rows_of(name, found)
            for row in rows:
                interval = "" if row.low is None else f" ({row.low:.3f} to {row.high:.3f})"
                print(f"{way:8} {row.measure:64} {row.value:.3f}{interval}  n={row.questions}", flush=True)
            results.append({"collection": name, "confidence": way, "rows": [asdict(row) for row in rows]})
        results += [{"collection": name, "comparison": asdict(one)} for one in compared(asked)]
    if chosen.out:
        hashes = {name: dict(read_collection(chosen.data / name).sha256) for name in chosen.collections}
        record = {"recipe": chosen.recipe, "limit": chosen.limit, "data_sha256": hashes, **describe()}
        chosen.out.write_text(json.dumps({**record, "results": results}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
