"""Messages -> text, streamed: llama.cpp, an OpenAI-compatible API, or sentences verbatim; prompts and packing."""

from rag.generators.extractive import ExtractiveGenerator
from rag.generators.llamacpp import LlamaCppGenerator
from rag.generators.openai_api import OpenAIGenerator
from rag.generators.packing import PackedContext, pack_context
from rag.generators.prompts import ANSWER, PromptTemplate, render_question

__all__ = [
    "ANSWER",
    "ExtractiveGenerator",
    "LlamaCppGenerator",
    "OpenAIGenerator",
    "PackedContext",
    "PromptTemplate",
    "pack_context",
    "render_question",
]
