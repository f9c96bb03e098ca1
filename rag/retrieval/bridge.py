"""Many hops without a language model: from what was found to what it names, and to what names it.

A question about two things at once often names only one of them: "the director of the film shot in Leland". The
passage on the one names the other ("Maximum Overdrive"), whose own passage has little in common with the question.
Titles are the names that documents go by, so a title in a passage's text is a link to another document.

Each round takes the best passages so far, and gives to passages linked with them, at most ::

    named by it:   score(a) * 1 / (bearers * sqrt(links)) * (1 + rest) / 2
    naming it:     score(a) * 1 / bearers * rest
    in question:   1/2 * 1 / bearers

where ``score(a)`` is the passage's score, that of the best being 1; ``bearers`` are the passages under the title;
``links`` the titles the passage names; and ``rest`` is the share, by idf, of the question's terms that the linked
passage holds and ``a`` does not: what is still unanswered. A title that many passages bear says little about any of
them, and a passage that names many things is about none of them, as in a random walk with restart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from rag.errors import QueryError
from rag.index import Ref, Snapshot
from rag.protocols import Retriever
from rag.retrieval.analysed import passage_terms, rarities
from rag.retrieval.leading_names import LeadingNames
from rag.retrieval.mentions import Key, Links, TitleIndex
from rag.text import query_terms
from rag.tracing import step
from rag.types import ArmScore, Chunk, Hit

_BEARERS = 20  # a title that more passages bear is no link
_IN_QUESTION = 0.5


class _Link(NamedTuple):
    """What a passage gets by a link, before the score of the passage it comes from is applied."""

    ref: Ref
    weight: float


class BridgeRetriever:
    """Adds to what another retriever finds the passages that are linked with it by the titles of documents.

    Its hits keep their arms and gain a "bridge" entry where a link added to their score. Rounds stop when the best
    passages are the same as before.
    """

    def __init__(
        self,
        retriever: Retriever,
        snapshot: Snapshot,
        *,
        hops: int = 1,
        width: int = 10,
        pool: int = 100,
        leading: bool = False,
        isolation: bool = False,
    ) -> None:
        """``hops`` rounds at most, each from the ``width`` best passages; at least ``pool`` hits are asked for.

        With ``leading``, where no document has a title, passages go by the name that they begin with. With
        ``isolation``, document frequencies are those of the passages that ``where`` admits.
        """
        self.retriever = retriever
        self.snapshot = snapshot
        self.hops = hops
        self.width = width
        self.pool = pool
        self.isolation = isolation
        titles = TitleIndex(snapshot, isolation=isolation)
        self.names: Links = titles if len(titles) or not leading else LeadingNames(snapshot, isolation=isolation)
        self.linked = len(titles) > 0 or leading

    def retrieve(self, query: str, k: int, *, where: str | None = None) -> list[Hit]:
        """At most ``k`` hits, best first, ties by chunk id; scores are relative to the best of the first search.

        Raises QueryError, FilterError.
        """
        if k < 1:
            raise QueryError(f"k is {k}", hint="ask for at least 1 passage")
        if not self.linked:
            return self.retriever.retrieve(query, k, where=where)
        hits = self.retriever.retrieve(query, max(k, self.pool), where=where)
        top = max((hit.score for hit in hits), default=0.0)
        found = {hit.chunk.id: replace(hit, score=max(0.0, hit.score / top) if top > 0 else 0.0) for hit in hits}
        walk = _Walk(self.snapshot, self.names, query, where, isolation=self.isolation)
        added: dict[str, float] = {}
        walk.add(added, walk.named_by_question(), 1.0)
        followed: set[str] = set()
        for hop in range(1, self.hops + 1):
            scores = {key: hit.score + added.get(key, 0.0) for key, hit in found.items()}
            best = sorted(scores, key=lambda key: (-scores[key], key))[: self.width]
            news = [key for key in best if key not in followed]
            if not news:
                break
            followed.update(news)
            with step("hop", number=hop) as taken:
                before = len(added)
                high = max(scores.values())
                for key in news:
                    if high > 0:
                        walk.add(added, walk.links(found[key].chunk), scores[key] / high)
                walk.fetch(found, added)
                taken.note(followed=len(news), linked=len(added) - before)
        walk.fetch(found, added)
        return _ranked(found, added, k)


class _Walk:
    """One question's way along the links of an index, among the passages that a filter admits."""

    def __init__(self, snapshot: Snapshot, names: Links, query: str, where: str | None, *, isolation: bool) -> None:
        self.snapshot = snapshot
        self.names = names
        self.query = query
        self.where = where
        self.idf = rarities(snapshot, query_terms(query, snapshot.languages), where if isolation else None)
        self.total = sum(self.idf.values())

    def named_by_question(self) -> Iterator[_Link]:
        """Passages whose title the question names."""
        for mention in self.names.mentions(self.query, where=self.where):
            if len(mention.refs) <= _BEARERS:
                yield from (_Link(ref, _IN_QUESTION / len(mention.refs)) for ref in mention.refs)

    def links(self, chunk: Chunk) -> Iterator[_Link]:
        """The passages that a passage names, and those that name it."""
        own = self.names.own(chunk)
        held = frozenset(passage_terms(chunk))
        named: dict[Key, tuple[Ref, ...]] = {
            mention.key: mention.refs
            for mention in self.names.mentions(chunk.text, chunk.language, self.where)
            if mention.key != own and len(mention.refs) <= _BEARERS
        }
        for refs in named.values():
            weight = 1 / (len(refs) * len(named) ** 0.5)
            for ref, rest in zip(refs, self._rest(self.snapshot.chunks(refs), held), strict=True):
                yield _Link(ref, weight * (1 + rest) / 2)
        bearers = len(self.names.refs(own, self.where))
        if not 0 < bearers <= _BEARERS:
            return
        naming = self.names.naming(own, self.where)
        for ref, rest in zip(naming, self._rest(self.snapshot.chunks(naming), held), strict=True):
            yield _Link(ref, rest / bearers)

    def _rest(self, chunks: Iterable[Chunk], held: frozenset[str]) -> Iterator[float]:
        """The share of the question that each of the passages holds and ``held`` does not."""
        for chunk in chunks:
            new = self.idf.keys() & frozenset(passage_terms(chunk)) - held
            yield sum(self.idf[term] for term in sorted(new)) / self.total if self.total else 0.0

    def add(self, added: dict[str, float], links: Iterable[_Link], score: float) -> None:
        """Note what links give; of several to one passage the best counts."""
        best = dict[Ref, float]()
        for ref, weight in links:
            best[ref] = max(best.get(ref, 0.0), weight * score)
        for ref, chunk in zip(best, self.snapshot.chunks(list(best)), strict=True):
            if best[ref] > added.get(chunk.id, 0.0):
                added[chunk.id] = best[ref]

    def fetch(self, found: dict[str, Hit], added: Mapping[str, float]) -> None:
        """Make hits of the passages that links alone have found."""
        missing = [key for key in added if key not in found]
        for chunk, metadata in self.snapshot.passages(self.snapshot.refs(missing)):
            found[chunk.id] = Hit(chunk, 0.0, 0, {}, metadata)


def _ranked(found: Mapping[str, Hit], added: Mapping[str, float], k: int) -> list[Hit]:
    bridged = sorted((key for key, gain in added.items() if gain > 0), key=lambda key: (-added[key], key))
    places = {key: ArmScore(rank, added[key]) for rank, key in enumerate(bridged, 1)}
    scores = {key: hit.score + added.get(key, 0.0) for key, hit in found.items()}
    order = sorted(scores, key=lambda key: (-scores[key], key))[:k]
    return [
        replace(
            found[key],
            score=scores[key],
            rank=rank,
            arms={**found[key].arms, "bridge": places[key]} if key in places else found[key].arms,
        )
        for rank, key in enumerate(order, 1)
    ]
