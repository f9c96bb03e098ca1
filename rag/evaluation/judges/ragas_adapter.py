"""Ragas' collections metrics over our answers: every answer keeps its place, every metric a value or a status.

Ragas (extra ``ragas``) brings prompts and formulas; what is asked, for how long, and whether the replies bear the
number is settled here. See docs/evaluation-ragas.md.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rag.errors import EmbeddingError, EvaluationError
from rag.evaluation.answers.measures import shown_text
from rag.evaluation.datasets import Question
from rag.evaluation.judges import ragas_checks as checks
from rag.evaluation.judges.ragas_endpoint import Endpoint, connect, endpoint_of
from rag.evaluation.judges.ragas_import import load_ragas
from rag.evaluation.scores import Score
from rag.protocols import Embedder
from rag.types import Answer

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from rag.evaluation.judges.ragas_calls import Embedding, Patience

__all__ = ["RAGAS_MEASURES", "Endpoint", "RagasMeasure", "Row", "endpoint_of", "score_rows", "score_rows_async"]

Row: TypeAlias = tuple[Question, Answer | None]
"""A question and its answer; None where it failed."""

OnRow: TypeAlias = Callable[[int, Mapping[str, Score]], None]
"""Called with the number of a finished row, from 0, and its scores."""

Input: TypeAlias = Literal["user_input", "response", "retrieved_contexts", "reference"]


@dataclass(frozen=True, slots=True)
class RagasMeasure:
    """A metric of ragas.metrics.collections, from 0 to 1; only those that are a cosine may fall below.

    ``inputs`` are what Ragas calls question, answer, the passages shown to the generator, and the first gold answer.
    ``check`` reads the judge's replies; None where no judge is asked. ``max_retries`` is how often Ragas itself may ask
    for a rating, each time with the same prompt; None for metrics that ask once anyway.
    """

    description: str
    metric: str
    inputs: tuple[Input, ...]
    check: checks.Check | None
    higher_is_better: bool = True
    embeds: bool = False
    max_retries: int | None = None

    @property
    def asks(self) -> bool:
        """Whether it asks a language model."""
        return self.check is not None

    @property
    def needs_gold(self) -> bool:
        """Whether it applies only to questions that have a gold answer."""
        return "reference" in self.inputs

    @property
    def needs_answer(self) -> bool:
        """Whether a refusal leaves it nothing to score."""
        return "response" in self.inputs


RAGAS_MEASURES: Mapping[str, RagasMeasure] = {
    "ragas.faithfulness": RagasMeasure(
        "share of the answer's statements that the passages support",
        "Faithfulness",
        ("user_input", "response", "retrieved_contexts"),
        checks.check_faithfulness,
    ),
    "ragas.answer_relevancy": RagasMeasure(
        "mean cosine of the question and three made up from the answer; 0 for an evasive answer",
        "AnswerRelevancy",
        ("user_input", "response"),
        checks.check_answer_relevancy,
        embeds=True,
    ),
    "ragas.context_precision": RagasMeasure(
        "average precision of the passages, one being relevant where it helps to the gold answer",
        "ContextPrecisionWithReference",
        ("user_input", "reference", "retrieved_contexts"),
        checks.check_context_precision,
    ),
    "ragas.context_utilization": RagasMeasure(
        "average precision of the passages, one being relevant where it helps to the answer given",
        "ContextPrecisionWithoutReference",
        ("user_input", "response", "retrieved_contexts"),
        checks.check_context_precision,
    ),
    "ragas.context_recall": RagasMeasure(
        "share of the gold answer's statements that the passages hold",
        "ContextRecall",
        ("user_input", "retrieved_contexts", "reference"),
        checks.check_context_recall,
    ),
    "ragas.context_entity_recall": RagasMeasure(
        "share of the gold answer's entities that the passages name",
        "ContextEntityRecall",
        ("reference", "retrieved_contexts"),
        checks.check_context_entity_recall,
    ),
    "ragas.context_relevance": RagasMeasure(
        "mean of two ratings of how far the passages bear on the question",
        "ContextRelevance",
        ("user_input", "retrieved_contexts"),
        checks.check_ratings(0, 1, 2),
        max_retries=1,
    ),
    "ragas.response_groundedness": RagasMeasure(
        "mean of two ratings of how far the passages support the answer",
        "ResponseGroundedness",
        ("response", "retrieved_contexts"),
        checks.check_ratings(0, 1, 2),
        max_retries=1,
    ),
    "ragas.factual_correctness": RagasMeasure(
        "F1 of the claims of answer and gold answer",
        "FactualCorrectness",
        ("response", "reference"),
        checks.check_factual_correctness,
    ),
    "ragas.answer_correctness": RagasMeasure(
        "three quarters F1 of the statements of answer and gold answer, one quarter their cosine",
        "AnswerCorrectness",
        ("user_input", "response", "reference"),
        checks.check_answer_correctness,
        embeds=True,
    ),
    "ragas.answer_accuracy": RagasMeasure(
        "mean of two ratings of how far the answer agrees with the gold answer",
        "AnswerAccuracy",
        ("user_input", "response", "reference"),
        checks.check_ratings(0, 2, 4),
        max_retries=1,
    ),
    "ragas.semantic_similarity": RagasMeasure(
        "cosine of answer and gold answer",
        "SemanticSimilarity",
        ("reference", "response"),
        None,
        embeds=True,
    ),
    "ragas.noise_sensitivity": RagasMeasure(
        "share of the answer's statements that are wrong and come from relevant passages",
        "NoiseSensitivity",
        ("user_input", "response", "reference", "retrieved_contexts"),
        checks.check_noise_sensitivity,
        higher_is_better=False,
    ),
}


def score_rows(
    rows: Sequence[Row],
    measures: Iterable[str],
    *,
    endpoint: Endpoint | None = None,
    embedder: Embedder | None = None,
    on_row: OnRow | None = None,
) -> list[dict[str, Score]]:
    """Scores of each row by those of ``measures`` that apply to it, rows and measures in their order.

    A measure that needs a gold answer applies where there is one. A refusal has the status "refused" for what is
    measured of an answer, and nothing of the kind where the question has no answer.

    Args:
        rows: Questions and answers.
        measures: Names of ``RAGAS_MEASURES``.
        endpoint: Who judges.
        embedder: Gives the cosines.
        on_row: Hears of each row as it is finished, not always in order: to save it, and to show progress. On Ctrl-C
            the rows it heard of are finished, and KeyboardInterrupt is raised.

    Raises:
        EvaluationError: There is no such measure, or it needs an endpoint, an embedder or a key that is not there.
        MissingExtraError: Ragas is not installed, or cannot be imported.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(
            score_rows_async(rows, measures, endpoint=endpoint, embedder=embedder, on_row=on_row),
        )
    raise EvaluationError("score_rows runs its own event loop", hint="inside one, await score_rows_async")


async def score_rows_async(
    rows: Sequence[Row],
    measures: Iterable[str],
    *,
    endpoint: Endpoint | None = None,
    embedder: Embedder | None = None,
    on_row: OnRow | None = None,
) -> list[dict[str, Score]]:
    """As ``score_rows``, for those who have an event loop."""
    chosen = _chosen(measures, endpoint, embedder)
    load_ragas()
    from rag.evaluation.judges import ragas_calls

    ragas_calls.register()
    scorer = _Scorer(
        chosen,
        endpoint,
        connect(endpoint) if endpoint else None,
        ragas_calls.Patience(endpoint.patience if endpoint else 1),
        ragas_calls.Embedding(embedder) if embedder else None,
    )
    results: list[dict[str, Score]] = [{} for _ in rows]
    waiting = iter(enumerate(rows))

    async def work() -> None:
        for number, (question, answer) in waiting:
            results[number] = await scorer.score(question, answer)
            if on_row:
                on_row(number, results[number])

    workers = [asyncio.create_task(work()) for _ in range(endpoint.concurrency if endpoint else 1)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        if scorer.client:
            await scorer.client.close()
    return results


@dataclass(frozen=True, slots=True)
class _Scorer:
    measures: Mapping[str, RagasMeasure]
    endpoint: Endpoint | None
    client: AsyncOpenAI | None
    patience: Patience
    embedding: Embedding | None

    async def score(self, question: Question, answer: Answer | None) -> dict[str, Score]:
        scores: dict[str, Score] = {}
        for name, measure in self.measures.items():
            if measure.needs_gold and not question.answers:
                continue
            if answer is None:
                scores[name] = Score.missing("failed", "there is no answer")
            elif answer.refused and measure.needs_answer:
                if question.answerable:
                    scores[name] = Score.missing("refused")
            else:
                scores[name] = await self._score(measure, _inputs(measure, question, answer))
        return scores

    async def _score(self, measure: RagasMeasure, inputs: Mapping[str, str | list[str]]) -> Score:
        if empty := next((name for name, value in inputs.items() if not "".join(value).strip()), None):
            return Score.missing("no_claims" if empty == "response" else "failed", f"{empty} is empty")
        if not measure.asks:  # nothing to wait for, so it would keep the others' calls waiting
            return await asyncio.to_thread(lambda: asyncio.run(self._run(measure, inputs)))
        return await self._run(measure, inputs)

    async def _run(self, measure: RagasMeasure, inputs: Mapping[str, str | list[str]]) -> Score:
        from ragas.metrics import collections

        from rag.evaluation.judges.ragas_calls import CallFailedError, Calls

        parts: dict[str, Any] = {}
        calls = Calls(self.client, self.endpoint, self.patience) if self.client and self.endpoint else None
        if measure.asks:
            parts["llm"] = calls
        if measure.embeds:
            parts["embeddings"] = self.embedding
        if measure.max_retries is not None:
            parts["max_retries"] = measure.max_retries
        metric = getattr(collections, measure.metric)(**parts)
        value, problem = math.nan, "Ragas gave no number"
        try:
            value = (await metric.ascore(**inputs)).value
        except CallFailedError:
            problem = "a call failed"
        except EmbeddingError as error:
            return Score.missing("failed", str(error))
        except (ValueError, ArithmeticError, LookupError) as error:  # of Ragas' own sums, on odd replies
            problem = f"Ragas failed: {error}"
        if calls and measure.check and (missing := calls.failure or measure.check(calls.replies)):
            return missing
        return Score(value) if math.isfinite(value) else Score.missing("failed", problem)


def _chosen(measures: Iterable[str], endpoint: Endpoint | None, embedder: Embedder | None) -> dict[str, RagasMeasure]:
    chosen: dict[str, RagasMeasure] = {}
    for name in measures:
        if name not in RAGAS_MEASURES:
            raise EvaluationError(f"Ragas has no measure {name!r}", hint=f"one of: {', '.join(RAGAS_MEASURES)}")
        measure = RAGAS_MEASURES[name]
        if measure.asks and endpoint is None:
            raise EvaluationError(f"{name} needs a language model to ask", hint="give an endpoint")
        if measure.embeds and embedder is None:
            raise EvaluationError(f"{name} needs an embedder", hint="give the one of the index")
        chosen[name] = measure
    return chosen


def _inputs(measure: RagasMeasure, question: Question, answer: Answer) -> dict[str, str | list[str]]:
    given: dict[Input, str | list[str]] = {
        "user_input": question.text,
        "response": shown_text(answer),
        "retrieved_contexts": [hit.chunk.shown for hit in answer.hits],
        "reference": question.answers[0] if question.answers else "",
    }
    return {name: given[name] for name in measure.inputs}
