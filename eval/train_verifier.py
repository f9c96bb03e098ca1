"""Weights of the combined verifier, fitted to pairs of claims and evidence made from questions with gold answers.

    python eval/train_verifier.py --data DIR [--out rag/grounding/verifiers/weights.json] [--nli MODEL] [--judge RECIPE]

Prints AUROC, Brier score and expected calibration error (ten bins) with each article left out of the fit in its turn,
beside the other measures on the same pairs, and the same by kind of wrong claim. Without ``--out`` nothing is written.
Pairs that break a hard rule are no part of the fit: they stay unsupported whatever the weights.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import numpy.typing as npt
from verifier_pairs import Pair, read_pairs

from rag.evaluation.answers.refusals import Outcome, auroc
from rag.grounding.verifiers import JudgeVerifier, NliVerifier
from rag.grounding.verifiers.combined import features, vetoed
from rag.grounding.verify import CEILING, measure_text
from rag.protocols import Embedder, Verifier
from rag.recipe import build_embedder, build_generator, load_recipe

HERE = Path(__file__).resolve().parent
RIDGE = 1.0  # L2 penalty on the weights, none on the intercept
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Data:
    """Pairs with their features: ``x`` (n, features), named ``names``; ``open`` where no hard rule is broken."""

    pairs: Sequence[Pair]
    names: tuple[str, ...]
    x: Floats
    open: npt.NDArray[np.bool_]
    words: Floats
    lifted: Floats

    @property
    def y(self) -> Floats:
        return np.array([pair.supported for pair in self.pairs], float)


def read(pairs: Sequence[Pair], parts: dict[str, Verifier], embedder: Embedder) -> Data:
    texts = [(pair.claim, pair.evidence) for pair in pairs]
    rows = features(texts, embedder, parts)
    names = tuple(rows[0])
    x = np.array([[row[name] for name in names] for row in rows])
    plain = [measure_text(*text) for text in texts]
    cosine = x[:, names.index("cosine")]
    lifted = [measure_text(*text, similarity=float(near)).score for text, near in zip(texts, cosine, strict=True)]
    opened = np.array([not vetoed(words) for words in plain])
    return Data(pairs, names, x, opened, np.array([words.score for words in plain]), np.array(lifted))


def fit(x: Floats, y: Floats) -> Floats:
    """Intercept and weights of a logistic regression with equal weight to both classes, by Newton's method."""
    design = np.column_stack([np.ones(len(x)), x])
    weight = np.where(y == 1, len(y) / (2 * max(y.sum(), 1)), len(y) / (2 * max((1 - y).sum(), 1)))
    penalty = RIDGE * np.diag([0.0, *np.ones(x.shape[1])])
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ beta))
        gradient = design.T @ (weight * (p - y)) + penalty @ beta
        change = np.linalg.solve(design.T @ (design * (weight * p * (1 - p))[:, None]) + penalty, gradient)
        beta -= change
        if np.abs(change).max() < 1e-9:
            break
    return np.asarray(beta)


def predict(beta: Floats, data: Data, at: npt.NDArray[np.bool_], columns: Sequence[int]) -> Floats:
    """The combination's probabilities; of what breaks a hard rule, the share that is supported nevertheless."""
    p = 1 / (1 + np.exp(-(beta[0] + data.x[at][:, list(columns)] @ beta[1:])))
    return np.where(data.open[at], p, np.minimum(data.words[at], broken(data, ~at)))


def broken(data: Data, at: npt.NDArray[np.bool_]) -> float:
    """The share of supported claims among those that break a hard rule, at most 0.3."""
    chosen = at & ~data.open
    return float(min(data.y[chosen].mean() if chosen.any() else 0.0, CEILING))


def left_out(data: Data, columns: Sequence[int]) -> Floats:
    """Each pair's probability by weights that were fitted to the other articles."""
    groups = np.array([pair.group for pair in data.pairs])
    found = np.zeros(len(groups))
    for group in np.unique(groups):
        rest = (groups != group) & data.open
        found[groups == group] = predict(
            fit(data.x[rest][:, list(columns)], data.y[rest]), data, groups == group, columns
        )
    return found


def area(y: Floats, scores: Floats) -> float:
    """AUROC, ties a half."""
    outcomes = [
        Outcome(bool(t), refused=False, score=float(s), correct=bool(t)) for t, s in zip(y, scores, strict=True)
    ]
    return float(auroc(outcomes).value or 0.0)


def calibration(y: Floats, p: Floats) -> tuple[float, float]:
    """Brier score, and expected calibration error over ten bins of equal width (Guo et al. 2017)."""
    bins = np.minimum((p * 10).astype(int), 9)
    error = sum(abs(p[bins == b].mean() - y[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins))
    return float(((p - y) ** 2).mean()), float(error)


def report(data: Data, scores: dict[str, Floats]) -> dict[str, dict[str, float]]:
    """Print and return the figures of each measure."""
    y, kinds = data.y, np.array([pair.kind for pair in data.pairs])
    wrong = sorted(set(kinds) - {"true"})
    print(f"{'':30} AUROC  open   Brier  ECE   " + "  ".join(f"{kind:>12}" for kind in wrong))
    table = {}
    for name, s in scores.items():
        brier, ece = calibration(y, s)
        of_kind = {kind: area(y[(m := (kinds == kind) | (kinds == "true"))], s[m]) for kind in wrong}
        table[name] = {
            "auroc": area(y, s), "auroc_open": area(y[data.open], s[data.open]), "brier": brier, "ece": ece, **of_kind
        }  # fmt: skip
        print(f"{name:30} " + " ".join(f"{v:.3f} " for v in list(table[name].values())[:4]), end=" ")
        print("  ".join(f"{v:12.3f}" for v in of_kind.values()))
    return {name: {key: round(v, 4) for key, v in row.items()} for name, row in table.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data", help="holds squad2")
    parser.add_argument("--out", type=Path, help="where the weights go")
    parser.add_argument("--nli", default="", help="an NLI model, which the combination then reads too")
    parser.add_argument("--judge", default="", help="a recipe whose generator judges, which it then reads too")
    parser.add_argument("--questions", type=int, default=60, help="of each article, answerable and not")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    parts: dict[str, Verifier] = {}
    if arguments.nli:
        parts["nli"] = NliVerifier(arguments.nli)
    if arguments.judge:
        parts["judge"] = JudgeVerifier(build_generator(load_recipe(arguments.judge), None))
    pairs = read_pairs(arguments.data / "squad2", arguments.seed, arguments.questions)
    embedder = build_embedder(load_recipe("default"))
    assert embedder is not None
    data = read(pairs, parts, embedder)
    print(f"{len(pairs)} pairs of {len({p.group for p in pairs})} articles, {int(data.open.sum())} break no hard rule")
    names = list(data.names)
    scores = {"rules": data.words, "rules + embedding": data.lifted}
    scores |= {name: data.x[:, names.index(name)] for name in parts}
    sets = [["words", "cosine"], ["words", "order"], ["words", "cosine", "order"], [n for n in names if n not in parts]]
    sets.append(names)
    for chosen in {tuple(one): one for one in sets}.values():
        scores["combined: " + " ".join(chosen)] = left_out(data, [names.index(n) for n in chosen])
    table = report(data, scores)
    if arguments.out:
        beta = fit(data.x[data.open], data.y[data.open])
        result = {
            "intercept": round(float(beta[0]), 4),
            "weights": {name: round(float(w), 4) for name, w in zip(names, beta[1:], strict=True)},
            "broken": round(broken(data, np.ones(len(pairs), bool)), 4),
            "embedder": embedder.fingerprint,
            "trained": {
                "on": "SQuAD 2.0, 8 articles: eval/train_verifier.py",
                "pairs": int(data.open.sum()),
                "questions": arguments.questions,
                "seed": arguments.seed,
                "articles_left_out_in_turn": table["combined: " + " ".join(names)],
            },
        }
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(f"written to {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
