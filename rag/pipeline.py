"""An index folder with the parts its recipe names: the Python API's front door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rag.chains.ingest import FileResult, IndexProgress, IndexReport, index_files
from rag.chains.planning import IndexPlan, plan_files
from rag.errors import ChunkError, NotAnIndexError, RecipeError
from rag.index import IndexInfo, IndexSettings, Snapshot, Writer, read_note
from rag.loaders import load_bytes
from rag.loaders.isolated import IsolatedLoader
from rag.protocols import Chunker, Embedder, Generator, QueryTransform, Reranker, Retriever
from rag.recipe import (
    Recipe,
    build_answer_parts,
    build_chain,
    build_chunker,
    build_conversation,
    build_embedder,
    build_generator,
    build_preference,
    build_reranker,
    build_retriever,
    build_transform,
    load_recipe,
    recall_recipe,
)
from rag.recipe.calibration import (
    CALIBRATION_NOTE,
    Calibration,
    read_calibration,
    settings_of,
    without_line,
    write_calibration,
)
from rag.types import Answer, Chunk, Document, Hit

if TYPE_CHECKING:
    from rag.chains import Event
    from rag.chains.agent import AgentEvent
    from rag.chains.conversation import Conversation
    from rag.chains.drafting import Chain
    from rag.chains.sessions import Session
    from rag.chains.tools import Tool

__all__ = ["Pipeline", "open_index"]

RECIPE_NOTE = "recipe"


class Pipeline:
    """An index and what its recipe says to do with it.

    Parts are made when first needed: adding unchanged files loads no model, searching loads no
    generator. Searches see the last commit, also one by another process. A context manager.
    """

    def __init__(self, path: str | PathLike[str], recipe: Recipe | str | PathLike[str] | None = None) -> None:
        """Use the index at ``path``, which the first ``add`` makes if there is none.

        ``recipe`` is a Recipe, a shipped recipe's name, or a TOML file; without one, the recipe the
        index was built with, or ``default`` for a new one. Raises RecipeError, StorageError.
        """
        self.path = Path(path)
        self._snapshot: Snapshot | None = None
        if isinstance(recipe, Recipe):
            self.recipe = recipe
        elif recipe is not None:
            self.recipe = load_recipe(fspath(recipe))
        else:
            self.recipe = self._remembered() or load_recipe("default")

    def _remembered(self) -> Recipe | None:
        try:
            note = read_note(self.path, RECIPE_NOTE)
        except NotAnIndexError:
            if self.path.is_file() or (self.path.is_dir() and any(self.path.iterdir())):
                raise
            return None
        return recall_recipe(note, where=str(self.path)) if note else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the snapshot, which closes when no other thread searches it, and of a loaded language model."""
        self._snapshot = None
        self.__dict__.pop("transform", None)  # which holds the generator
        generator = self.__dict__.pop("generator", None)
        if generator is not None and hasattr(generator, "close"):
            generator.close()

    @cached_property
    def embedder(self) -> Embedder | None:
        """The recipe's embedder; None for a recipe without one."""
        return build_embedder(self.recipe)

    @cached_property
    def generator(self) -> Generator:
        """The recipe's generator."""
        return build_generator(self.recipe, self.embedder)

    @cached_property
    def reranker(self) -> Reranker | None:
        """The recipe's reranker; None for a recipe without one."""
        return build_reranker(self.recipe)

    @cached_property
    def transform(self) -> QueryTransform | None:
        """What makes further queries of a question; None for a recipe without one."""
        return None if self.recipe.queries.transform == "none" else build_transform(self.recipe, self.generator)

    @property
    def snapshot(self) -> Snapshot:
        """The index as of its last commit. Raises StorageError, and EmbedderMismatchError."""
        held = self._snapshot
        if held is None or not held.is_current():
            # the one before is not closed: another thread may be searching it; it closes when nobody holds it
            held = self._snapshot = Snapshot.open(
                self.path,
                fingerprint=self.embedder.fingerprint if self.embedder else None,
                embedder=self.recipe.embedder.model,
            )
        return held

    @property
    def retriever(self) -> Retriever:
        """The recipe's retrieval over the last commit."""
        return self._over(self.snapshot)

    def _over(self, snapshot: Snapshot) -> Retriever:
        return build_retriever(self.recipe, snapshot, self.embedder, self.reranker, self.transform)

    def _chain(self, recipe: Recipe) -> Chain:
        # The snapshot comes last, and once: models take seconds to load, in which another process may commit.
        generator, snapshot = self.generator, self.snapshot
        return build_chain(recipe, self._over(snapshot), generator, self.embedder, snapshot)

    def add(
        self,
        *paths: str | PathLike[str],
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        apart: Iterable[Path] = (),
        sync: bool = False,
        reembed: bool = False,
        reread: bool = False,
        isolated: bool = False,
        names: Mapping[str, str] | None = None,
        progress: Callable[[IndexProgress], None] | None = None,
        told: Callable[[FileResult], None] | None = None,
    ) -> IndexReport:
        """Add files and folders, or bring them up to date.

        Globs add to the recipe's. ``sync`` also removes what has left the folders, but nothing of those within them
        that are ``apart``, which are not read either; ``reembed`` drops
        all that the index holds and builds it anew, as an index of another embedder needs: in one commit, until
        which searches see the old one. ``isolated`` parses each file in a process of its own, with limits on its time
        and memory, as files of strangers need. ``reread`` parses and cuts also what has not changed; ``names`` says
        what a file is shown as, by uri, where that is not its path from the folder; ``told`` hears what became of each
        file once that is committed. An exception of ``progress`` ends the run. Raises StorageError, ModelError,
        RecipeError; a file that cannot be read is in the report's ``skipped`` instead.
        """
        embedder = self.embedder
        recipe = self.recipe
        self._check_passages()
        with Writer.open(self.path, self._settings(), reembed=reembed) as writer:
            writer.set_note(RECIPE_NOTE, recipe.model_dump_json())
            return index_files(
                [Path(path) for path in paths],
                writer=writer,
                chunker=_ChunkerOnDemand(recipe, embedder, lambda: self.generator),
                embedder=embedder,
                settings=recipe.chunk_settings,
                include=[*recipe.sources.include, *include],
                exclude=[*recipe.sources.exclude, *exclude],
                apart=tuple(apart),
                sync=sync,
                at_once=reembed,
                reread=reread,
                names=names,
                load=IsolatedLoader() if isolated else load_bytes,
                progress=progress,
                told=told,
            )

    def plan(
        self,
        *paths: str | PathLike[str],
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        apart: Iterable[Path] = (),
        since: float | None = None,
    ) -> IndexPlan:
        """What ``add`` of these paths with ``sync`` would find, without parsing anything. Needs no model.

        ``since`` is when they were last added, in seconds: what the system has not changed after that is not read
        again. Raises NotAnIndexError where nothing was added yet, StorageError.
        """
        recipe = self.recipe
        with Snapshot.open(self.path) as snapshot:
            return plan_files(
                [Path(path) for path in paths],
                snapshot,
                settings=recipe.chunk_settings,
                include=[*recipe.sources.include, *include],
                exclude=[*recipe.sources.exclude, *exclude],
                apart=tuple(apart),
                since=since,
            )

    def load(self) -> None:
        """Make every part now that answering and indexing need, so that what cannot be made is known.

        Raises RecipeError, ModelError, GenerationError, CredentialError, MissingExtraError.
        """
        recipe, embedder, generator = self.recipe, self.embedder, self.generator
        self._check_passages()
        build_answer_parts(recipe, generator, embedder, whole=recipe.chain.kind == "one-shot")
        _ = _ChunkerOnDemand(recipe, embedder, lambda: generator).made, self.reranker, self.transform

    def _check_passages(self) -> None:
        embedder, longest = self.embedder, self.recipe.chunker.max_tokens
        if embedder is not None and longest > embedder.max_tokens:
            raise RecipeError(
                f"chunker.max_tokens is {longest}, but {self.recipe.embedder.model} reads {embedder.max_tokens} tokens",
                hint=f"set chunker.max_tokens to {embedder.max_tokens} or less",
            )

    def adopt(self) -> None:
        """Keep this pipeline's recipe with the index, for all who open it without naming one.

        What is indexed stays as it was cut until it is added again. Raises EmbedderMismatchError where the recipe's
        embedder did not make the index's vectors (``add(reembed=True)`` embeds anew), StorageError, ModelError.
        """
        with Writer.open(self.path, self._settings()) as writer:
            writer.set_note(RECIPE_NOTE, self.recipe.model_dump_json())
            writer.commit()

    def _settings(self) -> IndexSettings:
        embedder, recipe = self.embedder, self.recipe
        return IndexSettings(
            embedder=recipe.embedder.model if embedder else "",
            fingerprint=embedder.fingerprint if embedder else "",
            dim=embedder.dim if embedder else 0,
            variant=recipe.bm25.variant,
            k1=recipe.bm25.k1,
            b=recipe.bm25.b,
            ann_above=recipe.index.ann_above,
        )

    def delete(self, *uris: str) -> int:
        """Remove documents by uri; how many there were."""
        with Writer.open(self.path) as writer:
            removed = writer.delete(uris)
            writer.commit()
        return removed

    def compact(self) -> IndexInfo:
        """Write all live passages into one segment and free the space of deleted ones."""
        with Writer.open(self.path) as writer:
            writer.compact()
        return self.info()

    def info(self) -> IndexInfo:
        """What the index holds. Needs no model."""
        with Snapshot.open(self.path) as snapshot:
            return snapshot.info()

    def search(self, query: str, k: int | None = None, *, where: str | None = None) -> list[Hit]:
        """The best ``k`` passages (the recipe's k by default), reranked if the recipe says so.

        Raises QueryError for a blank query, k < 1 or a malformed ``where``.
        """
        return self.retriever.retrieve(query, self.recipe.retrieval.k if k is None else k, where=where)

    def ask(self, question: str, k: int | None = None, *, where: str | None = None) -> Answer:
        """An answer with proof, or a refusal. Raises QueryError, GenerationError."""
        *_, answer = self.ask_stream(question, k, where=where)
        assert isinstance(answer, Answer)  # noqa: S101  the stream's last event always is
        return answer

    def ask_stream(self, question: str, k: int | None = None, *, where: str | None = None) -> Iterator[Event]:
        """As ``ask``, while it happens: pieces of the unchecked draft, and last the Answer."""
        calibration = self.calibration
        recipe = self.recipe if calibration is None else without_line(self.recipe)
        events = self._chain(recipe)(question, k, where=where)
        if calibration is None:
            return events
        from rag.chains.withholding import withholding

        return withholding(events, calibration.threshold, calibration.risk)

    def ask_without_line(self, question: str) -> Answer:
        """As ``ask``, refusing nothing for want of confidence: what a line is calibrated on."""
        *_, answer = self._chain(without_line(self.recipe))(question)
        assert isinstance(answer, Answer)  # noqa: S101  the stream's last event always is
        return answer

    @property
    def kept_calibration(self) -> Calibration | None:
        """What ``rag calibrate`` last kept with the index, whether it still holds or not. Raises StorageError."""
        return read_calibration(self.snapshot.note(CALIBRATION_NOTE), where=str(self.path))

    @property
    def calibration(self) -> Calibration | None:
        """The line that ``rag calibrate`` found; None where none is kept, or what it was found with has changed."""
        kept = self.kept_calibration
        return kept if kept is not None and kept.settings == self.calibrated_settings else None

    @property
    def calibrated_settings(self) -> str:
        """The hash of all that decides how this index answers, which a calibration holds for."""
        return settings_of(self.recipe, self.embedder.fingerprint if self.embedder else "")

    def set_calibration(self, calibration: Calibration | None) -> None:
        """Keep a line with the index, through any later indexing; None drops it. Raises StorageError."""
        with Writer.open(self.path) as writer:
            writer.set_note(CALIBRATION_NOTE, write_calibration(calibration) if calibration else "")
            writer.commit()

    def chat(self, session: Session) -> Conversation:
        """A conversation on this index, each turn of which sees its last commit. Raises RecipeError."""
        return build_conversation(self, session)

    def agent_stream(
        self, question: str, k: int | None = None, *, where: str | None = None, tools: Sequence[Tool] = ()
    ) -> Iterator[AgentEvent]:
        """An answer in steps, with the recipe's tools and ``tools``: the steps taken, pieces of text, the AgentResult.

        Raises QueryError, RecipeError, GenerationError.
        """
        from rag.chains.agent import AgentLimits, agent_stream

        config = self.recipe.agent
        parts = build_answer_parts(self.recipe, self.generator, self.embedder)
        snapshot = self.snapshot
        return agent_stream(
            question,
            retriever=self._over(snapshot),
            parts=parts,
            snapshot=snapshot,
            tools=tools,
            built_in=config.tools,
            planner=config.planner,
            limits=AgentLimits(config.max_steps, config.max_tokens, config.max_seconds),
            k=self.recipe.retrieval.k if k is None else k,
            where=where,
            filters=config.filters,
            preference=build_preference(self.recipe),
        )


class _ChunkerOnDemand:
    """The recipe's chunker, made for the first document: a folder that has not changed waits for no tokenizer."""

    def __init__(self, recipe: Recipe, embedder: Embedder | None, generator: Callable[[], Generator]) -> None:
        self._recipe = recipe
        self._embedder = embedder
        self._generator = generator

    @cached_property
    def made(self) -> Chunker:
        """The chunker. Raises RecipeError, ModelError."""
        try:
            return build_chunker(self._recipe, self._embedder, self._generator)
        except ChunkError as error:  # of the recipe, not of the document that happens to be first
            raise RecipeError(error.message, where=f"chunker.{error.where}", hint=error.hint) from error

    def chunk(self, document: Document) -> Iterable[Chunk]:
        """Passages in order. Raises RecipeError, ChunkError."""
        return self.made.chunk(document)


def open_index(path: str | PathLike[str], recipe: Recipe | str | PathLike[str] | None = None) -> Pipeline:
    """The index at ``path``, to add to, search and ask; exported as ``rag.open``."""
    return Pipeline(path, recipe)
