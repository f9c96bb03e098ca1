"""Gold is found in the text as it stands, at exact offsets, however the text is written and cut."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import EvaluationError
from rag.evaluation.datasets import Question, Span
from rag.evaluation.misses.gold import find_documents, find_gold, locate, occurrences
from rag.pipeline import open_index
from rag.recipe import parse_recipe


@pytest.mark.parametrize(
    ("answer", "text", "found"),
    [
        ("1973", "in 1973 and 1973-74, not 11973, 1,973 or 1973.5", ["1973", "1973"]),
        ("3,600", "3,600 of 13,600", ["3,600"]),
        ("12", "the 12th, $12, 5×12, not 12,000 or 12.5. But 12.", ["12", "12", "12", "12"]),
        ("Café", "a CAFE\u0301, the café, cafés", ["CAFE\u0301", "café"]),
        ("new  york", "in New\n\tYork or NewYork", ["New\n\tYork"]),
        ("final", "the \ufb01nal act", ["\ufb01nal"]),
        ("soft", "so\u00adft, a softer", ["so\u00adft"]),
        ("strasse", "die Straße, die Straßen", ["Straße"]),
        ("ss", "the ß, mass", ["ß"]),
        ("308", "黑豹队的防守只丢了 308分", ["308"]),
        ("防守", "黑豹队的防守只丢了", ["防守"]),
        ("서울", "서울은 \u1109\u1165\u110b\u116e\u11af에서", ["서울", "\u1109\u1165\u110b\u116e\u11af"]),
        ("कि", "की कि", ["कि"]),
        ("half", "behalf", []),
        ("yes", "Yes, the band", []),
        (" No ", "no way", []),
        ("", "anything", []),
        ("a.c", "abc a.c", ["a.c"]),
    ],
)
def test_an_answer_is_found_as_a_whole_word_whatever_its_form(answer: str, text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in occurrences(answer, text)] == found


def forms(text: str, form: str, case: str, space: str) -> str:
    cased = {"upper": text.upper, "lower": text.lower, "title": text.title}[case]()
    return unicodedata.normalize(form, cased).replace(" ", space)


@given(
    st.lists(st.text("abcdéïñüçœ", min_size=1, max_size=6), min_size=1, max_size=3),
    st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"]),
    st.sampled_from(["upper", "lower", "title"]),
    st.sampled_from([" ", "\n", " \t ", "\u3000", "\u00a0"]),
    st.lists(st.text("xyzXYZ .é\u0301ß\n", max_size=12), min_size=2, max_size=2),
)
def test_any_writing_of_an_answer_is_found_at_its_very_place(
    words: list[str], form: str, case: str, space: str, around: list[str]
) -> None:
    answer = " ".join(words)
    written = forms(answer, form, case, space)
    before, after = around[0] + "|", "|" + around[1]
    assert occurrences(answer, before + written + after) == [(len(before), len(before) + len(written))]


@given(st.text("abcABé\u0301ßﬁ \n1,.２", max_size=60), st.text("abé ß1", min_size=1, max_size=4))
def test_whatever_is_found_is_the_answer(text: str, answer: str) -> None:
    def plain(value: str) -> str:
        folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
        return " ".join(folded.split())

    for start, end in occurrences(answer, text):
        assert plain(text[start:end]) == plain(answer)


def question(*answers: str, spans: tuple[Span, ...] = ()) -> Question:
    return Question("q", "What?", answers=answers, documents=("a",), spans=spans)


def test_all_answers_count_and_given_spans_go_first() -> None:
    text = "The crisis began in October 1973."
    found = locate(question("October 1973", "1973"), "a", text)
    assert [text[span.start : span.end] for span in found] == ["October 1973", "1973"]
    given_span = Span("a", 4, 10)
    assert locate(question("1973", spans=(given_span,)), "a", text) == (given_span,)
    # spans in another document say nothing of this one
    assert locate(question("1973", spans=(Span("b", 0, 1),)), "a", text) == (Span("a", 28, 32),)


def test_a_span_beyond_the_text_says_that_the_document_has_changed() -> None:
    with pytest.raises(EvaluationError, match=r"^a: .*characters 4 to 90, but the document has 5 .*make the test set"):
        locate(question("x", spans=(Span("a", 4, 90),)), "a", "short")


CUT = """
[embedder]
backend = "none"
[retrieval]
arms = ["sparse"]
[chunker]
kind = "tokens"
max_tokens = {}
overlap = {}
"""


@pytest.mark.parametrize(("size", "overlap"), [(16, 0), (16, 8), (24, 4), (200, 0)])
def test_the_holders_are_the_passages_with_a_whole_answer_however_the_text_is_cut(
    tmp_path: Path, size: int, overlap: int
) -> None:
    text = " ".join(f"w{n} the north star shines" if n % 5 == 0 else f"w{n}" for n in range(120))
    (tmp_path / "corpus.jsonl").write_text(
        "\n".join(json.dumps({"_id": name, "text": text}) for name in ("a", "b")) + "\n"
    )
    with open_index(tmp_path / "index", parse_recipe(CUT.format(size, overlap))) as pipeline:
        pipeline.add(tmp_path / "corpus.jsonl")
        snapshot = pipeline.snapshot
        uris = find_documents(snapshot, "_id", {"a", "z"})
        assert [*uris] == ["a"]
        gold = find_gold(snapshot, question("North Star"), "a", uris["a"])
        assert len(gold.spans) == 24
        assert [chunk.uri.rpartition("#")[2] for chunk in gold.chunks] == ["a"] * len(gold.chunks)
        assert gold.chunks[0].start == 0
        assert gold.chunks[-1].end == len(text)
        assert set(gold.holders) == {chunk.id for chunk in gold.chunks if "north star" in chunk.text}
        for chunk in gold.chunks:
            for start, end in gold.holders.get(chunk.id, ()):
                assert chunk.text[start:end] == "north star"
        # an answer that stands nowhere leaves the document as a whole
        whole = find_gold(snapshot, question("yes"), "a", uris["a"])
        assert set(whole.holders) == {chunk.id for chunk in whole.chunks}
        assert whole.spans == ()


def test_records_of_one_id_in_two_files_are_one_document(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"_id": "a", "text": f"{name} north star"}) + "\n")
    with open_index(tmp_path / "index", parse_recipe(CUT.format(16, 0))) as pipeline:
        pipeline.add(tmp_path / "one.jsonl", tmp_path / "two.jsonl")
        uris = find_documents(pipeline.snapshot, "_id", {"a"})["a"]
        gold = find_gold(pipeline.snapshot, question("north star"), "a", uris)
        assert sorted(chunk.text for chunk in gold.chunks) == ["one north star", "two north star"]
        assert len(gold.holders) == 2
