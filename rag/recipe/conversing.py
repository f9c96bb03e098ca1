"""What holds a conversation: how follow-ups are rewritten, and what is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from rag.errors import RecipeError
from rag.recipe.answering import build_answer_parts, build_intents, build_preference

if TYPE_CHECKING:
    from rag.chains.conversation import Conversation
    from rag.chains.memory import Memory, RunningSummary
    from rag.chains.sessions import Session
    from rag.index import Snapshot
    from rag.protocols import Embedder, Generator, QueryTransform, Retriever
    from rag.recipe.sections import Recipe
    from rag.types import Hit, Message


def build_rewrite(recipe: Recipe, generator: Generator) -> QueryTransform | None:
    """What makes queries of a follow-up; None for a recipe without. Raises RecipeError."""
    from rag.queries.standalone import ModelRewriter, RuleRewriter

    kind = recipe.conversation.rewrite
    if kind == "none":
        return None
    by_rule = RuleRewriter()
    if kind == "rules":
        return by_rule
    _needs_model(recipe, f'conversation.rewrite = "{kind}"', '"rules"')
    by_model = ModelRewriter(generator)
    if kind == "llm":
        return by_model

    def both(query: str, history: Sequence[Message] = ()) -> list[str]:
        return list(dict.fromkeys([*by_rule(query, history), *by_model(query, history)]))

    return both


def build_memory(recipe: Recipe, generator: Generator) -> Memory:
    """What the generator is shown of the turns before. Raises RecipeError."""
    from rag.chains import memory

    config = recipe.conversation
    match config.memory:
        case "none":
            return memory.Window(0)
        case "full":
            return memory.everything
        case "window":
            return memory.Window(config.turns)
        case "summary":
            return memory.Summary(_summary(recipe, generator), config.turns)
        case "budget":
            return memory.Budget(config.budget, generator.count_tokens, _summary(recipe, generator))


class OpenIndex(Protocol):
    """What a conversation is about: a Pipeline, say. Its retriever and snapshot are of the last commit."""

    @property
    def recipe(self) -> Recipe:
        """What the index does."""
        ...

    @property
    def embedder(self) -> Embedder | None:
        """Its embedder."""
        ...

    @property
    def generator(self) -> Generator:
        """Its generator."""
        ...

    @property
    def retriever(self) -> Retriever:
        """Its retrieval."""
        ...

    @property
    def snapshot(self) -> Snapshot:
        """What it holds."""
        ...


def build_conversation(index: OpenIndex, session: Session) -> Conversation:
    """A session to go on with; each turn sees the index as it is then. Raises RecipeError."""
    from rag.chains.conversation import Conversation, still_held

    recipe = index.recipe

    def current(hits: Sequence[Hit], where: str | None) -> list[Hit]:
        return still_held(index.snapshot, hits, where)

    def admits(document: str, /, *, where: str) -> bool:
        return index.snapshot.admits(document, where)

    return Conversation(
        session=session,
        retriever=_Latest(index),
        parts=build_answer_parts(recipe, index.generator, index.embedder),
        rewrite=build_rewrite(recipe, index.generator),
        memory=build_memory(recipe, index.generator),
        current=current,
        admits=admits,
        intents=build_intents(recipe, index.embedder),
        preference=build_preference(recipe),
        k=recipe.retrieval.k,
        carried=recipe.conversation.carried,
    )


class _Latest:
    """The retrieval over whatever was committed last: a conversation may outlive many commits."""

    def __init__(self, index: OpenIndex) -> None:
        self._index = index

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first."""
        return self._index.retriever.retrieve(query, k, where=where)


def _summary(recipe: Recipe, generator: Generator) -> RunningSummary:
    from rag.chains.memory import RunningSummary, extend_by_model, extend_by_rule

    if recipe.conversation.summary == "rules":
        return RunningSummary(extend_by_rule)
    _needs_model(recipe, 'conversation.summary = "llm"', '"rules"')
    return RunningSummary(extend_by_model(generator))


def _needs_model(recipe: Recipe, key: str, instead: str) -> None:
    if recipe.generator.kind == "extractive":
        raise RecipeError(
            f"{key} needs a language model, and generator.kind is extractive", hint=f"set it to {instead}"
        )
