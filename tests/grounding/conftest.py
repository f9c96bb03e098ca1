"""Passages for the grounding tests, made by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rag.types import ArmScore, Chunk, Document, Hit, Page


def make_hit(
    text: str,
    *,
    title: str = "",
    headings: tuple[str, ...] = (),
    language: str = "en",
    uri: str = "file:///doc.md",
    rank: int = 1,
    before: str = "",
    pages: tuple[Page, ...] = (),
    dense: float | None = None,
) -> tuple[Document, Hit]:
    """A document that holds ``text`` after ``before``, and the hit for that passage."""
    document = Document(uri, before + text, title, pages=pages)
    chunk = Chunk(document.id, uri, len(before), len(before) + len(text), text, title, headings, pages, language)
    arms = {"sparse": ArmScore(rank, 5.0)} | ({"dense": ArmScore(rank, dense)} if dense is not None else {})
    return document, Hit(chunk, 1.0 / rank, rank, arms)


@pytest.fixture
def warranty() -> Hit:
    return make_hit(
        "The standard warranty lasts 24 months from the date of purchase. Batteries are not covered by the "
        "warranty. Repairs are made in Hamburg, Germany. A repair costs 1,290 euros at most.",
        title="Warranty",
        uri="file:///warranty.md",
    )[1]


@pytest.fixture
def prices() -> Hit:
    return make_hit(
        "The HX-100 costs 500 euros. The HX-200 was released on 5 March 2024 and weighs 3.5 kg. "
        "The founder is Anna Schmidt.",
        title="Price list",
        uri="file:///prices.md",
        rank=2,
    )[1]


@pytest.fixture
def garantie() -> Hit:
    return make_hit(
        "Die Garantie beträgt 24 Monate ab Kaufdatum. Akkus sind von der Garantie nicht abgedeckt. "
        "Der Preis beträgt 1.290,50 Euro. Der Sitz ist in Hamburg.",
        title="Garantie",
        uri="file:///garantie.md",
        language="de",
    )[1]


@pytest.fixture
def baoxiu() -> Hit:
    return make_hit(
        "保修期为24个月，自购买之日起计算。电池不在保修范围内。公司总部位于北京。HX-200于2024年3月5日发布。",
        title="保修",
        uri="file:///baoxiu.md",
        language="zh",
    )[1]


@pytest.fixture
def hit() -> Callable[..., tuple[Document, Hit]]:
    return make_hit
