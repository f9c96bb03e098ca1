"""What the generator's own opinion adds to the learned confidence: its yes or no, and the agreement of its drafts.

    python eval/bench_model_confidence.py --data DIR [--limit 200] [--cache FILE] [--features FILE] [--out FILE]
        [--write]

A random sample (seed 0, half of it answerable) of SQuAD 2.0, whose unanswerable questions were written to look
answerable, is answered by a recipe with a local model. Of each question with a proved answer are kept the features of
the learned confidence and the generator's signals; each figure is of articles that neither the learned model nor the
combination was trained on (leave one article out). The learned model is fitted on all questions of the other articles,
as ``train_confidence.py`` does it: its features take minutes, ``--features`` is the file that this script keeps.
``--cache`` keeps each question once it is answered, so that a run that was cut off goes on where it was. ``--write``
writes the combinations of all articles, trained on held-out learned scores, to where the library reads them.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import numpy.typing as npt
from beir import read_collection
from machine import describe
from train_confidence import FEATURES, Array, Case, Mask, area, fit, outcomes, predict, read_cases

from rag.chains.answering import one_shot
from rag.chains.drafting import last
from rag.evaluation.answers.refusals import auroc_interval
from rag.grounding.confidence import Confidence, Estimate, Logistic
from rag.grounding.features import Features
from rag.grounding.opinions import (
    AGREEMENT,
    LEARNED,
    SHIPPED,
    YES,
    Combination,
    Combinations,
    Drafted,
    ModelSignals,
    Signals,
    logit,
)
from rag.pipeline import Pipeline
from rag.recipe import Recipe, build_answer_parts, load_recipe
from rag.types import Step

OUT = Path(__file__).parent.parent / "rag" / "grounding" / "data" / SHIPPED
RIDGE = 1.0  # few weights, and as many questions as there is time for
SETS: tuple[tuple[str, ...], ...] = ((YES,), AGREEMENT, (YES, *AGREEMENT))
STEPS = ("ask model", "sample")
SEED = 0
SAMPLES = 2000  # of the bootstrap


@dataclass(frozen=True, slots=True)
class Cost:
    """What a step took of a question: milliseconds, tokens read and written."""

    ms: float = 0.0
    prompt_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A question asked. Without ``features`` nothing of its answer was proved: rules refuse it, whatever is signalled.

    ``costs`` are of the steps in STEPS, and of the whole question.
    """

    id: str
    article: str
    answerable: bool
    features: Features
    signals: dict[str, float]
    costs: dict[str, Cost]


def sample(data: Path, limit: int) -> list[dict[str, object]]:
    """Questions, half of them answerable, in an order that mixes articles and kinds: any part of it is a sample."""
    rows = [json.loads(line) for line in (data / "qa.jsonl").read_text("utf-8").splitlines()]
    rng = random.Random(SEED)
    kinds = [[row for row in rows if row["answerable"] is kind] for kind in (True, False)]
    for kind in kinds:
        rng.shuffle(kind)
    mixed = [row for pair in zip(*kinds, strict=False) for row in pair]
    return mixed[:limit]


def ask(pipeline: Pipeline, row: dict[str, object], samples: int, temperature: float) -> Asked:
    """The features and the signals of a question by its recipe; the signals only where features are read."""
    seen: list[Features] = []
    read: list[Signals] = []
    embedder = pipeline.embedder
    if embedder is None:
        raise SystemExit("the recipe has no embedder")
    signals = ModelSignals(pipeline.generator, embedder, ask=True, samples=samples, temperature=temperature)

    def opinion(drafted: Drafted) -> Estimate:
        def estimate(features: Features) -> Confidence:
            seen.append(features)
            if not read:
                read.append(signals(drafted))
            return Confidence(1.0, 1.0)

        return estimate

    parts = replace(build_answer_parts(pipeline.recipe, pipeline.generator, embedder), opinion=opinion)
    began = time.perf_counter()
    k = pipeline.recipe.retrieval.k
    answer = last(one_shot(str(row["question"]), retriever=pipeline.retriever, parts=parts, k=k))
    whole = Cost(1000 * (time.perf_counter() - began), answer.trace.prompt_tokens, answer.trace.output_tokens)
    steps = [one for step in answer.trace.steps for one in step.walk()]
    passages = row["passages"]
    assert isinstance(passages, list)
    return Asked(
        str(row["_id"]),
        str(passages[0]).partition("#")[0],
        bool(row["answerable"]),
        # the answer that is given in the end is read last: the draft's, or the quote's in its place
        dict(seen[-1]) if seen else {},
        dict(read[0]) if read else {},
        {"whole": whole} | {name: cost_of([one for one in steps if one.name == name]) for name in STEPS},
    )


def cost_of(steps: Sequence[Step]) -> Cost:
    """The sum."""
    return Cost(
        1000 * sum(one.seconds for one in steps),
        sum(one.prompt_tokens for one in steps),
        sum(one.output_tokens for one in steps),
    )


def ask_all(data: Path, recipe: Recipe, limit: int, samples: int, temperature: float, cache: Path) -> list[Asked]:
    """All that were asked, those of the cache first taken from there."""
    settings = json.dumps([recipe.model_dump(mode="json"), samples, temperature], sort_keys=True)
    found = {one.id: one for one in read_cache(cache, settings)}
    rows = sample(data, limit)
    todo = [row for row in rows if row["_id"] not in found]
    if todo:
        with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder) / "index", recipe) as pipeline:
            pipeline.add(data / "corpus.jsonl")
            ask(pipeline, todo[0], samples, temperature)  # loads the models
            for done, row in enumerate(todo, 1):
                one = ask(pipeline, row, samples, temperature)
                found[one.id] = one
                with cache.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(one)) + "\n")
                print(f"{done} of {len(todo)}: {one.costs['whole'].ms / 1000:.1f} s", flush=True)
    return [found[str(row["_id"])] for row in rows]


def read_cache(cache: Path, settings: str) -> Iterator[Asked]:
    """What was asked before with these settings, which are its first line; exits where they are others."""
    if not cache.exists():
        cache.write_text(settings + "\n", "utf-8")
    first, *lines = cache.read_text("utf-8").splitlines()
    if first != settings:
        raise SystemExit(f"{cache} was made with other settings: name another --cache")
    for line in lines:
        row = json.loads(line)
        yield Asked(**{**row, "costs": {name: Cost(**cost) for name, cost in row["costs"].items()}})


def cases_of(data: Path, features: Path | None) -> list[Case]:
    """As ``train_confidence.py`` reads and keeps them."""
    if features and features.exists():
        return [Case(**json.loads(line)) for line in features.read_text("utf-8").splitlines()]
    cases = list(read_cases(data))
    if features:
        features.write_text("".join(json.dumps(asdict(case)) + "\n" for case in cases), "utf-8")
    return cases


def matrix(rows: Sequence[Features], names: Sequence[str]) -> Array:
    """A row each, in the order of the names."""
    return np.array([[row[name] for name in names] for row in rows])


def learned_scores(asked: Sequence[Asked], cases: Sequence[Case]) -> Array:
    """The learned probability of each question by a model of all cases of other articles."""
    x, y = matrix([case.features for case in cases], FEATURES), np.array([case.answerable for case in cases])
    of = np.array([case.article for case in cases])
    here = np.array([one.article for one in asked])
    mine = matrix([one.features for one in asked], FEATURES)
    found = np.zeros(len(asked))
    for article in np.unique(here):
        found[here == article] = predict(fit(x[of != article], y[of != article]), mine[here == article])
    return found


def fit_combination(x: Array, y: Mask) -> Logistic:
    """Ridge logistic regression on standardised features, lightly held."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    model = LogisticRegression(C=1 / RIDGE, max_iter=1000).fit((x - mean) / scale, y)
    rounded = [tuple(float(f"{value:.6g}") for value in part) for part in (model.coef_[0], mean, scale)]
    return Logistic(round(float(model.intercept_[0]), 6), *rounded)


def held_out(x: Array, y: Mask, articles: npt.NDArray[np.str_]) -> Array:
    """The combined probability of each row by a combination of the other articles."""
    found = np.zeros(len(y))
    for article in np.unique(articles):
        rest = articles != article
        found[~rest] = predict(fit_combination(x[rest], y[rest]), x[~rest])
    return found


def gain_interval(scores: Array, base: Array, y: Mask) -> tuple[float, float]:
    """95% percentile bootstrap interval of the difference in AUROC, drawn in pairs within each kind of question."""
    rng = np.random.default_rng(SEED)
    yes, no = np.flatnonzero(y), np.flatnonzero(~y)

    def areas(values: Array, above: npt.NDArray[np.int64], below: npt.NDArray[np.int64]) -> float:
        difference = values[above][:, None] - values[below][None, :]
        return float(((difference > 0) + (difference == 0) / 2).mean())

    gains = []
    for _ in range(SAMPLES):
        above, below = rng.choice(yes, len(yes)), rng.choice(no, len(no))
        gains.append(areas(scores, above, below) - areas(base, above, below))
    low, high = np.quantile(gains, (0.025, 0.975))
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Row:
    """An AUROC with its 95% bootstrap interval, and the same of its gain over the learned score alone."""

    measure: str
    auroc: float
    low: float
    high: float
    gain: float | None = None
    gain_low: float | None = None
    gain_high: float | None = None


def row_of(measure: str, scores: Array, base: Array, y: Mask) -> Row:
    """The figures of some scores."""
    low, high = auroc_interval(outcomes(scores, y), seed=SEED, samples=SAMPLES) or (0.0, 1.0)
    value = area(scores, y)
    if scores is base:
        return Row(measure, value, low, high)
    return Row(measure, value, low, high, value - area(base, y), *gain_interval(scores, base, y))


def report(asked: Sequence[Asked], learned: Array) -> list[Row]:
    """AUROC of the learned score, of each signal alone and of the combinations, on articles that are left out."""
    y = np.array([one.answerable for one in asked])
    articles = np.array([one.article for one in asked])
    rows = [row_of("learned alone", learned, learned, y)]
    rows += [
        row_of(f"{name} alone", matrix([one.signals for one in asked], [name])[:, 0], learned, y) for name in SETS[-1]
    ]
    for names in SETS:
        scores = held_out(combined_matrix(asked, learned, names), y, articles)
        rows.append(row_of(" + ".join((LEARNED, *names)), scores, learned, y))
    return rows


def combined_matrix(asked: Sequence[Asked], learned: Array, names: Sequence[str]) -> Array:
    """The learned logit, then the signals."""
    logits = np.array([logit(one) for one in learned.tolist()])
    return np.column_stack([logits, matrix([one.signals for one in asked], names)])


def train(asked: Sequence[Asked], learned: Array, recipe: Recipe, embedder: str, samples: int) -> Combinations:
    """The combinations of all articles."""
    y = np.array([one.answerable for one in asked])
    fitted = tuple(
        Combination((LEARNED, *names), fit_combination(combined_matrix(asked, learned, names), y)) for names in SETS
    )
    trained: dict[str, str | int | float] = {
        "data": "squad2",
        "questions": len(asked),
        "articles": len({one.article for one in asked}),
        "samples": samples,
        "ridge": RIDGE,
    }
    return Combinations(fitted, recipe.generator.model, embedder, trained)


def costs(asked: Sequence[Asked]) -> dict[str, Cost]:
    """The means over the questions."""
    return {
        name: Cost(
            fmean(one.costs[name].ms for one in asked),
            round(fmean(one.costs[name].prompt_tokens for one in asked)),
            round(fmean(one.costs[name].output_tokens for one in asked)),
        )
        for name in ("whole", *STEPS)
    }


def main() -> None:
    """Ask, print the figures, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the collections")
    parser.add_argument("--recipe", default="default", help="its generator is asked: a name or a TOML file")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--samples", type=int, default=3, help="further drafts a question")
    parser.add_argument("--temperature", type=float, default=0.7, help="of those")
    parser.add_argument("--cache", type=Path, help="keep each question here, and go on from here")
    parser.add_argument("--features", type=Path, help="the learned model's cases, as train_confidence.py keeps them")
    parser.add_argument("--out", type=Path, help="write the figures here, as JSON")
    parser.add_argument("--write", action="store_true", help=f"write {SHIPPED}")
    chosen = parser.parse_args()
    recipe = load_recipe(chosen.recipe)
    data = chosen.data / "squad2"
    with tempfile.TemporaryDirectory() as folder:
        cache = chosen.cache or Path(folder) / "cache.jsonl"
        everyone = ask_all(data, recipe, chosen.limit, chosen.samples, chosen.temperature, cache)
    asked = [one for one in everyone if one.features]
    print(f"{len(asked)} of {len(everyone)} questions got an answer with proof; the others are refused by rules")
    learned = learned_scores(asked, cases_of(data, chosen.features))
    rows, spent = report(asked, learned), costs(asked)
    for row in rows:
        gain = "" if row.gain is None else f"  gain {row.gain:+.3f} ({row.gain_low:+.3f} to {row.gain_high:+.3f})"
        print(f"{row.measure:48} AUROC {row.auroc:.3f} ({row.low:.3f} to {row.high:.3f}){gain}")
    for name, cost in spent.items():
        print(
            f"{name:12} {cost.ms:7.0f} ms, {cost.prompt_tokens} tokens read and {cost.output_tokens} written a question"
        )
    if chosen.out:
        record = {
            **describe(),
            "data_sha256": dict(read_collection(data).sha256),
            "recipe": chosen.recipe,
            "generator": recipe.generator.model,
            "samples": chosen.samples,
            "temperature": chosen.temperature,
            "asked": len(everyone),
            "questions": len(asked),
            "rows": [asdict(row) for row in rows],
            "costs": {name: asdict(cost) for name, cost in spent.items()},
        }
        chosen.out.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    if chosen.write:
        from rag.embedders import load_embedder

        model = train(asked, learned, recipe, load_embedder("minilm").fingerprint, chosen.samples)
        OUT.write_text(json.dumps(asdict(model), indent=1) + "\n", "utf-8")
        print(f"wrote {OUT}")


if __name__ == "__main__":
    main()
