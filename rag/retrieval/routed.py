"""Several indexes behind one retriever: each question goes to those that a router takes to be right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from rag import tracing
from rag.errors import QueryError
from rag.protocols import Retriever
from rag.queries import Choice
from rag.retrieval.arms import check
from rag.retrieval.fusion import fuse
from rag.types import ArmScore, Hit

__all__ = ["RoutedRetriever"]


class RoutedRetriever:
    """Searches the likeliest index, and with it all others that are at least as probable as ``also``.

    Where several are searched, their lists are fused with the probabilities as weights (convex). Hits keep their arms
    and gain their place in the list of their index, as "index NAME".
    """

    def __init__(
        self,
        retrievers: Mapping[str, Retriever],
        router: Callable[[str], Sequence[Choice]],
        *,
        also: float = 0.2,
    ) -> None:
        """``router`` gives choices by the names of ``retrievers``, as a ``queries.Router`` does. Raises QueryError."""
        if not retrievers:
            raise QueryError("there is no index to choose", where="routed retriever")
        if not 0 <= also <= 1:
            raise QueryError(f"also is {also}, expected 0 (search all) to 1", where="routed retriever")
        self.retrievers = dict(retrievers)
        self.router = router
        self.also = also

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first, ties by chunk id.

        ``where`` holds in every index that is searched. Raises QueryError, FilterError, and what the router raises.
        """
        check(query, k)
        choices = sorted(self.router(query), key=lambda choice: -choice.probability)
        if not choices or any(choice.name not in self.retrievers for choice in choices):
            names = ", ".join(repr(choice.name) for choice in choices)
            raise QueryError(
                f"the router chose among {names or 'nothing'}",
                where="routed retriever",
                hint=f"there are {', '.join(map(repr, sorted(self.retrievers)))}",
            )
        chosen = [choices[0], *[choice for choice in choices[1:] if choice.probability >= self.also]]
        lists = {f"index {choice.name}": self._search(choice, query, k, where) for choice in chosen}
        if len(lists) == 1:
            ((name, hits),) = lists.items()
            return [replace(hit, arms={**hit.arms, name: ArmScore(hit.rank, hit.score)}) for hit in hits]
        own = {hit.chunk.id: hit.arms for hits in lists.values() for hit in hits}
        fused = fuse(lists, weights=[choice.probability for choice in chosen])[:k]
        return [replace(hit, arms={**own[hit.chunk.id], **hit.arms}) for hit in fused]

    def _search(self, choice: Choice, query: str, k: int, where: str | None) -> list[Hit]:
        with tracing.step("search", query=query, index=choice.name, reason=choice.reason) as step:
            hits = self.retrievers[choice.name].retrieve(query, k, where=where)
            step.note(hits=len(hits))
            return hits
