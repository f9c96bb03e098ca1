"""ask(): from a question to a grounded answer, over small fakes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from rag.chains import ask, ask_stream
from rag.errors import GenerationError, QueryError
from rag.generators import ExtractiveGenerator
from rag.types import Answer, ArmScore, Chunk, Hit, Message, content_hash

TEXTS = (
    "The warranty lasts 24 months. Batteries are not covered.",
    "The HX-100 costs 500 euros. Shipping is free.",
    "Our office is in Hamburg. It opens at 9:00.",
)


def hits() -> list[Hit]:
    return [
        Hit(
            Chunk(content_hash(str(i)), f"file:///{i}", 0, len(text), text, title=f"Doc {i}", language="en"),
            1.0,
            i + 1,
            {"sparse": ArmScore(i + 1, 5.0)},
        )
        for i, text in enumerate(TEXTS)
    ]


class Shelf:
    """A retriever that gives its hits in order and remembers what it was asked."""

    def __init__(self, found: Sequence[Hit]) -> None:
        self.found = found
        self.asked: list[tuple[str, int, str | None]] = []

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        self.asked.append((query, k, where))
        return list(self.found[:k])


class Parrot:
    """A generator that says its line word by word; a token is a word."""

    def __init__(self, line: str, *, context_size: int = 1000, fail_after: int | None = None) -> None:
        self.line = line
        self.context_size = context_size
        self.fail_after = fail_after
        self.seen: list[Sequence[Message]] = []

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(m.content.split()) + 3 for m in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        self.seen.append(messages)
        for i, word in enumerate(self.line.split(" ")[:max_tokens]):
            if i == self.fail_after:
                raise GenerationError("the connection broke")
            yield word if i == 0 else f" {word}"


def test_an_answer_with_proof():
    shelf, parrot = Shelf(hits()), Parrot("Answer: The warranty lasts 24 months.")
    answer = ask("  How long is the warranty? ", retriever=shelf, generator=parrot, k=2, where="lang = 'en'")
    assert answer.verdict == "supported"
    assert answer.text == "The warranty lasts 24 months."
    assert [c.quote for c in answer.citations] == ["The warranty lasts 24 months."]
    assert answer.question == "How long is the warranty?"
    assert shelf.asked == [("How long is the warranty?", 2, "lang = 'en'")]
    assert len(answer.hits) == 2


def test_the_stream_gives_the_draft_in_pieces_and_the_answer_last():
    *pieces, answer = ask_stream(
        "How long is the warranty?", retriever=Shelf(hits()), generator=Parrot("It lasts 99 months.")
    )
    assert "".join(pieces) == "It lasts 99 months."
    assert isinstance(answer, Answer)
    assert answer.refused


def test_the_extractive_generator_answers_and_is_refused_off_topic():
    answer = ask("What does the HX-100 cost?", retriever=Shelf(hits()), generator=ExtractiveGenerator())
    assert answer.verdict == "supported"
    assert "The HX-100 costs 500 euros." in [c.quote for c in answer.citations]
    assert ask("What is the capital of Peru?", retriever=Shelf(hits()), generator=ExtractiveGenerator()).refused


def test_no_hits_is_a_refusal_and_asks_no_generator():
    parrot = Parrot("anything")
    answer = ask("How long is the warranty?", retriever=Shelf([]), generator=parrot)
    assert answer.refused
    assert "No passage was found" in answer.text
    assert parrot.seen == []


def test_what_does_not_fit_is_reported():
    found = hits()
    roomy = Parrot("The warranty lasts 24 months.")
    ask("How long is the warranty?", retriever=Shelf(found), generator=roomy, max_answer_tokens=10)
    tight = Parrot("The warranty lasts 24 months.", context_size=roomy.count_tokens(roomy.seen[0]) + 10 - 1)
    answer = ask("How long is the warranty?", retriever=Shelf(found), generator=tight, max_answer_tokens=10)
    assert len(answer.dropped) == 1
    assert sorted(hit.rank for hit in (*answer.hits, *answer.dropped)) == [1, 2, 3]


def test_a_draft_cut_off_by_its_limit_loses_its_unfinished_sentence():
    answer = ask(
        "How long is the warranty?",
        retriever=Shelf(hits()),
        generator=Parrot("The warranty lasts 24 months. Batteries are not covered either way."),
        max_answer_tokens=8,
    )
    assert answer.text == "The warranty lasts 24 months."


@pytest.mark.parametrize("arguments", [{"question": "  \n"}, {"k": 0}, {"k": -1}, {"max_answer_tokens": 0}])
def test_bad_arguments_raise_at_once(arguments):
    shelf = Shelf(hits())
    question = arguments.pop("question", "How long?")
    with pytest.raises(QueryError):
        ask_stream(question, retriever=shelf, generator=Parrot("x"), **arguments)
    assert shelf.asked == []


def test_a_broken_generator_is_not_hidden():
    with pytest.raises(GenerationError):
        ask("How long is the warranty?", retriever=Shelf(hits()), generator=Parrot("a b c", fail_after=1))
