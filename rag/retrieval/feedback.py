"""A second search with what the first one found, for questions about a topic (pseudo-relevance feedback)."""

from __future__ import annotations

from rag.retrieval.analysed import rarities
from rag.retrieval.arms import Feedback, SparseRetriever, check
from rag.retrieval.hybrid import HybridRetriever
from rag.retrieval.relevance_model import feedback_strength, specificity
from rag.text import query_terms
from rag.tracing import step
from rag.types import Hit

_PASSAGES = 10


class FeedbackRetriever:
    """Asks the arms of a hybrid again, expanded by the passages found first, as far as the question allows it.

    How far is told by how rare its terms are (``feedback_strength``): a question after one fact is left as it is,
    and costs no second search. ``trust`` between 0 and 1 lowers what is added. Where an arm counts the admitted
    passages alone (``isolation``), so does this.
    """

    def __init__(self, hybrid: HybridRetriever, *, trust: float = 1.0) -> None:
        self.hybrid = hybrid
        self.snapshot = hybrid.snapshot
        self.trust = trust
        self.isolation = any(isinstance(arm, SparseRetriever) and arm.isolation for arm in hybrid.arms)

    def strength(self, query: str, where: str | None = None) -> float:
        """How much of what is found first is added to a question, from 0 to 1."""
        counted = where if self.isolation else None
        idf = rarities(self.snapshot, query_terms(query, self.snapshot.languages), counted)
        passages, _ = self.snapshot.frequencies([], counted)
        return self.trust * feedback_strength(specificity(idf, passages))

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first, ties by chunk id. Raises QueryError, FilterError."""
        check(query, k)
        asked = [arm.ask(query) for arm in self.hybrid.arms]
        found = self.hybrid.fuse(asked, max(k, _PASSAGES), where)
        strength = self.strength(query, where)
        if strength > 0 and found.refs:
            with step("feedback", query=query, strength=strength) as taken:
                refs = tuple(found.refs[:_PASSAGES])
                known = Feedback(refs, tuple(found.scores[ref] for ref in refs), strength)
                expanded = [one.expand(known) if one.expand else one for one in asked]
                found = self.hybrid.fuse(expanded, k, where)
                taken.note(passages=tuple(chunk.id for chunk in self.snapshot.chunks(refs)))
        return self.hybrid.hits(found, k)
