"""All measures of answers together: to which questions each applies, and what they come to over a set."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from rag.errors import EvaluationError
from rag.evaluation.answers.deterministic import answer_relevance, context_precision, context_recall, faithfulness
from rag.evaluation.answers.measures import ANSWER_MEASURES, aggregate, outcomes, score_answer, shown_text
from rag.evaluation.answers.refusals import risk_coverage
from rag.evaluation.datasets import Question, Span
from rag.evaluation.results import MeasureResult, QueryResult
from rag.evaluation.scores import Score
from rag.grounding import LexicalVerifier, ground
from rag.text import WordTokenizer
from rag.types import Answer, Chunk, Document, Hit, Vectors

GARDEN = Document("file:///garden.md", "The garden opens at nine. Roses bloom in June. Dogs stay outside.", "Garden")
MUSEUM = Document("file:///museum.md", "The museum was built in 1893. It closes on Mondays.", "Museum")
SOURCES = {one.id: one.text for one in (GARDEN, MUSEUM)}


def _hit(document: Document, rank: int, start: int = 0, end: int | None = None) -> Hit:
    end = len(document.text) if end is None else end
    chunk = Chunk(document.id, document.uri, start, end, document.text[start:end], document.title, language="en")
    return Hit(chunk, 1 / rank, rank)


HITS = (_hit(GARDEN, 1), _hit(MUSEUM, 2))


def _ask(question: str, draft: str, hits: Sequence[Hit] = HITS) -> Answer:
    return ground(question, draft, hits)


class Letters:
    """An embedder: how often each letter is in the text; negative for a text in capitals."""

    dim = 26
    fingerprint = "letters"
    max_tokens = 6
    tokenizer = WordTokenizer()

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        assert all(self.tokenizer.count(text) <= self.max_tokens for text in texts)
        return self.embed_queries(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        counts = np.array([[t.lower().count(chr(97 + i)) for i in range(26)] for t in texts], np.float32)
        counts *= np.array([[-1.0 if t.isupper() else 1.0] for t in texts], np.float32)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def _score(question: Question, answer: Answer | None, **options: object) -> dict[str, Score]:
    return score_answer(question, answer, source=SOURCES.__getitem__, key="uri", **options)  # type: ignore[arg-type]


WHEN = Question("when", "When was the museum built?", ("1893",), documents=(MUSEUM.uri,))
OLD = Question("old", "When was the old museum built?", answerable=False, documents=(MUSEUM.uri,))
RIGHT = _ask(WHEN.text, "The museum was built in 1893.")
REFUSED = _ask(WHEN.text, "Nothing is known of that.")
WRONG = _ask(OLD.text, "The museum was built in 1893.")


def test_the_answers_these_tests_are_about() -> None:
    assert not RIGHT.refused
    assert REFUSED.refused
    assert not WRONG.refused


def test_a_right_answer() -> None:
    assert _score(WHEN, RIGHT, embedder=Letters()) == {
        "EM": Score(0.0),
        "F1": Score(2 * (1 / 5) / (1 / 5 + 1)),  # "the" is dropped: 1 of 5 words
        "contains": Score(1.0),
        "over_refusal": Score(0.0),
        "citation_recall": Score(1.0),
        "citation_precision": Score(1.0),
        "citation_exactness": Score(1.0),
        "faithfulness": Score(1.0),
        "answer_relevance": answer_relevance(WHEN.text, RIGHT.text, Letters()),
        "context_precision": Score(1 / 2),  # the second of two
        "context_recall": Score(1.0),
    }


def test_a_wrong_refusal_has_no_text_to_score() -> None:
    scores = _score(WHEN, REFUSED, embedder=Letters())
    assert {name: score.value for name, score in scores.items() if score.value is not None} == {
        "EM": 0,
        "F1": 0,
        "contains": 0,
        "over_refusal": 1,
        "refusal_precision": 0,
        "context_precision": 1 / 2,
        "context_recall": 1,
    }
    assert {name for name, score in scores.items() if score.status == "refused"} == {
        "citation_recall",
        "citation_precision",
        "citation_exactness",
        "faithfulness",
        "answer_relevance",
    }


def test_a_right_refusal_is_no_gap_in_the_other_measures() -> None:
    scores = _score(OLD, REFUSED, embedder=Letters())
    assert scores == {name: Score(1.0) for name in ("EM", "F1", "contains", "refusal_precision", "refusal_recall")}


def test_an_answer_where_there_is_none() -> None:
    scores = _score(OLD, WRONG)
    assert {name: scores[name].value for name in ("EM", "F1", "contains", "refusal_recall")} == dict.fromkeys(
        ("EM", "F1", "contains", "refusal_recall"), 0
    )
    assert scores["citation_recall"] == Score(1.0)  # proved, and yet no answer
    assert "context_recall" not in scores
    assert "answer_relevance" not in scores


def test_a_question_without_gold_answers_is_not_compared_with_any() -> None:
    scores = _score(Question("q", "Why?"), RIGHT)
    assert set(scores) == {
        "over_refusal",
        "citation_recall",
        "citation_precision",
        "citation_exactness",
        "faithfulness",
    }


@pytest.mark.parametrize("question", [WHEN, OLD])
def test_a_failed_question_has_failed_in_all_that_applies(question: Question) -> None:
    scores = _score(question, None, error="the server is gone", embedder=Letters())
    assert set(scores.values()) == {Score.missing("failed", "the server is gone")}
    answered = _score(question, RIGHT, embedder=Letters())
    assert set(scores) == set(answered) | {"refusal_precision"}


def test_only_what_is_wanted_is_computed() -> None:
    class Never:
        def support(self, claim: str, evidence: str) -> float:
            raise AssertionError("not wanted")

    scores = _score(WHEN, RIGHT, measures=("contains", "AUROC", "citation_exactness"), verifier=Never())
    assert set(scores) == {"contains", "citation_exactness"}
    with pytest.raises(EvaluationError, match="'bleu' is no measure of answers"):
        _score(WHEN, RIGHT, measures=("bleu",))


def test_caveats_are_no_part_of_what_an_answer_says() -> None:
    answer = _ask(WHEN.text, "The museum was built in 1893. It cost 12 million dollars.")
    assert answer.verdict == "partly"
    assert "[unsupported]" in answer.text
    assert shown_text(answer) == "The museum was built in 1893. It cost 12 million dollars."
    scores = _score(WHEN, answer)
    assert scores["F1"].value == pytest.approx(2 * (1 / 10) / (1 / 10 + 1))
    assert scores["faithfulness"].value == 1 / 2
    assert scores["citation_recall"].value == 1 / 2
    assert scores["citation_precision"].value == 1


def test_a_quote_that_is_not_in_the_source_is_found_out() -> None:
    scores = score_answer(WHEN, RIGHT, source={MUSEUM.id: MUSEUM.text.upper()}.__getitem__, key="uri")
    assert scores["citation_exactness"] == Score(0.0)


def test_faithfulness_takes_passages_together_only_if_none_does_alone() -> None:
    calls: list[str] = []

    class Both:
        def support(self, claim: str, evidence: str) -> float:
            calls.append(evidence)
            return float("garden" in evidence and "museum" in evidence)

    assert faithfulness(RIGHT, Both()) == Score(1.0)
    assert len(calls) == 3
    assert calls[0].startswith("Museum\n\nThe museum")  # what it cites comes first
    assert faithfulness(REFUSED, Both()).status == "refused"


def test_faithfulness_by_words() -> None:
    answer = _ask("What about the garden?", "The garden opens at nine. The garden opens at ten.")
    assert faithfulness(answer, LexicalVerifier()) == Score(1 / 2)


def test_relevance_is_the_cosine_of_as_much_as_is_read() -> None:
    assert answer_relevance("abc", "cba", Letters()).value == pytest.approx(1)
    assert answer_relevance("ab", "bc", Letters()).value == pytest.approx(1 / 2)
    assert answer_relevance("abc", "ABC", Letters()) == Score(0.0)  # a negative cosine
    assert answer_relevance("a", "a a a a a a b b b", Letters()).value == pytest.approx(1)
    assert answer_relevance("a", " ", Letters()).status == "no_claims"


def test_context_precision_and_recall_by_hand() -> None:
    hits = (_hit(GARDEN, 1, 0, 25), _hit(MUSEUM, 2), _hit(GARDEN, 3, 26, 46))
    answer = _ask("?", "", hits)
    both = Question("q", "?", ("a",), documents=(GARDEN.uri, MUSEUM.uri))
    assert context_precision(both, answer, "uri") == Score(1.0)
    assert context_recall(both, answer, "uri") == Score(1.0)
    # June stands in the third passage only: relevant are the 2nd and the 3rd
    june = GARDEN.text.index("June")
    spans = Question("q", "?", ("a",), documents=(MUSEUM.uri,), spans=(Span(GARDEN.uri, june, june + 4),))
    assert context_precision(spans, answer, "uri").value == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert context_recall(spans, answer, "uri") == Score(1.0)
    # a span over the edge of two passages is in neither; places of one document state the same
    edge = Question("q", "?", ("a",), spans=(Span(GARDEN.uri, 20, 30), Span(MUSEUM.uri, 0, 3)))
    assert context_precision(edge, answer, "uri") == Score(1 / 2)
    assert context_recall(edge, answer, "uri") == Score(1 / 2)
    assert context_precision(edge, _ask("?", "", ()), "uri") == Score(0.0)
    assert context_recall(edge, _ask("?", "", ()), "uri") == Score(0.0)


def _results(pairs: Sequence[tuple[Question, Answer | None]]) -> tuple[list[QueryResult], dict[str, Question]]:
    results, questions = [], {}
    for number, (question, answer) in enumerate(pairs):
        name = f"{question.id}{number}"
        questions[name] = question
        error = "" if answer else "gone"
        scores = _score(question, answer, error=error, embedder=Letters())
        results.append(QueryResult(name, question.text, answer=answer, error=error, scores=scores))
    return results, questions


def _named(found: Sequence[MeasureResult]) -> dict[str, MeasureResult]:
    return {one.name: one for one in found}


def test_what_they_come_to() -> None:
    results, questions = _results([(WHEN, RIGHT), (WHEN, RIGHT), (WHEN, REFUSED), (OLD, REFUSED), (OLD, WRONG)])
    found = _named(aggregate(results, questions, seed=1))
    assert list(found) == list(ANSWER_MEASURES)
    assert found["contains"].mean.value == 3 / 5
    assert found["refusal_precision"].mean.value == 1 / 2
    assert found["refusal_recall"].mean.value == 1 / 2
    assert found["over_refusal"].mean.value == 1 / 3
    assert not found["over_refusal"].higher_is_better
    # of four answered or wrongly refused
    assert found["faithfulness"].mean.coverage == 3 / 4
    assert found["faithfulness"].mean.statuses == {"refused": 1}
    low, high = found["contains"].low, found["contains"].high
    assert low is not None
    assert high is not None
    assert low < 3 / 5 < high
    again = _named(aggregate(results, questions, seed=1))
    assert again == found
    points = risk_coverage(outcomes(results, questions))
    assert points[-1].coverage == 1
    # RIGHT twice is right; REFUSED holds no gold answer in its draft, and OLD has none
    assert points[-1].risk == 3 / 5
    assert found["AURC"].mean.value is not None
    assert found["AURC"].mean.total == 5


def test_a_refused_question_is_on_the_curve_with_its_draft() -> None:
    held_back = ground(WHEN.text, "The museum was built in 1893.", (HITS[0],))
    assert held_back.refused
    results, questions = _results([(WHEN, held_back)])
    (outcome,) = outcomes(results, questions)
    assert outcome.correct is True
    assert outcome.refused
    assert outcome.score == held_back.score


def test_a_failed_question_lowers_the_coverage_of_every_measure() -> None:
    results, questions = _results([(WHEN, RIGHT), (OLD, REFUSED), (WHEN, None)])
    found = _named(aggregate(results, questions))
    for name in found.keys() - {"refusal_recall"}:
        assert found[name].mean.statuses.get("failed") == 1, name
        assert found[name].mean.scored == found[name].mean.total - 1
        assert not found[name].is_covered
    assert found["AUROC"].mean.total == 3
    bare = [QueryResult(one.id, one.question, error=one.error) if one.error else one for one in results]
    assert _named(aggregate(bare, questions)) == found


def test_where_every_question_has_an_answer_no_refusal_is_right() -> None:
    results, questions = _results([(WHEN, RIGHT), (WHEN, REFUSED)])
    found = _named(aggregate(results, questions))
    assert not found.keys() & {"AUROC", "refusal_precision", "refusal_recall"}


def test_nothing_refused_is_no_precision_and_no_gap() -> None:
    results, questions = _results([(WHEN, RIGHT), (OLD, WRONG)])
    precision = _named(aggregate(results, questions))["refusal_precision"]
    assert precision.mean.value is None
    assert precision.low is None
    assert precision.is_covered


def test_a_result_without_a_question_is_an_error() -> None:
    results, _ = _results([(WHEN, RIGHT)])
    with pytest.raises(EvaluationError, match="when0: there is no question of that id"):
        aggregate(results, {})


def test_every_measure_is_documented(root: Path) -> None:
    text = (root / "docs" / "evaluation-answers.md").read_text(encoding="utf-8")
    for name, measure in ANSWER_MEASURES.items():
        assert f"`{name}`" in text
        assert measure.description


@pytest.mark.models
@pytest.mark.collections
def test_a_dozen_questions_of_squad(collections_dir: Path, tmp_path: Path) -> None:
    from rag.pipeline import Pipeline

    folder = collections_dir / "squad2"

    def rows(name: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]

    corpus = rows("corpus.jsonl")[:24]
    shown = {row["_id"] for row in corpus}
    asked = [row for row in rows("qa.jsonl") if set(row["passages"]) <= shown]  # type: ignore[call-overload]
    asked = [row for row in asked if row["answerable"]][:80:8] + [row for row in asked if not row["answerable"]][:20:8]
    (tmp_path / "corpus.jsonl").write_text("\n".join(map(json.dumps, corpus)), encoding="utf-8")
    results, questions = [], {}
    with Pipeline(tmp_path / "index", "extractive") as pipeline:
        pipeline.add(tmp_path / "corpus.jsonl")
        source: Callable[[str], str] = lambda document: pipeline.snapshot.document(document).text  # noqa: E731
        for row in asked:
            question = Question(
                str(row["_id"]),
                str(row["question"]),
                tuple(row["answers"]),  # type: ignore[arg-type]
                bool(row["answerable"]),
                tuple(row["passages"]),  # type: ignore[arg-type]
            )
            answer = pipeline.ask(question.text)
            scores = score_answer(question, answer, source=source, key="_id", embedder=pipeline.embedder)
            questions[question.id] = question
            results.append(QueryResult(question.id, question.text, answer=answer, scores=scores))
    found = _named(aggregate(results, questions))
    assert len(results) == 13
    for name in ("citation_exactness", "citation_recall", "faithfulness"):
        assert found[name].mean.value == 1.0, name
        assert found[name].mean.scored >= 8
    contained = found["contains"].mean.value
    assert contained is not None
    assert contained >= 0.5
    recall = found["context_recall"].mean.value
    assert recall is not None
    assert recall >= 0.8
    for measure in found.values():
        assert measure.mean.value is None or math.isfinite(measure.mean.value)
        assert measure.mean.value is None or 0 <= measure.mean.value <= 1
