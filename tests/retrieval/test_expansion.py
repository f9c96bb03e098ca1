"""More of a document than was found: which passages, whose rank, and offsets that are always exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.chunkers import SentenceWindowChunker, StructureChunker, TokenWindowChunker
from rag.errors import QueryError
from rag.index import IndexSettings, Snapshot, Writer
from rag.loaders import load_bytes
from rag.protocols import Retriever
from rag.retrieval import ExpandedRetriever, SparseRetriever, fuse
from rag.text import WordTokenizer
from rag.types import Document, Hit, Page

WORDS = WordTokenizer()
MANUAL = """# Pump

The pump is blue. It runs all day. Its oil is black.

## Care

Oil it weekly. Clean it monthly. Check it yearly. Note what you did.

# Valve

The valve is red. 阀门是红色的。每天都要检查。
"""


class Found:
    """A retriever that finds what it was given."""

    def __init__(self, hits):
        self.hits = hits
        self.asked = []

    def retrieve(self, query, k, *, where=None):
        self.asked.append((query, k, where))
        return self.hits[:k]


def build(path, documents, chunker):
    with Writer.open(path, IndexSettings()) as writer:
        for document in documents:
            writer.put(document, list(chunker.chunk(document)), None, source="s", state="1")
        writer.commit()
    return Snapshot.open(path)


def hits_of(snapshot, *places):
    """Hits of (uri, place in the document), best first."""
    return [
        Hit(snapshot.chunks_of(uri)[place], 1 / rank, rank, metadata={"u": uri})
        for rank, (uri, place) in enumerate(places, 1)
    ]


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    (manual,) = load_bytes(MANUAL.encode(), uri="m.md", name="m.md")
    plain = Document(
        "p",
        "".join(f"Sentence {n} has rather more words than are needed here. " for n in range(9)),
        title="Plain",
        language="en",
    )
    chunker = SentenceWindowChunker(tokenizer=WORDS, max_tokens=40)
    with build(tmp_path_factory.mktemp("i") / "i", [manual, plain], chunker) as opened:
        yield opened


def expand(snapshot, *places, k=9, **options):
    retriever = ExpandedRetriever(Found(hits_of(snapshot, *places)), snapshot, **options)
    assert isinstance(retriever, Retriever)
    return retriever.retrieve("q", k)


def sentences(hit):
    return [int(word) for word in hit.chunk.text.split() if word.isdigit()]


def test_neighbours_to_each_side(snapshot):
    (hit,) = expand(snapshot, ("p", 4), around="neighbours", by=2)
    document = snapshot.document("p")
    assert sentences(hit) == [2, 3, 4, 5, 6]
    assert hit.chunk.text == document.text[hit.chunk.start : hit.chunk.end]
    assert hit.within == tuple(chunk.id for chunk in snapshot.chunks_of("p")[2:7]) == hit.chunk_ids
    assert (hit.score, hit.rank, hit.metadata) == (1.0, 1, {"u": "p"})
    assert (hit.chunk.title, hit.chunk.language, hit.chunk.document_id) == ("Plain", "en", document.id)
    assert sentences(expand(snapshot, ("p", 0), around="neighbours", by=2)[0]) == [0, 1, 2]
    assert sentences(expand(snapshot, ("p", 8), around="neighbours")[0]) == [7, 8]


def test_a_parent_is_the_section_and_keeps_its_headings(snapshot):
    chunks = snapshot.chunks_of("m.md")
    weekly = next(place for place, chunk in enumerate(chunks) if "weekly" in chunk.text)
    (hit,) = expand(snapshot, ("m.md", weekly + 1), around="parent")
    assert hit.chunk.text.startswith("## Care")
    assert hit.chunk.text.endswith("Note what you did.")
    assert hit.chunk.headings == ("Pump", "Care")
    # neighbours may cross a heading: then the path is what both stand under
    (hit,) = expand(snapshot, ("m.md", weekly), around="neighbours")
    assert "Its oil is black." in hit.chunk.text
    assert hit.chunk.headings == ("Pump",)


def test_the_budget_ends_the_growth_and_never_cuts_what_was_found(snapshot):
    size = snapshot.places("p")[0].tokens
    assert sentences(expand(snapshot, ("p", 4), around="parent", tokens=4 * size)[0]) == [3, 4, 5, 6]
    assert sentences(expand(snapshot, ("p", 8), around="parent", tokens=3 * size)[0]) == [6, 7, 8]
    (alone,) = expand(snapshot, ("p", 4), around="parent", tokens=1)
    assert alone.chunk == snapshot.chunks_of("p")[4]
    assert alone.within == ()
    assert alone.chunk_ids == (alone.chunk.id,)


def test_hits_of_one_passage_become_one_with_the_best_rank(snapshot):
    found = expand(snapshot, ("p", 4), ("m.md", 0), ("p", 5), ("p", 3), around="neighbours")
    assert [(hit.rank, hit.chunk.uri) for hit in found] == [(1, "p"), (2, "m.md")]
    assert sentences(found[0]) == [3, 4, 5]
    assert found[0].score == 1.0


def test_passages_that_meet_are_joined_within_the_budget_and_else_share_nothing(snapshot):
    size = snapshot.places("p")[0].tokens
    (joined,) = expand(snapshot, ("p", 1), ("p", 4), around="neighbours")
    assert sentences(joined) == [0, 1, 2, 3, 4, 5]
    apart = expand(snapshot, ("p", 1), ("p", 3), around="neighbours", tokens=3 * size)
    assert [sentences(hit) for hit in apart] == [[0, 1, 2], [3, 4]]


def test_it_looks_further_for_enough_passages(snapshot):
    found = Found(hits_of(snapshot, ("p", 4), ("p", 5), ("m.md", 0), ("p", 8)))
    retriever = ExpandedRetriever(found, snapshot, around="neighbours")
    assert [hit.chunk.uri for hit in retriever.retrieve("q", 2, where='u = "x"')] == ["p", "m.md"]
    assert found.asked == [("q", 6, 'u = "x"')]


def test_wrong_arguments(snapshot):
    for options in ({"by": 0}, {"tokens": 0}):
        with pytest.raises(QueryError, match="choose 1 or more"):
            ExpandedRetriever(Found([]), snapshot, around="parent", **options)
    with pytest.raises(QueryError, match="k is 0"):
        expand(snapshot, k=0, around="parent")
    (twice,) = expand(snapshot, ("p", 4), around="neighbours")
    with pytest.raises(QueryError, match="once"):
        ExpandedRetriever(Found([twice]), snapshot, around="parent").retrieve("q", 1)


def test_a_filter_holds_for_what_is_given(tmp_path):
    chunker = SentenceWindowChunker(tokenizer=WORDS, max_tokens=40)
    documents = [
        Document(
            key, f"The {key} valve is a blue valve. It is oiled every single day.", metadata={"for": key}, language="en"
        )
        for key in ("ann", "bob")
    ]
    with build(tmp_path / "i", documents, chunker) as opened:
        retriever = ExpandedRetriever(SparseRetriever(opened), opened, around="parent")
        found = retriever.retrieve("valve oiled", 9, where='for = "ann"')
        assert [(hit.metadata["for"], hit.chunk.text) for hit in found] == [("ann", documents[0].text)]


def test_fusing_keeps_what_a_hit_holds(snapshot):
    (hit,) = expand(snapshot, ("p", 4), around="neighbours")
    assert fuse({"a": [hit]})[0].within == hit.within


TEXTS = st.lists(
    st.sampled_from(["A short sentence is here. ", "阀门是红色的。", "\n\n", "word ", "É\u0301😀. ", "# x\n"]),
    max_size=40,
).map("".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=3),
    seed=st.integers(0, 99),
    around=st.sampled_from(["neighbours", "parent"]),
    by=st.integers(1, 3),
    tokens=st.integers(1, 80),
    k=st.integers(1, 6),
    kind=st.integers(0, 2),
)
def test_offsets_are_exact_and_nothing_found_is_lost(tmp_path_factory, texts, seed, around, by, tokens, k, kind):
    documents = [
        Document(str(n), text, title="T", pages=(Page(1, 0, len(text) // 2), Page(2, len(text) // 2, len(text))))
        for n, text in enumerate(texts)
    ]
    chunker = [
        SentenceWindowChunker(tokenizer=WORDS, max_tokens=16),
        StructureChunker(tokenizer=WORDS, max_tokens=12),
        TokenWindowChunker(tokenizer=WORDS, max_tokens=12, overlap=4),
    ][kind]
    with build(tmp_path_factory.mktemp("p") / "i", documents, chunker) as opened:
        every = [(d.uri, n) for d in documents for n in range(len(opened.chunks_of(d.uri)))]
        np.random.default_rng(seed).shuffle(every)
        hits = hits_of(opened, *((uri, int(n)) for uri, n in every))
        retriever = ExpandedRetriever(Found(hits), opened, around=around, by=by, tokens=tokens)
        found = retriever.expand(hits, k)
        again = retriever.expand(hits, len(hits) or 1)
    assert len(found) <= k
    assert [hit.rank for hit in found] == list(range(1, len(found) + 1))
    for hit in (*found, *again):
        document = documents[int(hit.chunk.uri)]
        assert document.text[hit.chunk.start : hit.chunk.end] == hit.chunk.text
        assert hit.chunk.tokens <= tokens or hit.within == ()
        assert all(page.start < hit.chunk.end and page.end > hit.chunk.start for page in hit.chunk.pages)
    # every passage found lies in exactly one of those given
    given_ids = [chunk_id for hit in again for chunk_id in hit.chunk_ids]
    assert sorted(given_ids) == sorted(hit.chunk.id for hit in hits)
    if found and hits:
        best = hits[0].chunk
        assert found[0].chunk.start <= best.start
        assert best.end <= found[0].chunk.end
