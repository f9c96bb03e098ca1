"""An experiment: one or several recipes over a data set or an index, each measured and compared with the baseline."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rag import __version__
from rag.errors import EvaluationError
from rag.evaluation.datasets import Dataset
from rag.evaluation.experiment.baseline import Baseline, values_of
from rag.evaluation.experiment.chosen import LOWER_IS_BETTER
from rag.evaluation.experiment.evaluate import Plan, Progress, evaluate
from rag.evaluation.experiment.folder import INDEX, EvaluationFolder
from rag.evaluation.experiment.judging import check_judge
from rag.evaluation.experiment.provenance import generator_hash, machine, model_hashes, versions
from rag.evaluation.experiment.request import Request, Setting, read_setting
from rag.evaluation.experiment.summary import Summary
from rag.evaluation.experiment.trial import departures_of, make_trial, told
from rag.evaluation.experiment.writing import write_results
from rag.evaluation.misses.gold import find_documents
from rag.evaluation.ranking.significance import compare, unpaired
from rag.evaluation.report.page import check_libraries
from rag.evaluation.results import Comparison, Evaluation, Provenance
from rag.evaluation.tuning.recipe import recipe_toml
from rag.pipeline import Pipeline
from rag.recipe import Recipe, load_recipe
from rag.types import content_hash

__all__ = ["Request", "run_experiment"]

RUNS = Path("runs")


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def run_experiment(request: Request, *, progress: Progress = _silent) -> list[Summary]:
    """Evaluate every recipe in turn, write its results, and compare it with the baseline.

    Raises EvaluationError, RecipeError, ModelError, StorageError; finished questions are kept.
    """
    check_libraries()
    setting = read_setting(request)
    recipes = [(name, load_recipe(name) if name else None) for name in setting.suite.recipes]
    titles = [_title(request, name) for name, _ in recipes]
    if twice := next((title for title in titles if titles.count(title) > 1), None):
        raise EvaluationError(
            f"two recipes are called {twice!r}", hint="results and comparisons go by that name: rename one of the files"
        )
    done = []
    for name, recipe in recipes:
        evaluation, folder = _evaluate(request, setting, name, recipe, progress)
        if len(recipes) > 1:  # kept, should a later one fail
            write_results(evaluation, folder)
        done.append((evaluation, folder))
    progress("reporting", 0, 1)
    compared = _compare(setting, [evaluation for evaluation, _ in done])
    return [write_results(evaluation, folder) for evaluation, (_, folder) in zip(compared, done, strict=True)]


def _evaluate(
    request: Request, setting: Setting, name: str, recipe: Recipe | None, progress: Progress
) -> tuple[Evaluation, Path]:
    started, clock = datetime.now(UTC), time.monotonic()
    suite, dataset, measures = setting.suite, setting.dataset, setting.measures
    # The folder is named after the models too, so they are asked for before there is a folder.
    with Pipeline(request.index or Path(), recipe) as models:
        recipe = models.recipe
        hashes = model_hashes(models)
        generation = models.info().generation if request.index else 0
        apart = departures_of(request.index, models) if request.index else ()
    judge = (load_recipe(suite.judge) if suite.judge else recipe).generator
    generating = generator_hash("generator", recipe.generator) if suite.answers else {}
    judging: Mapping[str, str] = {}
    if judges := bool(measures.judged or measures.ragas):
        check_judge(measures, judge, embeds=recipe.embedder.backend != "none")
        judging = generator_hash("judge", judge)
    settings: dict[str, object] = {
        "ragstone": __version__,
        "data": dict(dataset.sha256),
        "recipe": recipe.model_dump(exclude={"description"}),
        "models": dict(hashes),
        "index": [str(request.index.resolve()), generation] if request.index else None,
    }
    if apart and request.trial:
        settings["trial"] = list(apart)
    title = _title(request, name)
    folder = _folder(request, setting, title, settings)
    later = {"generator": generating, "judge": {**judge.model_dump(), **judging} if judges else None}

    def tell(what: str, done: int, total: int) -> None:
        progress(f"{title}: {what}", done, total)

    with EvaluationFolder(folder, settings, later, fresh=request.fresh) as kept, ExitStack() as stack:
        index = request.index or folder / INDEX
        if request.index and apart and request.trial:
            index = make_trial(index, recipe, folder / INDEX, watch=partial(tell, "indexing"))
        pipeline = stack.enter_context(Pipeline(index, recipe))
        notes = (*setting.notes, *told(apart, trial=request.trial))
        notes += () if request.index else _index(pipeline, dataset, tell)
        notes += _missing(pipeline, setting)
        evaluation = evaluate(
            pipeline,
            dataset,
            Plan(
                asks=setting.asks,
                measures=measures,
                judge=judge,
                seed=suite.seed,
                jobs=request.jobs,
                explain_misses=suite.explain_misses,
                min_coverage=request.min_coverage,
                expect={one: what for one, what in suite.expect.get(name, {}).items() if one in measures.names},
            ),
            kept,
            name=title,
            progress=tell,
            provenance=Provenance(
                command=request.command,
                started=started.isoformat(timespec="seconds"),
                seconds=0.0,
                recipe_name=title,
                recipe_toml=recipe_toml(recipe),
                index=str(index),
                seed=suite.seed,
                versions=versions(),
                machine=machine(),
                hashes={**dataset.sha256, **hashes, **generating, **judging},
            ),
        )
        if index == request.index and (now := pipeline.info().generation) != generation:
            notes += (f"the index changed meanwhile (commit {generation}, then {now}): measure again",)
    took = replace(evaluation.provenance, seconds=time.monotonic() - clock)
    return replace(evaluation, notes=(*notes, *evaluation.notes), provenance=took), folder


def _title(request: Request, recipe: str) -> str:
    if recipe:
        return Path(recipe).name.removesuffix(".toml")
    return request.index.resolve().name if request.index else ""


def _folder(request: Request, setting: Setting, title: str, settings: Mapping[str, object]) -> Path:
    if request.out is not None:
        return request.out / title if len(setting.suite.recipes) > 1 else request.out
    digest = content_hash(json.dumps(settings, sort_keys=True))[:8]
    return RUNS / f"{setting.dataset.name}-{title}-{digest}"


def _index(pipeline: Pipeline, dataset: Dataset, progress: Progress) -> tuple[str, ...]:
    if dataset.corpus is None:
        return ()
    report = pipeline.add(dataset.corpus, progress=lambda at: progress("indexing", at.bytes, at.bytes_total))
    if not report.skipped:
        return ()
    one = report.skipped[0]
    what = "document" if len(report.skipped) == 1 else "documents"
    return (f"{len(report.skipped)} {what} could not be indexed, the first {one.uri}: {one.reason}",)


def _missing(pipeline: Pipeline, setting: Setting) -> tuple[str, ...]:
    """What no system can find: documents that hold the gold, and are not in the index."""
    dataset = setting.dataset
    gold = {one.id: one.documents for one in dataset.questions}
    wanted: dict[str, None] = {}
    for ask in setting.asks:
        relevant = (document for document, grade in dataset.qrels.get(ask.id, {}).items() if grade > 0)
        wanted |= dict.fromkeys((*relevant, *(gold.get(ask.id, ()) if ask.answer else ())))
    held = find_documents(pipeline.snapshot, dataset.key, wanted)
    missing = [document for document in wanted if document not in held]
    if not missing:
        return ()
    if not held:
        raise EvaluationError(
            f"the index has none of the documents that are relevant to these questions, such as {missing[0]}",
            where=str(pipeline.path),
            hint="documents go by the _id of corpus.jsonl" if dataset.key == "_id" else "documents go by their uri",
        )
    return (
        f"{len(missing)} of {len(wanted)} relevant documents are not in the index, such as {missing[0]}: no recipe can "
        "find them",
    )


def _compare(setting: Setting, evaluations: list[Evaluation]) -> list[Evaluation]:
    """The evaluations with their comparisons, corrected over all that are made here together."""
    first, *others = evaluations
    baseline = setting.baseline or Baseline(first.name, values_of(first.queries))
    systems = evaluations if setting.baseline else others
    values = {one.name: values_of(one.queries) for one in systems}
    # A measure that no question has of both, such as the precision of refusals, is in the notes.
    paired = {
        name: {one: of for one, of in scores.items() if not set(of).isdisjoint(baseline.values.get(one, ()))}
        for name, scores in values.items()
    }
    seed = setting.suite.seed
    found = compare(paired, baseline.values, baseline=baseline.name, seed=seed, lower_is_better=LOWER_IS_BETTER)
    compared = [
        _with(
            one,
            baseline,
            found,
            unpaired({one.name: values[one.name]}, baseline.values, baseline=baseline.name),
            among=setting.baseline is None,
        )
        for one in systems
    ]
    return compared if setting.baseline else [first, *compared]


def _with(
    one: Evaluation, baseline: Baseline, found: tuple[Comparison, ...], notes: tuple[str, ...], *, among: bool
) -> Evaluation:
    """The evaluation with its comparisons; ``among`` the recipes of one suite, scores that it expects decide."""
    own = tuple(comparison for comparison in found if comparison.system == one.name)
    worse = tuple(
        f"{comparison.measure} is significantly worse than {baseline.name}'s: {comparison.system_mean:.4f} after "
        f"{comparison.baseline_mean:.4f}, p = {comparison.p_corrected:.4g}"
        for comparison in own
        if comparison.verdict == "worse" and not (among and any(m.expected is not None for m in one.measures))
    )
    return replace(
        one,
        comparisons=own,
        baseline=baseline.values,
        notes=(*one.notes, *notes),
        failures=(*one.failures, *worse),
    )
