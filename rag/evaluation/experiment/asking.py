"""Putting a data set's questions to a pipeline: what to ask, in what order, and what came back."""

from __future__ import annotations

import hashlib
import queue
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise

from rag.errors import ContextError, EvaluationError, GenerationError, QueryError
from rag.evaluation.datasets import Dataset, DocumentKey, document_key
from rag.evaluation.results import QueryResult, Retrieved
from rag.pipeline import Pipeline
from rag.types import Hit

# Questions in a row that may fail before it is taken that all of them will: an endpoint is down, say.
GIVE_UP_AFTER = 5


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to put: retrieve ``depth`` passages for the ranking, and answer it if ``answer``."""

    id: str
    text: str
    answer: bool


def choose_questions(dataset: Dataset, *, answers: bool, limit: int | None, seed: int) -> list[Ask]:
    """The data set's questions in the order of its file, at most ``limit`` of them.

    With ``answers``, those with gold answers (and those that have none); else those that are judged. A limit takes
    a sample that depends on ids and ``seed`` alone, so that a smaller one is part of a larger one.
    Raises EvaluationError where there is nothing to ask.
    """
    if answers and not dataset.questions:
        raise EvaluationError(
            "there are no answers to compare with",
            where=dataset.name,
            hint="answers are scored for data sets with a qa.jsonl (_id, question, answers, answerable, passages)",
        )
    texts = {one.id: one.text for one in dataset.questions} if answers else dict(dataset.queries)
    if not texts:
        raise EvaluationError("there is no question with judgements", where=dataset.name)
    chosen = set(texts)
    if limit is not None and limit < len(texts):
        chosen = set(sorted(texts, key=lambda one: hashlib.blake2b(f"{seed} {one}".encode()).digest())[:limit])
    return [Ask(one, text, answers) for one, text in texts.items() if one in chosen]


def ask_all(
    pipeline: Pipeline,
    asks: Sequence[Ask],
    *,
    key: DocumentKey,
    depth: int,
    jobs: int,
    finished: Mapping[str, QueryResult],
    save: Callable[[QueryResult], None],
    progress: Callable[[int, int], None],
) -> list[QueryResult]:
    """Results in the order of ``asks``; those in ``finished`` are not asked again, and no answer is made twice.

    ``save`` gets each new result as it comes, failed ones not: they are asked again another time. Raises
    EvaluationError when question after question fails.
    """
    known = {ask.id: finished[ask.id] for ask in asks if ask.id in finished and finished[ask.id].question == ask.text}
    results = {ask.id: known[ask.id] for ask in asks if ask.id in known and _is_finished(ask, known[ask.id], depth)}
    open_asks = [ask for ask in asks if ask.id not in results]
    progress(len(results), len(asks))
    if first := next((ask for ask in open_asks if ask.text.strip()), None):
        _warm_up(pipeline, first)
    failed_in_a_row = 0
    with closing(_concurrently(lambda ask: _ask(pipeline, ask, key, depth, known.get(ask.id)), open_asks, jobs)) as new:
        for result in new:
            results[result.id] = result
            if result.question.strip():  # a blank one says nothing of the others
                failed_in_a_row = failed_in_a_row + 1 if result.error else 0
            if failed_in_a_row == GIVE_UP_AFTER:
                done = sum(not one.error for one in results.values())
                raise EvaluationError(
                    f"{GIVE_UP_AFTER} questions in a row failed, the last with: {result.error}",
                    hint=f"{done} of {len(asks)} questions are finished and kept; the same command goes on from there",
                )
            if not result.error:
                save(result)
            progress(len(results), len(asks))
    return [results[ask.id] if ask.answer else _without_answer(results[ask.id]) for ask in asks]


def _is_finished(ask: Ask, known: QueryResult, depth: int) -> bool:
    return known.depth == depth and (not ask.answer or known.answer is not None)


def _without_answer(result: QueryResult) -> QueryResult:
    return replace(result, answer=None, answer_seconds=None, scores={})


def _warm_up(pipeline: Pipeline, first: Ask) -> None:
    """Make the parts in this thread, and keep the loading of models out of the first question's seconds."""
    pipeline.search(first.text, 1)
    if first.answer:
        _ = pipeline.generator


def _ask(pipeline: Pipeline, ask: Ask, key: DocumentKey, depth: int, known: QueryResult | None) -> QueryResult:
    started = time.perf_counter()
    try:
        hits = pipeline.search(ask.text, depth)
        retrieved = time.perf_counter()
        answer, seconds = (known.answer, known.answer_seconds) if known else (None, None)
        if ask.answer and answer is None:
            answer = pipeline.ask(ask.text)
            seconds = time.perf_counter() - retrieved
    except (GenerationError, ContextError, QueryError) as error:
        return QueryResult(ask.id, ask.text, error=str(error))
    return QueryResult(
        id=ask.id,
        question=ask.text,
        ranking=_documents(hits, key),
        retrieval_seconds=retrieved - started,
        answer=answer,
        answer_seconds=seconds,
        scores=known.scores if known else {},
        depth=depth,
    )


def _documents(hits: Sequence[Hit], key: DocumentKey) -> tuple[Retrieved, ...]:
    """Each document with the score of its best passage; those whose passage stands behind a nearly equal one included.

    A diversified ranking is not in the order of its scores, but a run is sorted by them: there 1 / rank stands for one.
    """
    in_order = all(first.score >= second.score for first, second in pairwise(hits))
    best: dict[str, float] = {}
    for rank, hit in enumerate(hits, 1):
        for one in (hit, *hit.duplicates):
            document, score = document_key(one, key), one.score if in_order else 1.0 / rank
            best[document] = max(score, best.get(document, score))
    ranked = sorted(best.items(), key=lambda one: -one[1])
    return tuple(Retrieved(document, score) for document, score in ranked)


def _concurrently(call: Callable[[Ask], QueryResult], asks: Sequence[Ask], jobs: int) -> Generator[QueryResult]:
    if jobs == 1:
        yield from map(call, asks)
        return
    waiting = iter(asks)
    taking, stopped = threading.Lock(), threading.Event()
    done: queue.SimpleQueue[QueryResult | BaseException] = queue.SimpleQueue()

    def work() -> None:
        while not stopped.is_set():
            with taking:
                ask = next(waiting, None)
            if ask is None:
                return
            try:
                done.put(call(ask))
            except BaseException as error:  # noqa: BLE001 - raised again by the one who waits
                done.put(error)

    # Not a pool's threads: after Ctrl-C the interpreter would wait for an endpoint that does not answer.
    for number in range(min(jobs, len(asks))):
        threading.Thread(target=work, name=f"ask {number}", daemon=True).start()
    try:
        for _ in asks:
            result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield result
    finally:
        stopped.set()
