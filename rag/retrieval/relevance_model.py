"""What the best passages say about what was meant: a question expanded, as terms and as a vector. Pure functions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from rag.types import Vectors

# How much of a question is made of rare terms, from 0 to 1, where feedback begins to fade and where it ends.
TOPICAL, SPECIFIC = 0.4, 0.5


def rm3(
    question: Sequence[str],
    passages: Sequence[Sequence[str]],
    likelihoods: Sequence[float],
    *,
    terms: int = 20,
    share: float = 0.4,
) -> dict[str, float]:
    """Weights of the question's terms (``1 - share`` in all) and of the passages' best terms (``share``).

    P(t | R) is the sum over the passages of P(t | passage) times the passage's likelihood, brought to a sum of 1.
    Lavrenko & Croft, "Relevance-Based Language Models", SIGIR 2001 (RM1, method 1); interpolated with the question
    as in Abdul-Jaleel et al., "UMass at TREC 2004" (RM3). Without passages, the question alone.
    """
    weights = {term: count / len(question) for term, count in Counter(question).items()}
    model: dict[str, float] = {}
    total = sum(likelihoods)
    for passage, likelihood in zip(passages, likelihoods, strict=True):
        for term, count in Counter(passage).items():
            gain = likelihood / total * count / len(passage) if total > 0 else 0.0
            model[term] = model.get(term, 0.0) + gain
    best = sorted(((weight, term) for term, weight in model.items() if weight > 0), key=lambda one: (-one[0], one[1]))
    kept = best[:terms]
    mass = sum(weight for weight, _ in kept)
    if not mass:
        return weights
    expanded = {term: (1 - share) * weight for term, weight in weights.items()}
    for weight, term in kept:
        expanded[term] = expanded.get(term, 0.0) + share * weight / mass
    return {term: weight for term, weight in expanded.items() if weight > 0}


def rocchio(question: Vectors, passages: Vectors, *, share: float = 0.3) -> Vectors:
    """A unit vector (dim,) between the question's (dim,) and the mean direction of the passages' (n, dim).

    Rocchio 1971, with unit vectors and no negative part; Yu, Xiong & Callan 2021 for dense retrieval. Without
    passages, or where they cancel out, the question's own.
    """
    mean = passages.astype(np.float64).sum(axis=0)
    length = float(np.linalg.norm(mean))
    if not length > 0:
        return question
    mixed = (1 - share) * question.astype(np.float64) + share * mean / length
    size = float(np.linalg.norm(mixed))
    return (mixed / size).astype(np.float32) if size > 0 else question


def specificity(idf: Mapping[str, float], passages: int) -> float:
    """How rare a question's terms are in an index of so many passages: mean idf over the greatest possible, 0 to 1.

    1 is a question of terms that one passage each holds; 0.5 one whose terms stand in about the square root of all.
    AvIDF of Cronen-Townsend, Zhou & Croft (SIGIR 2002) and He & Ounis (SPIRE 2004), made independent of the size.
    """
    if not idf or passages < 2:
        return 1.0
    return min(1.0, sum(idf.values()) / len(idf) / math.log(1 + (passages - 0.5) / 1.5))


def feedback_strength(specific: float) -> float:
    """How far to trust feedback, from 1 for questions about a topic to 0 for questions after one fact.

    A topical question has many relevant passages, and what they have in common is what was meant; one after a fact
    has one, and what the others have in common leads away from it.
    """
    return min(1.0, max(0.0, (SPECIFIC - specific) / (SPECIFIC - TOPICAL)))
