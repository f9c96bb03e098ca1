"""An evaluation as one HTML file, which opens anywhere: no script, and nothing is ever loaded from elsewhere.

The page forbids both by a Content-Security-Policy, so that no text from a document, an answer or a file name can do
more than be read. The charts are SVG within the page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rag.errors import EvaluationError, MissingExtraError
from rag.evaluation.experiment.folder import SCORES, write_atomically
from rag.evaluation.report import display
from rag.evaluation.results import Comparison, Evaluation, MeasureResult, Miss, QueryResult, Stage
from rag.evaluation.scores import Score

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["check_libraries", "render_report", "write_report"]

LIBRARIES = ("altair", "vl_convert", "jinja2")
WORST = 10  # questions shown at length
EXAMPLES = 5  # of each stage that lost the gold
FOUND = 5  # documents of a ranking
MAX_CELLS = 60_000  # of the table of all questions: more would make a browser slow
MIN_DRAWN = 5  # times from which a histogram says more than the figures beside it


@dataclass(frozen=True, slots=True)
class _Latency:
    name: str
    count: int
    mean: float
    p50: float
    p95: float
    max: float
    chart: str


@dataclass(frozen=True, slots=True)
class _Losses:
    stage: Stage
    count: int
    chart: str
    examples: Sequence[Miss]


@dataclass(frozen=True, slots=True)
class _Paired:
    """Comparisons of the same two systems."""

    system: str
    baseline: str
    comparisons: Sequence[Comparison]
    chart: str


@dataclass(frozen=True, slots=True)
class _ByQuestion:
    measure: str
    better: int
    equal: int
    worse: int
    chart: str


def write_report(path: Path, evaluation: Evaluation) -> None:
    """Write the report; the file is there whole or not at all. Raises EvaluationError, MissingExtraError."""
    html = render_report(evaluation)
    try:
        write_atomically(path, html)
    except OSError as error:
        raise EvaluationError(f"the report cannot be written: {error.strerror}", where=str(path)) from error


def check_libraries() -> None:
    """Raise MissingExtraError where a library of the report is absent: better before a long run than after it."""
    for name in LIBRARIES:
        try:
            import_module(name)
        except ImportError as error:
            raise MissingExtraError(
                f"the report needs {name}, which cannot be imported: {error}", hint="pip install 'ragstone[eval]'"
            ) from error


def render_report(evaluation: Evaluation) -> str:
    """The report as HTML. Raises MissingExtraError without the extra ``eval``."""
    check_libraries()
    from rag.evaluation.report import charts  # a second that no other command should wait

    measures = evaluation.measures
    main = next((one for one in measures if one.mean.scored), None)
    worst, as_bad = _worst(evaluation, main)
    rows = _by_score(evaluation, main)
    columns = [one for one in measures if any(one.name in query.scores for query in evaluation.queries)]
    shown = MAX_CELLS // (len(columns) + 6)
    points = evaluation.precision_recall
    page = (
        _environment()
        .get_template("report.html.jinja")
        .render(
            evaluation=evaluation,
            provenance=evaluation.provenance,
            style=_resource("report.css"),
            verdict=_verdict(evaluation),
            main=main,
            errors=[one for one in evaluation.queries if one.error],
            answered=sum(one.answer is not None for one in evaluation.queries),
            bars={one.name: charts.measure_bar(one) for one in measures if charts.is_drawn(one)},
            scale=charts.scale_of_bars(),
            paired=_paired(evaluation.comparisons),
            by_question=_by_question(evaluation),
            precision_recall=charts.precision_recall(points) if points else "",
            risk_coverage=charts.risk_coverage(evaluation.risk_coverage) if evaluation.risk_coverage else "",
            latencies=_latencies(evaluation.queries),
            losses=_losses(evaluation.misses),
            misses=_misses_by_query(evaluation.misses),
            worst=worst,
            as_bad=as_bad,
            columns=columns,
            rows=rows[:shown],
            queries={one.id: one for one in evaluation.queries},
            passages=_passages(worst),
            scores_file=SCORES,
            found=FOUND,
        )
    )
    return display.visible(page)


def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": display.number,
        "signed": display.signed,
        "p_value": display.p_value,
        "percent": display.percent,
        "duration": display.duration,
        "moment": display.moment,
        "shorten": display.shorten,
    }
    return environment


def _resource(name: str) -> str:
    return files("rag.evaluation.report").joinpath(name).read_text(encoding="utf-8")


def _verdict(evaluation: Evaluation) -> str:
    if evaluation.failures:
        return "fails"
    if not evaluation.queries:
        return "empty"
    expected = any(one.expected is not None for one in evaluation.measures)
    return "passes" if expected or evaluation.comparisons else "nothing expected"


def _value(query: QueryResult, measure: MeasureResult) -> float | None:
    return query.scores.get(measure.name, _NONE).value


_NONE = Score.missing("failed", "not scored by this measure")


def _by_score(evaluation: Evaluation, main: MeasureResult | None) -> list[QueryResult]:
    """Failed questions, then by the main measure, the worst first; then those without a score."""

    def place(query: QueryResult) -> tuple[int, float]:
        value = None if main is None else _value(query, main)
        if query.error or main is None or value is None:
            return (0 if query.error else 2), 0.0
        return 1, value if main.higher_is_better else -value

    return sorted(evaluation.queries, key=place)


def _worst(evaluation: Evaluation, main: MeasureResult | None) -> tuple[list[QueryResult], int]:
    """The worst questions, and how many there are that are no better than the last of them."""
    if main is None:
        return [], 0
    flawless = 1.0 if main.higher_is_better else 0.0
    flawed = [one for one in _by_score(evaluation, main) if _value(one, main) not in (None, flawless)]
    worst = flawed[:WORST]
    if not worst:
        return [], 0
    last = _value(worst[-1], main) or 0.0
    limits = (_value(one, main) or 0.0 for one in flawed)
    return worst, sum(value <= last if main.higher_is_better else value >= last for value in limits)


def _paired(comparisons: Sequence[Comparison]) -> list[_Paired]:
    from rag.evaluation.report import charts

    groups: dict[tuple[str, str], list[Comparison]] = defaultdict(list)
    for one in comparisons:
        groups[one.system, one.baseline].append(one)
    return [
        _Paired(system, baseline, group, charts.differences_by_measure(group))
        for (system, baseline), group in groups.items()
    ]


def _by_question(evaluation: Evaluation) -> _ByQuestion | None:
    """Differences to the baseline by the first measure that it has."""
    from rag.evaluation.report import charts

    for measure in evaluation.measures:
        before = evaluation.baseline.get(measure.name, {})
        differences = [
            value - before[query.id]
            for query in evaluation.queries
            if query.id in before and (value := _value(query, measure)) is not None
        ]
        if differences:
            better = sum((one > 0) == measure.higher_is_better for one in differences if one)
            equal = sum(one == 0 for one in differences)
            chart = charts.differences_by_query(differences, measure.name, higher_is_better=measure.higher_is_better)
            return _ByQuestion(measure.name, better, equal, len(differences) - better - equal, chart)
    return None


def _latencies(queries: Sequence[QueryResult]) -> list[_Latency]:
    from rag.evaluation.report import charts

    taken = {
        "Retrieval": [one.retrieval_seconds for one in queries if one.retrieval_seconds is not None],
        "Answering": [one.answer_seconds for one in queries if one.answer_seconds is not None],
    }
    return [
        _Latency(
            name,
            len(seconds),
            sum(seconds) / len(seconds),
            display.percentile(seconds, 50),
            display.percentile(seconds, 95),
            max(seconds),
            charts.latency(seconds, name) if len(set(seconds)) >= MIN_DRAWN else "",
        )
        for name, seconds in taken.items()
        if seconds
    ]


def _losses(misses: Sequence[Miss]) -> list[_Losses]:
    """By stage, in the order of the way of a question."""
    from rag.evaluation.report import charts

    groups: dict[Stage, list[Miss]] = {stage: [] for stage in get_args(Stage)}
    for miss in misses:
        groups[miss.stage].append(miss)
    most = max(map(len, groups.values()))
    return [
        _Losses(stage, len(group), charts.count_bar(len(group), most, f"{stage}: {len(group)}"), group[:EXAMPLES])
        for stage, group in groups.items()
        if group
    ]


def _misses_by_query(misses: Sequence[Miss]) -> Mapping[str, Sequence[Miss]]:
    grouped: dict[str, list[Miss]] = defaultdict(list)
    for miss in misses:
        grouped[miss.query].append(miss)
    return dict(grouped)


def _passages(queries: Sequence[QueryResult]) -> Mapping[tuple[str, str], str]:
    """Text of the best passage by question and document, where an answer brought passages along.

    A document's id is that of its record in the data set, or its uri: either finds it.
    """
    texts: dict[tuple[str, str], str] = {}
    for query in queries:
        if query.answer is not None:
            for hit in (*query.answer.hits, *query.answer.dropped):
                texts.setdefault((query.id, hit.chunk.uri), hit.chunk.text)
                if "_id" in hit.metadata:
                    texts.setdefault((query.id, str(hit.metadata["_id"])), hit.chunk.text)
    return texts
