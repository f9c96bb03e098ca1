"""The questions of an experiment one by one: where recipes differ, what each found and said, what was lost where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import altair as alt
import streamlit as st
from choosing import document_name
from escaping import plain
from visitor import Visitor

from rag.evaluation.datasets import Question
from rag.evaluation.results import Comparison, Miss, QueryResult, Stage
from rag.types import content_hash

if TYPE_CHECKING:
    from rag.evaluation.experiment.reading import Results

SHOWN = 10  # documents of a ranking
_BETTER, _WORSE = "#14867c", "#c2611a"
STAGES: Mapping[Stage, str] = {
    "not loaded": "evaluate.not_loaded",
    "split by a chunk boundary": "evaluate.split",
    "missed by dense": "evaluate.missed_by_dense",
    "missed by sparse": "evaluate.missed_by_sparse",
    "missed by both": "evaluate.missed_by_both",
    "lost in fusion": "evaluate.lost_in_fusion",
    "lost by feedback": "evaluate.lost_by_feedback",
    "lost by a hop": "evaluate.lost_by_a_hop",
    "lost by the reranker": "evaluate.lost_by_the_reranker",
    "below the cut": "evaluate.below_the_cut",
    "cut by the context budget": "evaluate.cut_by_the_budget",
    "generated wrong": "evaluate.generated_wrong",
    "wrongly refused": "evaluate.wrongly_refused",
    "wrongly answered": "evaluate.wrongly_answered",
}
_VERDICTS = {"supported": "ask.supported", "partly": "ask.partly", "not in the documents": "ask.refused"}


def show_questions(
    results: Mapping[str, Results], gold: Mapping[str, Question], who: Visitor, *, experiment: str
) -> None:
    """Values by question, the largest difference first; of the one that is chosen, all that recipes found and said."""
    say = who.say
    first, *others = results
    left, right = st.columns(2)
    system = right.selectbox(say("evaluate.against", baseline=plain(first)), others, key="against") if others else None
    compared = {one.comparison.measure: one.comparison for one in results[system or first].summary.comparisons}
    measures = [
        one.name
        for one in results[first].summary.measures
        if _values(results[first], one.name) and (one.name in compared or not system)
    ]
    if not measures:
        st.caption(say("evaluate.no_values"))
        return
    measure = left.selectbox(say("evaluate.measure"), measures, key=f"by {experiment}")
    values = {name: _values(one, measure) for name, one in results.items()}
    texts = {query.id: query.question for query in results[first].queries}
    if system:
        ids = by_difference(values[first], values[system])
        _counted(compared[measure], who)
    else:
        ids = sorted(values[first], key=values[first].__getitem__)
    table: dict[str, list[object]] = {say("evaluate.question"): [texts[one] for one in ids]}
    for name, of in values.items():
        table[say("evaluate.value_of", recipe=name, measure=measure)] = [_rounded(of.get(one)) for one in ids]
    if system:
        apart = [values[system][one] - values[first][one] for one in ids]
        table[say("evaluate.difference")] = [_rounded(one) for one in apart]
        if any(apart):
            chart = _differences(apart, who, higher=compared[measure].higher_is_better)
            st.altair_chart(chart, width="stretch")
    st.caption(say("evaluate.choose_question"))
    # what is chosen are rows: of another list they are other questions
    key = f"rows {content_hash(experiment, measure, system or '')}"
    chosen = st.dataframe(
        table, hide_index=True, width="stretch", on_select="rerun", selection_mode="single-row", key=key
    )["selection"]["rows"]
    if chosen and chosen[0] < len(ids):
        _show_question(ids[chosen[0]], results, gold, who)


def _counted(one: Comparison, who: Visitor) -> None:
    st.text(who.say("evaluate.counts", better=one.wins, equal=one.ties, worse=one.losses, system=one.system))


def by_difference(before: Mapping[str, float], after: Mapping[str, float]) -> list[str]:
    """The questions that both have a value for, the largest difference first, whichever way it goes."""
    both = [one for one in before if one in after]
    return sorted(both, key=lambda one: -abs(after[one] - before[one]))


def _values(results: Results, measure: str) -> dict[str, float]:
    scores = {query.id: query.scores[measure].value for query in results.queries if measure in query.scores}
    return {one: value for one, value in scores.items() if value is not None}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _differences(apart: Sequence[float], who: Visitor, *, higher: bool) -> alt.Chart:
    """A bar for each question, the largest gain first."""
    rows = [
        {"place": place, "apart": value, "colour": _BETTER if (value > 0) == higher else _WORSE}
        for place, value in enumerate(sorted(apart, reverse=True), 1)
    ]
    chart: alt.Chart = (
        alt.Chart({"values": rows})
        .mark_bar()
        .encode(
            x=alt.X("place:O", title=who.say("evaluate.one_each"), axis=alt.Axis(labels=False, ticks=False)),
            y=alt.Y("apart:Q", title=who.say("evaluate.difference")),
            color=alt.Color("colour:N", scale=None),
            tooltip=["apart:Q"],
        )
        .properties(height=180)
    )
    return chart


def _show_question(query: str, results: Mapping[str, Results], gold: Mapping[str, Question], who: Visitor) -> None:
    say = who.say
    found = {name: next((one for one in each.queries if one.id == query), None) for name, each in results.items()}
    question = gold.get(query)
    with st.container(border=True):
        st.text(next((one.question for one in found.values() if one), ""))
        if question is not None:
            wanted = " | ".join(question.answers) if question.answerable else say("evaluate.has_none")
            st.text(f"{say('evaluate.gold')}: {wanted or '–'}")
        for column, (name, result) in zip(st.columns(len(found)), found.items(), strict=True):
            with column:
                st.text(name)
                if result is not None:
                    _show_result(result, question, who)
                for miss in (one for one in results[name].misses if one.query == query):
                    st.text(f"{say(STAGES[miss.stage])}: {miss.detail}")


def _show_result(result: QueryResult, question: Question | None, who: Visitor) -> None:
    say = who.say
    if result.error:
        st.error(plain(result.error), icon=":material/error:")
        return
    if result.answer is not None:
        st.badge(say(_VERDICTS[result.answer.verdict]))
        st.text(result.answer.text)
    st.dataframe(ranking_table(result, question, who), hide_index=True, width="stretch")


def ranking_table(result: QueryResult, question: Question | None, who: Visitor) -> dict[str, list[object]]:
    """Columns: rank, document, whether it holds the gold, and score, of the first documents found."""
    say = who.say
    wanted = question.documents if question else ()
    shown = result.ranking[:SHOWN]
    return {
        "#": list(range(1, len(shown) + 1)),
        say("evaluate.holds_gold"): ["✓" if one.document in wanted else "" for one in shown],
        say("evaluate.document"): [document_name(one.document) for one in shown],
        say("evaluate.score"): [round(one.score, 4) for one in shown],
    }


def show_misses(results: Mapping[str, Results], who: Visitor, *, experiment: str) -> None:
    """Which stage lost the gold of questions that failed: counts by recipe, and each miss with its evidence."""
    say = who.say
    if not any(one.misses for one in results.values()):
        st.success(say("evaluate.no_misses"))
        return
    st.dataframe(
        misses_table({name: one.misses for name, one in results.items()}, who), hide_index=True, width="stretch"
    )
    name = next(name for name, one in results.items() if one.misses)
    if len(results) > 1:
        named = [name for name, one in results.items() if one.misses]
        name = st.selectbox(say("evaluate.misses_of"), named, key="misses of")
    texts = {query.id: query.question for query in results[name].queries}
    misses = sorted(results[name].misses, key=lambda one: list(STAGES).index(one.stage))
    rows = {
        say("evaluate.stage"): [say(STAGES[one.stage]) for one in misses],
        say("evaluate.question"): [texts.get(one.query, one.query) for one in misses],
        say("evaluate.document"): [document_name(one.document) for one in misses],
        say("evaluate.detail"): [one.detail for one in misses],
    }
    st.caption(say("evaluate.choose_miss"))
    key = f"misses {experiment} {name}"
    chosen = st.dataframe(
        rows, hide_index=True, width="stretch", on_select="rerun", selection_mode="single-row", key=key
    )["selection"]["rows"]
    if chosen and chosen[0] < len(misses):
        st.text(misses[chosen[0]].detail)


def misses_table(misses: Mapping[str, Sequence[Miss]], who: Visitor) -> dict[str, list[object]]:
    """Columns: the stages that lost something, in the order of the pipeline, and of each recipe how much."""
    counts = {name: Counter(one.stage for one in own) for name, own in misses.items()}
    stages = [stage for stage in STAGES if any(of[stage] for of in counts.values())]
    table: dict[str, list[object]] = {who.say("evaluate.stage"): [who.say(STAGES[stage]) for stage in stages]}
    for name, of in counts.items():
        table[who.say("evaluate.misses_by", recipe=name)] = [of[stage] for stage in stages]
    return table
