"""Fixtures of the chains: a retriever over a few texts, and a generator that says its lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from rag.types import ArmScore, Chunk, Hit, Message, content_hash


def hit(title: str, text: str, *, rank: int = 1, score: float = 1.0, document: str = "", start: int = 0) -> Hit:
    """A passage at ``start`` of its document, which is named by its title if not otherwise."""
    uri = f"file:///{document or title}"
    chunk = Chunk(content_hash(uri), uri, start, start + len(text), text, title=title, language="en")
    return Hit(chunk, score, rank, {"sparse": ArmScore(rank, score)})


class Shelf:
    """Ranks texts, given by title, by the words they share with a query; remembers what it was asked."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.texts = texts
        self.asked: list[tuple[str, int, str | None]] = []

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        self.asked.append((query, k, where))
        wanted = _words(query)
        shared = {title: len(wanted & _words(f"{title} {text}")) for title, text in self.texts.items()}
        best = sorted((title for title in shared if shared[title]), key=lambda title: (-shared[title], title))[:k]
        return [
            hit(title, self.texts[title], rank=rank, score=float(shared[title])) for rank, title in enumerate(best, 1)
        ]


class Script:
    """A generator that says its lines one after the other; a token is a word, and three a message."""

    def __init__(self, *lines: str, context_size: int = 1000) -> None:
        self.lines = list(lines)
        self.context_size = context_size
        self.seen: list[Sequence[Message]] = []
        self.limits: list[int] = []

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(len(message.content.split()) + 3 for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        self.seen.append(messages)
        self.limits.append(max_tokens)
        words = self.lines.pop(0).split(" ")[:max_tokens]
        for i, word in enumerate(words):
            yield word if i == 0 else f" {word}"


def _words(text: str) -> set[str]:
    return {word.strip(".,?!:").casefold() for word in text.replace("-", " ").split()} - {
        "the",
        "a",
        "of",
        "is",
        "was",
        "what",
        "does",
        "in",
        "by",
        "",
    }


@pytest.fixture
def passage() -> Callable[..., Hit]:
    """Makes a hit of a title and a text."""
    return hit


@pytest.fixture
def shelf() -> type[Shelf]:
    """A retriever over texts by title."""
    return Shelf


@pytest.fixture
def script() -> type[Script]:
    """A generator of given lines."""
    return Script
