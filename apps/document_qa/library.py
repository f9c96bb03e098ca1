"""What all pages share: the open index and its locks; and what they do not: each browser's own conversations."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st
from credentials import check_keys
from experiments import ExperimentJob
from indexing import IndexJob
from map_making import Maps
from model_files import ModelJob
from settings import AppSettings, app_settings
from testsets import MakingJob

from rag.chains.sessions import SessionStore, sessions_path
from rag.errors import NotAnIndexError, RagError
from rag.loaders import uri_prefix
from rag.pipeline import Pipeline
from rag.recipe import Recipe

SAMPLES = Path(__file__).parent.parent / "samples"


@dataclass(slots=True)
class Library:
    """The index; ``answering`` is held by whoever asks a model; ``job`` is the last run of indexing.

    ``models`` is the last model that was fetched or checked, ``making`` the last test set that was made, and
    ``evaluation`` the last experiment.
    """

    settings: AppSettings
    pipeline: Pipeline
    answering: threading.Lock = field(default_factory=threading.Lock)
    job: IndexJob | None = None
    models: ModelJob | None = None
    maps: Maps = field(default_factory=Maps)
    making: MakingJob | None = None
    evaluation: ExperimentJob | None = None

    @property
    def busy(self) -> bool:
        """Whether files are being indexed."""
        return self.job is not None and self.job.busy

    @property
    def measuring(self) -> bool:
        """Whether a test set is being made, or recipes are being measured."""
        return any(job is not None and job.busy for job in (self.making, self.evaluation))

    @property
    def only_samples(self) -> bool:
        """Whether the index holds nothing but the samples."""
        prefix = uri_prefix(SAMPLES.resolve())
        return all(one.uri.startswith(prefix) for one in self.pipeline.snapshot.documents())

    @property
    def empty(self) -> bool:
        """Whether there is nothing to ask yet."""
        try:
            return self._passages() == 0
        except NotAnIndexError:
            return True

    def _passages(self) -> int:
        try:
            return len(self.pipeline.snapshot)
        except NotAnIndexError:
            raise
        except RagError:  # nothing can be asked; but the settings can mend it
            return self.pipeline.info().chunks


@st.cache_resource
def library() -> Library:
    """The one library of this process. Raises RecipeError."""
    settings = app_settings()
    return Library(settings, Pipeline(settings.index, settings.recipe))


def adopt(held: Library, recipe: Recipe) -> None:
    """Answer by another recipe from now on, and keep it with the index. Raises RagError, and then nothing changes.

    All of its parts are made first, so that a model that is missing is found out now.
    """
    check_keys(held.settings, held.pipeline.recipe, recipe)
    fresh = Pipeline(held.settings.index, recipe)
    try:
        fresh.load()
        fresh.adopt()
    except BaseException:
        fresh.close()
        raise
    exchange(held, fresh)


def exchange(held: Library, fresh: Pipeline) -> None:
    """Answer with another pipeline from now on; the one before is closed once no answer is being written by it."""
    old, held.pipeline = held.pipeline, fresh
    with held.answering:
        old.close()


@contextmanager
def conversations(owner: str) -> Iterator[SessionStore]:
    """The sessions of a user or of a browser, which no other can list or open."""
    mine = hashlib.sha256(owner.encode("utf-8")).hexdigest()[:32]
    with SessionStore(sessions_path().with_name(f"app-{mine}.sqlite")) as store:
        yield store
