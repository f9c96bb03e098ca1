"""All measures of answers that need no judge: which there are, one answer's scores, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from rag.errors import EvaluationError
from rag.evaluation.answers.citations import SUPPORT, citation_scores, exactness
from rag.evaluation.answers.deterministic import (
    answer_relevance,
    context_precision,
    context_recall,
    faithfulness,
)
from rag.evaluation.answers.refusals import Outcome, aurc, auroc, auroc_interval, refusal_scores, risk_coverage
from rag.evaluation.answers.text import contains, exact_match, f1
from rag.evaluation.datasets import DocumentKey, Question
from rag.evaluation.ranking.significance import bootstrap_interval
from rag.evaluation.results import MeasureResult, QueryResult
from rag.evaluation.scores import Score, mean
from rag.grounding import LexicalVerifier
from rag.protocols import Embedder, Verifier
from rag.types import Answer

__all__ = ["ANSWER_MEASURES", "AnswerMeasure", "aggregate", "outcomes", "score_answer", "shown_text"]

_OF_ANSWER = ("citation_recall", "citation_precision", "citation_exactness", "faithfulness", "answer_relevance")

Applies: TypeAlias = Literal["gold", "answerable", "unanswerable", "documents", "all"]


@dataclass(frozen=True, slots=True)
class AnswerMeasure:
    """A measure of answers, from 0 to 1.

    ``applies`` says to which questions: those with a gold answer or known to have none ("gold"), those with or those
    without an answer, answerable ones whose gold documents are known ("documents"), or all. ``of_set``: it has no
    value for one question, only for a set of them.
    """

    description: str
    applies: Applies = "all"
    higher_is_better: bool = True
    of_set: bool = False


ANSWER_MEASURES: Mapping[str, AnswerMeasure] = {
    "EM": AnswerMeasure("answer equals a gold answer, by SQuAD 2's rules", "gold"),
    "F1": AnswerMeasure("words shared with the best gold answer, by SQuAD 2's rules", "gold"),
    "contains": AnswerMeasure("answer holds a gold answer; a refusal is right where there is none", "gold"),
    "refusal_precision": AnswerMeasure("share of the refused questions that have no answer"),
    "refusal_recall": AnswerMeasure("share of the questions without an answer that are refused", "unanswerable"),
    "over_refusal": AnswerMeasure(
        "share of the questions with an answer that are refused", "answerable", higher_is_better=False
    ),
    "AUROC": AnswerMeasure("how well the verdict's score tells questions with an answer from others", of_set=True),
    "AURC": AnswerMeasure(
        "mean risk over all coverages, answering by the verdict's score", "gold", higher_is_better=False, of_set=True
    ),
    "citation_recall": AnswerMeasure("share of sentences that the quoted words support"),
    "citation_precision": AnswerMeasure("share of citations that their sentence needs"),
    "citation_exactness": AnswerMeasure("share of quotes that are byte for byte their source's words"),
    "faithfulness": AnswerMeasure("share of sentences that the passages shown to the generator support"),
    "answer_relevance": AnswerMeasure("cosine of question and answer"),
    "context_precision": AnswerMeasure("average precision of the passages shown to the generator", "documents"),
    "context_recall": AnswerMeasure("share of the gold documents shown to the generator", "documents"),
}


def shown_text(answer: Answer) -> str:
    """What an answer says: its sentences without the caveats put between them; "" for a refusal."""
    if answer.refused:
        return ""
    return " ".join(sentence.text for sentence in answer.sentences) or answer.text


def score_answer(
    question: Question,
    answer: Answer | None,
    *,
    source: Callable[[str], str],
    key: DocumentKey,
    embedder: Embedder | None = None,
    verifier: Verifier | None = None,
    threshold: float = SUPPORT,
    measures: Collection[str] = tuple(ANSWER_MEASURES),
    error: str = "",
) -> dict[str, Score]:
    """Scores of an answer by those of ``measures`` that apply to the question.

    Args:
        question: The question with its gold.
        answer: Its answer; None where it failed, with the reason in ``error``: all that applies is then "failed".
        source: The text of an indexed document by its id; raises KeyError or QueryError where there is none.
        key: What the gold's document ids are.
        embedder: For the relevance, which is left out without one.
        verifier: Says what supports what; LexicalVerifier by default.
        threshold: Support from which on the verifier is taken to say yes.
        measures: Names of ``ANSWER_MEASURES``.
        error: Why there is no answer.

    Returns:
        Scores by name. A refused question has the status "refused" for what is measured of an answer, and nothing of
        the kind where refusing was right.
    """
    wanted = [name for name in measures if _applies(name, question) and not ANSWER_MEASURES[name].of_set]
    if embedder is None and "answer_relevance" in wanted:
        wanted.remove("answer_relevance")
    if answer is None:
        return {name: Score.missing("failed", error) for name in wanted}
    text = shown_text(answer)
    golds = question.answers if question.answerable else ()
    rates = refusal_scores(answerable=question.answerable, refused=answer.refused)
    scores = {
        "EM": Score(exact_match(text, golds)),
        "F1": Score(f1(text, golds)),
        "contains": Score(contains(text, golds)),
        **{name: Score(value) for name, value in rates.items()},
    }
    if _applies("context_recall", question):
        scores["context_precision"] = context_precision(question, answer, key)
        scores["context_recall"] = context_recall(question, answer, key)
    of_answer = [name for name in wanted if name in _OF_ANSWER]
    if not answer.refused:
        scores |= _score_text(
            question.text, answer, of_answer, source, embedder, verifier or LexicalVerifier(), threshold
        )
    elif question.answerable:
        scores |= {name: Score.missing("refused") for name in of_answer}
    return {name: scores[name] for name in wanted if name in scores}


def _score_text(
    question: str,
    answer: Answer,
    names: Collection[str],
    source: Callable[[str], str],
    embedder: Embedder | None,
    verifier: Verifier,
    threshold: float,
) -> dict[str, Score]:
    """Those of ``_OF_ANSWER`` that are in ``names``; they cost more than the rest together."""
    scores: dict[str, Score] = {}
    if "citation_recall" in names or "citation_precision" in names:
        cited = citation_scores(answer, verifier, threshold=threshold)
        nothing = Score.missing("no_claims", "the answer has no sentence")
        scores["citation_recall"] = Score(cited.recall) if cited else nothing
        scores["citation_precision"] = Score(cited.precision) if cited else nothing
    if "citation_exactness" in names:
        scores["citation_exactness"] = exactness(answer, source)
    if "faithfulness" in names:
        scores["faithfulness"] = faithfulness(answer, verifier, threshold=threshold)
    if "answer_relevance" in names and embedder is not None:
        scores["answer_relevance"] = answer_relevance(question, shown_text(answer), embedder)
    return scores


def outcomes(results: Sequence[QueryResult], questions: Mapping[str, Question]) -> tuple[Outcome, ...]:
    """What ``risk_coverage`` and ``auroc`` need of the questions that did not fail.

    An answerable question is right if its answer (its draft, where it was refused) holds a gold one. Raises
    EvaluationError for a result without a question.
    """
    found: list[Outcome] = []
    for result in results:
        question, answer = _question_of(result, questions), result.answer
        if answer is None:
            continue
        correct: bool | None = None
        if not question.answerable:
            correct = False
        elif question.answers:
            said = answer.draft if answer.refused else shown_text(answer)
            correct = contains(said, question.answers) == 1
        found.append(Outcome(question.answerable, answer.refused, answer.score, correct))
    return tuple(found)


def aggregate(
    results: Sequence[QueryResult],
    questions: Mapping[str, Question],
    *,
    measures: Collection[str] = tuple(ANSWER_MEASURES),
    seed: int = 0,
    samples: int = 10_000,
) -> tuple[MeasureResult, ...]:
    """What the scores of ``results`` come to, in the order of ``measures``, without those that apply to no question.

    ``measures`` are those that ``score_answer`` was asked for. A result without an answer counts as "failed" in each
    that applies to its question, whether its scores say so or not: it lowers the coverage. Intervals are drawn with
    ``seed``. Raises EvaluationError for a result without a question.
    """
    asked = [(result, _question_of(result, questions)) for result in results]
    found: list[MeasureResult] = []
    for name in measures:
        applying = [(result, question) for result, question in asked if _applies(name, question)]
        if name in {"AUROC", "refusal_precision"} and all(question.answerable for _, question in asked):
            continue  # where every question has an answer there is nothing to tell apart, and no refusal is right
        if name == "AUROC" and not any(question.answerable for _, question in asked):
            continue
        if ANSWER_MEASURES[name].of_set:
            found += [_of_set(name, applying, seed, samples)] if applying else []
            continue
        scores = [score for result, _ in applying if (score := _score_of(name, result)) is not None]
        if name == "answer_relevance" and not any(name in result.scores for result in results):
            continue  # there was no embedder
        if scores or name == "refusal_precision":
            found.append(_of_scores(name, scores, seed, samples))
    return tuple(found)


def _of_scores(name: str, scores: Sequence[Score], seed: int, samples: int) -> MeasureResult:
    values = [score.value for score in scores if score.value is not None]
    low, high = bootstrap_interval(values, seed=seed, samples=samples) if len(values) > 1 else (None, None)
    return MeasureResult(name, mean(scores), low, high, higher_is_better=ANSWER_MEASURES[name].higher_is_better)


def _of_set(name: str, asked: Sequence[tuple[QueryResult, Question]], seed: int, samples: int) -> MeasureResult:
    found = outcomes([result for result, _ in asked], {result.id: question for result, question in asked})
    score = auroc(found) if name == "AUROC" else aurc(risk_coverage(found))
    low, high = (auroc_interval(found, seed=seed, samples=samples) if name == "AUROC" else None) or (None, None)
    each = [score if result.answer else Score.missing("failed", result.error) for result, _ in asked]
    summary = replace(mean(each), value=score.value)
    return MeasureResult(name, summary, low, high, higher_is_better=ANSWER_MEASURES[name].higher_is_better)


def _score_of(name: str, result: QueryResult) -> Score | None:
    if result.answer is None and name not in result.scores:
        return Score.missing("failed", result.error)
    return result.scores.get(name)


def _applies(name: str, question: Question) -> bool:
    if name not in ANSWER_MEASURES:
        raise EvaluationError(f"{name!r} is no measure of answers", hint=f"one of: {', '.join(ANSWER_MEASURES)}")
    match ANSWER_MEASURES[name].applies:
        case "all":
            return True
        case "answerable":
            return question.answerable
        case "unanswerable":
            return not question.answerable
        case "gold":
            return bool(question.answers) or not question.answerable
        case "documents":
            return question.answerable and bool(question.documents or question.spans)


def _question_of(result: QueryResult, questions: Mapping[str, Question]) -> Question:
    if result.id not in questions:
        raise EvaluationError("there is no question of that id in the data set", where=result.id)
    return questions[result.id]
