"""What making a test set came to, as ``rag testset --json`` prints it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Making"]


@dataclass(frozen=True, slots=True)
class Making:
    """A test set: ``made`` of ``wanted`` questions are in the file at ``path``, over ``documents`` documents.

    ``resumed`` of them were there before this run, which tried ``tried`` facts; ``rejected`` counts the drafts it
    did not keep, by the first filter that each failed. ``methods`` counts the rows by what wrote them.
    """

    path: str
    wanted: int
    made: int
    answerable: int
    unanswerable: int
    resumed: int
    documents: int
    tried: int
    rejected: Mapping[str, int]
    methods: Mapping[str, int]
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether there are as many as were wanted."""
        return self.made >= self.wanted
