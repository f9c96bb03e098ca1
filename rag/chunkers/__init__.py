"""Document -> passages with exact offsets, within a token budget."""

from rag.chunkers.contextual import CONTEXT_TOKENS, ContextualChunker, GeneratedContext, lead_sentence
from rag.chunkers.guided import GuidedChunker
from rag.chunkers.semantic import SemanticChunker
from rag.chunkers.sentence import SentenceChunker
from rag.chunkers.sentence_window import SentenceWindowChunker
from rag.chunkers.structure import AutoChunker, StructureChunker
from rag.chunkers.whole import WholeDocumentChunker
from rag.chunkers.window import TokenWindowChunker

__all__ = [
    "CONTEXT_TOKENS",
    "AutoChunker",
    "ContextualChunker",
    "GeneratedContext",
    "GuidedChunker",
    "SemanticChunker",
    "SentenceChunker",
    "SentenceWindowChunker",
    "StructureChunker",
    "TokenWindowChunker",
    "WholeDocumentChunker",
    "lead_sentence",
]
