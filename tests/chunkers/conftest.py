"""Tokenizers that differ in what makes budgets hard, and a check of what holds for every chunker."""

import pytest

from rag.text import WordTokenizer
from rag.types import Document


class ByteTokenizer:
    """A token per UTF-8 byte: up to four share one character. Two special tokens."""

    def count(self, text):
        return len(text.encode("utf-8", "surrogatepass")) + 2

    def offsets(self, text):
        return [(i, i + 1) for i, c in enumerate(text) for _ in c.encode("utf-8", "surrogatepass")]


class PairTokenizer:
    """A token per two characters from the beginning: a part of a text has other tokens than the whole."""

    def count(self, text):
        return (len(text) + 1) // 2 + 1

    def offsets(self, text):
        return [(i, min(i + 2, len(text))) for i in range(0, len(text), 2)]


TOKENIZERS = {"words": WordTokenizer(), "bytes": ByteTokenizer(), "pairs": PairTokenizer()}


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request):
    return TOKENIZERS[request.param]


@pytest.fixture(scope="session")
def check():
    """Assert offsets, order, coverage, budget and counts of a document's chunks; give them back."""

    def check(document: Document, chunks, tokenizer, max_tokens):
        chunks = list(chunks)
        covered = bytearray(len(document.text))
        before = (-1, -1)
        for chunk in chunks:
            assert document.text[chunk.start : chunk.end] == chunk.text == chunk.text.strip() != ""
            assert (chunk.document_id, chunk.uri) == (document.id, document.uri)
            assert chunk.start > before[0]
            assert chunk.end > before[1]
            before = (chunk.start, chunk.end)
            assert chunk.tokens == tokenizer.count(chunk.content) <= max_tokens
            assert chunk.pages == tuple(p for p in document.pages if p.start < chunk.end and p.end > chunk.start)
            covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
        missed = [i for i, c in enumerate(document.text) if not c.isspace() and not covered[i]]
        assert not missed
        return chunks

    return check


@pytest.fixture(scope="session")
def llama():
    """The small local model."""
    from rag.generators import LlamaCppGenerator
    from rag.models import resolve

    generator = LlamaCppGenerator(resolve("smollm2"), context_size=2048)
    yield generator
    generator.close()
