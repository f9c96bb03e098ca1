"""The map of what a reader may see of an index: points, documents and topics."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from rag.errors import QueryError
from rag.index import Ref, Snapshot
from rag.maps.layout import NEIGHBOURS, Method, Points, principal, unfolded
from rag.maps.topics import Labels, topic_names, topics_of
from rag.maps.words import topic_words
from rag.text import ANALYZER_VERSION
from rag.types import Vectors

VERSION = 1  # raised by every change after which a map of the same passages is another
AT_ONCE = 500  # passages read at once
NEAREST = 5  # passages that place a question

Step: TypeAlias = Literal["reading", "neighbours", "layout", "topics", "names"]
STEPS: tuple[Step, ...] = get_args(Step)


@dataclass(frozen=True, slots=True)
class MapSettings:
    """How a map is made; of more than ``most`` passages so many are drawn by chance, the same for the same ``seed``.

    ``method`` "umap" is PCA all the same for fifteen passages and fewer, which UMAP cannot lay out.
    """

    method: Method = "umap"
    most: int = 100_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in get_args(Method) or self.most < 1:
            raise QueryError(f"a map by {self.method!r} of at most {self.most} passages cannot be made")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic's most telling words, best first, and how many passages and documents are in it."""

    words: tuple[str, ...]
    passages: int
    documents: int


@dataclass(frozen=True, slots=True, eq=False)
class CorpusMap:
    """A map of n passages, in the order of their ids.

    ``state`` says of what it is (``map_state``), ``total`` how many passages there are, of which n were drawn.
    ``points`` is float32 (n, 2), in no unit; ``ids`` uint8 (n, 16), the chunk ids; ``documents`` the ids of the
    documents, ``document`` the place of each passage's own in these; ``topic`` that of its topic in ``topics``, or -1.
    """

    state: str
    total: int
    points: Points
    ids: npt.NDArray[np.uint8]
    document: npt.NDArray[np.int32]
    documents: tuple[str, ...]
    topic: Labels
    topics: tuple[Topic, ...]

    def __len__(self) -> int:
        return len(self.points)

    def chunk_id(self, place: int) -> str:
        """The id of a point's passage."""
        found: str = self.ids[place].tobytes().hex()
        return found

    def places(self, chunk_ids: Sequence[str]) -> list[int | None]:
        """The points of passages, None for one that is not on the map."""
        held = np.ascontiguousarray(self.ids).view("S16").ravel()
        wanted = [bytes.fromhex(one) for one in chunk_ids]
        found = np.searchsorted(held, np.array(wanted, "S16")).tolist()
        return [
            place if place < len(held) and self.ids[place].tobytes() == one else None
            for one, place in zip(wanted, found, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class MapProgress:
    """How far a map is: ``done`` of ``total`` of a step, one of ``STEPS``."""

    step: Step
    done: int
    total: int

    @property
    def share(self) -> float:
        """The share of the whole that is done, each step counting alike."""
        return (STEPS.index(self.step) + self.done / max(self.total, 1)) / len(STEPS)


Progress: TypeAlias = Callable[[MapProgress], None]


def map_state(snapshot: Snapshot, where: str | None = None, settings: MapSettings | None = None) -> str:
    """What the map of these passages would be made from, hashed: a map with another state is not theirs.

    Not the generation, which a new recipe raises as well. Raises FilterError.
    """
    return _state(snapshot, _by_id(snapshot, where)[0], settings or MapSettings())


def corpus_map(
    snapshot: Snapshot,
    where: str | None = None,
    settings: MapSettings | None = None,
    progress: Progress | None = None,
) -> CorpusMap:
    """The map of the passages that ``where`` admits.

    It is made of these alone: coordinates, topics and names are what they would be if the index held nothing else, so
    a map tells nothing of what its reader may not see. It depends on the passages, not on how the index lies on disk.
    ``progress`` is called as the work goes on, and may raise to end it. Raises QueryError in an index without an
    embedder, FilterError, MissingExtraError.
    """
    settings = settings or MapSettings()
    tell = progress or (lambda _: None)
    tell(MapProgress("reading", 0, 1))
    ids, rows = _by_id(snapshot, where)
    state, total = _state(snapshot, ids, settings), len(rows)
    if total > settings.most:
        drawn = np.sort(np.random.default_rng(settings.seed).choice(total, settings.most, replace=False))
        ids, rows = [ids[each] for each in drawn], [rows[each] for each in drawn]
    vectors = snapshot.vectors(rows)
    texts = _read(snapshot, rows, tell)
    points = _points(vectors, settings, tell)
    tell(MapProgress("topics", 0, 1))
    topic = topics_of(points)
    tell(MapProgress("names", 0, 1))
    names = topic_names(topic, texts.words, texts.forms)
    return CorpusMap(
        state=state,
        total=total,
        points=points,
        ids=np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 16),
        document=texts.document,
        documents=texts.documents,
        topic=topic,
        topics=tuple(_topic(number, name, topic, texts.document) for number, name in enumerate(names)),
    )


def place(
    corpus: CorpusMap, snapshot: Snapshot, vector: Vectors, where: str | None = None
) -> tuple[float, float] | None:
    """Where a question with this unit vector (dim,) belongs on the map; None where no passage near it is drawn.

    The mean of the points of its nearest passages, weighted by their cosines: where UMAP, too, begins with what
    is new. To go on from there it would need the whole fitted model, which only pickle could keep.
    """
    nearest = snapshot.dense(vector, NEAREST, where)
    found = corpus.places([key.hex() for key in snapshot.keys(nearest.refs.tolist())])
    on_map = [
        (corpus.points[spot], max(score, 1e-6))
        for spot, score in zip(found, nearest.scores, strict=True)
        if spot is not None
    ]
    if not on_map:
        return None
    x, y = np.average([point for point, _ in on_map], axis=0, weights=[weight for _, weight in on_map])
    return float(x), float(y)


@dataclass(frozen=True, slots=True)
class _Texts:
    """Of each passage its document and its words; of each word how it is written."""

    document: npt.NDArray[np.int32]
    documents: tuple[str, ...]
    words: list[npt.NDArray[np.int32]]
    forms: list[Counter[str]]


def _by_id(snapshot: Snapshot, where: str | None) -> tuple[list[bytes], list[Ref]]:
    info = snapshot.info()
    rows = snapshot.admitted(range(info.chunks + info.dead), where)
    pairs = sorted(zip(snapshot.keys(rows), rows, strict=True))
    return [one for one, _ in pairs], [row for _, row in pairs]


def _state(snapshot: Snapshot, ids: Sequence[bytes], settings: MapSettings) -> str:
    digest = hashlib.sha256(f"{VERSION} {ANALYZER_VERSION} {snapshot.settings.fingerprint} {settings}".encode())
    digest.update(b"".join(ids))
    return digest.hexdigest()


def _read(snapshot: Snapshot, rows: Sequence[Ref], tell: Progress) -> _Texts:
    documents: dict[str, int] = {}
    terms: dict[str, int] = {}
    document: list[int] = []
    words: list[npt.NDArray[np.int32]] = []
    forms: list[Counter[str]] = []
    for start in range(0, len(rows), AT_ONCE):
        tell(MapProgress("reading", start, len(rows)))
        for chunk in snapshot.chunks(rows[start : start + AT_ONCE]):
            document.append(documents.setdefault(chunk.document_id, len(documents)))
            own = []
            for term, form in topic_words(chunk.text, chunk.language):
                number = terms.setdefault(term, len(terms))
                if number == len(forms):
                    forms.append(Counter())
                forms[number][form] += 1
                own.append(number)
            words.append(np.array(own, np.int32))
    return _Texts(np.array(document, np.int32), tuple(documents), words, forms)


def _points(vectors: Vectors, settings: MapSettings, tell: Progress) -> Points:
    tell(MapProgress("neighbours", 0, 1))
    components = principal(vectors)
    if settings.method == "pca" or len(vectors) <= NEIGHBOURS or not np.ptp(components, axis=0).all():
        return np.ascontiguousarray(components[:, :2])
    return unfolded(
        components,
        seed=settings.seed,
        neighbours=lambda done, total: tell(MapProgress("neighbours", done, total)),
        epochs=lambda done, total: tell(MapProgress("layout", done, total)),
    )


def _topic(number: int, name: tuple[str, ...], topic: Labels, document: npt.NDArray[np.int32]) -> Topic:
    own = topic == number
    return Topic(name, int(np.count_nonzero(own)), len(np.unique(document[own])))
