"""Citations of expanded passages are exact; what was generated to find a passage is never evidence for anything."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.chunkers import SentenceWindowChunker
from rag.generators import ExtractiveGenerator, pack_context
from rag.grounding import ground
from rag.index import IndexSettings, Snapshot, Writer
from rag.retrieval import ExpandedRetriever, SparseRetriever
from rag.text import WordTokenizer
from rag.types import Document

TEXT = (
    "The HX-200 is a heat exchanger made for small houses. Its warranty covers parts for 24 months from delivery. "
    "Labour is covered by it for twelve months. 保修期从交货之日起计算。"
)
DOCUMENT = Document("file:///manual.txt", TEXT, title="Manual", language="en")


@pytest.fixture
def hits(tmp_path):
    with Writer.open(tmp_path / "i", IndexSettings()) as writer:
        chunks = [
            replace(chunk, context="The pump was painted blue in 1999.")
            for chunk in SentenceWindowChunker(tokenizer=WordTokenizer(), max_tokens=40).chunk(DOCUMENT)
        ]
        writer.put(DOCUMENT, chunks, None, source="s", state="1")
        writer.commit()
    with Snapshot.open(tmp_path / "i") as snapshot:
        retriever = ExpandedRetriever(SparseRetriever(snapshot), snapshot, around="neighbours", by=2)
        yield retriever.retrieve("warranty parts", 1)


def test_a_citation_of_an_expanded_passage_is_exact_and_names_it(hits):
    (hit,) = hits
    assert hit.within
    draft = "The warranty covers parts for 24 months from delivery."
    answer = ground("How long are parts covered?", draft, hits)
    assert answer.verdict == "supported"
    (citation,) = answer.citations
    assert TEXT[citation.start : citation.end] == citation.quote == TEXT[54:109].strip()
    assert citation.chunk_id == hit.chunk.id
    # the sentence that was found by itself is now beside those around it
    assert ground("How long is labour covered?", "Labour is covered for twelve months.", hits).citations[0].quote == (
        "Labour is covered by it for twelve months."
    )


def test_the_prompt_shows_the_expanded_text_and_no_context(hits):
    packed = pack_context("How long is labour covered?", hits, ExtractiveGenerator(), max_answer_tokens=64)
    assert packed.used == tuple(hits)
    shown = "\n".join(message.content for message in packed.messages)
    assert "twelve months" in shown
    assert "painted blue" not in shown


def test_a_context_supports_nothing(hits, tmp_path):
    with Snapshot.open(tmp_path / "i") as snapshot:
        found = SparseRetriever(snapshot).retrieve("pump painted blue", 3)
    assert found  # it is what the passages are found by
    assert all("painted blue" in hit.chunk.content for hit in found)
    answer = ground("When was the pump painted?", "The pump was painted blue in 1999.", found)
    assert answer.refused
    assert not answer.citations
    assert "painted" not in "".join(hit.chunk.text + hit.chunk.shown for hit in answer.hits)
