"""SentenceChunker: how sentences are grouped."""

import pytest

from rag.chunkers import SentenceChunker
from rag.errors import ChunkError
from rag.text import WordTokenizer, sentences
from rag.types import Document


def groups(count, max_tokens=1000, **options):
    """Numbers of sentences in the passages of a text of ``count`` sentences of five words."""
    document = Document("u", " ".join(f"This is sentence number {i}." for i in range(count)), language="en")
    chunker = SentenceChunker(tokenizer=WordTokenizer(), max_tokens=max_tokens, **options)
    return [len(sentences(chunk.text, "en")) for chunk in chunker.chunk(document)]


@pytest.mark.parametrize(
    ("count", "expected"), [(1, [1]), (8, [8]), (9, [6, 3]), (10, [7, 3]), (11, [8, 3]), (16, [8, 8]), (17, [8, 6, 3])]
)
def test_groups_have_three_to_eight_sentences(count, expected):
    assert groups(count) == expected


def test_the_budget_comes_first():
    assert groups(7, max_tokens=10) == [2, 2, 2, 1]
    assert groups(7, max_tokens=20) == [4, 3]
    assert groups(5, max_tokens=20) == [4, 1]  # 2 + 3 would leave the first below the least


def test_the_limits_can_be_chosen():
    assert groups(7, min_sentences=1, max_sentences=2) == [2, 2, 2, 1]
    with pytest.raises(ChunkError, match="groups of 4 to 3"):
        groups(1, min_sentences=4, max_sentences=3)


def test_a_sentence_over_the_budget_is_cut_between_words():
    document = Document("u", " ".join(f"w{i}" for i in range(25)), language="en")
    chunks = list(SentenceChunker(tokenizer=WordTokenizer(), max_tokens=10).chunk(document))
    assert [chunk.tokens for chunk in chunks] == [10, 10, 5]
    assert chunks[1].text.startswith("w10 ")


def test_the_title_is_part_of_the_budget_and_not_of_the_text():
    document = Document("u", "One two three. Four five six.", title="A title", language="en")
    chunks = list(SentenceChunker(tokenizer=WordTokenizer(), max_tokens=6).chunk(document))
    assert [(chunk.content, chunk.tokens) for chunk in chunks] == [
        ("A title\nOne two three.", 5),
        ("A title\nFour five six.", 5),
    ]
