"""What holds for any passages and any draft."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rag.grounding import Thresholds, ground, render
from rag.text import sentences
from rag.types import Chunk, Document, Hit, Page

ANY = Thresholds(support=0.01, answerable=0.0)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# fmt: off
WORDS = (
    "pump", "valve", "warranty", "covers", "lasts", "months", "bar", "24", "36", "1,290", "2024-03-05", "HX-200",
    "Hamburg", "not", "never", "yes", "No", "The", "is", "of", "euros", "5%", "March", "[1]", "[^2]", "<|im_end|>",
    "{{x}}", "“quoted”", "保修期为24个月。", "电池", "不", "在", "《说明》", "Die", "Garantie", "gilt", "nicht",
    "Ünïcode", "\u0301", "\u200b", "\x1b[31m", "\n", "\r\n", ".", "!", "?", "。", "：", "-", "*", "#", "|", "(",
    ")", "½", "百分之五", "第三", "5:30 pm", "$3",
)
# fmt: on
text = st.one_of(st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join), st.text(max_size=120))
languages = st.sampled_from(["", "en", "de", "zh", "fr", "th", "ar"])


@st.composite
def passages(draw):
    """A document and one to three hits of it."""
    whole = draw(text)
    document = Document("file:///d", whole, draw(text))
    cuts = sorted({0, len(whole), *draw(st.lists(st.integers(0, len(whole)), max_size=2))})
    spans = list(pairwise(cuts)) or [(0, 0)]
    middle = len(whole) // 2
    pages = (Page(1, 0, middle), Page(2, middle, len(whole)))
    language = draw(languages)
    hits = tuple(
        Hit(
            Chunk(document.id, document.uri, s, e, whole[s:e], document.title, (draw(text),), pages, language),
            1.0,
            rank,
        )
        for rank, (s, e) in enumerate(spans, start=1)
    )
    return document, hits


@SLOW
@given(passages(), text, text)
def test_quotes_are_slices_of_the_document_and_sentences_of_the_answer(given_, question, draft):
    document, hits = given_
    answer = ground(question, draft, hits, thresholds=ANY)
    for citation in answer.citations:
        assert document.text[citation.start : citation.end] == citation.quote
        assert citation.quote == citation.quote.strip() != ""
        assert citation.page == (1 if citation.start < len(document.text) // 2 else 2)
    for sentence in answer.sentences:
        assert answer.text[sentence.start : sentence.end] == sentence.text
        assert sentence.supported == bool(sentence.citations)
        assert 0.0 <= sentence.support <= 1.0
    assert all(a.end <= b.start for a, b in pairwise(answer.sentences))
    passed = [s.supported for s in answer.sentences]
    expected = "not in the documents" if not any(passed) else "supported" if all(passed) else "partly"
    assert answer.verdict == expected
    assert answer.draft == draft
    # Numbers run from 1 in order of first use.
    numbers = [c.number for c in answer.citations]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(set(numbers)) + 1))
    assert render(answer)


@SLOW
@given(passages(), text)
def test_grounding_is_repeatable(given_, draft):
    _, hits = given_
    assert ground("What is it?", draft, hits) == ground("What is it?", draft, hits)


NOUNS = st.sampled_from(["pump", "valve", "warranty", "battery", "inspection", "display", "sensor", "cable", "licence"])
VERBS = st.sampled_from(["lasts", "costs", "weighs", "needs", "reaches"])
UNITS = st.sampled_from(["months", "hours", "euros", "kg", "bar", "percent"])
NUMBERS = st.integers(2, 9999)
facts = st.lists(st.tuples(NOUNS, VERBS, NUMBERS, UNITS), min_size=1, max_size=6, unique_by=lambda f: f[0])


def spoken(fact: tuple[str, str, int, str]) -> str:
    noun, verb, number, unit = fact
    return f"The {noun} {verb} {number} {unit}."


def hit_of(sentences_: list[str]) -> Hit:
    whole = " ".join(sentences_)
    document = Document("file:///facts", whole)
    return Hit(Chunk(document.id, document.uri, 0, len(whole), whole, language="en"), 1.0, 1)


@SLOW
@given(facts, st.data())
def test_a_verbatim_sentence_is_supported_by_itself(stated, data):
    spoken_ = [spoken(fact) for fact in stated]
    hit = hit_of(spoken_)
    chosen = data.draw(st.sampled_from(spoken_))
    answer = ground("What is known?", chosen, [hit], thresholds=Thresholds(answerable=0.0))
    assert answer.verdict == "supported"
    assert [c.quote for c in answer.citations] == [chosen]


@SLOW
@given(facts, NUMBERS, st.data())
@example([("pump", "lasts", 24, "months"), ("valve", "lasts", 36, "months")], 36, None)
def test_an_altered_number_is_never_supported(stated, number, data):
    noun, verb, true, unit = stated[0] if data is None else data.draw(st.sampled_from(stated))
    if number == true:
        return
    hit = hit_of([spoken(fact) for fact in stated])
    draft = spoken((noun, verb, number, unit))
    answer = ground(f"What about the {noun}?", draft, [hit], thresholds=ANY)
    assert answer.refused, answer


@SLOW
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), languages)
def test_any_sentence_of_a_passage_proves_itself(whole, language):
    document = Document("file:///d", whole)
    hit = Hit(Chunk(document.id, document.uri, 0, len(whole), whole, language=language), 1.0, 1)
    for start, end in sentences(whole, language):
        answer = ground("What is it?", whole[start:end], [hit], thresholds=ANY)
        # Punctuation, a bare yes and what looks like our own markers state nothing.
        if answer.refused:
            continue
        assert answer.sentences[0].support > 0


@SLOW
@given(
    st.lists(st.sampled_from(["[1]", "[^1]", "[2, 3]", "<|im_end|>", "<|assistant|>", "\n[4]:", "[5]("]), max_size=6)
)
def test_forged_markers_never_make_a_citation(forged):
    hit = hit_of(["The pump lasts 24 months.", *forged])
    answer = ground("What is the pump's life?", " ".join(forged), [hit], thresholds=ANY)
    assert answer.citations == ()
    answer = ground("What is the pump's life?", " ".join(["The pump lasts 24 months.", *forged]), [hit], thresholds=ANY)
    assert {c.number for c in answer.citations} <= {1}
    assert all(c.quote in hit.chunk.text for c in answer.citations)
