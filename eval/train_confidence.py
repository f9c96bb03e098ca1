"""Learn how sure an answer is from SQuAD 2.0, whose unanswerable questions were written to look answerable.

    python eval/train_confidence.py --data DIR [--features FILE] [--out FILE] [--write]

Quotes are taken by the ``extractive`` recipe, features are read by ``rag.grounding``, and two ridge logistic
regressions are fitted: whether the question is answerable at all, and, of the answerable ones, whether the quote holds
a gold answer. Every figure printed is of articles that the model was not trained on (leave one article out), the
threshold of refusals included; the features themselves were chosen on these eight articles, which flatters a little.
``--features`` keeps what was read, so that a second run takes seconds. ``--write`` writes the model trained on all.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from beir import read_collection
from machine import describe

from rag.evaluation.answers.refusals import Outcome, auroc, auroc_interval
from rag.grounding import ground
from rag.grounding.confidence import Confidence, ConfidenceModel, Logistic
from rag.grounding.features import Features
from rag.pipeline import Pipeline
from rag.recipe import load_recipe

OUT = Path(__file__).parent.parent / "rag" / "grounding" / "data" / "confidence.json"
RIDGE = 100.0  # penalty on the squared weights of standardised features; 10 to 300 differ by .003 in AUROC
FEATURES = (
    "dense", "dense place", "sparse place", "direct", "named", "names", "known", "retrieved", "typed",
    "sentence cosine", "sentence gap", "quotes", "worst word", "worst two", "mean word, passage", "lost cosine",
    "special lost", "lost, passage", "lost weight", "lost names", "lost figures, passage", "together", "spread",
    "negated", "negated, unlike", "opposites", "opposites, passage", "asks which", "question words",
)  # fmt: skip
GROUPS = {
    "retrieval scores and places": ("dense", "dense place", "sparse place"),
    "rules: share, names, type": ("direct", "named", "names", "known", "retrieved", "typed"),
    "sentence cosines": ("sentence cosine", "sentence gap", "quotes"),
    "word alignment": ("worst word", "worst two", "mean word, passage", "lost cosine", "together", "spread"),
    "words lost": ("special lost", "lost, passage", "lost weight", "lost names", "lost figures, passage"),
    "negation and opposites": ("negated", "negated, unlike", "opposites", "opposites, passage"),
    "form of the question": ("asks which", "question words"),
}
Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Case:
    """A question of an article, whether it is answerable, whether what was quoted holds a gold answer."""

    id: str
    article: str
    answerable: bool
    right: bool
    features: Features


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of so many questions, with its 95% interval where that is computed."""

    measure: str
    value: float
    questions: int
    interval: tuple[float, float] | None = None


def read_cases(data: Path) -> Iterator[Case]:
    """Every question whose quote was proved, in the order of the file."""
    seen: list[Features] = []

    def record(features: Features) -> Confidence:
        seen.append(features)
        return Confidence(1.0, 1.0)

    recipe = load_recipe("extractive")
    rules = recipe.model_copy(update={"grounding": recipe.grounding.model_copy(update={"confidence": "rules"})})
    with tempfile.TemporaryDirectory() as folder, Pipeline(Path(folder) / "index", rules) as pipeline:
        pipeline.add(data / "corpus.jsonl")
        for line in (data / "qa.jsonl").read_text("utf-8").splitlines():
            row = json.loads(line)
            seen.clear()
            answer = pipeline.ask(row["question"])
            ground(row["question"], answer.draft, answer.hits, embedder=pipeline.embedder, confidence=record)
            if not seen:
                continue
            right = any(gold.casefold() in answer.draft.casefold() for gold in row["answers"])
            article = row["passages"][0].partition("#")[0]
            yield Case(row["_id"], article, bool(row["answerable"]), right, dict(seen[0]))


def fit(x: Array, y: Mask) -> Logistic:
    """Ridge logistic regression on standardised features."""
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)
    model = LogisticRegression(C=1 / RIDGE, max_iter=1000).fit((x - mean) / scale, y)
    rounded = [tuple(float(f"{value:.6g}") for value in part) for part in (model.coef_[0], mean, scale)]
    return Logistic(round(float(model.intercept_[0]), 6), *rounded)


def predict(model: Logistic, x: Array) -> Array:
    """The probability of each row."""
    return np.array([model(row) for row in x.tolist()])


def held_out(x: Array, y: Mask, articles: npt.NDArray[np.str_], among: Mask) -> Array:
    """The probability of each row by a model trained on the other articles, on the rows ``among`` them."""
    found = np.zeros(len(y))
    for article in np.unique(articles):
        rest = (articles != article) & among
        found[articles == article] = predict(fit(x[rest], y[rest]), x[articles == article])
    return found


def area(scores: Array, answerable: Mask) -> float:
    """AUROC."""
    value = auroc(outcomes(scores, answerable)).value
    if value is None:
        raise SystemExit("AUROC needs questions of both kinds")
    return value


def outcomes(scores: Array, answerable: Mask) -> list[Outcome]:
    """As ``rag.evaluation`` compares them."""
    return [
        Outcome(answerable=bool(yes), refused=False, correct=bool(yes), score=float(score))
        for score, yes in zip(scores, answerable, strict=True)
    ]


def refusals(scores: Array, answerable: Mask, articles: npt.NDArray[np.str_], recall: float) -> Mask:
    """What is refused where the threshold is that of the other articles at which ``recall`` is refused rightly."""
    refused = np.zeros(len(scores), bool)
    for article in np.unique(articles):
        others = scores[(articles != article) & ~answerable]
        here = articles == article
        refused[here] = scores[here] < np.quantile(others, recall)
    return refused


def figures(cases: Sequence[Case]) -> Iterator[Figure]:
    """What models reach on articles they were not trained on."""
    x = np.array([[case.features[name] for name in FEATURES] for case in cases])
    answerable = np.array([case.answerable for case in cases])
    right = np.array([case.right for case in cases])
    articles = np.array([case.article for case in cases])
    everything = np.ones(len(cases), bool)
    sure = held_out(x, answerable, articles, everything)
    good = held_out(x, right, articles, answerable)
    yes = int(answerable.sum())
    yield Figure(
        "answerable: AUROC",
        area(sure, answerable),
        len(cases),
        auroc_interval(outcomes(sure, answerable), seed=0),
    )
    for article in sorted(set(articles)):
        here = articles == article
        yield Figure(f"answerable: AUROC of {article}", area(sure[here], answerable[here]), int(here.sum()))
    for recall in (0.60, 0.65, 0.70):
        refused = refusals(sure, answerable, articles, recall)
        line = f"refusing below {np.quantile(sure[~answerable], recall):.3f}"
        yield Figure(f"{line}: precision", float((~answerable)[refused].mean()), int(refused.sum()))
        yield Figure(f"{line}: recall", float(refused[~answerable].mean()), len(cases) - yes)
        yield Figure(f"{line}: over-refusal", float(refused[answerable].mean()), yes)
    yield Figure("right, among the answerable: AUROC", area(good[answerable], right[answerable]), yes)
    refused = refusals(sure, answerable, articles, 0.63)
    for least in (0.0, 0.65, 0.7, 0.75, 0.8, 0.85):
        shown = ~refused & (good >= least)
        of = shown & answerable
        line = f"supported at {least:.2f}"
        yield Figure(f"{line}: right, of the answerable", float(right[of].mean()), int(of.sum()))
        yield Figure(f"{line}: right, of all", float((right & answerable)[shown].mean()), int(shown.sum()))
        yield Figure(f"{line}: share of the answerable", float(of.sum() / yes), yes)
    for group, names in GROUPS.items():
        kept = [i for i, name in enumerate(FEATURES) if name not in names]
        one = held_out(x[:, kept], answerable, articles, everything)
        two = held_out(x[:, kept], right, articles, answerable)[answerable]
        yield Figure(f"without {group}: AUROC of answerable", area(one, answerable), len(cases))
        yield Figure(f"without {group}: AUROC of right", area(two, right[answerable]), yes)


def train(cases: Sequence[Case], embedder: str) -> ConfidenceModel:
    """The model of all cases."""
    x = np.array([[case.features[name] for name in FEATURES] for case in cases])
    answerable = np.array([case.answerable for case in cases])
    right = np.array([case.right for case in cases])
    trained: dict[str, str | int | float] = {
        "data": "squad2",
        "questions": len(cases),
        "articles": len({case.article for case in cases}),
    }
    return ConfidenceModel(
        FEATURES, fit(x, answerable), fit(x[answerable], right[answerable]), embedder, {**trained, "ridge": RIDGE}
    )


def main() -> None:
    """Read features, print and keep the figures, write the model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the collections")
    parser.add_argument("--features", type=Path, help="keep the features here, or take them from here")
    parser.add_argument("--out", type=Path, help="write the figures here, as JSON")
    parser.add_argument("--write", action="store_true", help=f"write {OUT.name}")
    chosen = parser.parse_args()
    if chosen.features and chosen.features.exists():
        cases = [Case(**json.loads(line)) for line in chosen.features.read_text("utf-8").splitlines()]
    else:
        cases = list(read_cases(chosen.data / "squad2"))
        if chosen.features:
            chosen.features.write_text("".join(json.dumps(asdict(case)) + "\n" for case in cases), "utf-8")
    found = list(figures(cases))
    articles = len({case.article for case in cases})
    print(f"{len(cases)} questions of {articles} articles, each judged by a model of the others")
    for one in found:
        interval = f"  ({one.interval[0]:.3f} to {one.interval[1]:.3f})" if one.interval else ""
        print(f"{one.measure:64} {one.value:.3f}  n={one.questions}{interval}")
    if chosen.out:
        hashes = dict(read_collection(chosen.data / "squad2").sha256)
        record = {"data_sha256": {"squad2": hashes}, **describe(), "figures": [asdict(one) for one in found]}
        chosen.out.write_text(json.dumps(record, indent=1) + "\n", "utf-8")
    if chosen.write:
        from rag.embedders import load_embedder

        model = train(cases, load_embedder("minilm").fingerprint)
        OUT.write_text(json.dumps(asdict(model), indent=1) + "\n", "utf-8")
        print(f"wrote {OUT}")


if __name__ == "__main__":
    main()
