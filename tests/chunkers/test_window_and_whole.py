"""TokenWindowChunker and WholeDocumentChunker."""

import pytest

from rag.chunkers import TokenWindowChunker, WholeDocumentChunker
from rag.errors import ChunkError
from rag.text import WordTokenizer
from rag.types import Document

TEN = Document("file:///ten.txt", "  a b c d e f g h i j\n", language="en")


def windows(overlap, document=TEN, max_tokens=4):
    chunker = TokenWindowChunker(tokenizer=WordTokenizer(), max_tokens=max_tokens, overlap=overlap)
    return [chunk.text for chunk in chunker.chunk(document)]


def test_windows_follow_each_other():
    assert windows(0) == ["a b c d", "e f g h", "i j"]


def test_windows_overlap_by_tokens_half_a_window_at_most():
    assert windows(1) == ["a b c d", "d e f g", "g h i j"]
    assert windows(2) == windows(3) == ["a b c d", "c d e f", "e f g h", "g h i j"]


@pytest.mark.parametrize("overlap", [-1, 4])
def test_an_overlap_as_large_as_the_window_is_refused(overlap):
    with pytest.raises(ChunkError, match="0 <= overlap < max_tokens"):
        windows(overlap)


def test_edges_move_to_blanks_so_that_words_stay_whole():
    class Letters(WordTokenizer):
        def count(self, text):
            return len(text)

        def offsets(self, text):
            return [(i, i + 1) for i in range(len(text))]

    chunker = TokenWindowChunker(tokenizer=Letters(), max_tokens=12)
    document = Document("u", "alpha beta gamma delta unbreakablelongword", language="en")
    assert [c.text for c in chunker.chunk(document)] == ["alpha beta", "gamma delta", "unbreakablel", "ongword"]


def whole(document, max_tokens, **options):
    chunker = WholeDocumentChunker(tokenizer=WordTokenizer(), max_tokens=max_tokens, **options)
    return [chunk.text for chunk in chunker.chunk(document)]


def test_a_document_is_one_passage():
    assert whole(TEN, 10) == ["a b c d e f g h i j"]


def test_a_document_over_the_budget_is_split_by_sentences_or_refused():
    document = Document("file:///a.txt", "One two three. Four five. Six seven.", language="en")
    assert whole(document, 5) == ["One two three. Four five.", "Six seven."]
    with pytest.raises(
        ChunkError, match=r"file:///a.txt: a document of 36 characters does not fit in 5 tokens.*oversize"
    ):
        whole(document, 5, oversize="error")
    with pytest.raises(ChunkError, match="2,699,999 characters"):
        whole(Document("u", "One two. " * 300_000), 5, oversize="error")
