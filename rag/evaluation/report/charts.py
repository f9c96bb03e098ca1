"""The report's charts, as SVG: every figure is 460 units wide, so that it can be read on a phone as it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Literal

import altair as alt
import numpy as np

from rag.evaluation.report.display import duration, number, percent, percentile, signed, visible
from rag.evaluation.report.drawing import (
    BAND,
    BAR,
    BAR_HEIGHT,
    BAR_OF_ERRORS,
    BETTER,
    GRID,
    HEIGHT,
    INK,
    MAIN,
    PAPER,
    SOFT,
    WORSE,
    Chart,
    Row,
    chart_of,
    figure,
    layered,
    named_data,
    small,
    svg,
)  # fmt: skip
from rag.evaluation.results import Comparison, MeasureResult, RiskPoint

SHARE = alt.Scale(domain=[0, 1])
BINS = 30


def is_drawn(result: MeasureResult) -> bool:
    """Whether a measure fits the scale from 0 to 1."""
    values = (result.mean.value, result.low, result.high)
    return result.mean.value is not None and all(value is None or 0 <= value <= 1 for value in values)


def measure_bar(result: MeasureResult) -> str:
    """A mean as a bar from 0 to 1, its interval as a line, and what is expected as a band behind."""
    said = f"{result.name}: {number(result.mean.value)}"
    colour = BAR if result.higher_is_better else BAR_OF_ERRORS
    data: dict[str, list[Row]] = {
        "scale": [{"at": quarter / 4} for quarter in range(5)],
        "bar": [{"from": 0.0, "to": result.mean.value or 0.0, "colour": colour}],
    }
    if result.expected is not None:
        margin = result.tolerance or 0.0
        low, high = max(0.0, result.expected - margin), min(1.0, result.expected + margin)
        said += f", expected {number(result.expected)} ± {number(margin)}"
        data["band"] = [{"from": low, "to": max(high, low + 0.006)}]
    if result.low is not None and result.high is not None:
        said += f", 95% interval {number(result.low)} to {number(result.high)}"
        data["interval"] = [{"from": result.low, "to": result.high}]
    return svg({**_bar_without_data(), "datasets": {**_EMPTY, **data}}, said)


def count_bar(count: int, most: int, said: str) -> str:
    """A count as a bar; ``most`` fills the width."""
    data: dict[str, list[Row]] = {"bar": [{"from": 0.0, "to": count / most, "colour": BAR_OF_ERRORS}]}
    return svg({**_bar_without_data(), "datasets": {**_EMPTY, **data}}, said)


_EMPTY: Mapping[str, list[Row]] = {"scale": [], "band": [], "bar": [], "interval": []}


@cache
def _bar_without_data() -> dict[str, object]:
    """Vega-Lite of a bar. There is one in every row of a table, and Altair takes longer to check than to draw."""
    middle = BAR_HEIGHT / 2
    start, end = (alt.X(f"{name}:Q", axis=None, scale=SHARE) for name in ("from", "to"))
    interval = named_data("interval")
    line = interval.encode(x=start, x2="to", y=alt.value(middle))
    tips = {"y": alt.value(middle - 4), "y2": alt.value(middle + 4)}
    layers = layered(
        named_data("scale").mark_rule(color=GRID).encode(x=alt.X("at:Q", axis=None, scale=SHARE)),
        named_data("band").mark_rect(color=BAND).encode(x=start, x2="to", y=alt.value(0), y2=alt.value(BAR_HEIGHT)),
        named_data("bar")
        .mark_rect()
        .encode(
            x=start,
            x2="to",
            y=alt.value(middle - 5),
            y2=alt.value(middle + 5),
            color=alt.Color("colour:N", scale=None),
        ),
        line.mark_rule(color=INK, strokeWidth=1.5),
        interval.mark_rule(color=INK, strokeWidth=1.5).encode(x=start, **tips),
        interval.mark_rule(color=INK, strokeWidth=1.5).encode(x=end, **tips),
    )
    return small(layers.properties(height=BAR_HEIGHT))


def scale_of_bars() -> str:
    """The scale that the bars of measures share."""
    axis = alt.Axis(values=[0, 0.5, 1], orient="top", title=None, format="~r", domain=False, ticks=False, grid=False)
    chart = chart_of([{"at": 0.0}]).mark_point(opacity=0).encode(x=alt.X("at:Q", scale=SHARE, axis=axis))
    return svg(small(chart.properties(height=1)), "scale from 0 to 1")


def differences_by_measure(comparisons: Sequence[Comparison]) -> str:
    """Mean differences with their intervals, one row a measure, coloured by verdict."""
    colours = {"better": BETTER, "worse": WORSE, "no significant difference": SOFT}
    rows: list[Row] = [
        {
            "measure": visible(one.measure),
            "difference": one.difference,
            "low": one.low,
            "high": one.high,
            "colour": colours[one.verdict],
        }
        for one in comparisons
    ]
    names = list(dict.fromkeys(visible(one.measure) for one in comparisons))
    axis = alt.Axis(title=None, domain=False, ticks=False, labelLimit=150, labelPadding=8, grid=True)
    y = alt.Y("measure:N", sort=names, axis=axis, scale=alt.Scale(paddingOuter=0.4))
    colour = alt.Color("colour:N", scale=None)
    title = alt.Axis(title="mean difference, system − baseline", tickCount=5, grid=False)
    line = (
        chart_of(rows)
        .mark_rule(strokeWidth=2.5)
        .encode(x=alt.X("low:Q", axis=title, scale=alt.Scale(nice=5)), x2="high:Q", y=y, color=colour)
    )
    points = chart_of(rows).mark_circle(size=75, opacity=1).encode(x="difference:Q", y=y, color=colour)
    zero = chart_of([{"zero": 0.0}]).mark_rule(color=INK).encode(x="zero:Q")
    chart = layered(zero, line, points)
    said = "; ".join(
        f"{one.measure} {signed(one.difference)}, 95% interval {signed(one.low)} to {signed(one.high)}, {one.verdict}"
        for one in comparisons
    )
    return figure(chart, "Mean differences by measure", said, height=min(600, 60 + 30 * len(names)))


def differences_by_query(differences: Sequence[float], measure: str, *, higher_is_better: bool) -> str:
    """System − baseline of every question, the largest first, as one step each."""
    ordered = sorted(differences, reverse=True)
    parts: list[Chart] = []
    axis = alt.Axis(title=visible(f"difference in {measure}"), tickCount=5)
    y = alt.Y("value:Q", scale=alt.Scale(nice=5), axis=axis)
    start = 0
    for sign, group in groupby(ordered, key=lambda value: (value > 0) - (value < 0)):
        values = list(group)
        if sign:
            colour = BETTER if (sign > 0) == higher_is_better else WORSE
            area = chart_of(_steps(values, start)).mark_area(color=colour, interpolate="step-after", line=False)
            parts.append(area.encode(x=_ranks(len(ordered)), y=y))
        start += len(values)
    zero = chart_of([{"value": 0.0, "from": 0, "to": len(ordered)}]).mark_rule(color=INK, strokeWidth=1)
    rule = zero.encode(x=_ranks(len(ordered), "from"), x2="to:Q", y=y)
    better = sum((value > 0) == higher_is_better for value in ordered if value)
    worse = sum((value > 0) != higher_is_better for value in ordered if value)
    said = f"{better} better, {len(ordered) - better - worse} equal, {worse} worse; from "
    said += f"{signed(ordered[0])} to {signed(ordered[-1])}"
    return figure(layered(*parts, rule), f"Difference in {measure} by question", said)


def precision_recall(points: Sequence[tuple[float, float]]) -> str:
    """Interpolated precision at levels of recall."""
    rows = [{"recall": recall, "precision": precision} for recall, precision in points]
    ticks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    x = alt.X("recall:Q", scale=SHARE, axis=alt.Axis(title="recall", values=ticks))
    y = alt.Y("precision:Q", scale=SHARE, axis=alt.Axis(title="precision, interpolated", values=ticks))
    line = chart_of(rows).mark_line(color=MAIN, strokeWidth=2).encode(x=x, y=y)
    dots = chart_of(rows).mark_circle(color=MAIN, size=36, opacity=1).encode(x=x, y=y)
    said = "; ".join(f"recall {number(recall, 2)} precision {number(precision, 3)}" for recall, precision in points)
    return figure(layered(line, dots), "Precision at levels of recall", said)


def risk_coverage(points: Sequence[RiskPoint]) -> str:
    """Share of wrong answers among those given, the surest first; a dashed line where the score would say nothing."""
    ordered = sorted(points, key=lambda point: point.coverage)
    rows = [{"coverage": point.coverage, "risk": point.risk} for point in ordered]
    overall = ordered[-1].risk
    top = max(point.risk for point in ordered)
    x = alt.X("coverage:Q", scale=SHARE, axis=alt.Axis(title="coverage: share of questions answered", format="%"))
    scale = alt.Scale(domain=[0, min(1.0, 1.15 * top) or 1.0], nice=top < 0.85)
    y = alt.Y("risk:Q", scale=scale, axis=alt.Axis(title="risk: share of those wrong", format="%", tickCount=5))
    level = chart_of([{"risk": overall, "at": 0.0}])
    flat = level.mark_rule(color=SOFT, strokeDash=[4, 4]).encode(y=y)
    line = chart_of(rows).mark_line(color=MAIN, strokeWidth=2).encode(x=x, y=y, order="coverage:Q")
    dots = chart_of(rows if len(rows) <= BINS else [rows[-1]]).mark_circle(color=MAIN, size=36, opacity=1)
    steps = ordered[:: max(1, len(ordered) // 10)]
    said = "; ".join(
        f"coverage {percent(point.coverage)} risk {percent(point.risk)}" for point in (*steps, ordered[-1])
    )
    return figure(layered(flat, line, dots.encode(x=x, y=y)), "Risk at levels of coverage", said)


def latency(seconds: Sequence[float], name: str) -> str:
    """Histogram of seconds with their median, 95th percentile and maximum; logarithmic where the tail is long."""
    values = sorted(seconds)
    marks = {"p50": percentile(values, 50), "p95": percentile(values, 95), "max": values[-1]}
    long_tail = values[0] > 0 and values[-1] > 8 * marks["p50"]
    factor, unit = (1000, "ms") if marks["p50"] < 1 else (1, "s")
    scaled = np.asarray(values) * factor
    bins = min(BINS, max(10, math.isqrt(len(values))))
    edges = np.geomspace(scaled[0], scaled[-1], bins + 1) if long_tail else np.linspace(0, scaled[-1], bins + 1)
    edges[-1] = max(edges[-1], scaled[-1])  # geomspace rounds its ends
    edges[0] = min(edges[0], scaled[0])
    counts, _ = np.histogram(scaled, edges)
    rows = [
        {"from": float(low), "to": float(high), "count": int(count), "none": 0}
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
        if count
    ]
    domain = [float(edges[0]), float(edges[-1])]
    scale = alt.Scale(domain=domain, type="log" if long_tail else "linear", nice=False)
    title = f"{unit}, logarithmic" if long_tail else unit
    axis = alt.Axis(title=title, grid=False, tickCount=6)
    if long_tail:
        axis = alt.Axis(title=title, grid=False, values=_log_ticks(*domain), format="~r")
    x = alt.X("from:Q", scale=scale, axis=axis)
    y = alt.Y("count:Q", axis=alt.Axis(title="questions", tickCount=4, tickMinStep=1, format=",d"))
    bars = chart_of(rows).mark_rect(color=MAIN, stroke=PAPER, strokeWidth=0.7).encode(x=x, x2="to", y=y, y2="none")
    layers: list[Chart] = [bars]
    for line, (label, value) in enumerate(marks.items()):
        far = _place(value * factor, domain, logarithmic=long_tail) > 0.62
        at = chart_of([{"from": value * factor, "label": f"{label} {duration(value)}"}])
        rule = at.mark_rule(color=INK, strokeWidth=1.25, strokeDash=[2, 2])
        layers.append(rule.encode(x=x, y=alt.value(17 * line - 48), y2=alt.value("height")))
        text = at.encode(x=x, y=alt.value(17 * line - 42), text="label:N")
        align: Literal["left", "right"] = "right" if far else "left"
        offset = -5 if far else 5
        layers += [  # a halo, so that lines of other marks pass behind the words
            text.mark_text(align=align, dx=offset, baseline="middle", color=PAPER, stroke=PAPER, strokeWidth=5),
            text.mark_text(align=align, dx=offset, baseline="middle", color=INK),
        ]
    said = ", ".join(f"{label} {duration(value)}" for label, value in marks.items())
    return figure(layered(*layers), f"{name}: seconds a question", said, height=HEIGHT + 44)


def _steps(values: Sequence[float], start: int) -> list[Row]:
    """Corners of the steps: a run of equal values is one step."""
    rows: list[Row] = []
    at = start
    for value, run in groupby(values):
        rows.append({"at": at, "value": value})
        at += sum(1 for _ in run)
    return [*rows, {"at": at, "value": values[-1]}]


def _ranks(count: int, name: str = "at") -> alt.X:
    axis = alt.Axis(title="questions, by difference", grid=False, tickCount=5, format=",d")
    if count <= 5:
        axis = alt.Axis(title="questions, by difference", grid=False, values=list(range(count + 1)), format="d")
    return alt.X(f"{name}:Q", scale=alt.Scale(domain=[0, count], nice=False), axis=axis)


def _place(value: float, domain: Sequence[float], *, logarithmic: bool) -> float:
    low, high, value = (math.log(one) for one in (*domain, value)) if logarithmic else (*domain, value)
    return (value - low) / (high - low)


def _log_ticks(low: float, high: float) -> list[float]:
    """Ones, twos and fives of every power of ten in between; ones only over more than three powers."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    digits = (1, 2, 5) if len(powers) <= 4 else (1,)
    return [tick for power in powers for digit in digits if low <= (tick := digit * 10.0**power) <= high]
