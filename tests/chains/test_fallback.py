"""Where nothing in a draft can be proved, the documents are quoted, and the answer says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from rag.chains import ask
from rag.generators import ExtractiveGenerator
from rag.types import Answer, Chunk, Document, Hit, Message

DOCUMENT = Document(uri="a.md", text="The ferry to Aran leaves at noon. A ticket costs 12 euros.", language="en")


class OneHit:
    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        text = DOCUMENT.text
        return [Hit(Chunk(DOCUMENT.id, DOCUMENT.uri, 0, len(text), text, language="en"), 1.0, 1)]


class Says:
    context_size = 4096

    def __init__(self, draft: str) -> None:
        self.draft = draft
        self.prompts: list[str] = []

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        self.prompts.append(messages[-1].content)
        yield self.draft


def answer(draft: str, question: str = "What does a ticket cost?", *, fallback: bool = True) -> Answer:
    quotes = ExtractiveGenerator() if fallback else None
    return ask(question, retriever=OneHit(), generator=Says(draft), fallback=quotes)


def test_a_false_draft_is_replaced_by_a_quote_and_kept_as_the_draft() -> None:
    found = answer("A ticket costs 40 euros.")
    assert (found.verdict, found.quoted) == ("supported", True)
    assert found.text == "A ticket costs 12 euros."
    assert found.draft == "A ticket costs 40 euros."
    [citation] = found.citations
    assert DOCUMENT.text[citation.start : citation.end] == citation.quote == "A ticket costs 12 euros."


def test_a_proved_draft_stays() -> None:
    found = answer("A ticket costs 12 euros.")
    assert (found.verdict, found.quoted) == ("supported", False)


def test_what_the_documents_do_not_hold_is_refused_all_the_same() -> None:
    found = answer("It is Lima.", "What is the capital of Peru?")
    assert (found.verdict, found.quoted) == ("not in the documents", False)


def test_without_a_fallback_a_false_draft_is_refused() -> None:
    assert answer("A ticket costs 40 euros.", fallback=False).verdict == "not in the documents"


@pytest.mark.parametrize(("excerpt", "shown"), [(0, True), (1, False)])
def test_an_excerpt_shows_only_the_nearest_sentences(excerpt: int, shown: bool) -> None:
    says = Says("A ticket costs 12 euros.")
    ask("What does a ticket cost?", retriever=OneHit(), generator=says, excerpt=excerpt)
    assert ("The ferry to Aran" in says.prompts[0]) is shown
    assert "A ticket costs 12 euros." in says.prompts[0]
