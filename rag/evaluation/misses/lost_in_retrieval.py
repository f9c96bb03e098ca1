"""Why the gold of a question was not among its hits: the step that lost it, its places, and what would change them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rag.evaluation.misses.gold import Gold
from rag.evaluation.misses.trace import DEEP, ArmTrace, Step, Trace, rank_at_weight
from rag.evaluation.results import Stage
from rag.recipe import Recipe
from rag.types import ArmScore, Hit

_TITLES = 3  # of the hits ranked above
_SHOWN = 60  # characters of a title
_MISSED_BY: dict[str, Stage] = {"dense": "missed by dense", "sparse": "missed by sparse"}
_SEARCHING = {"feedback", "hops"}  # steps that do not choose from the order before alone
_WEIGHTS = [step / 20 for step in range(21)]


class Loss(NamedTuple):
    """A stage, and the evidence that it was this one."""

    stage: Stage
    detail: str


def not_loaded(gold: Gold, documents: int) -> Loss:
    """The document is not in the index, which holds so many."""
    return Loss(
        "not loaded",
        f"{quoted(gold.title)} is not among the {documents:,} documents of the index. Index its file (rag index says "
        "what it skipped and why; see also sources.include and sources.exclude)",
    )


def split(gold: Gold, recipe: Recipe) -> Loss:
    """The document's passages hold no occurrence of the answer whole."""
    span = min(gold.spans, key=lambda span: span.end - span.start)
    cuts = sorted({chunk.end for chunk in gold.chunks if span.start < chunk.end < span.end})
    config = recipe.chunker
    advice = f"Raise chunker.max_tokens ({config.max_tokens})"
    if config.kind == "tokens":
        advice += f" or chunker.overlap ({config.overlap})"
    at = f", cut at {', '.join(map(str, cuts))}" if cuts else ""
    return Loss(
        "split by a chunk boundary",
        f"None of the {len(gold.chunks)} passages of {quoted(gold.title)} holds the answer whole: "
        f"{len(gold.spans)} occurrence{'s' * (len(gold.spans) > 1)}, the shortest at characters {span.start} to "
        f"{span.end}{at}. {advice}",
    )


def not_retrieved(gold: Gold, traced: Trace, recipe: Recipe) -> Loss:
    """The step of a search that lost the gold, which none of its hits holds.

    A step lost it if the order before would have passed it on, and the step's own did not. Where no step did, an
    arm that does not have it at all is to blame; else it came as far as the cut, and ranked below it.
    """
    first = traced.steps[0]
    places = {arm.name: arm.best(gold.holders) for arm in traced.arms}
    found = [place for arm in traced.arms if (place := places[arm.name]) and place.rank <= arm.cut]
    # The sentences are those of the passages that BM25 found: what they lack, BM25 lacks.
    searching = [arm for arm in traced.arms if arm.name in _MISSED_BY]
    missing = [arm for arm in searching if not ((place := places[arm.name]) and place.rank <= arm.cut)]
    placed = first.best(gold.holders)
    stage: Stage
    if not found and len(traced.steps) > 1 and (other := traced.steps[-1].best(gold.holders)):
        stage, advice = "below the cut", _raise_cut(traced.steps[-1], other, recipe)
    elif not found:
        stage = "missed by both" if len(missing) > 1 else _MISSED_BY[missing[0].name]
        advice = _for_missed(gold, missing, recipe)
    elif placed is None or placed.rank > first.cut:
        if any(place.rank <= first.cut for place in found):
            stage = "lost in fusion"
        else:
            stage = _MISSED_BY[missing[0].name] if missing else "below the cut"
        advice = _for_fusion(gold, traced, recipe, placed)
    else:
        stage, advice = _reordered(gold, traced, recipe)
    return Loss(stage, _joined(_evidence(gold, traced), advice))


def _reordered(gold: Gold, traced: Trace, recipe: Recipe) -> tuple[Stage, str]:
    """Which of the steps after the fusion lost what the fusion had passed on."""
    before = traced.steps[0].best(gold.holders)
    for step in traced.steps[1:]:
        after = step.best(gold.holders)
        if before and before.rank <= step.cut and not (after and after.rank <= step.cut):
            if step.name == "feedback":
                trust = recipe.retrieval.feedback
                return (
                    "lost by feedback",
                    f"what the first passages added took its place: retrieval.feedback is {trust:g}",
                )
            if step.name == "hops":
                return (
                    "lost by a hop",
                    f"passages linked with others took its place: retrieval.hops is {recipe.retrieval.hops}",
                )
            if step.name == "follow-up":
                return (
                    "lost in fusion",
                    "what the question was rewritten as, with the conversation before it, took its place",
                )
            if step.name == "diversity":
                reason = f"diversity took its place: set retrieval.mmr ({recipe.retrieval.mmr:g}) nearer to 1"
            elif step.name == "queries":
                weight = recipe.queries.raw_weight
                return (
                    "lost in fusion",
                    f"the other queries took its place: set queries.raw_weight ({weight:g}) nearer to 1",
                )
            else:
                reason = f"the reranker {recipe.reranker.model} ranks it below what the search did"
            return "lost by the reranker", reason
        if after is None and step.name not in _SEARCHING:
            break
        before = after
    return "below the cut", _raise_cut(traced.steps[-1], before, recipe)


def _for_missed(gold: Gold, arms: Sequence[ArmTrace], recipe: Recipe) -> str:
    if len(recipe.retrieval.arms) == 1:
        other = "sparse" if recipe.retrieval.arms == ["dense"] else "dense"
        return f"the {other} arm may find it (retrieval.arms)"
    reachable = [place.rank for arm in arms if (place := arm.best(gold.holders))]
    if reachable:
        deep = f"it takes retrieval.depth {min(reachable)} to make it a candidate ({recipe.retrieval.depth} now)"
        return deep if recipe.reranker.model else f"{deep}, and a reranker to lift it from there (reranker.model)"
    return "shorter passages (chunker.max_tokens) or another embedder.model may bring it nearer to the question"


def _for_fusion(gold: Gold, traced: Trace, recipe: Recipe, placed: ArmScore | None) -> str:
    config, first = recipe.retrieval, traced.steps[0]
    advice = []
    if len(traced.arms) > 1:
        lifting = [
            (abs(weight - config.weight), weight, rank)
            for weight in _WEIGHTS
            if (rank := rank_at_weight(traced, gold.holders, config.fusion, weight)) and rank <= first.cut
        ]
        if lifting:
            _, weight, rank = min(lifting)
            advice.append(f"with retrieval.weight {weight:g} instead of {config.weight:g} it would rank {rank}")
    if placed:
        advice.append(_raise_cut(first, placed, recipe, last=len(traced.steps) == 1))
    return "; ".join(advice)


def _raise_cut(step: Step, place: ArmScore | None, recipe: Recipe, *, last: bool = True) -> str:
    if place is None:
        return ""
    if last:
        lift = "" if recipe.reranker.model else ", or a reranker to lift it (reranker.model)"
        return f"it takes retrieval.k {place.rank} to reach it ({recipe.retrieval.k} now){lift}"
    if recipe.reranker.model:
        return f"it takes reranker.depth {place.rank} for the reranker to read it ({recipe.reranker.depth} now)"
    if recipe.retrieval.mmr < 1:
        return f"retrieval.mmr chooses from the first {step.cut} alone"
    if recipe.queries.transform == "none":
        return f"of the hits for each query of a conversation the first {step.cut} are fused"
    return f"it takes queries.depth {place.rank} to reach the fusion of all queries ({recipe.queries.depth} now)"


def _evidence(gold: Gold, traced: Trace) -> str:
    """The gold's place at every step, and what took the places at the top."""
    parts = [_in_arm(gold, arm) for arm in traced.arms]
    for step in traced.steps:
        if step.name not in {arm.name for arm in traced.arms}:
            place = step.best(gold.holders)
            parts.append(f"{step.name} rank {place.rank} ({place.score:.3f})" if place else f"{step.name} lacks it")
    last = traced.steps[-1]
    above = _titles(traced.hits)
    return f"{quoted(gold.title)}: {', '.join(parts)}; shown are the first {last.cut}" + (
        f", which begin with {above}" if above else ", but nothing was found"
    )


def _in_arm(gold: Gold, arm: ArmTrace) -> str:
    place = arm.best(gold.holders)
    score = max(arm.scores[one] for one in gold.holders)
    if place is None:
        if arm.name == "sparse" and score == 0:
            return "sparse finds none of the question's terms in it"
        return f"{arm.name} lacks it in its first {max(DEEP, arm.cut):,} ({score:.3f})"
    if place.rank <= arm.cut:
        return f"{arm.name} rank {place.rank} ({place.score:.3f})"
    return (
        f"{arm.name} rank {place.rank} ({place.score:.3f}, while its first {arm.cut} end at {arm.ranking[-1][1]:.3f})"
    )


def _titles(hits: Sequence[Hit]) -> str:
    titles = dict.fromkeys(hit.chunk.title or hit.chunk.uri.rsplit("/", 1)[-1] for hit in hits)
    return ", ".join(quoted(title) for title in list(titles)[:_TITLES])


def quoted(text: str, limit: int = _SHOWN) -> str:
    """A text in quotation marks on one line, cut to ``limit`` characters."""
    flat = " ".join(text.split())
    return f"“{flat if len(flat) <= limit else flat[: limit - 1].rstrip() + '…'}”"


def _joined(evidence: str, advice: str) -> str:
    return f"{evidence}. {advice[:1].upper()}{advice[1:]}" if advice else evidence
