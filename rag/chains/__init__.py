"""Loops over the parts: a question -> an answer."""

from rag.chains.ask import ask, ask_stream
from rag.chains.tidy import tidy

__all__ = ["ask", "ask_stream", "tidy"]
