"""A few questions that an index can answer, made by rule and at once: something to begin with."""

from __future__ import annotations

import random
import time
from itertools import islice
from typing import Final

from rag.evaluation.testset.filters import judge
from rag.evaluation.testset.rules import ask_by_rule
from rag.evaluation.testset.source import candidates
from rag.index import Snapshot

__all__ = ["suggest_questions"]

LOOKED_AT: Final = 200  # documents, the first by uri
LONGEST: Final = 100_000  # characters of one that is read for this


def suggest_questions(
    snapshot: Snapshot, n: int = 3, *, where: str | None = None, seconds: float = 0.5, seed: int = 0
) -> list[str]:
    """At most ``n`` questions, each of another document that ``where`` admits, within about so many seconds.

    Each asks for a fact of a sentence, and has passed the filters of test sets. Fewer where there are no such
    sentences or no more time: none is better than a bad one. Raises FilterError.
    """
    end = time.monotonic() + seconds
    uris = [one.uri for one in islice(snapshot.documents(where), LOOKED_AT) if one.characters <= LONGEST]
    random.Random(f"{seed}").shuffle(uris)  # noqa: S311 - a sample, not a secret
    found: list[str] = []
    for uri in uris:
        if len(found) == n or time.monotonic() > end:
            break
        found += _first(snapshot, uri, end)
    return found


def _first(snapshot: Snapshot, uri: str, end: float) -> list[str]:
    """The first good question of a document, if there is one and there is time for it."""
    for candidate in candidates(snapshot.document(uri)):
        if time.monotonic() > end:
            break
        question = ask_by_rule(candidate)
        if question and not judge(question, candidate, embedder=None).failed:
            return [question]
    return []
