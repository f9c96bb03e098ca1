"""What is asked for: the request with its suite, the data set, the questions and what they are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rag.errors import EvaluationError
from rag.evaluation.datasets import Dataset, read_dataset, read_testset
from rag.evaluation.experiment.asking import Ask, choose_questions
from rag.evaluation.experiment.baseline import Baseline, read_baseline
from rag.evaluation.experiment.chosen import Chosen, choose_measures
from rag.evaluation.experiment.suite import Suite, load_suite
from rag.evaluation.scores import MIN_COVERAGE

__all__ = ["Request", "Setting", "read_setting"]


@dataclass(frozen=True, slots=True)
class Request:
    """What to evaluate. ``target`` is a suite, a data set folder or a test set; what is given goes before the suite's.

    ``recipes`` are names or files; ``index`` is searched instead of one made of the data set's documents, by its own
    recipe if none is given. With ``trial``, a recipe that needs another embedder, cutting or BM25 than that index has
    is measured on a trial index made of its documents. ``data`` is the folder of a suite's data sets; ``split`` names
    the judgements, qrels/SPLIT.tsv. ``judge`` is the recipe whose generator judges, the evaluated one by default.
    ``baseline`` is a TREC run or the folder of an earlier evaluation; without one the first recipe is that of the
    others. ``out`` is where the results go; of several recipes, to a folder each.
    """

    target: Path
    recipes: tuple[str, ...] = ()
    index: Path | None = None
    trial: bool = False
    data: Path | None = None
    split: str = ""
    measures: tuple[str, ...] = ()
    answers: bool = False
    explain_misses: bool = False
    judge: str = ""
    baseline: Path | None = None
    limit: int | None = None
    seed: int | None = None
    jobs: int = 1
    min_coverage: float = MIN_COVERAGE
    out: Path | None = None
    fresh: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        if self.jobs < 1 or (self.limit is not None and self.limit < 1) or (self.seed is not None and self.seed < 0):
            raise EvaluationError("jobs and limit are 1 or more, and a seed is 0 or more")


@dataclass(frozen=True, slots=True)
class Setting:
    """What all recipes of an experiment share."""

    suite: Suite
    dataset: Dataset
    measures: Chosen
    asks: tuple[Ask, ...]
    baseline: Baseline | None
    notes: tuple[str, ...]


def read_setting(request: Request) -> Setting:
    """Read suite, data set and baseline. Raises EvaluationError."""
    target = request.target
    if target.suffix == ".toml":
        suite, root = load_suite(target), request.data or target.parent
    else:
        suite, root = Suite(dataset=str(target)), Path()
    overridden = _without_expectations(request, suite)
    suite = suite.model_copy(
        update={
            "split": request.split or suite.split,
            "recipes": list(request.recipes) or _recipes(request, suite),
            "measures": list(request.measures) or suite.measures,
            "answers": request.answers or suite.answers,
            "explain_misses": request.explain_misses or suite.explain_misses,
            "judge": request.judge or suite.judge,
            "limit": request.limit or suite.limit,
            "seed": suite.seed if request.seed is None else request.seed,
            "expect": {} if overridden else suite.expect,
        }
    )
    path = root / suite.dataset
    if path.is_dir():
        dataset = read_dataset(path, split=suite.split)
    elif not path.is_file():
        hint = "name the folder that holds it with --data" if target.suffix == ".toml" else "name a folder or a file"
        raise EvaluationError("there is no data set", where=str(path), hint=hint)
    elif request.index is None:
        raise EvaluationError("a test set has no documents", where=str(path), hint="name its index with --index")
    else:
        dataset = read_testset(path)
    measures = choose_measures(suite.measures, answers=suite.answers)
    if not request.measures:
        _check_expectations(suite, measures, target)
    asks = tuple(choose_questions(dataset, answers=suite.answers, limit=suite.limit, seed=suite.seed))
    qrels = {ask.id: dataset.qrels[ask.id] for ask in asks if ask.id in dataset.qrels}
    baseline = None
    if request.baseline is not None:  # read before a long run, not after it
        baseline = read_baseline(request.baseline, {ask.id for ask in asks}, qrels, measures.retrieval)
    return Setting(
        suite=suite,
        dataset=dataset,
        measures=measures,
        asks=asks,
        baseline=baseline,
        notes=(*overridden, *(_unasked(dataset) if suite.answers else ())),
    )


def _recipes(request: Request, suite: Suite) -> list[str]:
    own = request.index and "recipes" not in suite.model_fields_set
    return [""] if own else suite.recipes


def _without_expectations(request: Request, suite: Suite) -> tuple[str, ...]:
    """That a suite's expectations do not hold, since they are of other questions; nothing where they do."""
    sampled = request.limit not in (None, suite.limit) or (suite.limit and request.seed not in (None, suite.seed))
    if suite.expect and (sampled or request.split not in ("", suite.split)):
        return ("the suite's expected scores are not checked: they are of other questions than these",)
    return ()


def _check_expectations(suite: Suite, measures: Chosen, target: Path) -> None:
    for recipe, expected in suite.expect.items():
        if wrong := next((name for name in expected if name not in measures.names), None):
            raise EvaluationError(
                f"expect.{recipe} has {wrong!r}, which is not measured",
                where=str(target),
                hint=f"measured are: {', '.join(measures.names)}",
            )


def _unasked(dataset: Dataset) -> tuple[str, ...]:
    questions = {one.id for one in dataset.questions}
    unasked = [query for query in dataset.queries if query not in questions]
    if not unasked:
        return ()
    return (
        f"{len(unasked)} of {len(dataset.queries)} judged queries are not in qa.jsonl by their _id (such as "
        f"{unasked[0]}) and were not asked; without --answers they are",
    )
