"""The steps of one retrieval, each of which can be asked by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rag.protocols import Retriever
from rag.retrieval.arms import DenseRetriever, SparseRetriever
from rag.retrieval.bridge import BridgeRetriever
from rag.retrieval.expansion import ExpandedRetriever
from rag.retrieval.feedback import FeedbackRetriever
from rag.retrieval.hybrid import HybridRetriever
from rag.retrieval.mmr import DiverseRetriever
from rag.retrieval.multi_query import MultiQueryRetriever
from rag.retrieval.near_duplicates import DeduplicatedRetriever
from rag.retrieval.reranked import RerankedRetriever
from rag.retrieval.sentence_scores import SentenceRetriever


@dataclass(frozen=True, slots=True)
class RetrievalStages:
    """The arms by name, what fuses them (the arm itself where there is one), and what re-orders that, if anything.

    ``feedback`` asks the arms again with what they found, and ``bridged`` follows the titles named in it.
    ``queries`` asks all of that for several queries; ``distinct`` and ``expanded`` come last, and say what of it is
    shown: of nearly equal passages one, and more of its document than was found. ``follow_up`` asks all of that for
    what a conversation made of a question.

    Each is built around the one before, so asking a later one asks all before it.
    """

    arms: Mapping[str, DenseRetriever | SparseRetriever | SentenceRetriever]
    fused: HybridRetriever | DenseRetriever | SparseRetriever | SentenceRetriever
    diverse: DiverseRetriever | None = None
    reranked: RerankedRetriever | None = None
    queries: MultiQueryRetriever | None = None
    distinct: DeduplicatedRetriever | None = None
    expanded: ExpandedRetriever | None = None
    feedback: FeedbackRetriever | None = None
    bridged: BridgeRetriever | None = None
    follow_up: MultiQueryRetriever | None = None

    @property
    def final(self) -> Retriever:
        """The last step: the retrieval as a whole."""
        reordered = self.reranked or self.diverse or self.bridged or self.feedback or self.fused
        return self.follow_up or self.expanded or self.distinct or self.queries or reordered
