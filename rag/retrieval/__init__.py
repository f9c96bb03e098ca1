"""Query -> hits: dense, sparse, their fusion, and diversity."""

from rag.retrieval.arms import Arm, Asked, DenseRetriever, SparseRetriever
from rag.retrieval.expansion import Around, ExpandedRetriever
from rag.retrieval.fusion import Fusion, convex, fuse, rrf
from rag.retrieval.hybrid import HybridRetriever
from rag.retrieval.mmr import DiverseRetriever, mmr
from rag.retrieval.multi_query import MultiQueryRetriever, PassageRetriever
from rag.retrieval.near_duplicates import DeduplicatedRetriever
from rag.retrieval.reranked import RerankedRetriever
from rag.retrieval.stages import RetrievalStages

__all__ = [
    "Arm",
    "Around",
    "Asked",
    "DeduplicatedRetriever",
    "DenseRetriever",
    "DiverseRetriever",
    "ExpandedRetriever",
    "Fusion",
    "HybridRetriever",
    "MultiQueryRetriever",
    "PassageRetriever",
    "RerankedRetriever",
    "RetrievalStages",
    "SparseRetriever",
    "convex",
    "fuse",
    "mmr",
    "rrf",
]
