"""An experiment: one or several recipes over a data set or an index, each measured and compared with the baseline."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rag import __version__
from rag.errors import EvaluationError
from rag.evaluation.datasets import Dataset, read_dataset, read_testset
from rag.evaluation.experiment.asking import Ask, choose_questions
from rag.evaluation.experiment.baseline import Baseline, read_baseline, values_of
from rag.evaluation.experiment.chosen import LOWER_IS_BETTER, Chosen, choose_measures
from rag.evaluation.experiment.evaluate import Plan, Progress, evaluate, judged_queries
from rag.evaluation.experiment.folder import INDEX, EvaluationFolder
from rag.evaluation.experiment.provenance import machine, model_hashes, versions
from rag.evaluation.experiment.suite import Suite, load_suite
from rag.evaluation.experiment.summary import Summary
from rag.evaluation.experiment.writing import write_results
from rag.evaluation.ranking.significance import compare, unpaired
from rag.evaluation.report.page import check_libraries
from rag.evaluation.results import Comparison, Evaluation, Provenance
from rag.evaluation.scores import MIN_COVERAGE
from rag.evaluation.tuning.recipe import recipe_toml
from rag.pipeline import Pipeline
from rag.recipe import Recipe, load_recipe
from rag.types import content_hash

__all__ = ["Request", "run_experiment"]

RUNS = Path("runs")


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to evaluate. ``target`` is a suite, a data set folder or a test set; what is given goes before the suite's.

    ``recipes`` are names or files; ``index`` is searched instead of one made of the data set's documents, by its own
    recipe if none is given. ``data`` is the folder of a suite's data sets. ``judge`` is the recipe whose generator
    judges, the evaluated one by default. ``baseline`` is a TREC run or the folder of an earlier evaluation; without one
    the first recipe is that of the others. ``out`` is where the results go; of several recipes, to a folder each.
    """

    target: Path
    recipes: tuple[str, ...] = ()
    index: Path | None = None
    data: Path | None = None
    measures: tuple[str, ...] = ()
    answers: bool = False
    explain_misses: bool = False
    judge: str = ""
    baseline: Path | None = None
    limit: int | None = None
    seed: int = 0
    jobs: int = 1
    min_coverage: float = MIN_COVERAGE
    out: Path | None = None
    fresh: bool = False
    command: str = ""


@dataclass(frozen=True, slots=True)
class _Setting:
    """What all recipes of an experiment share."""

    suite: Suite
    dataset: Dataset
    measures: Chosen
    asks: tuple[Ask, ...]


def run_experiment(request: Request, *, progress: Progress = _silent) -> list[Summary]:
    """Evaluate every recipe in turn, write its results, and compare it with the baseline.

    Raises EvaluationError, RecipeError, ModelError, StorageError; finished questions are kept.
    """
    check_libraries()
    setting = _read(request)
    recipes = [(name, load_recipe(name) if name else None) for name in setting.suite.recipes]
    done = []
    for name, recipe in recipes:
        evaluation, folder = _evaluate(request, setting, name, recipe, progress)
        if len(recipes) > 1:  # kept, should a later one fail
            write_results(evaluation, folder)
        done.append((evaluation, folder))
    progress("reporting", 0, 1)
    compared = _compare(request, setting, [evaluation for evaluation, _ in done])
    return [write_results(evaluation, folder) for evaluation, (_, folder) in zip(compared, done, strict=True)]


def _read(request: Request) -> _Setting:
    target = request.target
    if target.suffix == ".toml":
        suite, root = load_suite(target), request.data or target.parent
    else:
        suite, root = Suite(dataset=str(target), recipes=["" if request.index else "default"]), Path()
    suite = suite.model_copy(
        update={
            "recipes": list(request.recipes) or suite.recipes,
            "measures": list(request.measures) or suite.measures,
            "answers": request.answers or suite.answers,
            "explain_misses": request.explain_misses or suite.explain_misses,
            "judge": request.judge or suite.judge,
            "limit": request.limit or suite.limit,
            "expect": {} if request.limit else suite.expect,
        }
    )
    path = root / suite.dataset
    if path.is_dir():
        dataset = read_dataset(path)
    elif not path.is_file():
        hint = "name the folder that holds it with --data" if target.suffix == ".toml" else "name a folder or a file"
        raise EvaluationError("there is no data set", where=str(path), hint=hint)
    elif request.index is None:
        raise EvaluationError("a test set has no documents", where=str(path), hint="name its index with --index")
    else:
        dataset = read_testset(path)
    return _Setting(
        suite=suite,
        dataset=dataset,
        measures=choose_measures(suite.measures, answers=suite.answers),
        asks=tuple(choose_questions(dataset, answers=suite.answers, limit=suite.limit, seed=request.seed)),
    )


def _evaluate(
    request: Request, setting: _Setting, name: str, recipe: Recipe | None, progress: Progress
) -> tuple[Evaluation, Path]:
    started, clock = datetime.now(UTC), time.monotonic()
    suite, dataset, measures = setting.suite, setting.dataset, setting.measures
    # The folder is named after the models too, so they are asked for before there is a folder.
    with Pipeline(request.index or Path(), recipe) as models:
        recipe = models.recipe
        hashes = model_hashes(models, answers=suite.answers)
        generation = models.info().generation if request.index else 0
    judge = (load_recipe(suite.judge) if suite.judge else recipe).generator
    settings: dict[str, object] = {
        "ragstone": __version__,
        "data": dict(dataset.sha256),
        "recipe": recipe.model_dump(exclude={"description"}),
        "models": dict(hashes),
        "index": [str(request.index.resolve()), generation] if request.index else None,
    }
    title = Path(name).stem if name else request.index.name if request.index else ""
    folder = _folder(request, setting, title, settings)
    judging = judge.model_dump() if measures.judged or measures.ragas else None
    with (
        EvaluationFolder(folder, {**settings, "judge": judging}, fresh=request.fresh) as kept,
        Pipeline(request.index or folder / INDEX, recipe) as pipeline,
    ):
        notes = () if request.index else _index(pipeline, dataset, progress)
        evaluation = evaluate(
            pipeline,
            dataset,
            Plan(
                asks=setting.asks,
                measures=measures,
                judge=judge,
                seed=request.seed,
                jobs=request.jobs,
                explain_misses=suite.explain_misses,
                min_coverage=request.min_coverage,
                expect=suite.expect.get(name, {}),
            ),
            kept,
            name=title,
            progress=lambda what, done, total: progress(f"{title}: {what}", done, total),
            provenance=Provenance(
                command=request.command,
                started=started.isoformat(timespec="seconds"),
                seconds=0.0,
                recipe_name=title,
                recipe_toml=recipe_toml(recipe),
                index=str(request.index or folder / INDEX),
                seed=request.seed,
                versions=versions(),
                machine=machine(),
                hashes={**dataset.sha256, **hashes},
            ),
        )
    took = replace(evaluation.provenance, seconds=time.monotonic() - clock)
    return replace(evaluation, notes=(*notes, *evaluation.notes), provenance=took), folder


def _folder(request: Request, setting: _Setting, title: str, settings: Mapping[str, object]) -> Path:
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


def _compare(request: Request, setting: _Setting, evaluations: list[Evaluation]) -> list[Evaluation]:
    """The evaluations with their comparisons, corrected over all that are made here together."""
    if request.baseline is not None:
        qrels = judged_queries(setting.dataset, evaluations[0].queries)
        baseline, systems = read_baseline(request.baseline, qrels, setting.measures.retrieval), evaluations
    else:
        baseline, systems = Baseline(evaluations[0].name, values_of(evaluations[0].queries)), evaluations[1:]
    if not systems:
        return evaluations
    values = {one.name: values_of(one.queries) for one in systems}
    found = compare(values, baseline.values, baseline=baseline.name, seed=request.seed, lower_is_better=LOWER_IS_BETTER)
    notes = unpaired(values, baseline.values, baseline=baseline.name)
    compared = [_with(one, baseline, found, notes) for one in systems]
    return compared if request.baseline is not None else [evaluations[0], *compared]


def _with(one: Evaluation, baseline: Baseline, found: tuple[Comparison, ...], notes: tuple[str, ...]) -> Evaluation:
    own = tuple(comparison for comparison in found if comparison.system == one.name)
    worse = tuple(
        f"{comparison.measure} is significantly worse than {baseline.name}'s: {comparison.system_mean:.4f} after "
        f"{comparison.baseline_mean:.4f}, p = {comparison.p_corrected:.4g}"
        for comparison in own
        if comparison.verdict == "worse"
    )
    return replace(
        one,
        comparisons=own,
        baseline=baseline.values,
        notes=(*one.notes, *notes),
        failures=(*one.failures, *worse),
    )
