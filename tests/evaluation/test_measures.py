"""Measures equal trec_eval's, query by query; what trec_eval leaves open is decided by one policy."""

from __future__ import annotations

import random
import struct
from collections.abc import Mapping
from fractions import Fraction
from math import log2
from pathlib import Path

import ir_measures
import pytest
import pytrec_eval

from rag.errors import EvaluationError
from rag.evaluation.ranking.judgements import write_qrels, write_run
from rag.evaluation.ranking.measures import parse_measures, precision_recall, score_run, with_judged

# Our name, and trec_eval's.
TREC = {
    "nDCG": "ndcg",
    "nDCG@1": "ndcg_cut_1",
    "nDCG@3": "ndcg_cut_3",
    "nDCG@10": "ndcg_cut_10",
    "AP": "map",
    "AP@3": "map_cut_3",
    "P@1": "P_1",
    "P@3": "P_3",
    "R@2": "recall_2",
    "R@100": "recall_100",
    "RR": "recip_rank",
    "Rprec": "Rprec",
    "Bpref": "bpref",
    "infAP": "infAP",
    "Success@2": "success_2",
    "IPrec@0.0": "iprec_at_recall_0.00",
    "IPrec@0.5": "iprec_at_recall_0.50",
    "SetP": "set_P",
    "SetR": "set_recall",
    "SetF": "set_F",
    "SetAP": "set_map",
}
EXACT = 1e-12
Grades = Mapping[str, int]
Scores = Mapping[str, float]


def _trec_eval(qrels: Mapping[str, Grades], run: Mapping[str, Scores], level: int = 1) -> dict[str, dict[str, float]]:
    """What pytrec_eval says, with 0 where it has no row (trec_eval -c).

    It is not asked about queries without a grade of 0 or more: there it reads memory that is not its own.
    """
    asked = {query: dict(grades) for query, grades in qrels.items() if max(grades.values(), default=-1) >= 0}
    evaluator = pytrec_eval.RelevanceEvaluator(asked, set(TREC.values()), relevance_level=level)
    found = evaluator.evaluate({query: dict(scores) for query, scores in run.items() if scores})
    return {name: {query: found.get(query, {}).get(theirs, 0.0) for query in qrels} for name, theirs in TREC.items()}


def _ranked(scores: Scores) -> list[str]:
    """By 32-bit score, then id, both descending; written apart from the library's."""

    def single(score: float) -> float:
        value: float = struct.unpack("f", struct.pack("f", score))[0]
        return value

    by_id = sorted(scores, key=lambda document: document.encode(), reverse=True)
    return sorted(by_id, key=lambda document: single(scores[document]), reverse=True)


def _assert_equal(qrels: Mapping[str, Grades], run: Mapping[str, Scores]) -> None:
    found = score_run(qrels, run, [*TREC, "RR@2", "Judged@3", "Judged"]).per_query
    expected = _trec_eval(qrels, run)
    for name, values in expected.items():
        assert list(found[name]) == list(qrels)
        for query, value in values.items():
            assert found[name][query] == pytest.approx(value, abs=EXACT, rel=0), (name, query, qrels, run)
    for query, grades in qrels.items():
        order = _ranked(run.get(query, {}))
        first = expected["RR"][query]
        assert found["RR@2"][query] == pytest.approx(first if first >= 0.5 else 0.0, abs=EXACT)
        for name, top in (("Judged@3", order[:3]), ("Judged", order)):
            share = sum(document in grades for document in top) / len(top) if top else 0.0
            assert found[name][query] == pytest.approx(share, abs=EXACT), (name, query, grades, order)


F = Fraction
# Grades, scores, and what AP, RR and nDCG must be by hand (nDCG as discounted gains over ideal ones).
CASES: dict[str, tuple[Grades, Scores, float, float, float]] = {
    "one relevant, first": ({"a": 1}, {"a": 1.0}, 1, 1, 1),
    "one relevant, second": ({"a": 1}, {"b": 2.0, "a": 1.0}, F(1, 2), F(1, 2), 1 / log2(3)),
    "one relevant, not found": ({"a": 1}, {"b": 2.0}, 0, 0, 0),
    "no results": ({"a": 1}, {}, 0, 0, 0),
    "two of two": ({"a": 1, "b": 1}, {"a": 2.0, "b": 1.0}, 1, 1, 1),
    "one of two": ({"a": 1, "b": 1}, {"a": 2.0}, F(1, 2), 1, 1 / (1 + 1 / log2(3))),
    "first and third": (
        {"a": 1, "c": 1},
        {"a": 3.0, "b": 2.0, "c": 1.0},
        (1 + F(2, 3)) / 2,
        1,
        1.5 / (1 + 1 / log2(3)),
    ),
    "nothing relevant is judged": ({"a": 0}, {"a": 1.0}, 0, 0, 0),
    "nothing relevant is judged and nothing found": ({"a": 0}, {}, 0, 0, 0),
    "judged not relevant above relevant": ({"a": 0, "b": 1}, {"a": 2.0, "b": 1.0}, F(1, 2), F(1, 2), 1 / log2(3)),
    "unjudged above relevant": ({"b": 1}, {"x": 2.0, "b": 1.0}, F(1, 2), F(1, 2), 1 / log2(3)),
    "everything unjudged": ({"b": 1, "c": 0}, {"x": 2.0, "y": 1.0}, 0, 0, 0),
    "graded in order": ({"a": 3, "b": 1}, {"a": 2.0, "b": 1.0}, 1, 1, 1),
    "graded against the order": (
        {"a": 3, "b": 1},
        {"b": 2.0, "a": 1.0},
        1,
        1,
        (1 + 3 / log2(3)) / (3 + 1 / log2(3)),
    ),
    "a gap in the grades": ({"a": 7, "b": 2}, {"b": 2.0, "a": 1.0}, 1, 1, (2 + 7 / log2(3)) / (7 + 2 / log2(3))),
    "tie: higher id first": ({"a": 1}, {"a": 1.0, "b": 1.0}, F(1, 2), F(1, 2), 1 / log2(3)),
    "tie: higher id first, the other way": ({"b": 1}, {"a": 1.0, "b": 1.0}, 1, 1, 1),
    "tie of three": ({"b": 1}, {"a": 1.0, "c": 1.0, "b": 1.0}, F(1, 2), F(1, 2), 1 / log2(3)),
    "tie: ids as text, not as numbers": ({"9": 1}, {"10": 1.0, "9": 1.0}, 1, 1, 1),
    "tie: capitals before small letters": ({"B": 1}, {"B": 1.0, "a": 1.0}, F(1, 2), F(1, 2), 1 / log2(3)),
    "tie: a prefix is lower": ({"ab": 1}, {"a": 1.0, "ab": 1.0}, 1, 1, 1),
    "tie: by code point beyond ASCII": ({"é": 1}, {"z": 1.0, "é": 1.0}, 1, 1, 1),
    "tie: beyond the basic plane": ({"𝒳": 1}, {"\uffee": 1.0, "𝒳": 1.0}, 1, 1, 1),
    "tie: ids with spaces": ({"a b": 1}, {"a b": 1.0, "a!b": 1.0}, F(1, 2), F(1, 2), 1 / log2(3)),
    "tie in 32 bits only": ({"a": 1}, {"a": 0.1 + 1e-9, "b": 0.1}, F(1, 2), F(1, 2), 1 / log2(3)),
    "no tie in 32 bits": ({"a": 1}, {"a": 0.1 + 1e-7, "b": 0.1}, 1, 1, 1),
    "tie of large integers": ({"a": 1}, {"a": 16777217.0, "b": 16777216.0}, F(1, 2), F(1, 2), 1 / log2(3)),
    "tie of zero and minus zero": ({"a": 1}, {"a": 0.0, "b": -0.0}, F(1, 2), F(1, 2), 1 / log2(3)),
    "tie of what is zero in 32 bits": ({"a": 1}, {"a": 1e-46, "b": 0.0}, F(1, 2), F(1, 2), 1 / log2(3)),
    "negative scores": ({"a": 1}, {"a": -1.0, "b": -2.0}, 1, 1, 1),
    "scores of every size": ({"a": 1}, {"a": 3e38, "b": -3e38, "c": 1e-30}, 1, 1, 1),
    "a negative grade is not relevant": ({"a": -1, "b": 1}, {"a": 2.0, "b": 1.0}, F(1, 2), F(1, 2), 1 / log2(3)),
    "a grade of -2": ({"a": -2, "b": 1, "c": 0}, {"a": 3.0, "c": 2.0, "b": 1.0}, F(1, 3), F(1, 3), 0.5),
    "negative and zero only": ({"a": -1, "b": 0}, {"a": 2.0, "b": 1.0}, 0, 0, 0),
    "only -1": ({"a": -1}, {"a": 2.0}, 0, 0, 0),
    "only large negatives": ({"a": -900, "b": -7}, {"a": 2.0, "c": 1.0}, 0, 0, 0),
    "no judgement at all": ({}, {"a": 2.0}, 0, 0, 0),
    "more relevant than results": (dict.fromkeys("abcdefgh", 1), {"a": 1.0}, F(1, 8), 1, None),
    "a long run": ({"d000": 1}, {f"d{n:03}": float(n) for n in range(150)}, F(1, 150), F(1, 150), 1 / log2(151)),
    "a high grade": ({"a": 1000, "b": 1}, {"a": 2.0, "b": 1.0}, 1, 1, 1),
}


@pytest.mark.parametrize("name", CASES)
def test_corner_cases_worked_by_hand(name: str) -> None:
    grades, scores, ap, rr, ndcg = CASES[name]
    found = score_run({"q": grades}, {"q": scores}, ["AP", "RR", "nDCG"]).per_query
    assert found["AP"]["q"] == pytest.approx(float(ap), abs=EXACT)
    assert found["RR"]["q"] == pytest.approx(float(rr), abs=EXACT)
    if ndcg is not None:
        assert found["nDCG"]["q"] == pytest.approx(ndcg, abs=EXACT)


@pytest.mark.parametrize("name", CASES)
def test_corner_cases_equal_trec_eval(name: str) -> None:
    grades, scores, *_ = CASES[name]
    _assert_equal({"q": grades}, {"q": scores})


def test_all_corner_cases_together_equal_trec_eval() -> None:
    """Nothing of one query leaks into another's values."""
    assert len(CASES) >= 30
    _assert_equal({name: case[0] for name, case in CASES.items()}, {name: case[1] for name, case in CASES.items()})


@pytest.mark.parametrize("seed", range(20))
def test_random_runs_with_forced_ties_equal_trec_eval(seed: int) -> None:
    """20 × 50 runs: graded judgements, unjudged documents, missing queries, scores equal in 64 or only in 32 bits."""
    rng = random.Random(seed)
    ids = [*"abcdeABC", "10", "9", "a b", "a!b", "é", "文書", "𝒳", "%20", "d-1", "d_1", "\x7f", "z" * 40]
    levels = [0.5, 0.5 + 1e-9, 0.25, -1.0, 3.0, 3.0000001, 7e-46, 0.0]
    for _ in range(50):
        qrels = {
            f"q{number}": {
                document: rng.choice([-2, -1, 0, 0, 1, 1, 2, 3, 4]) for document in rng.sample(ids, rng.randint(1, 9))
            }
            for number in range(rng.randint(1, 4))
        }
        run = {
            query: {document: rng.choice(levels) for document in rng.sample(ids, rng.randint(0, len(ids)))}
            for query in qrels
            if rng.random() < 0.9
        } | {"unjudged": {"a": 1.0}, "q0": {rng.choice(ids): 1.0}}
        _assert_equal(qrels, run)


def test_a_level_of_relevance_equals_trec_evals() -> None:
    qrels = {"q": {"a": 1, "b": 2, "c": 3, "d": 0}}
    run = {"q": {"d": 4.0, "a": 3.0, "c": 2.0, "b": 1.0}}
    expected = _trec_eval(qrels, run, level=2)
    found = score_run(qrels, run, ["AP(rel=2)", "P(rel=2)@3", "RR(rel=2)", "RR(rel=3)@10"]).per_query
    assert found["AP(rel=2)"] == expected["AP"] == {"q": pytest.approx((1 / 3 + 2 / 4) / 2)}
    assert found["P(rel=2)@3"] == expected["P@3"]
    assert found["RR(rel=2)"] == expected["RR"]
    assert found["RR(rel=3)@10"] == {"q": 1 / 3}


def test_measures_of_one_name_in_trec_eval_do_not_meet() -> None:
    """ir_measures, asked for both at once, gives one of them for the other."""
    qrels, run = {"q": {"a": 1, "b": 2}}, {"q": {"a": 2.0, "b": 1.0}}
    found = score_run(qrels, run, parse_measures("nDCG(gains={2:9})@5 nDCG@5 P(judged_only=True)@1")).per_query
    assert found["nDCG@5"]["q"] == pytest.approx((1 + 2 / log2(3)) / (2 + 1 / log2(3)))
    assert found["nDCG(gains={2:9})@5"]["q"] == pytest.approx((1 + 9 / log2(3)) / (9 + 1 / log2(3)))


def test_what_was_left_out_or_counted_as_0_is_told() -> None:
    qrels = {"found": {"a": 1}, "missing": {"a": 1}, "empty": {"a": 1}, "hopeless": {"a": 0, "b": -1}}
    run = {"found": {"a": 1.0}, "empty": {}, "hopeless": {"a": 1.0}, "else": {"a": 1.0}, "other": {"a": 1.0}}
    scores = score_run(qrels, run, ["AP"])
    assert scores.per_query == {"AP": {"found": 1.0, "missing": 0.0, "empty": 0.0, "hopeless": 0.0}}
    assert (scores.without_results, scores.without_relevant) == (("missing", "empty"), ("hopeless",))
    assert scores.not_judged == ("else", "other")
    assert (scores.mean("AP").value, scores.mean("AP").scored, scores.mean("AP").total) == (0.25, 4, 4)
    assert scores.notes == (
        "2 judged queries without results, counted as 0: missing, empty",
        "1 judged query without a relevant document, counted as 0: hopeless",
        "2 queries of the run without judgements, left out: else, other",
    )
    assert score_run({"q": {"a": 1}}, {"q": {"a": 1.0}}, ["AP"]).notes == ()


def test_a_system_that_finds_nothing_scores_0() -> None:
    for run in ({}, {"q": {}}):
        assert score_run({"q": {"a": 1}}, run, ["AP", "Judged@10", "RR@10"]).per_query == {
            name: {"q": 0.0} for name in ("AP", "Judged@10", "RR@10")
        }


def test_ids_that_c_cannot_hold_are_scored_all_the_same() -> None:
    qrels = {"q\0": {"a\0x": 1, "a": 0, "\ud800": 1}}
    run = {"q\0": {"a": 3.0, "a\0x": 2.0, "\ud800": 1.0}}
    assert score_run(qrels, run, ["AP"]).per_query["AP"]["q\0"] == pytest.approx((1 / 2 + 2 / 3) / 2)


@pytest.mark.parametrize(
    ("qrels", "run", "message"),
    [
        ({}, {"q": {"a": 1.0}}, "there are no judgements"),
        ({"1": {"a": 1}}, {"q1": {"a": 1.0}}, "it has q1; judged are 1"),
        ({"q": {"a": 1}}, {"q": {"b": float("nan")}}, "query 'q': document 'b'.*no finite number"),
        ({"q": {"a": 1}}, {"q": {"b": float("inf")}}, "no finite number"),
        ({"q": {"a": 1}}, {"q": {"b": 1e300}}, "32-bit"),
        ({"q": {"a": 1001}}, {"q": {"a": 1.0}}, "document 'a': the grade 1001"),
        ({"q": {"a": 0.5}}, {"q": {"a": 1.0}}, "the grade 0.5"),
        ({"q": {"a": float("nan")}}, {"q": {"a": 1.0}}, "the grade nan"),
    ],
)
def test_what_cannot_be_scored_is_refused(qrels: Mapping[str, Grades], run: Mapping[str, Scores], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        score_run(qrels, run, ["AP"])


def test_measures_have_canonical_names() -> None:
    assert parse_measures(" nDCG@10 MAP  AP(rel=1) R@100 MRR@10 Precision@5\nRecall@5 IPrec@0.10") == (
        *("nDCG@10", "AP", "R@100", "RR@10", "P@5", "R@5", "IPrec@0.1"),
    )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("ndcg@10", "did you mean nDCG@10?"),
        ("map", "did you mean AP or SetAP?"),
        ("recall@5", "did you mean R@5"),
        ("mrr@10", "did you mean RR@10"),
        ("P", "did you mean P@10"),
        ("P@0", "did you mean P@10"),
        ("AP@-1", "did you mean AP@10"),
        ("nDCG@x", "did you mean nDCG@10?"),
        ("P@True", "did you mean P@10"),
        ("hits@5", "did you mean Success@5?"),
        ("nDCG@10,AP", "did you mean nDCG@10?"),
        ("AP(foo=1)", "did you mean AP@10"),
        ("ERR@20", "did you mean RR@20"),
        ("NumRet", "there are nDCG, AP"),
        ("f1", "there are nDCG, AP"),
        ("nDCG(gains={1:100000})", "did you mean nDCG@10"),
        ("IPrec@0.101", "did you mean IPrec"),
        ("IPrec@1.5", "did you mean IPrec"),
        ("P(rel=0)@5", "did you mean P@10"),
        ("__import__('os')", "there are nDCG"),
    ],
)
def test_unknown_measures_get_the_nearest_names(name: str, hint: str) -> None:
    with pytest.raises(EvaluationError) as raised:
        parse_measures(f"AP {name}")
    assert f"there is no measure {name!r} (" in str(raised.value)
    assert hint in str(raised.value)


def test_no_measure_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="no measure is named"):
        parse_measures("  ")


@pytest.mark.parametrize(
    ("measures", "added"),
    [
        (["AP"], "Judged@10"),
        (["AP", "nDCG@5", "P@20"], "Judged@5"),
        (["IPrec@0.5", "AP@7"], "Judged@7"),
    ],
)
def test_judged_is_shown_beside_others(measures: list[str], added: str) -> None:
    assert with_judged(measures) == (*measures, added)
    assert with_judged([*measures, "Judged@3"]) == (*measures, "Judged@3")


def test_precision_and_recall_are_trec_evals_eleven_points() -> None:
    rng = random.Random(7)
    documents = [f"d{number}" for number in range(30)]
    qrels = {f"q{n}": {one: rng.choice([0, 1, 2]) for one in rng.sample(documents, 12)} for n in range(9)}
    run = {query: {one: rng.random() for one in rng.sample(documents, 20)} for query in list(qrels)[1:]}
    levels = [f"iprec_at_recall_{level / 10:.2f}" for level in range(11)]
    found = pytrec_eval.RelevanceEvaluator(qrels, {"iprec_at_recall"}).evaluate(run)
    points = precision_recall(qrels, run)
    assert [recall for recall, _ in points] == [level / 10 for level in range(11)]
    for (_, precision), name in zip(points, levels, strict=True):
        assert precision == pytest.approx(sum(row[name] for row in found.values()) / 9, abs=EXACT)
    by_hand = precision_recall({"q": {"a": 1, "c": 1}}, {"q": {"a": 3.0, "b": 2.0, "c": 1.0}})
    assert [precision for _, precision in by_hand] == [pytest.approx(1)] * 6 + [pytest.approx(2 / 3)] * 5


def test_means_are_those_that_ir_measures_prints_for_the_files(tmp_path: Path) -> None:
    rng = random.Random(3)
    documents = [f"doc {number}" for number in range(40)]
    qrels = {f"q{n}": {one: rng.choice([0, 0, 1, 3]) for one in rng.sample(documents, 10)} for n in range(25)}
    run = {query: {one: rng.choice([1.0, 2.0, 3.0]) for one in rng.sample(documents, 20)} for query in list(qrels)[2:]}
    write_qrels(tmp_path / "qrels", qrels)
    write_run(tmp_path / "run", run, "x")
    names = ("nDCG@10", "AP", "R@100", "P@5", "RR", "Bpref")
    printed = ir_measures.calc_aggregate(
        [ir_measures.parse_measure(name) for name in names],
        ir_measures.read_trec_qrels(str(tmp_path / "qrels")),
        ir_measures.read_trec_run(str(tmp_path / "run")),
    )
    scores = score_run(qrels, run, names)
    for measure, value in printed.items():
        assert scores.mean(str(measure)).value == pytest.approx(value, abs=EXACT)
