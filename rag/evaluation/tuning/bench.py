"""Asking questions under any recipe, with what is costly kept: models, trial indexes and the questions' vectors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cache, cached_property
from itertools import islice
from statistics import median

import numpy as np

from rag.chains import ask
from rag.evaluation.answers.measures import shown_text
from rag.evaluation.datasets import DocumentKey
from rag.evaluation.tuning.index import TrialIndexes
from rag.evaluation.tuning.score import Case, Objective, score_hits, score_text
from rag.evaluation.tuning.search import Asked
from rag.index import Snapshot
from rag.protocols import Embedder, Generator, QueryTransform, Reranker, Retriever, Tokenizer
from rag.recipe import (
    Recipe,
    build_fallback,
    build_generator,
    build_reranker,
    build_retriever,
    build_thresholds,
    build_transform,
)
from rag.types import Answer, Vectors

# Questions scored together, and then looked at.
BLOCK = 10
# Questions whose embedding is timed, and questions and rounds by which recipes are timed; fewer where each is answered.
TIMED, ROUNDS, TIMED_ANSWERS = 20, 3, 10


class RememberingEmbedder:
    """An Embedder that embeds a question once; ``seconds`` is the median of what one takes by itself."""

    def __init__(self, embedder: Embedder, questions: Sequence[str]) -> None:
        """Embed the questions now."""
        self._embedder = embedder
        rows = embedder.embed_queries(questions)
        self._known = dict(zip(questions, rows, strict=True))
        times = []
        for question in questions[:TIMED]:
            started = time.perf_counter()
            embedder.embed_queries([question])
            times.append(time.perf_counter() - started)
        self.seconds = median(times)

    @property
    def dim(self) -> int:
        """See Embedder."""
        return self._embedder.dim

    @property
    def fingerprint(self) -> str:
        """See Embedder."""
        return self._embedder.fingerprint

    @property
    def max_tokens(self) -> int:
        """See Embedder."""
        return self._embedder.max_tokens

    @property
    def tokenizer(self) -> Tokenizer:
        """See Embedder."""
        return self._embedder.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """See Embedder."""
        return self._embedder.embed_documents(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See Embedder."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known |= dict(zip(new, self._embedder.embed_queries(new), strict=True))
        return np.stack([self._known[text] for text in texts])


class Bench:
    """Puts questions to recipes over their trial indexes; a part two recipes share is made once."""

    def __init__(
        self,
        indexes: TrialIndexes,
        current: Recipe,
        objective: Objective,
        key: DocumentKey,
        questions: Sequence[str],
    ) -> None:
        """``questions`` are the texts of all that will be asked."""
        self.indexes = indexes
        self.objective = objective
        self.key = key
        self._current = current
        self._embedder = indexes.embedder
        self._remembering = RememberingEmbedder(self._embedder, questions) if self._embedder else None
        self._rerankers: dict[str, Reranker | None] = {}

    def close(self) -> None:
        """Let go of a loaded language model."""
        generator = self.__dict__.pop("_generator", None)
        if generator is not None and hasattr(generator, "close"):
            generator.close()

    def ask(self, recipe: Recipe, cases: Sequence[Case]) -> Iterator[list[Asked]]:
        """Scores and seconds of the cases in blocks. Raises ChunkError, ContextError, and what the parts raise."""
        with self.indexes.open(recipe) as snapshot:
            retriever = self._retriever(recipe, snapshot, self._remembering)
            embedding = self._remembering.seconds if self._remembering and "dense" in recipe.retrieval.arms else 0.0
            rest = iter(cases)
            while block := list(islice(rest, BLOCK)):
                if self.objective.kind == "answers":
                    yield [self._answered(recipe, retriever, case) for case in block]
                else:
                    yield self._ranked(recipe, retriever, block, embedding)

    def time(self, recipes: Sequence[Recipe], cases: Sequence[Case]) -> list[list[float]]:
        """Seconds of questions under each recipe, embedding included, in turns so that all see the same machine."""
        answers = self.objective.kind == "answers"
        texts = [case.question.text for case in cases[: TIMED_ANSWERS if answers else TIMED]]
        seconds: list[list[float]] = [[] for _ in recipes]
        with ExitStack() as stack:
            retrievers = [
                self._retriever(recipe, stack.enter_context(self.indexes.open(recipe)), self._embedder)
                for recipe in recipes
            ]
            for number in range(1 if answers else ROUNDS + 1):
                for text in texts:
                    for recipe, retriever, own in zip(recipes, retrievers, seconds, strict=True):
                        started = time.perf_counter()
                        if answers:
                            self._answer(recipe, retriever, text)
                        else:
                            retriever.retrieve(text, recipe.retrieval.k)
                        if answers or number:  # the first round fills caches
                            own.append(time.perf_counter() - started)
        return seconds

    def _retriever(self, recipe: Recipe, snapshot: Snapshot, embedder: Embedder | None) -> Retriever:
        model = recipe.reranker.model
        if model not in self._rerankers:
            self._rerankers[model] = build_reranker(recipe)
        return build_retriever(recipe, snapshot, embedder, self._rerankers[model], self._transform)

    def _ranked(self, recipe: Recipe, retriever: Retriever, block: Sequence[Case], embedding: float) -> list[Asked]:
        depth = _depth(recipe, self.objective)
        found, seconds = [], []
        for case in block:
            started = time.perf_counter()
            found.append(retriever.retrieve(case.question.text, depth))
            seconds.append(time.perf_counter() - started + embedding)
        scores = score_hits(self.objective, block, found, self.key)
        return [Asked(score, taken) for score, taken in zip(scores, seconds, strict=True)]

    def _answered(self, recipe: Recipe, retriever: Retriever, case: Case) -> Asked:
        started = time.perf_counter()
        answer = self._answer(recipe, retriever, case.question.text)
        taken = time.perf_counter() - started
        return Asked(score_text(self.objective, case.question, shown_text(answer)), taken)

    def _answer(self, recipe: Recipe, retriever: Retriever, question: str) -> Answer:
        config = recipe.generator
        return ask(
            question,
            retriever=retriever,
            generator=self._generator,
            embedder=self._remembering,
            k=recipe.retrieval.k,
            max_answer_tokens=config.max_answer_tokens,
            excerpt=0 if config.kind == "extractive" else config.excerpt,
            fallback=build_fallback(recipe, self._remembering),
            thresholds=build_thresholds(recipe),
        )

    @cached_property
    def _transform(self) -> QueryTransform | None:
        """The one query transform, asked once a question: no setting that it is made from varies."""
        if self._current.queries.transform == "none":  # a generator takes seconds to load
            return None
        transform = build_transform(self._current, self._generator)
        return None if transform is None else cache(transform)

    @cached_property
    def _generator(self) -> Generator:
        """The one generator: no setting that it is made from varies."""
        return build_generator(self._current, self._remembering)


def _depth(recipe: Recipe, objective: Objective) -> int:
    """How far a ranking is read: never so far that it would make the recipe fuse or rerank more than it says."""
    retrieval, reranker = recipe.retrieval, recipe.reranker
    limits = [objective.depth]
    if len(retrieval.arms) > 1:
        limits.append(max(retrieval.depth, retrieval.k))
    if reranker.model:
        limits.append(max(reranker.depth, retrieval.k))
    return min(limits)
