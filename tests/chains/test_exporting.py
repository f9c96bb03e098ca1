"""Conversations as Markdown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rag.chains.exporting import sources, to_markdown
from rag.chains.sessions import SessionStore
from rag.chains.turns import Turn
from rag.grounding import ground
from rag.types import Hit, Page


@pytest.fixture
def path(passage: Callable[..., Hit]) -> list[Turn]:
    text = "The kite is *blue* <b>and</b> old. It eats mice."
    hit = passage("Kites", text)
    hit = replace(hit, chunk=replace(hit.chunk, headings=("Birds", "Prey"), pages=(Page(3, 0, 99),)))
    with SessionStore.in_memory() as store:
        session = store.open("my # talk", "/index")
        for number, draft in enumerate(("The kite is *blue* <b>and</b> old.", "It eats mice.")):
            answer = ground("What is it?", draft, [hit])
            assert not answer.refused
            session.append(Turn(0, number or None, "1. Is\x1b it [1]?", "", ("",), None, answer, 0.0, 0.0))
        return list(session.turns().values())


def test_questions_are_headings_and_sources_end_it(path: list[Turn]) -> None:
    lines = to_markdown("my # talk", path).splitlines()
    assert lines[0] == "# my \\# talk"
    assert lines[2] == "## 1. 1\\. Is\ufffd it \\[1\\]?"
    assert lines[4] == "The kite is \\*blue\\* \\<b\\>and\\</b\\> old. [1]"
    assert lines[6] == "*supported, turn 1, 1970-01-01 00:00 UTC*"
    assert lines[lines.index("## Sources") + 2] == "[1] Kites, p. 3, Birds \\> Prey: file:///Kites"
    assert lines[-1] == "> It eats mice."


def test_sources_hold_every_quote_once(path: list[Turn]) -> None:
    (source,) = sources([*path, *path])
    assert source.quotes == ("The kite is *blue* <b>and</b> old.", "It eats mice.")
    assert (source.number, source.pages) == (1, (3,))
    assert sources([]) == []


def test_an_empty_conversation_is_a_title() -> None:
    assert to_markdown("x", []) == "# x\n"
