"""What holds for every chunker, tokenizer, language and newline style."""

import os
import subprocess
import sys
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.chunkers import (
    AutoChunker,
    ContextualChunker,
    GuidedChunker,
    SemanticChunker,
    SentenceChunker,
    SentenceWindowChunker,
    StructureChunker,
    TokenWindowChunker,
    WholeDocumentChunker,
    lead_sentence,
)
from rag.errors import ChunkError
from rag.protocols import Chunker
from rag.text import WordTokenizer
from rag.types import Block, Document, Page


class HashEmbedder:
    """Vectors that follow from the text."""

    dim = 4
    max_tokens = 64

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer

    def embed_documents(self, texts):
        bits = [
            [1 + (zlib.crc32(text.encode("utf-8", "surrogatepass")) >> 8 * n) % 256 for n in range(4)] for text in texts
        ]
        rows = np.array(bits, np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class HashChooser:
    """Probabilities that follow from the question."""

    def choose(self, messages, options):
        yes = zlib.crc32(messages[-1].content.encode("utf-8", "surrogatepass")) / 2**32
        return yes, 1 - yes


def contextual(tokenizer, max_tokens):
    inner = SentenceChunker(tokenizer=tokenizer, max_tokens=max(max_tokens * 3 // 4, min(max_tokens, 9)))
    return ContextualChunker(inner, lead_sentence, tokenizer=tokenizer, max_tokens=max_tokens)


CHUNKERS = {
    "semantic": lambda tokenizer, max_tokens: SemanticChunker(embedder=HashEmbedder(tokenizer), max_tokens=max_tokens),
    "guided": lambda **kwargs: GuidedChunker(HashChooser(), **kwargs),
    "sentence-window": SentenceWindowChunker,
    "contextual": contextual,
    "sentences": SentenceChunker,
    "structure": StructureChunker,
    "auto": AutoChunker,
    "window": TokenWindowChunker,
    "overlapping": lambda **kwargs: TokenWindowChunker(**kwargs, overlap=5),
    "whole": WholeDocumentChunker,
}
WORDS = [
    "Dr.",
    "the",
    "valve",
    "opens.",
    "HX-200",
    "3.5",
    "我喜欢北京。",
    "「はい」",
    "สวัสดีครับ",
    "हिन्दी",
    "है।",
    "كتاب؟",
    "e\u0301",
]
WORDS += ["😀", "𝒳", "x" * 90, "-", "|", "#", "...", " ", "  "]
KINDS = ["heading", "paragraph", "list", "table", "code", "row"]


@st.composite
def documents(draw):
    newline = draw(st.sampled_from(["\n", "\r\n", "\r", "\u2028"]))
    pieces = st.one_of(st.sampled_from(WORDS), st.just(newline), st.just(newline * 2), st.text(max_size=5))
    text = "".join(f"{piece} " if draw(st.booleans()) else piece for piece in draw(st.lists(pieces, max_size=60)))
    cuts = sorted(set(draw(st.lists(st.integers(0, len(text)), max_size=8))))
    blocks = []
    for start, end in pairwise(cuts):
        kind = draw(st.sampled_from(KINDS))
        if draw(st.booleans()):
            blocks.append(Block(kind, start, end, draw(st.integers(1, 3)) if kind == "heading" else 0))
    pages = tuple(Page(number, start, end) for number, (start, end) in enumerate(pairwise([0, *cuts, len(text)]), 1))
    title = draw(st.sampled_from(["", "A manual", "A title " * 30]))
    return Document("file:///a.txt", text, title=title, blocks=tuple(blocks), pages=pages, language="en")


@pytest.mark.parametrize("name", CHUNKERS)
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(document=documents(), max_tokens=st.integers(12, 60))
def test_offsets_order_coverage_and_budget(name, tokenizer, check, document, max_tokens):
    chunker = CHUNKERS[name](tokenizer=tokenizer, max_tokens=max_tokens)
    assert isinstance(chunker, Chunker)
    chunks = check(document, chunker.chunk(document), tokenizer, max_tokens)
    if name != "overlapping":
        assert all(one.end <= other.start for one, other in pairwise(chunks))
    assert check(document, chunker.chunk(document), tokenizer, max_tokens) == chunks


@pytest.mark.parametrize("name", CHUNKERS)
@pytest.mark.parametrize("text", ["", " \n\r\n\u2028\t"])
def test_a_blank_document_has_no_passages(name, tokenizer, text):
    assert list(CHUNKERS[name](tokenizer=tokenizer, max_tokens=20).chunk(Document("u", text, title="T"))) == []


class Greedy:
    """A tokenizer to which every character is ten tokens."""

    def count(self, text):
        return 10 * len(text) + 2

    def offsets(self, text):
        return [(i, i + 1) for i in range(len(text)) for _ in range(10)]


@pytest.mark.parametrize("name", CHUNKERS)
def test_a_budget_without_room_is_refused(name):
    with pytest.raises(ChunkError, match=r"leaves no room.*set max_tokens"):
        CHUNKERS[name](tokenizer=Greedy(), max_tokens=2)
    with pytest.raises(ChunkError, match=r"file:///a.txt, offset 1: a single character"):
        list(CHUNKERS[name](tokenizer=Greedy(), max_tokens=9).chunk(Document("file:///a.txt", " x")))


@pytest.mark.parametrize("name", CHUNKERS)
def test_the_language_is_the_documents_or_detected_once(name):
    chunker = CHUNKERS[name](tokenizer=WordTokenizer(), max_tokens=20)
    text = "Das Museum wurde 1905 eröffnet und ist eines der größten. " * 10
    assert {chunk.language for chunk in chunker.chunk(Document("u", text))} == {"de"}
    assert {chunk.language for chunk in chunker.chunk(Document("u", text, language="nl"))} == {"nl"}


@pytest.mark.parametrize("name", CHUNKERS)
def test_a_run_without_a_break_is_cut_though_it_is_one_word(name, check):
    document = Document("u", "f" * 100_000)
    chunks = check(
        document, CHUNKERS[name](tokenizer=WordTokenizer(), max_tokens=50).chunk(document), WordTokenizer(), 50
    )
    assert all(len(chunk.text) <= 51 * 32 for chunk in chunks)


@pytest.mark.parametrize("name", CHUNKERS)
def test_a_combining_mark_stays_with_its_letter(name):
    chunks = CHUNKERS[name](tokenizer=WordTokenizer(), max_tokens=6).chunk(
        Document("u", "ae\u0301" * 500, language="fr")
    )
    assert not any(chunk.text.startswith("\u0301") for chunk in chunks)


@pytest.mark.parametrize("name", CHUNKERS)
def test_a_long_header_leaves_two_thirds_of_the_budget(name, tokenizer, check):
    document = Document("u", "# Head\n\n" + "word " * 300, title="title " * 100, blocks=(Block("heading", 0, 6, 1),))
    chunks = check(document, CHUNKERS[name](tokenizer=tokenizer, max_tokens=90).chunk(document), tokenizer, 90)
    for chunk in chunks:
        assert chunk.title.startswith("title title")
        assert tokenizer.count(chunk.header) <= 30 + tokenizer.count("")


class Counting(WordTokenizer):
    """Counts the characters it was shown."""

    def __init__(self):
        self.seen = 0

    def count(self, text):
        self.seen += len(text)
        return super().count(text)

    def offsets(self, text):
        self.seen += len(text)
        return super().offsets(text)


@pytest.mark.parametrize("name", CHUNKERS)
@pytest.mark.parametrize("paragraph", ["A short sentence of words. " * 12 + "\n\n", "no end of it "])
def test_tokenizing_is_linear(name, paragraph):
    text = (paragraph * (200_000 // len(paragraph)))[:200_000]
    tokenizer = Counting()
    assert (
        sum(1 for _ in CHUNKERS[name](tokenizer=tokenizer, max_tokens=200).chunk(Document("u", text, language="en")))
        > 100
    )
    assert tokenizer.seen < 5 * len(text)


@pytest.mark.parametrize("name", sorted(CHUNKERS.keys() - {"semantic", "guided"}))  # these weigh a section whole
def test_the_first_passage_does_not_wait_for_the_end_of_a_long_text(name):
    tokenizer = Counting()
    document = Document("u", "One sentence is here. And another.\n\n" * 200_000, language="en")
    next(iter(CHUNKERS[name](tokenizer=tokenizer, max_tokens=200).chunk(document)))
    assert tokenizer.seen < 400_000


def test_chunk_ids_do_not_depend_on_the_hash_seed():
    code = (
        "from rag.chunkers import AutoChunker; from rag.text import WordTokenizer; from rag.types import Document;"
        "chunker = AutoChunker(tokenizer=WordTokenizer(), max_tokens=20);"
        "print([c.id for c in chunker.chunk(Document('u', 'The valve opens at once. 我喜欢。 ' * 20))])"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1
