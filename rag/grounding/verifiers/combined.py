"""Several measures of support as one probability: a logistic model with a handful of weights, kept as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from rag.errors import ModelError
from rag.grounding.verifiers.batch import Pair, supports
from rag.grounding.verifiers.embedding import best_cosines
from rag.grounding.verify import CEILING, Support, measure_text
from rag.protocols import Embedder, Verifier
from rag.text import detect_language, terms

# What the combination may read; the values are all from 0 to 1.
FEATURES = ("words", "cosine", "order", "nli", "judge")
SHIPPED = "weights.json"


@dataclass(frozen=True, slots=True)
class Logistic:
    """``1 / (1 + exp(-(intercept + sum of weight * feature)))``.

    ``broken`` is the share of supported claims among those that break a hard rule. ``embedder`` is the fingerprint of
    the one whose cosines it was trained on, "" where it is not known.
    """

    intercept: float
    weights: Mapping[str, float]
    broken: float = 0.0
    embedder: str = ""

    def __call__(self, features: Mapping[str, float]) -> float:
        """The probability, of features by their names."""
        z = self.intercept + math.fsum(weight * features[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def load_weights(path: Path | None = None) -> Logistic:
    """The weights of a JSON file that eval/train_verifier.py wrote, or those that ship. Raises ModelError."""
    where = str(path or SHIPPED)
    hint = "write it with eval/train_verifier.py"
    try:
        text = path.read_text("utf-8") if path else files(__package__).joinpath(SHIPPED).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read the verifier's weights: {error}", where=where, hint=hint) from error
    try:
        data = json.loads(text)
        weights = {str(name): float(value) for name, value in data["weights"].items()}
        intercept = float(data["intercept"])
        broken = float(data.get("broken", 0.0))
        embedder = str(data.get("embedder", ""))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"these are no weights of a verifier: {error!r}", where=where, hint=hint) from error
    if unknown := sorted(weights.keys() - set(FEATURES)):
        raise ModelError(f"unknown feature {unknown[0]!r}", where=where, hint=f"features are {', '.join(FEATURES)}")
    if not all(map(math.isfinite, (intercept, broken, *weights.values()))):
        raise ModelError("a weight is not a finite number", where=where, hint=hint)
    return Logistic(intercept, weights, min(max(broken, 0.0), CEILING), embedder)


class CombinedVerifier:
    """The probability that evidence supports a claim, by words, embeddings, order of words, and what else is given.

    The hard rules stand: what misses a number, date or name of the claim, or differs in a negation, gets the small
    share of supported claims among such, whatever else speaks for it. Implements Verifier and BatchVerifier.
    """

    def __init__(
        self,
        embedder: Embedder,
        *,
        nli: Verifier | None = None,
        judge: Verifier | None = None,
        logistic: Logistic | None = None,
        language: str = "",
    ) -> None:
        """Raises ModelError where the weights (default: those that ship) read a verifier that is not given."""
        self._logistic = logistic or load_weights()
        self._embedder = embedder
        parts = {"nli": nli, "judge": judge}
        wanted = [name for name in parts if name in self._logistic.weights]
        if missing := [name for name in wanted if parts[name] is None]:
            raise ModelError(
                f"the weights are for a combination with {missing[0]!r}, and there is none",
                hint="give that verifier, or take weights that were trained without it",
            )
        self._parts = {name: part for name in wanted if (part := parts[name]) is not None}
        self._language = language

    def support(self, claim: str, evidence: str) -> float:
        """From 0 to 1; at most 0.3 where a hard rule is broken."""
        return self.supports([(claim, evidence)])[0]

    def supports(self, pairs: Sequence[Pair]) -> list[float]:
        """``support`` of each pair; what breaks a hard rule is not read by the models."""
        plain = [measure_text(claim, evidence, self._language) for claim, evidence in pairs]
        found = [min(words.score, self._logistic.broken) for words in plain]
        open_ones = [i for i, words in enumerate(plain) if not vetoed(words)]
        rows = features([pairs[i] for i in open_ones], self._embedder, self._parts, self._language)
        for i, row in zip(open_ones, rows, strict=True):
            found[i] = self._logistic(row)
        return found


def vetoed(support: Support) -> bool:
    """Whether a hard rule is broken: a fact is missing, or a negation differs."""
    return bool(support.missing) or support.denied


def features(
    pairs: Sequence[Pair], embedder: Embedder, parts: Mapping[str, Verifier], language: str = ""
) -> list[dict[str, float]]:
    """What the logistic model reads of each pair: words, best cosine, order, and each part's support."""
    columns: dict[str, list[float]] = {
        "words": [measure_text(claim, evidence, language).score for claim, evidence in pairs],
        "cosine": best_cosines(pairs, embedder) if pairs else [],
        "order": [in_order(claim, evidence, language) for claim, evidence in pairs],
    }
    columns |= {name: supports(part, pairs) for name, part in parts.items()}
    return [{name: column[i] for name, column in columns.items()} for i in range(len(pairs))]


def in_order(claim: str, evidence: str, language: str = "") -> float:
    """The share of the claim's terms that the evidence holds in the claim's order.

    The longest common subsequence over the length of the claim: ROUGE-L's recall (Lin 2004). "A sold it to B" and
    "B sold it to A" have the same words in another order.
    """
    language = language or detect_language(evidence)
    said = terms(claim, language)
    if not said:
        return 0.0
    return _common(said, terms(evidence, language)) / len(said)


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    row = [0] * (len(other) + 1)
    for term in one:
        above = 0
        for j, word in enumerate(other):
            kept, row[j + 1] = row[j + 1], above + 1 if term == word else max(row[j], row[j + 1])
            above = kept
    return row[-1]
