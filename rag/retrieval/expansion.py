"""Small passages are found, and more of their document is given: neighbours, or the section around them.

What is given is made of whole passages of the index that follow one another, read from the snapshot: so its offsets
are exact, and it comes from a document that the filter admitted. Its id, as that of any passage, follows from its
document, offsets and content: a citation names it, and ``Hit.within`` the passages of the index that lie in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal, TypeAlias

from rag.errors import QueryError
from rag.index import Place, Snapshot
from rag.protocols import Retriever
from rag.tracing import step
from rag.types import Chunk, Hit

Around: TypeAlias = Literal["neighbours", "parent"]

REACH = 3  # hits looked at for each one asked for, since several may lie in one passage


@dataclass(slots=True)
class _Passage:
    """Passages ``first`` to ``last`` of a document, of ``tokens`` together, for the best hit among them."""

    hit: Hit
    first: int
    last: int
    tokens: int


class ExpandedRetriever:
    """Hits of another retriever, each with more of its document around it.

    "neighbours" gives up to ``by`` passages to each side (the window of a sentence, where passages are sentences),
    "parent" the section around a passage: those beside it under the same headings. Either grows evenly to both sides,
    to ``tokens`` at most by the chunker's count, and is never less than the passage found.

    No text is given twice: a hit within an earlier one's passage is that one's, passages that meet are joined where
    both together keep to ``tokens``, and else end where the other begins. The rank is that of the best hit.
    """

    def __init__(
        self, retriever: Retriever, snapshot: Snapshot, *, around: Around, by: int = 1, tokens: int = 512
    ) -> None:
        """Raises QueryError for ``by`` or ``tokens`` out of range."""
        if by < 1 or tokens < 1:
            raise QueryError(f"by is {by}, tokens {tokens}", where="expansion", hint="choose 1 or more of each")
        self.retriever = retriever
        self.snapshot = snapshot
        self.around = around
        self.by = by
        self.tokens = tokens

    def reach(self, k: int) -> int:
        """How many hits are looked at to return ``k``."""
        return REACH * k

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first. Raises QueryError, FilterError."""
        if k < 1:
            raise QueryError(f"k is {k}", hint="ask for at least 1 passage")
        hits = self.retriever.retrieve(query, self.reach(k), where=where)
        with step("expand", hits=len(hits), around=self.around) as taken:
            expanded = self.expand(hits, k)
            taken.note(hits=len(expanded), tokens=sum(hit.chunk.tokens for hit in expanded))
        return expanded

    def expand(self, hits: Sequence[Hit], k: int) -> list[Hit]:
        """The first ``k`` passages that these hits, best first, come to. Raises QueryError for a foreign passage."""
        passages: list[_Passage] = []
        for hit in hits:
            if not self._take(hit, passages, room=len(passages) < k):
                break
        return [self._given(passage, rank) for rank, passage in enumerate(passages, 1)]

    def _take(self, hit: Hit, passages: list[_Passage], *, room: bool) -> bool:
        """Put a hit into the passage it lies in, or into one of its own; False where there is no room for that."""
        chunk = hit.chunk
        places = self.snapshot.places(chunk.document_id)
        own = [passage for passage in passages if passage.hit.chunk.document_id == chunk.document_id]
        at = _find(places, chunk)
        home = next((passage for passage in own if passage.first <= at <= passage.last), None)
        if home:
            home.hit = replace(home.hit, duplicates=(*home.hit.duplicates, *hit.duplicates))
            return True
        taken = {place for passage in own for place in range(passage.first, passage.last + 1)}
        new = self._grow(hit, places, at, taken)
        beside = [one for one in own if one.first == new.last + 1 or one.last == new.first - 1]
        join = next((one for one in beside if one.tokens + new.tokens <= self.tokens), None)
        if join:
            join.first, join.last = min(join.first, new.first), max(join.last, new.last)
            join.tokens += new.tokens
            join.hit = replace(join.hit, duplicates=(*join.hit.duplicates, *hit.duplicates))
        elif room:
            passages.append(new)
        return room or join is not None

    def _grow(self, hit: Hit, places: Sequence[Place], at: int, taken: set[int]) -> _Passage:
        grown = _Passage(hit, at, at, places[at].tokens)
        sides = [iter(self._side(places, at, 1)), iter(self._side(places, at, -1))]
        while sides:
            for side in tuple(sides):
                place = next(side, None)
                if place is None or place in taken or grown.tokens + places[place].tokens > self.tokens:
                    sides.remove(side)
                    continue
                grown.first, grown.last = min(grown.first, place), max(grown.last, place)
                grown.tokens += places[place].tokens
        return grown

    def _side(self, places: Sequence[Place], at: int, step: int) -> Iterator[int]:
        """The places that may be added on one side, the nearest first."""
        stop = len(places) if step > 0 else -1
        if self.around == "neighbours":
            return iter(range(at + step, stop, step)[: self.by])
        return takewhile(lambda one: places[one].headings == places[at].headings, range(at + step, stop, step))

    def _given(self, passage: _Passage, rank: int) -> Hit:
        hit = passage.hit
        if passage.first == passage.last:
            return replace(hit, rank=rank)
        chunks = self.snapshot.chunks_of(hit.chunk.document_id, passage.first, passage.last + 1)
        start, end = chunks[0].start, max(chunk.end for chunk in chunks)
        chunk = Chunk(
            document_id=hit.chunk.document_id,
            uri=hit.chunk.uri,
            start=start,
            end=end,
            text=self.snapshot.excerpt(hit.chunk.document_id, start, end),
            title=hit.chunk.title,
            headings=_shared([chunk.headings for chunk in chunks]),
            pages=tuple(dict.fromkeys(page for chunk in chunks for page in chunk.pages)),
            language=hit.chunk.language,
            tokens=passage.tokens,
        )
        return replace(hit, chunk=chunk, rank=rank, within=tuple(one.id for one in chunks))


def _find(places: Sequence[Place], chunk: Chunk) -> int:
    at = bisect_left(places, chunk.start, key=lambda place: place.start)
    if at == len(places) or (places[at].start, places[at].end) != (chunk.start, chunk.end):
        raise QueryError(
            f"the index holds no passage at {chunk.start} to {chunk.end}",
            where=chunk.uri,
            hint="expand hits of the same index, once",
        )
    return at


def _shared(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The headings that all passages stand under."""
    first, *others = paths
    kept = 0
    while kept < len(first) and all(path[: kept + 1] == first[: kept + 1] for path in others):
        kept += 1
    return first[:kept]
