"""What needs no search: sums and small talk, and that nothing else is kept from the index."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.chains.answering import ask_stream
from rag.chains.drafting import last
from rag.chains.unsearched import first_without_search, is_invitation, without_search
from rag.errors import FilterError, QueryError
from rag.generators import ExtractiveGenerator
from rag.queries import IntentRouter

TEXTS = {"Trim Castle": "Trim Castle was built in 1174."}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("What is 15% of 1,200?", "15% of 1,200 = 180"),
        ("what's 15 percent of 80", "15% of 80 = 12"),
        ("What is the square root of 144?", "sqrt(144) = 12"),
        ("3加5等于多少？", "3+5 = 8"),
        ("-3 + 5", "-3 + 5 = 2"),
        ("10/3 =", "10/3 ≈ 3.333333333"),
    ],
)
def test_every_sum_that_is_recognised_is_computed(message: str, text: str) -> None:
    answer = without_search(message, IntentRouter())
    assert answer is not None
    assert (answer.text, answer.verdict, answer.score, answer.citations) == (text, "supported", 1.0, ())
    (sentence,) = answer.sentences
    assert answer.text[sentence.start : sentence.end] == sentence.text == text


def test_small_talk_is_answered_in_its_language_and_claims_nothing() -> None:
    answer = without_search("谢谢！", IntentRouter())
    assert answer is not None
    assert answer.refused
    assert (answer.sentences, answer.hits, answer.text) == ((), (), "请提出问题，答案将在文档中查找。")
    assert is_invitation(answer)
    assert not is_invitation(replace(answer, text="文档中没有这个问题的答案。"))


@pytest.mark.parametrize("message", ["What is 9/11?", "Who sang Hello?", "What is 10^400 / 3?"])
def test_all_else_is_searched_for(message: str) -> None:
    assert without_search(message, IntentRouter()) is None


def test_a_chain_is_asked_only_where_a_search_is_wanted(shelf: type) -> None:
    retriever = shelf(TEXTS)

    def chain(question: str, k: int | None = None, *, where: str | None = None):
        return ask_stream(question, retriever=retriever, generator=ExtractiveGenerator(), k=k or 1, where=where)

    ask = first_without_search(chain, IntentRouter())
    computed = last(ask("What is 2 + 2?"))
    assert computed.text == "2 + 2 = 4"
    assert computed.trace is not None
    assert [step.name for step in computed.trace.walk()] == ["intent", "computed"]
    assert retriever.asked == []
    assert "1174" in last(ask("When was Trim Castle built?", where="year > 1")).text
    assert retriever.asked == [("When was Trim Castle built?", 1, "year > 1")]
    with pytest.raises(QueryError, match="empty"):
        ask("  ")
    with pytest.raises(QueryError, match="k is 0"):
        ask("What is 2 + 2?", 0)
    with pytest.raises(FilterError):
        ask("What is 2 + 2?", where="year >")
