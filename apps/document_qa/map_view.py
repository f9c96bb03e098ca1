"""The component that draws a map: points as bytes, texts compressed, all of them set as text or drawn."""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import streamlit as st
from visitor import Visitor

from rag.index import Opening
from rag.maps import CorpusMap

_FILES = Path(__file__).with_name("components")
_STEPS = 65535  # places along the longer side, two bytes each
_NAME = "map"
_MAP = st.components.v2.component(
    f"ragstone_{_NAME}",
    html=f'<div class="{_NAME}"></div>\n',
    css=(_FILES / f"{_NAME}.css").read_text("utf-8"),
    js="\n".join((_FILES / f"{name}.js").read_text("utf-8") for name in (f"{_NAME}_picture", _NAME)),
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What the browser is sent of a map, in base64: places, topics and documents of points; titles and first words.

    ``low`` and ``span`` turn coordinates into shares of the picture.
    """

    points: str
    topic: str
    document: str
    texts: str
    low: tuple[float, float]
    span: float


@dataclass(frozen=True, slots=True)
class Marks:
    """A question's place in the map's coordinates, and the points it found, each with its rank."""

    question: str = ""
    spot: tuple[float, float] | None = None
    hits: tuple[tuple[int, int], ...] = ()


def sent(corpus: CorpusMap, openings: Sequence[Opening]) -> Sent:
    """A map for the browser; ``openings`` are its passages', in their order."""
    low = corpus.points.min(axis=0, initial=np.inf)
    span = float((corpus.points - low).max(initial=0)) or 1.0
    titles = [""] * len(corpus.documents)
    for number, opening in zip(corpus.document.tolist(), openings, strict=True):
        titles[number] = titles[number] or opening.title or opening.uri.rpartition("/")[2]
    texts = json.dumps({"titles": titles, "openings": [" ".join(one.text.split()) for one in openings]})
    return Sent(
        points=_base64(np.round((corpus.points - low) / span * _STEPS).astype("<u2")),
        topic=_base64(corpus.topic.astype("<i2")),
        document=_base64(corpus.document.astype("<i4")),
        texts=b64encode(zlib.compress(texts.encode(), 1)).decode("ascii"),
        low=(float(low[0]), float(low[1])),
        span=span,
    )


def show_map(corpus: CorpusMap, shown: Sent, marks: Marks, names: Sequence[str], who: Visitor) -> int | None:
    """Draw the map with its topics' names; the point that was clicked on in this run, if one was."""
    say = who.say
    spot = marks.spot and [(each - low) / shown.span for each, low in zip(marks.spot, shown.low, strict=True)]
    data = {
        "state": corpus.state,
        "language": who.language,
        "points": shown.points,
        "topic": shown.topic,
        "document": shown.document,
        "texts": shown.texts,
        "topics": list(names),
        "marks": {"question": spot, "hits": marks.hits},
        "said": {
            "label": say("map.label", passages=len(corpus), topics=len(names)),
            "help": say("map.help"),
            "colour": say("map.colour"),
            "topic": say("map.by_topic"),
            "document": say("map.by_document"),
            "legend": say("map.legend"),
            "none": say("map.none"),
            "nearer": say("map.nearer"),
            "farther": say("map.farther"),
            "whole": say("map.whole"),
        },
    }
    clicked = _MAP(key="map", data=data, on_opened_change=lambda: None).opened
    # it comes from the browser
    return clicked if isinstance(clicked, int) and 0 <= clicked < len(corpus) else None


def _base64(array: npt.NDArray[np.integer]) -> str:
    return b64encode(array.tobytes()).decode("ascii")
