"""What chains share: proof from other passages than those shown, quoting, and the end of a stream."""

from __future__ import annotations

import numpy as np
import pytest

from rag.chains.drafting import AnswerParts, answer_from, begun, last, quote, search
from rag.errors import QueryError
from rag.generators import ExtractiveGenerator
from rag.grounding import Thresholds
from rag.grounding.confidence import Confidence
from rag.grounding.opinions import Drafted
from rag.tracing import recording, step

QUESTION = "What does the HX-100 cost?"


class Vectors:
    """An embedder to whom all texts are alike."""

    dim = 2
    fingerprint = "alike"
    max_tokens = 512
    tokenizer = None

    def embed_documents(self, texts):
        return np.tile(np.array([1.0, 0.0], np.float32), (len(texts), 1))

    embed_queries = embed_documents

    def embed_spans(self, text, spans, *, prefix=""):
        return self.embed_documents(spans)


def test_a_draft_is_proved_from_the_evidence_and_not_from_what_was_shown(passage, script):
    shown = passage("Cut", "costs 500 euros")
    whole = passage("Prices", "The HX-100 costs 500 euros. It is blue.")
    parts = AnswerParts(script("The HX-100 costs 500 euros."), max_answer_tokens=20)
    answer = last(answer_from(QUESTION, [shown], parts, evidence=[whole]))
    assert [one.title for one in answer.citations] == ["Prices"]
    assert answer.hits == (shown,)


def test_a_draft_that_is_refused_is_quoted_where_that_is_proved(passage, script):
    hits = [passage("Prices", "The HX-100 costs 500 euros.")]
    wrong = "The HX-100 costs 999 euros."
    plain = AnswerParts(script(wrong), max_answer_tokens=20)
    refused = last(answer_from(QUESTION, hits, plain))
    assert refused.refused
    quoting = AnswerParts(script(), max_answer_tokens=20, fallback=ExtractiveGenerator())
    quoted = quote(refused, hits, quoting)
    assert (quoted.text, quoted.quoted, quoted.draft) == ("The HX-100 costs 500 euros.", True, wrong)
    assert quote(refused, hits, plain) is refused
    assert quote(refused, [passage("Office", "It opens at 9:00.")], quoting) is refused


def test_excerpts_are_chosen_by_the_focus(passage, script):
    hits = [passage("Pump", "The pump is blue. Its maker is Ann Weller. It has a lamp.")]
    for focus, seen in (("", "The pump is blue."), ("maker Ann Weller", "Its maker is Ann Weller.")):
        generator = script("It is blue.")
        last(answer_from("Is the pump blue?", hits, AnswerParts(generator, excerpt=1), focus=focus))
        assert generator.seen[0][-1].passages == (seen,)


def test_an_opinion_is_asked_once_of_the_draft_and_holds_for_the_quote(passage, script):
    hits = [passage("Prices", "The HX-100 costs 500 euros."), passage("Office", "It opens at 9:00.")]
    asked = []

    def opinion(drafted):
        asked.append(drafted)
        return lambda features: Confidence(0.8, 0.9)

    generator = script("The HX-100 costs 999 euros.")
    parts = AnswerParts(
        generator,
        Vectors(),
        max_answer_tokens=20,
        excerpt=1,
        fallback=ExtractiveGenerator(),
        confidence=lambda features: Confidence(0.1, 0.1),
        opinion=opinion,
    )
    answer = last(answer_from(QUESTION, hits, parts, focus="HX-100"))
    assert (answer.quoted, answer.score, answer.verdict) == (True, 0.8, "supported")
    drafted = Drafted(QUESTION, "The HX-100 costs 999 euros.", generator.seen[0], tuple(hits), 20, 1, "HX-100")
    assert asked == [drafted]
    assert parts.down_to(0.2).opinion is None


def test_tokens_in_the_trace_are_the_generators_own(passage, script):
    generator = script("The HX-100 costs 500 euros.")
    with recording("test") as run:
        last(answer_from(QUESTION, [passage("Prices", "The HX-100 costs 500 euros.")], AnswerParts(generator)))
    assert run.trace.prompt_tokens == generator.count_tokens(generator.seen[0])
    assert run.trace.output_tokens == 5


def test_what_a_chain_holds_open_is_no_parent_of_its_callers_steps():
    def chain():
        with step("inside"):
            yield ""
            yield "piece"

    with recording("test") as run:
        events = begun(chain())
        with step("outside"):
            assert next(events) == "piece"
        events.close()
    assert [(one.name, len(one.steps)) for one in run.trace.steps] == [("inside", 0), ("outside", 0)]


def test_a_search_is_a_step_with_its_filter(shelf):
    library = shelf({"A": "alpha"})
    with recording("test") as run:
        search(library, "alpha", 3, "x = 1")
    assert run.trace.steps[0].inputs == {"question": "alpha", "k": 3, "where": "x = 1"}
    assert library.asked == [("alpha", 3, "x = 1")]


def test_a_stream_without_an_answer_is_a_mistake_of_its_maker():
    with pytest.raises(TypeError):
        last(iter(["piece"]))


def test_no_room_for_an_answer(script):
    with pytest.raises(QueryError, match="max_answer_tokens"):
        AnswerParts(script(), max_answer_tokens=0)


def test_a_piece_of_an_answer_has_a_line_of_its_own(passage, script):
    hits = [passage("Prices", "The HX-100 costs 500 euros.")]
    strict = AnswerParts(script("It costs 500 euros.", "It costs 500 euros."), thresholds=Thresholds(answerable=1.0))
    question = "What does the red HX-100 with a lamp cost?"
    assert last(answer_from(question, hits, strict)).refused
    assert not last(answer_from(question, hits, strict.down_to(0.25))).refused
