"""Where the semantic chunker cuts: distances worked by hand, headings, tables, and sizes."""

from __future__ import annotations

import numpy as np
import pytest

from rag.chunkers import SemanticChunker
from rag.chunkers.semantic import _distances
from rag.errors import ChunkError
from rag.text import WordTokenizer
from rag.types import Block, Document

TOPICS = {"pump": (1.0, 0.0, 0.0), "valve": (0.0, 1.0, 0.0), "泵": (0.0, 0.0, 1.0)}


class TopicEmbedder:
    """The vector of the topic that a text names first."""

    dim = 3
    max_tokens = 64
    tokenizer = WordTokenizer()

    def __init__(self):
        self.calls = []

    def embed_documents(self, texts):
        self.calls.append(list(texts))
        return np.array([next((TOPICS[t] for t in TOPICS if t in text), TOPICS["pump"]) for text in texts], np.float32)


def sentence(topic, number):
    return f"泵{number}是蓝色的很好。" if topic == "泵" else f"The {topic} number {number} is here. "


def text_of(*topics):
    return "".join(sentence(topic, number) for number, topic in enumerate(topics))


def cut(document, **options):
    chunker = SemanticChunker(embedder=TopicEmbedder(), **{"max_tokens": 60, "min_tokens": 0, **options})
    return [chunk.text for chunk in chunker.chunk(document)]


def test_distances_by_hand():
    x, y = (1.0, 0.0), (0.0, 1.0)
    rows = np.array([x, x, y, y], np.float32)
    assert _distances(rows, 1).tolist() == [0, 1, 0]
    # groups of two: (x | xy), (xx | yy), (xy | y): the mean of x and y is at 45 degrees to either
    assert _distances(rows, 2) == pytest.approx([1 - 2**-0.5, 1, 1 - 2**-0.5], abs=1e-6)
    assert _distances(rows[:1], 2).tolist() == []


def test_the_greatest_distance_is_where_it_is_cut():
    text = text_of("pump", "pump", "pump", "valve", "valve", "valve", "valve")
    assert cut(Document("u", text, language="en")) == [
        text[: text.index("The valve")].strip(),
        text[text.index("The valve") :].strip(),
    ]


def test_one_topic_is_not_cut_while_it_fits_and_chinese_is_cut_where_it_changes():
    assert len(cut(Document("u", text_of(*["pump"] * 5), language="en"))) == 1
    parts = cut(Document("u", text_of(*["泵"] * 3, *["pump"] * 3), language="zh"))
    assert [("泵" in part, "pump" in part) for part in parts] == [(True, False), (False, True)]


def test_a_part_over_the_budget_is_cut_at_its_greatest_distance_within_the_minimum():
    text = text_of(*["pump"] * 4, *["valve"] * 12)
    parts = cut(Document("u", text, language="en"), max_tokens=62, min_tokens=20)
    assert parts[0] == text[: text.index("The valve")].strip()
    assert all(10 <= len(part.split()) <= 62 for part in parts)
    # a cut that would leave less than the minimum is not made
    assert len(cut(Document("u", text_of("pump", *["valve"] * 5), language="en"), min_tokens=15)) == 1


def test_headings_and_tables_are_never_crossed():
    text = (
        "# One\n\nThe pump is one. The pump is two.\n\n| pump | a |\n| pump | b |\n\nThe pump is three.\n\n"
        "# Two\n\nThe pump is four."
    )
    spans = {"heading": ["# One", "# Two"], "table": ["| pump | a |\n| pump | b |"]}
    blocks = []
    for kind, pieces in spans.items():
        for piece in pieces:
            start = text.index(piece)
            blocks.append(Block(kind, start, start + len(piece), 1 if kind == "heading" else 0))
    document = Document("u", text, media_type="text/markdown", blocks=tuple(sorted(blocks, key=lambda b: b.start)))
    assert cut(document) == [
        "# One\n\nThe pump is one. The pump is two.",
        "| pump | a |\n| pump | b |",
        "The pump is three.",
        "# Two\n\nThe pump is four.",
    ]


def test_the_sentences_of_a_document_are_embedded_together_and_once():
    embedder = TopicEmbedder()
    long = "The pump " + "x " * 500 + "end. "
    text = text_of("pump", "valve") + long + text_of("pump")
    list(SemanticChunker(embedder=embedder, max_tokens=50).chunk(Document("u", text, language="en")))
    assert [len(call) for call in embedder.calls] == [4]
    assert all(WordTokenizer().count(one) <= 64 for one in embedder.calls[0])


@pytest.mark.parametrize("wrong", [{"min_tokens": 61}, {"percentile": 101}, {"group": 0}])
def test_arguments_out_of_range(wrong):
    with pytest.raises(ChunkError, match="choose"):
        SemanticChunker(embedder=TopicEmbedder(), max_tokens=60, **wrong)
