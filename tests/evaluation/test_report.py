"""The report: its figures are the records', hostile texts stay texts, and a real browser opens it asking no one."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import pytest
from selectolax.lexbor import LexborHTMLParser

from rag.errors import EvaluationError
from rag.evaluation.datasets import Question
from rag.evaluation.report.page import MAX_CELLS, render_report, write_report
from rag.evaluation.results import (
    Comparison,
    Evaluation,
    MeasureResult,
    Miss,
    Provenance,
    QueryResult,
    Retrieved,
    RiskPoint,
)
from rag.evaluation.scores import Score, mean
from rag.types import Answer, Chunk, Citation, Hit, Sentence

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

QUESTIONS = (
    ("When did the 1973 oil crisis begin?", "October 1973", "1973_oil_crisis#0"),
    ("What was the price of a barrel of oil in March of 1974?", "nearly $12", "1973_oil_crisis#0"),
    ("Which company opened a nuclear plant near Sizewell, and in what year was its second reactor approved?", "1987",
     "Sizewell_B#3"),
    ("In what country is Normandy located?", "France", "Normans#0"),
    ("Who ruled the duchy of Normandy?", "Richard I", "Normans#1"),
    ("What is the term for the set of problems solvable in polynomial time by a deterministic machine?", "P",
     "Computational_complexity_theory#12"),
    ("What does the immune system use to tell its own cells from foreign ones?", "MHC class I molecules",
     "Immune_system#7"),
    ("北京大学的前身叫什么名字？", "京师大学堂", "北京大学#2"),
    ("ما هي أكبر مدينة في مصر من حيث عدد السكان؟", "القاهرة", "مصر#4"),
    ("How high is the tower that was begun in 1887 for the Exposition Universelle?", "330 metres", "Eiffel_Tower#0"),
)  # fmt: skip
RECIPE = """[chunker]
kind = "structure"
max_tokens = 256

[embedder]
model = "minilm"

[retrieval]
mode = "hybrid"
fusion = "convex"
weight = 0.5
"""


def answer_to(question: str, text: str, document: str, verdict: str = "supported", score: float = 0.9) -> Answer:
    source = f"{text}. The passage goes on with what else is known of it, in words that nobody asked for."
    chunk = Chunk(document, document, 0, len(source), source, title=document.partition("#")[0])
    citation = Citation(1, document, chunk.id, document, chunk.title, 0, len(text), text, score)
    sentence = Sentence(text, 0, len(text), score, verdict == "supported", (citation,))
    hit = Hit(chunk, 0.9, 1, metadata={"_id": document})
    return Answer(question, f"{text} [1]", verdict, (sentence,), text, (hit,), score=score)  # type: ignore[arg-type]


def results(count: int, chance: random.Random) -> list[QueryResult]:
    made = []
    for number in range(count):
        question, right, gold = QUESTIONS[number % len(QUESTIONS)]
        found = chance.random()
        rank = 0 if found < 0.62 else 1 if found < 0.75 else chance.randint(2, 9) if found < 0.9 else 99
        ranking = [Retrieved(f"Passage_{chance.randint(1, 900)}#{place}", 0.9 - place / 20) for place in range(12)]
        if rank < len(ranking):
            ranking[rank] = Retrieved(gold, ranking[rank].score)
        verdict = "not in the documents" if chance.random() < 0.12 else "supported"
        gain = 0.0 if rank > 9 else (1.0, 0.6309, 0.5, 0.4307, 0.3869, 0.3562, 0.3333, 0.3155, 0.301, 0.2891)[rank]
        refused = verdict == "not in the documents"
        scores = {
            "nDCG@10": Score(gain),
            "RR": Score(0.0 if rank > 9 else 1 / (rank + 1)),
            "R@10": Score(float(rank < 10)),
            "Judged@10": Score(min(1.0, chance.choice((0.1, 0.2, 0.3)))),
            "exact match": Score(float(rank == 0 and chance.random() < 0.7)),
            "F1": Score(min(1.0, max(0.0, chance.gauss(0.75 if rank == 0 else 0.2, 0.2)))),
            "faithfulness": Score.missing("refused") if refused else Score(chance.choice((0.5, 1.0, 1.0, 1.0))),
            "over-refusal": Score(float(refused)),
        }
        answer = answer_to(question, right if rank == 0 else "The text does not say so", gold, verdict, chance.random())
        taken = chance.lognormvariate(-4.3, 0.35)
        made.append(
            QueryResult(f"q{number:04d}", question, tuple(ranking), taken, answer, chance.lognormvariate(-0.4, 0.5),
                        scores=scores)
        )  # fmt: skip
    return made


def evaluation_of(count: int = 200, *, seed: int = 1) -> Evaluation:
    """What an evaluation of ``count`` questions against a baseline looks like."""
    chance = random.Random(seed)
    queries = results(count, chance)
    if count > 20:
        queries[17] = QueryResult(
            "q0017", queries[17].question, error="the endpoint did not answer in 30 s",
            scores={name: Score.missing("failed", "time-out") for name in queries[0].scores},
        )  # fmt: skip
    names = list(queries[0].scores) if queries else ["nDCG@10"]
    expected = {"nDCG@10": (0.74, 0.02), "F1": (0.70, 0.01), "RR": (0.72, 0.05)} if count > 20 else {}
    measures = []
    for name in names:
        average = mean(query.scores[name] for query in queries)
        value = average.value
        measures.append(
            MeasureResult(
                name,
                average,
                None if value is None else max(0.0, value - 0.045),
                None if value is None else min(1.0, value + 0.043),
                *expected.get(name, (None, None)),
                higher_is_better=name != "over-refusal",
            )
        )
    before = {
        name: {
            query.id: min(1.0, max(0.0, score.value + chance.choice((0, 0, 0, 0, 0.2, -0.3, 0.37, -0.5, 0.1))))
            for query in queries
            if (score := query.scores[name]).value is not None
        }
        for name in ("nDCG@10", "F1", "over-refusal")
    }
    comparisons = tuple(
        compared(name, before[name], queries, p)
        for name, p in (("nDCG@10", 0.0006), ("F1", 0.184), ("over-refusal", 0.03))
        if before[name]
    )
    stages = ("not loaded", "missed by dense", "missed by both", "lost in fusion", "cut by the context budget",
              "generated wrong", "generated wrong", "wrongly refused")  # fmt: skip
    misses = tuple(
        Miss(query.id, stages[chance.randrange(len(stages))], "dense has the gold at 143, sparse at 12",  # type: ignore[arg-type]
             QUESTIONS[number % len(QUESTIONS)][2], 120, 168)
        for number, query in enumerate(queries)
        if (value := query.scores["nDCG@10"].value) is not None and value < 0.6
    )  # fmt: skip
    risks = [RiskPoint(1 - step / 40, step / 40, 0.04 + 0.26 * (step / 40) ** 2) for step in range(2, 41)]
    return Evaluation(
        name="SQuAD2, hybrid with SmolLM2",
        dataset="squad2",
        measures=tuple(measures),
        queries=tuple(queries),
        provenance=Provenance(
            command="rag eval eval/squad2-answers.toml --answers --explain-misses --baseline eval/results/squad2.jsonl",
            started="2026-05-14T09:12:47+00:00",
            seconds=437.2,
            recipe_name="default",
            recipe_toml=RECIPE,
            index="indexes/built/squad2",
            seed=13,
            versions={"python": "3.11.2", "ragstone": "0.1.0", "numpy": "2.4.6", "openvino": "2026.4.1"},
            machine="Intel Xeon 8488C (avx512f, amx_bf16), 2 cores, 24 GiB, Linux x86_64",
            hashes={
                "corpus.jsonl": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                "qrels/test.tsv": "0b1c5a3f0f2b44d0a9a8be10cf1c1f1b8f0e6f6df3f6a3a2b94cbd0c8c0b7f11",
                "embedder minilm": "9d1e6c0f5a4f4d3caa7ce0d57f5b2f1d9f5fd7f4a3f0d7f3b1b2a79f0f5d8c22",
            },
        ),
        comparisons=comparisons,
        baseline=before,
        precision_recall=tuple((level / 10, 0.86 - 0.07 * level + 0.002 * level**2) for level in range(11)),
        risk_coverage=tuple(risks),
        auroc=0.8127,
        misses=misses,
        notes=("8 judged questions have no result and count 0.", "Of the ten best, 19% are judged at all."),
        failures=tuple(
            f"{one.name} is {one.mean.value:.4f} over {one.mean.scored} of {one.mean.total} questions"
            for one in measures if not (one.is_covered and one.is_expected)
        ),
        gold={
            query.id: Question(query.id, query.question, (QUESTIONS[n % len(QUESTIONS)][1],),
                               documents=(QUESTIONS[n % len(QUESTIONS)][2],))
            for n, query in enumerate(queries)
        },
    )  # fmt: skip


def compared(measure: str, before: Mapping[str, float], queries: list[QueryResult], p: float) -> Comparison:
    pairs = [(before[one.id], one.scores[measure].value or 0.0) for one in queries if one.id in before]
    differences = [after - was for was, after in pairs]
    return Comparison(
        measure=measure,
        baseline="hybrid, SmolLM2 at 0.1.0",
        system="SQuAD2, hybrid with SmolLM2",
        n=len(pairs),
        baseline_mean=fmean(was for was, _ in pairs),
        system_mean=fmean(after for _, after in pairs),
        difference=fmean(differences),
        low=fmean(differences) - 0.024,
        high=fmean(differences) + 0.026,
        effect_size=0.211,
        wins=sum(one > 0 for one in differences),
        ties=sum(one == 0 for one in differences),
        losses=sum(one < 0 for one in differences),
        p_t=p / 3,
        p_randomization=p / 3,
        p_corrected=p,
        higher_is_better=measure != "over-refusal",
    )


def without_results(evaluation: Evaluation) -> Evaluation:
    return replace(
        evaluation,
        measures=(MeasureResult("nDCG@10", mean(())),),
        queries=(),
        comparisons=(),
        baseline={},
        precision_recall=(),
        risk_coverage=(),
        auroc=None,
        misses=(),
        notes=(),
        failures=(),
        gold={},
    )


def with_errors_only(evaluation: Evaluation) -> Evaluation:
    failed = Score.missing("failed", "no connection")
    queries = tuple(
        QueryResult(one.id, one.question, error="no connection", scores=dict.fromkeys(one.scores, failed))
        for one in evaluation.queries
    )
    measures = tuple(
        replace(one, mean=mean(query.scores[one.name] for query in queries), low=None, high=None)
        for one in evaluation.measures
    )
    return replace(without_results(evaluation), measures=measures, queries=queries, failures=("no mean is covered",))


def retrieval_only(evaluation: Evaluation) -> Evaluation:
    kept = {"nDCG@10", "RR", "R@10", "Judged@10"}
    return replace(
        evaluation,
        measures=tuple(one for one in evaluation.measures if one.name in kept),
        queries=tuple(replace(one, answer=None, answer_seconds=None) for one in evaluation.queries),
        risk_coverage=(),
        auroc=None,
        failures=(),
    )


def answers_only(evaluation: Evaluation) -> Evaluation:
    return replace(
        evaluation,
        measures=tuple(one for one in evaluation.measures if one.name in {"exact match", "F1", "faithfulness"}),
        queries=tuple(replace(one, ranking=(), retrieval_seconds=None) for one in evaluation.queries),
        precision_recall=(),
        gold={},
    )


def nothing_known(evaluation: Evaluation) -> Evaluation:
    """Queries without scores or seconds, and measures without a mean or beyond the scale from 0 to 1."""
    queries = tuple(QueryResult(one.id, one.question) for one in evaluation.queries)
    measures = (
        MeasureResult("nDCG@10", mean(Score.missing("failed") for _ in queries), expected=0.5, tolerance=0.01),
        MeasureResult("NumRet", mean([Score(37.5), Score(41.5)]), 37.5, 41.5),
    )
    return replace(without_results(evaluation), queries=queries, measures=measures)


SHAPES: dict[str, Callable[[], Evaluation]] = {
    "no questions": lambda: without_results(evaluation_of(3)),
    "all failed": lambda: with_errors_only(evaluation_of(8)),
    "one question": lambda: evaluation_of(1),
    "retrieval only": lambda: retrieval_only(evaluation_of(30)),
    "answers only": lambda: answers_only(evaluation_of(30)),
    "nothing known": lambda: nothing_known(evaluation_of(4)),
    "all the same": lambda: replace(
        evaluation_of(6), queries=tuple(evaluation_of(1).queries) * 6, risk_coverage=(RiskPoint(0.0, 1.0, 0.0),)
    ),
}


@pytest.fixture(scope="module")
def sample() -> Evaluation:
    return evaluation_of(60)


@pytest.fixture(scope="module")
def file(sample: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, sample)
    return path


@pytest.fixture(scope="module")
def page(file: Path) -> LexborHTMLParser:
    return LexborHTMLParser(file.read_text(encoding="utf-8"))


def value_of(cell: object) -> list[float]:
    return [float(node.attributes["value"] or "nan") for node in cell.css("data")]  # type: ignore[attr-defined]


def shown(cell: object) -> list[str]:
    return [node.text() for node in cell.css("data")]  # type: ignore[attr-defined]


def test_the_measures_are_the_records(sample: Evaluation, page: LexborHTMLParser) -> None:
    rows = page.css("#measures tbody tr")
    assert len(rows) == len(sample.measures)
    for row, one in zip(rows, sample.measures, strict=True):
        assert one.name in row.css_first("th").text()
        assert ("lower is better" in row.text()) == (not one.higher_is_better)
        assert value_of(row.css_first("td.mean")) == [one.mean.value]
        assert shown(row.css_first("td.mean")) == [f"{one.mean.value:.4f}"]
        assert value_of(row.css_first("td.interval")) == [one.low, one.high]
        coverage = row.css_first("td.coverage").text()
        assert f"{one.mean.scored} of {one.mean.total}" in coverage
        for status, count in one.mean.statuses.items():
            assert f"{count} {status}" in coverage
        assert ("covered" in coverage) == (not one.is_covered)
        flagged = "flagged" in (row.attributes.get("class") or "")
        assert flagged == (not one.is_covered or not one.is_expected)
        if one.expected is not None:
            assert value_of(row.css_first("td.expected")) == [one.expected]
            assert f"± {one.tolerance:.4f}" in row.css_first("td.expected").text()
    kinds = [(one.is_covered, one.is_expected) for one in sample.measures]
    assert {(True, True), (True, False), (False, True)} <= set(kinds)  # the sample has them all


def test_a_bar_is_as_long_as_its_mean(sample: Evaluation, page: LexborHTMLParser) -> None:
    for row, one in zip(page.css("#measures tbody tr"), sample.measures, strict=True):
        [bar] = [node for node in row.css("td.bar path") if "var(--bar" in (node.attributes.get("fill") or "")]
        width = float((bar.attributes["d"] or "").split("h")[1].split("v")[0])
        assert width / 240 == pytest.approx(one.mean.value, abs=0.003)
        name = row.css_first("svg").attributes["aria-label"] or ""
        assert f"{one.name}: {one.mean.value:.4f}" in name
        assert row.css_first("svg title").text().startswith(one.name)


def test_the_verdict_names_what_failed(sample: Evaluation, page: LexborHTMLParser) -> None:
    assert "Does not pass" in page.css_first(".verdict").text()
    assert [node.text() for node in page.css(".verdict li")] == list(sample.failures)
    assert [node.text() for node in page.css(".notes li")] == list(sample.notes)


@pytest.mark.parametrize(("expected", "verdict"), [(0.5, "Passes"), (None, "neither passes nor fails")])
def test_an_evaluation_passes_only_what_was_expected_of_it(expected: float | None, verdict: str) -> None:
    one = evaluation_of(1)
    measure = MeasureResult("nDCG@10", mean([Score(0.5)]), expected=expected)
    page = LexborHTMLParser(render_report(replace(without_results(one), queries=one.queries, measures=(measure,))))
    assert verdict in page.css_first(".verdict").text()


def test_the_comparison_is_the_records(sample: Evaluation, page: LexborHTMLParser) -> None:
    rows = page.css(".comparison tbody tr")
    for row, one in zip(rows, sample.comparisons, strict=True):
        assert value_of(row) == [one.difference, one.low, one.high, one.baseline_mean, one.system_mean]
        cells = [cell.text() for cell in row.css("td")]
        assert cells[0] == one.verdict
        assert cells[6:9] == [str(one.wins), str(one.ties), str(one.losses)]
        assert cells[-1] == ("< 0.001" if one.p_corrected < 0.001 else f"{one.p_corrected:.3f}")
    before = sample.baseline["nDCG@10"]
    differences = [
        value - before[one.id] for one in sample.queries if (value := one.scores["nDCG@10"].value) is not None
    ]
    better, equal, worse = (sum((one > 0) - (one < 0) == sign for one in differences) for sign in (1, 0, -1))
    assert f"{better} better{equal} equal{worse} worse" in page.css_first("#comparison").text().replace("\n", "")


def test_a_loss_by_a_rate_of_error_is_a_rise(sample: Evaluation) -> None:
    risen = replace(
        sample,
        measures=tuple(one for one in sample.measures if one.name == "over-refusal"),
        baseline={"over-refusal": dict.fromkeys((one.id for one in sample.queries), 0.0)},
    )
    page = LexborHTMLParser(render_report(risen))
    refused = sum(one.scores["over-refusal"].value == 1 for one in sample.queries)
    assert refused
    assert f"0 better{len(sample.queries) - 1 - refused} equal{refused} worse" in page.css_first("#comparison").text()


def test_curves_latency_and_misses_are_the_records(sample: Evaluation, page: LexborHTMLParser) -> None:
    tables = page.css("#curves table.values")
    assert [
        (float(a.text()), b) for row in tables[0].css("tbody tr") for a in row.css("td")[:1] for b in value_of(row)
    ] == [pytest.approx(point) for point in sample.precision_recall]
    assert [value for row in tables[1].css("tbody tr") for value in value_of(row)] == [
        point.threshold for point in sample.risk_coverage
    ]
    assert sample.auroc in value_of(page.css_first("#curves"))
    seconds = sorted(one.retrieval_seconds for one in sample.queries if one.retrieval_seconds is not None)
    row = [cell.text() for cell in page.css("table.latency tbody tr")[0].css("td")]
    assert row[0] == str(len(seconds))
    assert row[3] == f"{seconds[-1] * 1000:.1f} ms"
    counts = {
        node.css_first(".stage-name").text(): node.css_first(".stage-count").text() for node in page.css(".stage")
    }
    for stage, count in counts.items():
        assert int(count.split()[0]) == sum(miss.stage == stage for miss in sample.misses)
    assert set(counts) == {miss.stage for miss in sample.misses}


def test_the_worst_questions_come_first_with_what_was_right_and_what_was_found(
    sample: Evaluation, page: LexborHTMLParser
) -> None:
    values = sorted(one.scores["nDCG@10"].value or 0.0 for one in sample.queries if not one.error)
    cases = page.css("#worst > .cases > li")
    assert [value_of(case.css_first(".scores"))[0] for case in cases] == values[: len(cases)]
    by_id = {one.id: one for one in sample.queries}
    for case in cases:
        query = by_id[case.css(".id")[-1].text()]
        gold = sample.gold[query.id]
        assert query.question in case.css_first("h4").text()
        assert gold.answers[0] in case.text()
        assert [one.text() for one in case.css(".found .id")] == [got.document for got in query.ranking[:5]]
        marked = [one.css_first(".id").text() for one in case.css(".found li.right")]
        assert marked == [got.document for got in query.ranking[:5] if got.document in gold.documents]
        assert query.answer is not None
        assert query.answer.text in case.text()
        assert query.answer.verdict in case.text()


def test_the_table_of_questions_has_them_all(sample: Evaluation, page: LexborHTMLParser) -> None:
    rows = page.css(".questions tbody tr")
    by_id = {one.id: one for one in sample.queries}
    assert {row.css_first(".id").text() for row in rows} == set(by_id)
    values = []
    for row in rows:
        query = by_id[row.css_first(".id").text()]
        cells = [cell.text() for cell in row.css("td")][: len(sample.measures)]
        scores = [query.scores[one.name] for one in sample.measures]
        assert cells == [f"{one.value:.4f}" if one.value is not None else one.status for one in scores]
        values.append(-1.0 if query.error else query.scores["nDCG@10"].value or 0.0)
    assert values == sorted(values)
    assert page.css_first(".questions").parent.parent.tag == "details"  # type: ignore[union-attr]


def test_how_to_repeat_it(sample: Evaluation, page: LexborHTMLParser) -> None:
    text = page.css_first("#provenance").text()
    made = sample.provenance
    assert page.css_first("pre.command").text() == made.command
    assert made.recipe_toml in text
    for part in (
        "2026-05-14 09:12:47 UTC",
        str(made.seed),
        made.machine,
        *made.versions.values(),
        *made.hashes.values(),
        *made.hashes,
    ):
        assert part in text


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_of_evaluation_has_a_report(shape: str) -> None:
    html = render_report(SHAPES[shape]())
    page = LexborHTMLParser(html)
    text = page.body.text() if page.body else ""
    assert "nan" not in text.casefold().split()
    assert "None" not in text
    assert page.css_first("#provenance") is not None
    for link in page.css("nav a"):
        assert page.css_first(link.attributes["href"] or "") is not None
    for part in page.css("section[id]"):
        assert f'href="#{part.id}"' in html


HOSTILE = (
    '</script></style></title></textarea><img src=http://evil.test/a.png onerror="alert(1)"><script>alert(2)</script>'
    "\"' onmouseover=alert(3) {{ 7*7 }} {% raw %} <svg onload=alert(4)> &lt;b&gt; \x00\x07\x1b[31m\x9b \ud800 "
    "\u202egnp.exe \u2066x ﷐ <a href='javascript:alert(5)'>x</a> url(http://evil.test/b) ]]> --> <!--"
)


def hostile(evaluation: Evaluation, text: str = HOSTILE) -> Evaluation:
    """Every text of an evaluation replaced by one that would do harm."""
    names = {one.name: f"{one.name} {text}" for one in evaluation.measures}
    queries = tuple(
        QueryResult(
            f"{one.id}{text}",
            text,
            (Retrieved(text, 1.0), *one.ranking[:2]),
            one.retrieval_seconds,
            answer_to(text, text, text),
            one.answer_seconds,
            error=text if number == 3 else "",
            scores={names[name]: replace(score, detail=text) if score.value is None else score
                    for name, score in one.scores.items()},
        )
        for number, one in enumerate(evaluation.queries)
    )  # fmt: skip
    return replace(
        evaluation,
        name=text,
        dataset=text,
        measures=tuple(replace(one, name=names[one.name]) for one in evaluation.measures),
        queries=queries,
        comparisons=tuple(
            replace(one, measure=names[one.measure], system=text, baseline=text) for one in evaluation.comparisons
        ),
        baseline={
            names[name]: {f"{query}{text}": value for query, value in values.items()}
            for name, values in evaluation.baseline.items()
        },
        misses=tuple(Miss(f"{one.query}{text}", one.stage, text, text, 0, 5) for one in evaluation.misses),
        notes=(text,),
        failures=(text,),
        gold={
            f"{one.id}{text}": Question(f"{one.id}{text}", text, (text,), documents=(text,))
            for one in evaluation.queries
        },
        provenance=replace(
            evaluation.provenance, command=text, started=text, recipe_name=text, recipe_toml=text, index=text,
            versions={text: text}, machine=text, hashes={text: text},
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def hostile_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    write_report(path, hostile(evaluation_of(30)))
    return path


def test_hostile_texts_stay_texts(hostile_file: Path) -> None:
    html = hostile_file.read_text(encoding="utf-8")
    page = LexborHTMLParser(html)
    assert not page.css("script, img, iframe, object, embed, base, form, input, a[href^='javascript']")
    assert {link.attributes["href"] for link in page.css("link")} == {"data:,"}
    assert all((link.attributes["href"] or "").startswith("#") for link in page.css("a"))
    assert len(page.css("style")) == 1
    for node in page.css("*"):
        assert not [name for name in node.attributes if name.startswith("on") or name in {"src", "xlink:href"}]
    title = page.css_first("h1").text()
    assert title.startswith("</script></style></title>")
    assert "⟨U+0000⟩⟨U+0007⟩⟨U+001B⟩[31m⟨U+009B⟩ ⟨U+D800⟩ ⟨U+202E⟩gnp.exe ⟨U+2066⟩x" in title
    assert "{{ 7*7 }}" in title
    assert not [c for c in html if (ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066"]


def test_the_policy_comes_before_any_text(page: LexborHTMLParser) -> None:
    assert page.head is not None
    metas = page.head.css("meta")
    assert metas[0].attributes.get("charset") == "utf-8"
    policy = metas[1].attributes
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert "default-src 'none'" in (policy["content"] or "")
    assert "script-src" not in (policy["content"] or "")


def test_long_questions_are_cut_and_1500_are_fast() -> None:
    long = evaluation_of(1500)
    long = replace(long, queries=tuple(replace(one, question=one.question + " why" * 5000) for one in long.queries))
    started = time.process_time()
    html = render_report(long)
    assert time.process_time() - started < 10
    assert len(html.encode()) < 5_000_000
    assert len(LexborHTMLParser(html).css(".questions tbody tr")) == 1500


def test_beyond_the_cap_the_page_names_the_file_with_the_rest() -> None:
    few = evaluation_of(1)
    many = MAX_CELLS // (len(few.measures) + 6) + 5
    queries = tuple(replace(few.queries[0], id=str(number)) for number in range(many))
    page = LexborHTMLParser(render_report(replace(few, queries=queries, misses=(), baseline={}, comparisons=())))
    assert len(page.css(".questions tbody tr")) == many - 5
    assert "The other 5 are in scores.jsonl" in page.css_first("#questions").text()


def test_the_file_is_written_whole_or_not_at_all(sample: Evaluation, file: Path, tmp_path: Path) -> None:
    assert [one.name for one in file.parent.iterdir()] == ["report.html"]
    with pytest.raises(EvaluationError, match="cannot be written"):
        write_report(tmp_path / "no" / "report.html", without_results(sample))


@pytest.mark.parametrize("absent", ["altair", "vl_convert", "jinja2"])
def test_without_the_extra_the_error_names_it(absent: str) -> None:
    code = (
        f"import sys; sys.modules[{absent!r}] = None\n"
        "from rag.errors import MissingExtraError\n"
        "from rag.evaluation.report.page import render_report\n"
        "try:\n    render_report(None)\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "ragstone[eval]" in done.stdout
    assert absent in done.stdout


def test_importing_the_report_does_not_import_its_libraries() -> None:
    code = "import rag.evaluation.report.page, sys; print({'altair', 'vl_convert', 'jinja2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def opened(browser: Browser, path: Path, *, width: int = 1200, scheme: str = "light") -> tuple[Page, list[str]]:
    """The report in a new page, and what went wrong or was asked of others."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    tab = context.new_page()
    troubles: list[str] = []
    tab.on("request", lambda request: troubles.append(request.url) if request.url != path.as_uri() else None)
    tab.on("console", lambda message: troubles.append(message.text))
    tab.on("pageerror", lambda error: troubles.append(str(error)))
    tab.on("dialog", lambda dialog: troubles.append(dialog.message))
    tab.goto(path.as_uri())
    tab.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    tab.wait_for_load_state("networkidle")
    return tab, [one for one in troubles if not one.startswith("data:")]


@pytest.mark.parametrize(
    ("shape", "width", "scheme"),
    [("sample", 1200, "light"), ("sample", 400, "dark"), ("hostile", 1200, "light"), ("hostile", 400, "light")],
)
def test_a_browser_opens_it_without_asking_anyone(
    browser: Browser, file: Path, hostile_file: Path, shape: str, width: int, scheme: str
) -> None:
    tab, troubles = opened(browser, file if shape == "sample" else hostile_file, width=width, scheme=scheme)
    try:
        assert troubles == []
        sizes = tab.eval_on_selector_all(
            "svg", "all => all.map(one => [one.getBoundingClientRect().width, one.getBoundingClientRect().height])"
        )
        drawn = [size for size in sizes if size[0] > 0]
        assert len(drawn) >= 15
        assert all(wide >= 150 and high >= 5 for wide, high in drawn)
        page_width = tab.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert page_width[0] <= page_width[1]
        # Letters in a chart, and the halos behind them, have the page's colours: no black on black.
        fills = set(tab.eval_on_selector_all("figure svg text", "all => all.map(one => getComputedStyle(one).fill)"))
        assert fills <= ({"rgb(92, 99, 109)", "rgb(26, 29, 33)", "rgb(255, 255, 255)"} if scheme == "light" else
                         {"rgb(160, 168, 178)", "rgb(230, 232, 235)", "rgb(20, 23, 26)"})  # fmt: skip
    finally:
        tab.context.close()


def test_the_browser_tests_would_notice(browser: Browser, file: Path, tmp_path: Path) -> None:
    """A page that asks for a picture, by its own markup and with no policy, is caught by the same means."""
    leaky = tmp_path / "leaky.html"
    html = file.read_text(encoding="utf-8")
    leaky.write_text(html.replace("<main>", '<main><img src="http://127.0.0.1:9/pixel.png">'), encoding="utf-8")
    tab, troubles = opened(browser, leaky)
    tab.context.close()
    assert any("Content Security Policy" in one for one in troubles)
    leaky.write_text("<img src='http://127.0.0.1:9/pixel.png'>", encoding="utf-8")
    tab, troubles = opened(browser, leaky)
    tab.context.close()
    assert "http://127.0.0.1:9/pixel.png" in troubles


def test_labels_of_charts_are_not_cut(browser: Browser, file: Path) -> None:
    tab, _ = opened(browser, file)
    try:
        outside = tab.eval_on_selector_all(
            "figure svg",
            """all => all.flatMap(svg => {
                const box = svg.getBoundingClientRect();
                return [...svg.querySelectorAll('text')].filter(text => {
                    const at = text.getBoundingClientRect();
                    return at.left < box.left - 4 || at.right > box.right + 4 || at.top < box.top - 4
                        || at.bottom > box.bottom + 4;
                }).map(text => text.textContent);
            })""",
        )
        assert outside == []
    finally:
        tab.context.close()
