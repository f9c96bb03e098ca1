"""Query -> hits: dense, sparse, their fusion, feedback, hops, and diversity."""

from rag.retrieval.arms import Arm, Asked, DenseRetriever, SparseRetriever
from rag.retrieval.bridge import BridgeRetriever
from rag.retrieval.expansion import Around, ExpandedRetriever
from rag.retrieval.feedback import FeedbackRetriever
from rag.retrieval.fusion import Fusion, convex, fuse, rrf
from rag.retrieval.hybrid import HybridRetriever
from rag.retrieval.mmr import DiverseRetriever, mmr
from rag.retrieval.multi_query import MultiQueryRetriever, PassageRetriever
from rag.retrieval.near_duplicates import DeduplicatedRetriever
from rag.retrieval.reranked import RerankedRetriever
from rag.retrieval.routed import RoutedRetriever
from rag.retrieval.sentence_scores import SentenceRetriever
from rag.retrieval.stages import RetrievalStages

__all__ = [
    "Arm",
    "Around",
    "Asked",
    "BridgeRetriever",
    "DeduplicatedRetriever",
    "DenseRetriever",
    "DiverseRetriever",
    "ExpandedRetriever",
    "FeedbackRetriever",
    "Fusion",
    "HybridRetriever",
    "MultiQueryRetriever",
    "PassageRetriever",
    "RerankedRetriever",
    "RetrievalStages",
    "RoutedRetriever",
    "SentenceRetriever",
    "SparseRetriever",
    "convex",
    "fuse",
    "mmr",
    "rrf",
]
