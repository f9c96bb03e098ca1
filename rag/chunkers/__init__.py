"""Document -> passages with exact offsets, within a token budget."""

from rag.chunkers.sentence import SentenceChunker
from rag.chunkers.structure import AutoChunker, StructureChunker
from rag.chunkers.whole import WholeDocumentChunker
from rag.chunkers.window import TokenWindowChunker

__all__ = [
    "AutoChunker",
    "SentenceChunker",
    "StructureChunker",
    "TokenWindowChunker",
    "WholeDocumentChunker",
]
