"""Maps made as jobs, one at a time, and kept: in memory, and beside the index. Each filter has its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from weakref import ReferenceType, ref

from escaping import plain
from jobs import Job, begin, watch
from map_view import Sent, sent
from visitor import Visitor

from rag.index import Snapshot
from rag.maps import CorpusMap, MapProgress, corpus_map, keep_map, kept_map, map_path, map_state

_EVERY = 0.25  # seconds between attempts to begin, where another map is being made
_OPENING = 80  # characters of a passage that are shown where the pointer is


@dataclass(slots=True)
class MapJob(Job[MapProgress, CorpusMap]):
    """A map being made for somebody; ``state`` says of what."""

    state: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class DrawnMap:
    """A map, what the browser is sent of it, and the commit it was last found to be of."""

    corpus: CorpusMap
    sent: Sent
    snapshot: ReferenceType[Snapshot]


@dataclass(slots=True)
class Maps:
    """Of each filter the map and the last job; ``making`` is held by whichever job works."""

    drawn: dict[str, DrawnMap] = field(default_factory=dict)
    jobs: dict[str, MapJob] = field(default_factory=dict)
    making: threading.Lock = field(default_factory=threading.Lock)


def drawn_map(maps: Maps, index: Path, snapshot: Snapshot, where: str | None) -> DrawnMap | None:
    """The map of what a filter admits, as of now; None where it has to be made. Raises StorageError, FilterError."""
    key = where or ""
    held = maps.drawn.get(key)
    if held is not None and held.snapshot() is snapshot:
        return held
    state = map_state(snapshot, where)
    if held is None or held.corpus.state != state:
        corpus = kept_map(map_path(index, where), state)
        if corpus is None:
            maps.drawn.pop(key, None)
            return None
        refs = snapshot.refs([corpus.chunk_id(spot) for spot in range(len(corpus))])
        held = DrawnMap(corpus, sent(corpus, snapshot.openings(refs, _OPENING)), ref(snapshot))
    maps.drawn[key] = held = DrawnMap(held.corpus, held.sent, ref(snapshot))
    return held


def begin_map(maps: Maps, index: Path, snapshot: Snapshot, where: str | None, owner: str) -> None:
    """Start to make the map of what a filter admits, unless that is being done."""
    key = where or ""
    if key in maps.jobs and maps.jobs[key].busy:
        return
    job = maps.jobs[key] = MapJob(owner, state=map_state(snapshot, where))

    def work(tell: Callable[[MapProgress], None]) -> CorpusMap:
        while not maps.making.acquire(timeout=_EVERY):
            tell(MapProgress("reading", 0, 1))
        try:
            corpus = corpus_map(snapshot, where, progress=tell)
            keep_map(corpus, map_path(index, where))
            return corpus
        finally:
            maps.making.release()

    begin(job, work)


def watch_map(job: MapJob, who: Visitor) -> None:
    """Show how far the job is, until it is done; and to its owner, what it failed of."""
    steps = {
        "reading": who.say("map.reading"),
        "neighbours": who.say("map.neighbours"),
        "layout": who.say("map.layout"),
        "topics": who.say("map.topics_step"),
        "names": who.say("map.names"),
    }

    def told(now: MapProgress) -> tuple[float, str]:
        return now.share, plain(
            f"{steps[now.step]} ({now.done:,} / {now.total:,})" if now.total > 1 else steps[now.step]
        )

    watch(job, who, told, key="map")
