"""What an experiment came to: measures with intervals, what may be said of them, files; and a recipe into use."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import altair as alt
import streamlit as st
from adopting import offer, propose
from escaping import plain
from experiments import Experiment, questions_of, results_folder, results_of
from library import Library
from meanings import MEANINGS
from per_question import show_misses, show_questions
from settings import AppSettings
from visitor import Visitor

from rag.errors import RagError
from rag.evaluation.experiment.folder import REPORT
from rag.evaluation.results import Comparison
from rag.recipe import parse_recipe

if TYPE_CHECKING:
    from rag.evaluation.experiment.reading import Results
    from rag.evaluation.experiment.summary import MeasureSummary

COLOURS = ["#2f78c4", "#c2611a", "#14867c"]  # each 4:1 or more on white and on the dark page
SHAPES = ["circle", "square", "triangle-up"]
_VERDICTS = {
    "better": "evaluate.better",
    "worse": "evaluate.worse",
    "no significant difference": "evaluate.no_difference",
}


@st.cache_resource(max_entries=8, show_spinner=False)
def _read(settings: AppSettings, experiment: Experiment) -> dict[str, Results]:
    """Once, not at every click: the results of a finished experiment do not change."""
    return results_of(settings, experiment)


def show_results(held: Library, who: Visitor, experiment: Experiment) -> None:
    """The results of a finished experiment."""
    say = who.say
    results = _read(held.settings, experiment)
    asked = len(next(iter(results.values())).queries)
    told = [say("evaluate.asked", questions=asked)]
    if experiment.left_out:
        told.append(say("evaluate.left_out", count=experiment.left_out))
    if experiment.generation != held.pipeline.snapshot.generation:
        told.append(say("evaluate.older"))
    st.caption(" ".join(told))
    _verdicts(results, who)
    names = ("evaluate.measures", "evaluate.by_question", "evaluate.misses", "evaluate.files", "evaluate.promote")
    tabs = st.tabs([say(name) for name in names])
    with tabs[0]:
        _measures(results, who)
    with tabs[1]:
        show_questions(results, questions_of(held.settings, experiment), who, experiment=experiment.id)
    with tabs[2]:
        show_misses(results, who, experiment=experiment.id)
    with tabs[3]:
        _files(held, who, experiment)
    with tabs[4]:
        _promote(held, who, experiment, results)


def verdict(comparisons: list[Comparison], who: Visitor) -> str:
    """What may be said of a recipe beside the first, after correction for all comparisons; as Markdown."""
    say = who.say
    of: dict[str, list[str]] = {key: [] for key in _VERDICTS}
    for one in comparisons:
        of[one.verdict].append(one.measure)
    system, baseline = plain(comparisons[0].system), plain(comparisons[0].baseline)
    if not of["better"] and not of["worse"]:
        most = max(one.n for one in comparisons)
        return str(say("evaluate.same", system=system, baseline=baseline, questions=most))
    parts = []
    for name, key in (("better", "evaluate.is_better"), ("worse", "evaluate.is_worse")):
        if of[name]:
            parts.append(say(key, system=system, baseline=baseline, measures=plain(", ".join(of[name]))))
    if of["no significant difference"]:
        parts.append(say("evaluate.rest_same", measures=plain(", ".join(of["no significant difference"]))))
    return " ".join(parts)


def _comparisons(one: Results) -> list[Comparison]:
    return [compared.comparison for compared in one.summary.comparisons]


def _verdicts(results: Mapping[str, Results], who: Visitor) -> None:
    for one in results.values():
        if comparisons := _comparisons(one):
            st.info(verdict(comparisons, who), icon=":material/balance:")
        if first := next((query.error for query in one.queries if query.error), None):
            st.warning(
                plain(who.say("evaluate.failed", recipe=one.summary.name, count=one.summary.failed, error=first))
            )


def _measures(results: Mapping[str, Results], who: Visitor) -> None:
    say = who.say
    st.altair_chart(_chart(results, who), width="stretch")
    st.dataframe(measures_table(results, who), hide_index=True, width="stretch")
    uncovered = [
        f"{name}: {one.name}" for name, each in results.items() for one in each.summary.measures if not one.covered
    ]
    if uncovered:
        st.warning(plain(say("evaluate.uncovered", measures=", ".join(uncovered))))
    compared = [one for each in results.values() for one in _comparisons(each)]
    if compared:
        st.subheader(say("evaluate.compared", baseline=plain(compared[0].baseline)))
        st.dataframe(comparisons_table(compared, who), hide_index=True, width="stretch")
        st.caption(say("evaluate.tests"))
    notes = [f"{name}: {note}" for name, each in results.items() for note in each.summary.notes]
    if notes:
        with st.expander(say("evaluate.notes")):
            for note in notes:
                st.text(note)


def measures_table(results: Mapping[str, Results], who: Visitor) -> dict[str, list[str]]:
    """Columns: the measure, of each recipe its mean with the interval and the questions covered, and the meaning."""
    say = who.say
    by_recipe = {name: {one.name: one for one in each.summary.measures} for name, each in results.items()}
    names = list(dict.fromkeys(name for measures in by_recipe.values() for name in measures))
    table = {say("evaluate.measure"): names}
    for recipe, measures in by_recipe.items():
        table[say("evaluate.mean_of", recipe=recipe)] = [_mean(measures.get(name)) for name in names]
        table[say("evaluate.covers", recipe=recipe)] = [_covers(measures.get(name)) for name in names]
    table[say("evaluate.meaning")] = [say(MEANINGS[name]) if name in MEANINGS else "" for name in names]
    return table


def _mean(one: MeasureSummary | None) -> str:
    if one is None or one.mean is None:
        return "–"
    interval = "" if one.low is None or one.high is None else f" [{one.low:.3f}, {one.high:.3f}]"
    return f"{one.mean:.3f}{interval}"


def _covers(one: MeasureSummary | None) -> str:
    return "–" if one is None else f"{one.scored} / {one.total}"


def comparisons_table(compared: list[Comparison], who: Visitor) -> dict[str, list[object]]:
    """Columns: recipe, measure, the difference to the baseline with its interval, questions, p, and the verdict."""
    say = who.say
    return {
        say("evaluate.recipe"): [one.system for one in compared],
        say("evaluate.measure"): [one.measure for one in compared],
        say("evaluate.difference"): [f"{one.difference:+.3f} [{one.low:+.3f}, {one.high:+.3f}]" for one in compared],
        say("evaluate.won"): [f"{one.wins} / {one.ties} / {one.losses}" for one in compared],
        say("evaluate.p"): [f"{one.p_corrected:.3f}" for one in compared],
        say("evaluate.verdict"): [say(_VERDICTS[one.verdict]) for one in compared],
    }


def _chart(results: Mapping[str, Results], who: Visitor) -> alt.LayerChart:
    """Means as points with their 95% intervals, a row for each measure and recipe."""
    say = who.say
    rows = [
        {"measure": one.name, "recipe": name, "mean": one.mean, "low": one.low, "high": one.high}
        for name, each in results.items()
        for one in each.summary.measures
        if one.mean is not None
    ]
    recipes = list(results)
    measures = list(dict.fromkeys(str(row["measure"]) for row in rows))
    scale = alt.Scale(domain=[0, 1], padding=8)  # pixels: a point at 1 is not cut in half
    x = alt.X("mean:Q", title=say("evaluate.mean"), scale=scale, axis=alt.Axis(tickCount=5))
    scale_y = alt.Scale(paddingOuter=0.4)  # else the last row is cut off
    y = alt.Y("measure:N", sort=measures, title=None, axis=alt.Axis(labelLimit=130), scale=scale_y)
    offset = alt.YOffset("recipe:N", sort=recipes)
    colour = alt.Color("recipe:N", sort=recipes, scale=alt.Scale(domain=recipes, range=COLOURS[: len(recipes)]))
    legend = alt.Legend(title=None, orient="top", columns=1)
    tips = ["measure:N", "recipe:N", "mean:Q", "low:Q", "high:Q"]
    base = alt.Chart({"values": rows}).encode(y=y, yOffset=offset, color=colour.legend(legend), tooltip=tips)
    shape = alt.Shape("recipe:N", sort=recipes, scale=alt.Scale(domain=recipes, range=SHAPES[: len(recipes)]))
    intervals = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x=x, shape=shape.legend(legend))
    chart: alt.LayerChart = (intervals + points).properties(height=alt.Step(max(14, 24 - 4 * len(recipes))))
    return chart


def _files(held: Library, who: Visitor, experiment: Experiment) -> None:
    say = who.say
    for recipe in experiment.recipes:
        folder = results_folder(held.settings, experiment, recipe)
        with st.container(horizontal=True):
            st.download_button(
                say("evaluate.report", recipe=plain(recipe)),
                (folder / REPORT).read_bytes(),
                f"{experiment.testset}-{recipe}.html",
                "text/html",
                key=f"report {recipe}",
                on_click="ignore",
                icon=":material/description:",
            )
            st.download_button(
                say("evaluate.run_files", recipe=plain(recipe)),
                partial(zipped, folder),
                f"{experiment.testset}-{recipe}.zip",
                "application/zip",
                key=f"files {recipe}",
                on_click="ignore",
                icon=":material/folder_zip:",
            )
    st.caption(say("evaluate.files_hint"))


def zipped(folder: Path) -> bytes:
    """The files of a recipe's results as a ZIP archive: the run, scores, misses, summary and report."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                archive.write(file, file.name)
    return data.getvalue()


def _promote(held: Library, who: Visitor, experiment: Experiment, results: Mapping[str, Results]) -> None:
    """A recipe into use, after what it changes was shown."""
    say = who.say
    current = held.pipeline.recipe.model_dump(exclude={"description"})
    for name in experiment.recipes:
        recipe = parse_recipe(results[name].summary.provenance.recipe_toml, where=name)
        if recipe.model_dump(exclude={"description"}) == current:
            st.text(say("evaluate.in_use", recipe=name))
            continue
        key = f"{experiment.id} {name}"
        if comparisons := _comparisons(results[name]):
            st.caption(verdict(comparisons, who))
        if st.button(say("evaluate.promote_it", recipe=plain(name)), key=f"promote {key}", icon=":material/upgrade:"):
            try:
                with st.spinner(say("evaluate.proposing")):
                    st.session_state[key] = propose(held, recipe)
            except RagError as error:
                st.error(plain(str(error)), icon=":material/error:")
        offer(held, who, key=key)
