"""A map kept beside its index, one file for each filter; what is not whole, or not of these passages, is not read."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rag.errors import StorageError
from rag.maps.corpus import CorpusMap, Topic
from rag.types import content_hash

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]

_HINT = "make room, or see who may write there; a map that is not kept is made anew each time"


def map_path(index: Path, where: str | None = None) -> Path:
    """Where the map of what a filter admits is kept: in the folder ``INDEX.maps`` beside the index."""
    return index.with_name(f"{index.name}.maps") / f"{content_hash(where or '')}.safetensors"


def keep_map(corpus: CorpusMap, path: Path) -> None:
    """Write a map, so that it is there whole or not at all. Raises StorageError.

    Of the passages' text the file holds the topics' words alone.
    """
    from safetensors.numpy import save

    arrays: Arrays = {
        "points": corpus.points,
        "ids": corpus.ids,
        "document": corpus.document,
        "documents": np.frombuffer(bytes.fromhex("".join(corpus.documents)), np.uint8).reshape(-1, 16),
        "topic": corpus.topic,
    }
    facts = {
        "state": corpus.state,
        "total": str(corpus.total),
        "topics": json.dumps([(topic.words, topic.passages, topic.documents) for topic in corpus.topics]),
    }
    incoming = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(exist_ok=True)
        try:
            with incoming.open("wb") as stream:
                stream.write(save(dict(arrays), {**facts, "digest": _digest(arrays, facts)}))
                stream.flush()
                os.fsync(stream.fileno())
            incoming.replace(path)
        finally:
            incoming.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"the map cannot be kept: {error.strerror}", where=str(path), hint=_HINT) from error


def kept_map(path: Path, state: str) -> CorpusMap | None:
    """The map that is kept, where it is whole and of this ``map_state``; else None: it has to be made anew.

    A file that is not that is removed, because it may hold words of what has been deleted. Raises StorageError.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            facts = dict(file.metadata() or {})
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
    except FileNotFoundError:
        return None
    except SafetensorError:
        facts, arrays = {}, {}
    except OSError as error:
        raise StorageError(f"the map cannot be read: {error.strerror}", where=str(path), hint=_HINT) from error
    digest = facts.pop("digest", "")
    if facts.get("state") != state or digest != _digest(arrays, facts):
        path.unlink(missing_ok=True)
        return None
    return CorpusMap(
        state=state,
        total=int(facts["total"]),
        points=arrays["points"],
        ids=arrays["ids"],
        document=arrays["document"],
        documents=tuple(one.tobytes().hex() for one in arrays["documents"]),
        topic=arrays["topic"],
        topics=tuple(
            Topic(tuple(words), passages, documents) for words, passages, documents in json.loads(facts["topics"])
        ),
    )


def _digest(arrays: Arrays, facts: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
