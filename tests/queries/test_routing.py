"""Where a question goes: rules, similarity, a model's choice; no index without its filter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rag.errors import GenerationError, QueryError
from rag.queries import Choice, Route, Router
from rag.retrieval import RoutedRetriever
from rag.tracing import recording
from rag.types import ArmScore, Chunk, Hit, Message

PLACES = {"law": (1.0, 0.0), "food": (0.0, 1.0), "court?": (0.8, 0.6), "soup?": (0.0, 1.0), "either?": (0.6, 0.6)}


class Embedder:
    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([PLACES[text] for text in texts], np.float32)

    embed_documents = embed_queries


class Chooses:
    def __init__(self, *shares: float) -> None:
        self.shares = shares
        self.asked: list[tuple[str, Sequence[str]]] = []

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
        self.asked.append((messages[-1].content, options))
        return self.shares


LAW = Route("laws", "law", (r"§\s*\d+", r"\bstatute\b"))
FOOD = Route("recipes", "food", (r"\bbake\b", r"\bstatute\b"))


def test_a_rule_decides_before_all_else() -> None:
    chooser = Chooses(0.0, 1.0)
    router = Router([LAW, FOOD], embedder=Embedder(), chooser=chooser)  # type: ignore[arg-type]
    assert router("What does § 5 say?") == (
        Choice("laws", 1.0, r"rule '§\\s*\\d+'"),
        Choice("recipes", 0.0, "a rule of another"),
    )
    assert router("How do I BAKE bread?")[0] == Choice("recipes", 1.0, r"rule '\\bbake\\b'")
    both = router("Which statute?")
    assert [(choice.name, choice.probability) for choice in both] == [("laws", 0.5), ("recipes", 0.5)]
    assert not chooser.asked


def test_similarity_by_hand() -> None:
    """Cosines .8 and .6 are 4 temperatures apart: 1 / (1 + exp(-4)) = .982."""
    best, other = Router([LAW, FOOD], embedder=Embedder())("court?")  # type: ignore[arg-type]
    assert (best.name, best.reason) == ("laws", "similarity of its description 0.80")
    assert best.probability == pytest.approx(1 / (1 + np.exp(-4)))
    assert best.probability + other.probability == pytest.approx(1)
    assert Router([LAW, FOOD], embedder=Embedder())("soup?")[0].name == "recipes"  # type: ignore[arg-type]


def test_the_chooser_is_asked_only_where_similarity_is_not_sure() -> None:
    chooser = Chooses(0.3, 0.7)
    router = Router([LAW, FOOD], embedder=Embedder(), chooser=chooser)  # type: ignore[arg-type]
    assert router("soup?")[0].name == "recipes"
    assert not chooser.asked
    assert router("either?") == (
        Choice("recipes", 0.7, "the model's choice"),
        Choice("laws", 0.3, "the model's choice"),
    )
    ((prompt, options),) = chooser.asked
    assert options == ["A", "B"]
    assert "A. law\nB. food\n\nQuestion: either?" in prompt


def test_with_nothing_to_go_by_all_are_equal_and_the_order_is_the_users() -> None:
    choices = Router([Route("b"), Route("a")])("anything")
    assert choices == (Choice("b", 0.5, "nothing tells them apart"), Choice("a", 0.5, "nothing tells them apart"))


def test_the_choice_is_traced_with_its_reason() -> None:
    with recording("test") as run:
        Router([LAW, FOOD])("§ 5")
    (step,) = run.trace.steps
    assert (step.name, step.inputs["query"]) == ("route", "§ 5")
    assert step.outputs == {"choice": "laws", "probability": 1.0, "reason": r"rule '§\\s*\\d+'"}


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ([], "several"),
        ([Route("a"), Route("a")], "differ"),
        ([Route("a", "x"), Route("b")], "no description of 'b'"),
        ([Route(str(i), "x") for i in range(27)], "too many"),
    ],
)
def test_routes_that_cannot_be_chosen_from_are_refused(routes: list[Route], said: str) -> None:
    with pytest.raises(QueryError, match=said):
        Router(routes, embedder=Embedder())  # type: ignore[arg-type]


def test_a_pattern_that_is_none_is_refused_when_it_is_written() -> None:
    with pytest.raises(QueryError, match="no regular expression") as caught:
        Route("a", patterns=("(",))
    assert caught.value.where == "route a"


class Listed:
    """Hits by name, of which a filter admits those whose metadata it names."""

    def __init__(self, *found: tuple[str, float, str]) -> None:
        self.found = found
        self.asked: list[tuple[str, int, str | None]] = []

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        self.asked.append((query, k, where))
        admitted = [one for one in self.found if where is None or where == f'tenant = "{one[2]}"'][:k]
        return [
            Hit(Chunk("d", key, 0, 1, key), score, rank, {"dense": ArmScore(rank, score)})
            for rank, (key, score, _) in enumerate(admitted, 1)
        ]


def routed(*shares: float, also: float = 0.2) -> tuple[RoutedRetriever, dict[str, Listed]]:
    indexes = {
        "laws": Listed(("l1", 9.0, "x"), ("l2", 1.0, "y")),
        "recipes": Listed(("r1", 0.5, "y"), ("r2", 0.1, "x")),
    }
    choices = [Choice(name, share, "said so") for name, share in zip(indexes, shares, strict=True)]
    return RoutedRetriever(indexes, lambda question: choices, also=also), indexes


def test_the_likeliest_index_alone_is_searched_where_it_is_clear() -> None:
    retriever, indexes = routed(0.1, 0.9)
    hits = retriever.retrieve("q", 5, where='tenant = "y"')
    assert [hit.chunk.uri for hit in hits] == ["r1"]
    assert hits[0].arms == {"dense": ArmScore(1, 0.5), "index recipes": ArmScore(1, 0.5)}
    assert indexes["recipes"].asked == [("q", 5, 'tenant = "y"')]
    assert not indexes["laws"].asked


def test_where_it_is_not_clear_several_are_searched_by_their_weight() -> None:
    """Each list is brought to 1 and 0: .6 and .4 for the first of each."""
    retriever, _ = routed(0.6, 0.4)
    hits = retriever.retrieve("q", 3)
    assert [hit.chunk.uri for hit in hits][:2] == ["l1", "r1"]
    assert [hit.score for hit in hits] == pytest.approx([0.6, 0.4, 0.0])
    assert hits[1].arms == {"dense": ArmScore(1, 0.5), "index recipes": ArmScore(1, 0.5)}


@pytest.mark.parametrize("shares", [(0.5, 0.5), (1.0, 0.0), (0.0, 1.0)])
def test_no_index_is_ever_searched_without_the_filter(shares: tuple[float, float]) -> None:
    retriever, indexes = routed(*shares)
    hits = retriever.retrieve("q", 9, where='tenant = "x"')
    assert {hit.chunk.uri for hit in hits} <= {"l1", "r2"}
    asked = [where for index in indexes.values() for _, _, where in index.asked]
    assert asked
    assert set(asked) == {'tenant = "x"'}


def test_also_zero_searches_all_and_one_the_best_alone() -> None:
    for also, count in ((0.0, 2), (1.0, 1)):
        retriever, indexes = routed(0.99, 0.01, also=also)
        retriever.retrieve("q", 3)
        assert sum(bool(index.asked) for index in indexes.values()) == count


def test_a_router_that_names_no_index_is_an_error() -> None:
    for choices in ([], [Choice("films", 1.0, "")]):
        retriever = RoutedRetriever({"laws": Listed()}, lambda question, chosen=choices: chosen)
        with pytest.raises(QueryError, match="the router chose among") as caught:
            retriever.retrieve("q", 3)
        assert "laws" in caught.value.hint
    with pytest.raises(QueryError, match="no index"):
        RoutedRetriever({}, lambda question: [])
    with pytest.raises(QueryError, match="also is 2"):
        RoutedRetriever({"laws": Listed()}, lambda question: [], also=2)
    with pytest.raises(QueryError, match="k is 0"):
        routed(0.5, 0.5)[0].retrieve("q", 0)


def test_what_the_chooser_raises_is_not_swallowed() -> None:
    class Broken:
        def choose(self, messages: Sequence[Message], options: Sequence[str]) -> tuple[float, ...]:
            raise GenerationError("no model")

    with pytest.raises(GenerationError, match="no model"):
        Router([LAW, FOOD], chooser=Broken())("either?")
