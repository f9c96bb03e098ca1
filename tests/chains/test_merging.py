"""Merging proved sentences: nothing is lost, nothing said twice, every number and offset right."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.chains.merging import cited_hits, covered, fused, merge, proved, quoted_hits, union
from rag.grounding import ground
from rag.types import Answer, ArmScore, Citation, Sentence

PLAIN = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def citation(chunk: str, start: int, end: int, document: str = "d") -> Citation:
    return Citation(9, document, chunk, "file:///d", "D", start, end, "q" * (end - start), 1.0)


def said(text: str, *citations: Citation, supported: bool = True) -> Sentence:
    return Sentence(text, 40, 40 + len(text), 1.0, supported, citations)


def answer(*sentences: Sentence) -> Answer:
    return Answer("q", "", "supported", sentences, "", ())


def test_what_is_said_twice_comes_once_with_both_citations():
    one, two, three = citation("a", 0, 5), citation("b", 7, 9), citation("a", 0, 5)
    found = proved([answer(said("It  lasts 24 months.", one)), answer(said("it lasts 24 months", two, three))])
    assert [(sentence.text, sentence.citations) for sentence in found] == [("It  lasts 24 months.", (one, two))]


def test_what_is_not_supported_is_left_out():
    assert proved([answer(said("So.", supported=False), said("Yes.", citation("a", 0, 1)))])[0].text == "Yes."


def test_a_sentence_is_covered_where_all_it_cites_is_cited():
    item = said("x", citation("a", 0, 10), citation("a", 20, 30))
    assert covered(item, [said("y", citation("a", 5, 22))])
    assert not covered(item, [said("y", citation("a", 0, 20))])
    assert not covered(item, [said("y", citation("a", 0, 30, document="other"))])
    assert not covered(item, [])


def test_sources_are_numbered_in_order_of_first_use():
    sentences = [said("One.", citation("b", 0, 1)), said("Two.", citation("a", 0, 1), citation("b", 3, 4))]
    merged = merge("q", sentences, verdict="supported", hits=())
    assert [[c.number for c in sentence.citations] for sentence in merged.sentences] == [[1], [2, 1]]


def test_notes_are_text_and_no_sentences():
    merged = merge("q", [said("One.", citation("b", 0, 1))], verdict="partly", hits=(), notes=["Nobody says: two?"])
    assert merged.text == "One.\nNobody says: two?"
    assert len(merged.sentences) == 1


@PLAIN
@given(st.lists(st.tuples(st.text(min_size=1, max_size=12), st.integers(0, 3)), max_size=8))
def test_every_sentence_is_where_it_says(rows):
    sentences = [said(text, citation(f"c{source}", 0, 1)) for text, source in rows]
    merged = merge("q", sentences, verdict="supported", hits=())
    assert [sentence.text for sentence in merged.sentences] == [text for text, _ in rows]
    for sentence in merged.sentences:
        assert merged.text[sentence.start : sentence.end] == sentence.text
    numbers = [c.number for c in merged.citations]
    assert sorted(set(numbers)) == list(range(1, len(set(numbers)) + 1))
    assert len({(c.number, c.chunk_id) for c in merged.citations}) == len(set(numbers))


def test_quotes_are_the_sources_words_at_their_place(passage):
    text = "The pump costs 500 euros. It weighs 3 kg."
    hits = [passage("Pump", text, start=100)]
    grounded = ground("What does the pump cost?", "The pump costs 500 euros.", hits)
    (quote,) = quoted_hits(proved([grounded]), hits)
    assert (quote.chunk.text, quote.chunk.start, quote.chunk.end) == ("The pump costs 500 euros.", 100, 125)
    assert quote.chunk.document_id == hits[0].chunk.document_id
    assert cited_hits(proved([grounded]), [passage("Other", "Other."), *hits]) == hits


def test_a_union_keeps_the_first_of_each_and_ranks_anew(passage):
    a, b, c = passage("A", "a", rank=3), passage("B", "b", rank=1), passage("C", "c", rank=1)
    assert [(hit.chunk.title, hit.rank) for hit in union([a, b], [c, replace(a, score=9.0)])] == [
        ("A", 1),
        ("B", 2),
        ("C", 3),
    ]


def test_a_hit_of_the_other_query_alone_has_none_of_its_scores(passage):
    a, b = passage("A", "a", rank=1), passage("B", "b", rank=1)
    found = {hit.chunk.title: hit for hit in fused([a], [b, replace(a, rank=2)], "hop 1")}
    assert found["A"] is a
    assert found["B"].arms == {"hop 1": ArmScore(1, 1.0)}
    assert list(found) == ["A", "B"]  # in both lists, so first
