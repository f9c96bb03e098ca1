"""What all pages share: the open index and its locks; and what they do not: each browser's own conversations."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st
from indexing import IndexJob
from settings import AppSettings, app_settings

from rag.chains.sessions import SessionStore, sessions_path
from rag.errors import NotAnIndexError
from rag.loaders import uri_prefix
from rag.pipeline import Pipeline
from rag.recipe import Recipe

SAMPLES = Path(__file__).parent.parent / "samples"


@dataclass(slots=True)
class Library:
    """The index; ``answering`` is held by whoever asks a model; ``job`` is the last run of indexing."""

    settings: AppSettings
    pipeline: Pipeline
    answering: threading.Lock = field(default_factory=threading.Lock)
    job: IndexJob | None = None

    @property
    def busy(self) -> bool:
        """Whether files are being indexed."""
        return self.job is not None and self.job.busy

    @property
    def only_samples(self) -> bool:
        """Whether the index holds nothing but the samples."""
        prefix = uri_prefix(SAMPLES.resolve())
        return all(one.uri.startswith(prefix) for one in self.pipeline.snapshot.documents())

    @property
    def empty(self) -> bool:
        """Whether there is nothing to ask yet."""
        try:
            return len(self.pipeline.snapshot) == 0
        except NotAnIndexError:
            return True


@st.cache_resource
def library() -> Library:
    """The one library of this process. Raises RecipeError."""
    settings = app_settings()
    return Library(settings, Pipeline(settings.index, settings.recipe))


def adopt(held: Library, recipe: Recipe) -> None:
    """Answer by another recipe from now on, and keep it with the index. Raises RagError, and then nothing changes."""
    fresh = Pipeline(held.settings.index, recipe)
    fresh.adopt()
    with held.answering:
        old, held.pipeline = held.pipeline, fresh
        old.close()


@contextmanager
def conversations(owner: str) -> Iterator[SessionStore]:
    """The sessions of a user or of a browser, which no other can list or open."""
    mine = hashlib.sha256(owner.encode("utf-8")).hexdigest()[:32]
    with SessionStore(sessions_path().with_name(f"app-{mine}.sqlite")) as store:
        yield store
