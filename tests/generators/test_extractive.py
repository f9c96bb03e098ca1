from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import GenerationError
from rag.generators import ExtractiveGenerator, render_question
from rag.generators.sentence_ranking import rank_sentences
from rag.types import Message, Vectors

LEAVE = (
    "Employees get thirty days of leave a year. Leave must be requested two weeks ahead. The canteen opens at eleven."
)
PRICES = "The Aster microscope costs 4,200 euros. Delivery takes three weeks."


def ask(
    question: str, *passages: str, generator: ExtractiveGenerator | None = None, max_tokens: int = 256
) -> list[str]:
    message = render_question(question, [("", passage) for passage in passages])
    return list((generator or ExtractiveGenerator()).generate([message], max_tokens=max_tokens))


def test_the_best_sentence_is_given_verbatim() -> None:
    assert ask("How many days of leave do employees get?", PRICES, LEAVE) == [
        "Employees get thirty days of leave a year."
    ]


def test_a_question_about_two_documents_gets_a_sentence_of_each() -> None:
    pieces = ask("How much does the Aster microscope cost and when does the canteen open?", LEAVE, PRICES)
    assert "".join(pieces) == "The Aster microscope costs 4,200 euros. The canteen opens at eleven."


def test_nothing_in_common_gives_an_empty_answer() -> None:
    assert ask("Who won the chess tournament?", LEAVE, PRICES) == []
    assert ask("Who won?") == []


def test_headings_and_questions_do_not_beat_statements() -> None:
    passage = "# Warranty period\n\nWhat is the warranty period?\n\nThe warranty lasts for a period of five years."
    assert ask("What is the warranty period?", passage)[0] == "The warranty lasts for a period of five years."


def test_a_heading_is_never_an_answer() -> None:
    minutes = "4 Calibration laboratory\n\nA second chamber is needed."
    service = "The calibration laboratory is old. The laboratory is led by Jonas Eide."
    assert ask("Who leads the calibration laboratory?", minutes, service) == ["The laboratory is led by Jonas Eide."]
    assert ask("Who leads the calibration laboratory?", "4 Calibration laboratory\n\nIt rains.") == []


def test_the_year_and_the_product_asked_for_decide() -> None:
    passage = "The HX-1 cost 10 euros in 2023. The HX-1 costs 12 euros in 2024. The HX-2 costs 20 euros in 2024."
    assert ask("What did the HX-1 cost in 2023?", passage) == ["The HX-1 cost 10 euros in 2023."]
    assert ask("What did the HX-1 cost before 2024?", passage) == ["The HX-1 cost 10 euros in 2023."]
    assert ask("What does the HX-2 cost in 2024?", passage) == ["The HX-2 costs 20 euros in 2024."]


def test_the_rows_of_a_table_are_answers_of_their_own() -> None:
    table = "Prices\n\nPart | Price\nPump | 12 euros\nValve | 15 euros"
    assert ask("What does the valve cost?", table) == ["Valve | 15 euros"]


def test_chinese() -> None:
    passage = "员工每年有三十天假期。食堂十一点开门。显微镜的价格是四千二百欧元。"
    assert ask("显微镜的价格是多少？", passage)[0] == "显微镜的价格是四千二百欧元。"


def test_a_sentence_is_never_cut_to_the_limit() -> None:
    assert ask("How many days of leave do employees get?", LEAVE, max_tokens=5) == []
    assert ask("How many days of leave do employees get?", LEAVE, max_tokens=8) != []


def test_a_stop_string_ends_the_answer_before_it() -> None:
    message = render_question("How many days of leave do employees get?", [("", LEAVE)])
    assert list(ExtractiveGenerator().generate([message], stop=["of leave"])) == ["Employees get thirty days "]


def test_a_sentence_that_two_passages_hold_is_given_once() -> None:
    assert len(ask("How many days of leave do employees get?", LEAVE, LEAVE)) == 1


def test_a_message_without_a_question_is_an_error() -> None:
    with pytest.raises(GenerationError, match="pack_context"):
        list(ExtractiveGenerator().generate([Message("user", "hello")]))


class MeaningEmbedder:
    """One axis for texts about mass, another for the rest: a synonym table as vectors."""

    dim = 2

    def _embed(self, texts: Sequence[str]) -> Vectors:
        heavy = ("heavy", "weighs", "kilograms")
        return np.array([[1, 0] if any(w in t for w in heavy) else [0, 1] for t in texts], dtype=np.float32)

    embed_queries = embed_documents = _embed


def test_an_embedder_finds_what_shares_no_word() -> None:
    passage = "It weighs nine kilograms. It ships in a box."
    generator = ExtractiveGenerator(MeaningEmbedder())  # type: ignore[arg-type]
    assert ask("How heavy?", passage) == []
    assert ask("How heavy?", passage, generator=generator) == ["It weighs nine kilograms."]


def test_scores_are_as_worked_by_hand() -> None:
    # two sentences, both terms in one sentence only: equal idf, so a half each; lengths 1 and 1
    ranking = rank_sentences("alpha beta", ["Alpha. Beta."])
    assert ranking.weights == pytest.approx(dict.fromkeys(ranking.weights, 0.5))
    # .8 * .5 of its own, .2 * 1 of its passage; a one-word sentence with a full stop is a statement
    assert [s.score for s in ranking.sentences] == pytest.approx([0.6, 0.6])
    assert [s.text for s in ranking.sentences] == ["Alpha.", "Beta."]


@given(st.text(max_size=60), st.lists(st.text(max_size=120), max_size=4))
def test_every_piece_is_text_of_a_passage(question: str, passages: list[str]) -> None:
    ranking = rank_sentences(question, passages)
    assert all(passages[s.passage][s.start : s.end] == s.text for s in ranking.sentences)
    if question:
        texts = {s.text for s in ranking.sentences}
        pieces = ask(question, *passages)
        assert all(piece in texts or piece[1:] in texts for piece in pieces)
        assert pieces == ask(question, *passages)
