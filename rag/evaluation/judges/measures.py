"""Answers and their passages, scored by a language model that is asked yes/no questions.

How far such a score can be trusted is a property of the judge: see docs/evaluation-judges.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rag.errors import EvaluationError
from rag.evaluation.answers.measures import shown_text
from rag.evaluation.datasets import Question
from rag.evaluation.judges import prompts
from rag.evaluation.judges.judge import Judge
from rag.evaluation.scores import Score
from rag.generators.sentence_ranking import excerpts
from rag.types import Answer, Hit, Sentence

# whole, a context of six passages takes a 135M model 20 seconds to read on a CPU
SENTENCES = 4
_YES = 0.5


@dataclass(frozen=True, slots=True)
class JudgedMeasure:
    """What a measure says.

    Without ``needs_gold`` it is of the answer; with it, of the passages shown to the generator, where there is a gold
    answer to look for.
    """

    description: str
    needs_gold: bool = False


JUDGED_MEASURES: Mapping[str, JudgedMeasure] = {
    "judged.faithfulness": JudgedMeasure("mean over the answer's sentences of P(the passages support it)"),
    "judged.answer_relevance": JudgedMeasure("P(the answer addresses the question)"),
    "judged.context_precision": JudgedMeasure(
        "average precision of the passages by rank, one being relevant where P(it holds the right answer) ≥ 0.5",
        needs_gold=True,
    ),
    "judged.context_recall": JudgedMeasure("P(the passages together hold the right answer)", needs_gold=True),
    "judged.fluency": JudgedMeasure("P(the answer is well written)"),
    "judged.utility": JudgedMeasure("P(the answer helps who asked)"),
}


def score_judged(
    question: Question,
    answer: Answer,
    judge: Judge,
    *,
    measures: Iterable[str] = tuple(JUDGED_MEASURES),
    sentences: int = SENTENCES,
) -> dict[str, Score]:
    """The ``measures`` that apply to the question, in their order.

    Those of the passages apply where there is a gold answer. Those of the answer are "refused" where the question was
    refused, do not apply where refusing was right, and are "no_claims" where the answer has no sentence. Of the
    passages the judge is shown the ``sentences`` nearest to the claim, in their order, and half as many of a passage
    by itself; 0 shows it whole passages.

    Raises EvaluationError for a measure that there is not.
    """
    chosen = tuple(measures)
    if unknown := next((name for name in chosen if name not in JUDGED_MEASURES), None):
        raise EvaluationError(
            f"there is no judged measure {unknown!r}", hint=f"judged measures: {', '.join(JUDGED_MEASURES)}"
        )
    scorers: dict[str, Callable[[], Score]] = {
        "judged.faithfulness": lambda: faithfulness(answer, judge, sentences),
        "judged.answer_relevance": lambda: answer_relevance(question, answer, judge),
        "judged.context_precision": lambda: context_precision(question, answer, judge, sentences),
        "judged.context_recall": lambda: context_recall(question, answer, judge, sentences),
        "judged.fluency": lambda: fluency(answer, judge),
        "judged.utility": lambda: utility(question, answer, judge),
    }
    rightly_refused = answer.refused and not question.answerable
    return {
        name: scorers[name]()
        for name in chosen
        if (question.answers if JUDGED_MEASURES[name].needs_gold else not rightly_refused)
    }


def faithfulness(answer: Answer, judge: Judge, sentences: int = SENTENCES) -> Score:
    """Mean probability, over the answer's sentences, that the passages support it.

    Faithfulness of Es et al. 2024, RAGAs (§3), with a sentence of the answer as its claim. The judge reads the
    sentence's own quotes and those sentences of the passages that are nearest to it.
    """
    if missing := _unanswered(answer):
        return missing
    scores = [
        judge.ask_of_any(
            prompts.SUPPORTED, {"claim": one.text}, slot="text", texts=_evidence(one, answer.hits, sentences)
        )
        for one in answer.sentences
    ]
    return _mean(scores)


def answer_relevance(question: Question, answer: Answer, judge: Judge) -> Score:
    """Probability that the answer addresses the question, be it right or wrong."""
    return _of_answer(prompts.RELEVANT, question, answer, judge)


def context_precision(question: Question, answer: Answer, judge: Judge, sentences: int = SENTENCES) -> Score:
    """Average precision of the passages in their order: Σ_k P@k · v_k / Σ_k v_k, 0 where no passage is relevant.

    Ragas' context precision with reference: v_k is 1 where the judge's probability that passage k holds the first gold
    answer is at least 0.5. The sum runs over the passages shown to the generator, so what was not found costs nothing.
    """
    verdicts = []
    for hit in answer.hits:
        score = _holds(question, [hit], judge, math.ceil(sentences / 2))
        if score.value is None:
            return score
        verdicts.append(score.value >= _YES)
    found = [sum(verdicts[:rank]) / rank for rank, relevant in enumerate(verdicts, 1) if relevant]
    return Score(math.fsum(found) / len(found) if found else 0.0)


def context_recall(question: Question, answer: Answer, judge: Judge, sentences: int = SENTENCES) -> Score:
    """Probability that the passages shown to the generator hold the first gold answer, as an answer to the question.

    Ragas' context recall with the gold answer as the only statement; 0 without passages.
    """
    return _holds(question, answer.hits, judge, sentences)


def fluency(answer: Answer, judge: Judge) -> Score:
    """Probability that the answer is well written.

    Fluency of Liu et al. 2023, Evaluating Verifiability in Generative Search Engines (§2), which asks people for
    one of five grades.
    """
    if missing := _unanswered(answer):
        return missing
    return judge.ask(prompts.FLUENT, {"text": shown_text(answer)})


def utility(question: Question, answer: Answer, judge: Judge) -> Score:
    """Perceived utility (Liu et al. 2023, as above): probability that the answer helps who asked."""
    return _of_answer(prompts.USEFUL, question, answer, judge)


def _unanswered(answer: Answer) -> Score | None:
    if answer.refused:
        return Score.missing("refused", "the question was not answered")
    if not answer.sentences:
        return Score.missing("no_claims", "the answer has no sentence")
    return None


def _of_answer(template: str, question: Question, answer: Answer, judge: Judge) -> Score:
    return _unanswered(answer) or judge.ask(template, {"question": question.text, "answer": shown_text(answer)})


def _holds(question: Question, hits: Sequence[Hit], judge: Judge, sentences: int) -> Score:
    gold = question.answers[0]
    texts = _nearest(f"{question.text} {gold}", hits, sentences)
    return judge.ask_of_any(prompts.HOLDS, {"question": question.text, "answer": gold}, slot="text", texts=texts)


def _evidence(sentence: Sentence, hits: Sequence[Hit], count: int) -> list[str]:
    """One text to judge a sentence by: its quotes, where the nearest sentences do not hold them already, and those."""
    texts = _nearest(sentence.text, hits, count)
    quotes = dict.fromkeys(citation.quote for citation in sentence.citations)
    missing = [quote for quote in quotes if not any(quote in text for text in texts)]
    return ["\n".join([*missing, *texts])] if count and texts else texts


def _nearest(claim: str, hits: Sequence[Hit], count: int) -> list[str]:
    """One text of the ``count`` sentences nearest to a claim, under their passages' headers; or each passage whole."""
    if not count:
        return [hit.chunk.shown for hit in hits]
    shown = excerpts(claim, [hit.chunk.text for hit in hits], count)
    parts = [f"{hit.chunk.header}\n{text}".strip() for hit, text in zip(hits, shown, strict=True) if text]
    return ["\n".join(parts)] if parts else []


def _mean(scores: Sequence[Score]) -> Score:
    """The mean of values, or the first score that has none: a mean of some would be another measure."""
    for score in scores:
        if score.value is None:
            return score
    details = dict.fromkeys(score.detail for score in scores if score.detail)
    values = [score.value for score in scores if score.value is not None]
    return Score(math.fsum(values) / len(values), detail="; ".join(details))
