"""Putting a data set's questions to a pipeline: what to ask, in what order, and what came back."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from rag.errors import ContextError, EvaluationError, GenerationError, QueryError
from rag.evaluation.datasets import Dataset, DocumentKey, document_key
from rag.evaluation.results import QueryResult, Retrieved
from rag.pipeline import Pipeline

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
    """Results in the order of ``asks``; those in ``finished`` are not asked again.

    ``save`` gets each new result as it comes, failed ones not: they are asked again another time. Raises
    EvaluationError when question after question fails.
    """
    results = {ask.id: finished[ask.id] for ask in asks if _is_finished(ask, finished)}
    open_asks = [ask for ask in asks if ask.id not in results]
    progress(len(results), len(asks))
    if open_asks:
        _warm_up(pipeline, open_asks[0])
    failed_in_a_row = 0
    with closing(_concurrently(lambda ask: _ask(pipeline, ask, key, depth), open_asks, jobs)) as coming:
        for result in coming:
            results[result.id] = result
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
    return [results[ask.id] for ask in asks]


def _is_finished(ask: Ask, finished: Mapping[str, QueryResult]) -> bool:
    return ask.id in finished and (not ask.answer or finished[ask.id].answer is not None)


def _warm_up(pipeline: Pipeline, first: Ask) -> None:
    """Make the parts in this thread, and keep the loading of models out of the first question's seconds."""
    pipeline.search(first.text, 1)
    if first.answer:
        _ = pipeline.generator


def _ask(pipeline: Pipeline, ask: Ask, key: DocumentKey, depth: int) -> QueryResult:
    started = time.perf_counter()
    try:
        best: dict[str, float] = {}
        for hit in pipeline.search(ask.text, depth):
            best.setdefault(document_key(hit, key), hit.score)
        retrieved = time.perf_counter()
        answer = pipeline.ask(ask.text) if ask.answer else None
    except (GenerationError, ContextError, QueryError) as error:
        return QueryResult(ask.id, ask.text, error=str(error))
    return QueryResult(
        id=ask.id,
        question=ask.text,
        ranking=tuple(Retrieved(document, score) for document, score in best.items()),
        retrieval_seconds=retrieved - started,
        answer=answer,
        answer_seconds=time.perf_counter() - retrieved if answer else None,
    )


def _concurrently(call: Callable[[Ask], QueryResult], asks: Sequence[Ask], jobs: int) -> Generator[QueryResult]:
    if jobs == 1:
        yield from map(call, asks)
        return
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="ask")
    try:
        waiting = iter(asks)
        running: set[Future[QueryResult]] = set()
        while True:
            running |= {pool.submit(call, ask) for ask in islice(waiting, jobs - len(running))}
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
