"""Points -> topics by HDBSCAN (Campello, Moulavi & Sander 2013), named by class-based TF-IDF (Grootendorst 2022)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from rag.maps.layout import Points

Labels: TypeAlias = npt.NDArray[np.int32]
Integers: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]

LEAST = 5  # passages of a topic in a small corpus; in a large one half of the square root of all
WORDS = 4  # of a topic's name


def topics_of(points: Points) -> Labels:
    """The topic of each point, the largest 0; -1 for what belongs to none.

    Clusters of the plane, so that a topic is what is seen as one. On articles of known subjects these agreed with the
    subjects as well as clusters in five dimensions did, and better than clusters of the components.
    """
    least = max(LEAST, round(len(points) ** 0.5 / 2))
    if len(points) < 2 * least:
        return np.full(len(points), -1, np.int32)
    if not np.ptp(points, axis=0).any():
        return np.zeros(len(points), np.int32)
    from sklearn.cluster import HDBSCAN

    found = HDBSCAN(min_cluster_size=least, min_samples=LEAST, copy=True).fit_predict(points.astype(np.float64))
    return by_size(found)


def by_size(labels: npt.NDArray[np.integer]) -> Labels:
    """The same groups numbered by size, the largest 0, ties by their first point; -1 stays."""
    kinds, first, sizes = np.unique(labels[labels >= 0], return_index=True, return_counts=True)
    numbers = np.full(int(kinds[-1]) + 2 if len(kinds) else 1, -1, np.int32)  # the last is that of -1
    numbers[kinds[np.lexsort((first, -sizes))]] = np.arange(len(kinds))
    numbered: Labels = numbers[labels]
    return numbered


def class_weights(classes: Integers, terms: Integers, counts: Floats) -> Floats:
    """How telling each term is of its class: W = tf(t, c) · log(1 + A / f(t)) (Grootendorst 2022, eq. 2).

    The three arrays have a place for every class and term that occur together: ``counts`` is tf, f the number of times
    that a term occurs in all classes, and A the number of words in a class on average.
    """
    average = counts.sum() / len(np.unique(classes))
    everywhere = np.bincount(terms, counts)
    weights: Floats = counts * np.log1p(average / everywhere[terms])
    return weights


def topic_names(
    topics: Labels, words: Sequence[npt.NDArray[np.int32]], forms: Sequence[Counter[str]]
) -> list[tuple[str, ...]]:
    """The most telling words of each topic, best first, by the ``words`` (numbers of terms) of each passage.

    ``forms`` counts how each term is written; the name has its commonest form. What belongs to no topic counts as one
    class more, so that its words are not taken for a topic's own.
    """
    named: list[tuple[str, ...]] = [()] * (int(topics.max(initial=-1)) + 1)
    if not named or not forms:
        return named
    lengths = [len(each) for each in words]
    pairs = np.repeat(topics.astype(np.int64) + 1, lengths) * len(forms) + np.concatenate(words)
    found, counts = np.unique(pairs, return_counts=True)
    classes, terms = np.divmod(found, len(forms))
    weights = class_weights(classes, terms, counts.astype(np.float64))
    for topic in range(len(named)):
        own = slice(*np.searchsorted(classes, [topic + 1, topic + 2]))
        best = sorted(zip(-weights[own], map(_commonest, (forms[term] for term in terms[own])), strict=True))
        named[topic] = tuple(form for _, form in best[:WORDS])
    return named


def _commonest(forms: Counter[str]) -> str:
    return min(forms, key=lambda form: (-forms[form], form))
