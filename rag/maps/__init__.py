"""A corpus as a picture: passages as points of a plane, near each other where they mean the like, in named topics."""

from rag.maps.corpus import CorpusMap, MapProgress, MapSettings, Topic, corpus_map, map_state, place
from rag.maps.keeping import keep_map, kept_map, map_path

__all__ = [
    "CorpusMap",
    "MapProgress",
    "MapSettings",
    "Topic",
    "corpus_map",
    "keep_map",
    "kept_map",
    "map_path",
    "map_state",
    "place",
]
