"""Near-duplicates: the estimate against the exact similarity, what collapses, and that nothing is lost."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import QueryError
from rag.index import IndexSettings, Snapshot, Writer
from rag.protocols import Retriever
from rag.retrieval import DeduplicatedRetriever, SparseRetriever
from rag.retrieval.near_duplicates import PERMUTATIONS, SHINGLE, collapse, resemblance
from rag.types import Chunk, Document, Hit

LONG = "The warranty covers parts and labour for twenty-four months from the day of delivery, oil excepted."
CJK = "保修期为自交货之日起二十四个月，包括零件和人工，但不包括机油。用户应保存发票和说明书。"


def jaccard(one: str, other: str) -> float:
    """Worked out from the sets themselves."""
    one, other = (" ".join(text.casefold().split()) for text in (one, other))
    first, second = ({t[i : i + SHINGLE] for i in range(len(t) - SHINGLE + 1)} for t in (one, other))
    return len(first & second) / len(first | second)


def hit(key, text, rank=1):
    return Hit(Chunk(key, key, 0, len(text), text), 1 / rank, rank, metadata={"key": key})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG, LONG),
        (LONG, LONG.replace("months", "weeks")),
        (LONG, LONG.replace("warranty", "guarantee").replace("delivery", "purchase")),
        (CJK, CJK.replace("机油", "轮胎")),
        (CJK, CJK[:20] + CJK[25:]),
        (LONG, CJK),
    ],
)
def test_the_estimate_is_near_the_exact_similarity(one, other):
    exact = jaccard(one, other)
    error = math.sqrt(exact * (1 - exact) / PERMUTATIONS)
    assert abs(resemblance(one, other) - exact) <= 4 * error
    assert resemblance(one, other) == resemblance(other, one)


@settings(max_examples=200, deadline=None)
@given(st.text("abc ", min_size=20, max_size=120), st.text("abc ", min_size=20, max_size=120))
def test_the_estimate_is_never_far_off(one, other):
    one, other = f"xyzzy {one} xyzzy", f"xyzzy {other} xyzzy"
    exact = jaccard(one, other)
    assert abs(resemblance(one, other) - exact) <= 6 * math.sqrt(0.25 / PERMUTATIONS)


def test_case_width_and_white_space_do_not_count():
    assert resemblance("The  Valve\nOPENS today", "the valve opens today") == 1.0
    assert resemblance("ＡＢＣＤＥＦ", "abcdef") == 1.0
    assert resemblance("", "") == resemblance("a", "a") == resemblance("\ud800", "\ud800") == 1.0
    assert resemblance("a", "b") == 0.0


def test_duplicates_are_listed_with_the_best_and_others_move_up():
    near, other = LONG.replace("months", "weeks"), "The pump is blue and stands in the cellar of the old house."
    hits = [hit("a", LONG, 1), hit("b", near, 2), hit("c", other, 3), hit("d", LONG, 4), hit("e", CJK, 5)]
    found = collapse(hits, 2, threshold=0.8)
    assert [(one.rank, one.chunk.uri) for one in found] == [(1, "a"), (2, "c")]
    assert [(one.chunk.uri, one.metadata["key"], one.rank) for one in found[0].duplicates] == [
        ("b", "b", 2),
        ("d", "d", 4),
    ]
    assert found[0].chunk_ids == tuple(hits[n].chunk.id for n in (0, 1, 3))
    assert [one.chunk.uri for one in collapse(hits, 9, threshold=1.0)] == ["a", "b", "c", "e"]


def test_hits_at_the_beginning_keep_their_duplicates():
    found = collapse([hit("a", LONG), hit("b", LONG)], 1, threshold=0.9)
    again = collapse([*found, hit("c", LONG)], 1, threshold=0.9)
    assert [one.chunk.uri for one in again[0].duplicates] == ["b", "c"]


@pytest.mark.parametrize("threshold", [0, -1, 1.1, float("nan")])
def test_a_threshold_out_of_range(threshold):
    with pytest.raises(QueryError, match="threshold"):
        collapse([], 1, threshold=threshold)


@given(st.lists(st.sampled_from([LONG, LONG + " Amen.", CJK, "short", "short!", ""]), max_size=12), st.integers(1, 12))
def test_no_hit_is_lost_while_there_is_room(texts, k):
    hits = [hit(str(rank), text, rank) for rank, text in enumerate(texts, 1)]
    found = collapse(hits, k, threshold=0.8)
    assert len(found) <= k
    assert [one.rank for one in found] == list(range(1, len(found) + 1))
    if len(found) < k:
        assert sorted(c for one in found for c in one.chunk_ids) == sorted(one.chunk.id for one in hits)
    assert [one.chunk for one in found] == sorted((one.chunk for one in found), key=lambda c: int(c.uri))
    assert all(resemblance(a.chunk.text, b.chunk.text) < 0.8 for a in found for b in found if a is not b)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "i"
    texts = {"a": LONG, "b": LONG + " Keep it.", "c": CJK, "secret": LONG, "d": "Months of rain wear down parts."}
    with Writer.open(path, IndexSettings()) as writer:
        for key, text in texts.items():
            document = Document(key, text, metadata={"label": "secret" if key == "secret" else "open"}, language="en")
            chunk = Chunk(document.id, key, 0, len(text), text, language="en")
            writer.put(document, [chunk], None, source="s", state="1")
        writer.commit()
    with Snapshot.open(path) as opened:
        yield opened


def test_nothing_that_the_filter_keeps_out_is_compared_or_listed(snapshot):
    retriever = DeduplicatedRetriever(SparseRetriever(snapshot), threshold=0.8)
    assert isinstance(retriever, Retriever)
    everything = retriever.retrieve("months of parts", 3)
    assert {one.chunk.uri for hit in everything for one in hit.duplicates} & {"secret", "a"}
    found = retriever.retrieve("months of parts", 3, where='label = "open"')
    shown = [hit.chunk.uri for hit in found] + [one.chunk.uri for hit in found for one in hit.duplicates]
    assert sorted(shown) == ["a", "b", "d"]
    assert len(found) == 2
    with pytest.raises(QueryError, match="k is 0"):
        retriever.retrieve("months", 0)
