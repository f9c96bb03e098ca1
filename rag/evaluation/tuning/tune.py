"""A search for a better recipe, whose answer may be that there is none.

Recipes are tried on one half of the questions, and the best few confirmed against the current one on the other, which
shares no gold document with the first: the best of many on the questions it was chosen by is better than
it is (the winner's curse). Besides them the best of those that do less work by construction is confirmed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from statistics import stdev

from rag.errors import EvaluationError
from rag.evaluation.datasets import Dataset
from rag.evaluation.tuning import space as tune_space
from rag.evaluation.tuning.bench import Bench
from rag.evaluation.tuning.cases import cases_of
from rag.evaluation.tuning.decide import Candidate, decide, front, middle
from rag.evaluation.tuning.index import TrialIndexes
from rag.evaluation.tuning.recipe import changes
from rag.evaluation.tuning.records import Point, TuneOptions, TuneProgress, Tuning
from rag.evaluation.tuning.score import Case, Objective, choose_objective
from rag.evaluation.tuning.search import Trial, require_optuna, search
from rag.evaluation.tuning.space import SECTIONS, Space, does_less
from rag.evaluation.tuning.split import USUAL_DEVIATION, check_enough, detectable, split
from rag.index import Snapshot
from rag.pipeline import Pipeline
from rag.protocols import Embedder
from rag.recipe import Recipe
from rag.types import content_hash

# Raised by every change after which the same recipe may score differently, or other recipes are tried.
VERSION = "1"
# Tokens of a passage at most, where no embedder limits them.
WORDS_AT_MOST = 1024


def tune(
    pipeline: Pipeline,
    dataset: Dataset,
    *,
    folder: Path,
    options: TuneOptions | None = None,
    progress: Callable[[TuneProgress], None] = lambda _: None,
) -> Tuning:
    """Search for a recipe better than the pipeline's over its index.

    Args:
        pipeline: The index, and the recipe to compare with.
        dataset: Questions whose gold documents the index holds.
        folder: Where trial indexes and finished trials are kept; the same call goes on from there.
        options: How to search.
        progress: Told what is being done.

    Raises:
        EvaluationError: The test set is not one of this index, or too small to tell anything.
        ModelError: A model of the recipe is not installed.
        MissingExtraError: Optuna is not installed.
    """
    require_optuna()
    options = options or TuneOptions()
    objective = choose_objective(options.measure, dataset, answers=options.answers)
    snapshot = pipeline.snapshot
    cases, notes = cases_of(dataset, snapshot, objective, limit=options.limit, seed=options.seed)
    tuning, held_out = split(cases, share=options.share, seed=options.seed)
    check_enough(len(held_out), alpha=options.alpha, comparisons=options.candidates + 1)
    space, missing = _space(pipeline.recipe, pipeline.embedder, options)
    with _alone(folder):
        indexes = TrialIndexes(
            snapshot,
            pipeline.embedder,
            folder,
            watch=lambda done, total: progress(TuneProgress("cutting", done, total)),
        )
        texts = [case.question.text for case in cases]
        with closing(Bench(indexes, pipeline.recipe, objective, dataset.key, texts)) as bench:
            run = _Run(space, bench, objective, options, progress)
            return run.result(
                tuning, held_out, folder / _journal(snapshot, dataset, space, objective, options), notes + missing
            )


@dataclass(frozen=True, slots=True)
class _Run:
    space: Space
    bench: Bench
    objective: Objective
    options: TuneOptions
    progress: Callable[[TuneProgress], None]

    def result(self, tuning: Sequence[Case], held_out: Sequence[Case], journal: Path, notes: tuple[str, ...]) -> Tuning:
        """Search on the first cases, confirm on the second, decide."""
        options, current = self.options, self.space.current
        base = Trial.of(-1, current, [one for block in self.bench.ask(current, tuning) for one in block])
        trials, failures = search(
            self.space,
            lambda recipe: self.bench.ask(recipe, tuning),
            journal=journal,
            trials=options.trials,
            seed=options.seed,
            deadline=None if options.minutes is None else time.monotonic() + 60 * options.minutes,
            progress=lambda tried: self._tell(base, tried),
        )
        chosen = _choose(base, trials, options)
        confirmed = self._confirm([base, *chosen], held_out)
        count = len(held_out)
        least = self._detectable(confirmed, count)
        found = decide(
            confirmed.candidates[0],
            confirmed.candidates[1:],
            measure=self.objective.name,
            count=count,
            margin=options.margin,
            detectable=least,
        )
        return Tuning(
            advice=found.advice,
            text=found.text,
            recipe=found.chosen.recipe,
            changes=found.chosen.changes,
            measure=self.objective.name,
            current=confirmed.candidates[0],
            candidates=confirmed.candidates[1:],
            front=self._front([base, *(trial for trial in trials if not trial.pruned)]),
            tuning=len(tuning),
            held_out=count,
            tried=len(trials),
            pruned=sum(trial.pruned for trial in trials),
            seed=options.seed,
            alpha=options.alpha,
            margin=options.margin,
            detectable=least,
            notes=(*notes, *(f"could not be tried: {failure}" for failure in failures)),
        )

    def _tell(self, base: Trial, tried: Sequence[Trial]) -> None:
        best = max([base, *(trial for trial in tried if not trial.pruned)], key=lambda trial: trial.quality)
        self.progress(TuneProgress("trying", len(tried), self.options.trials, best.quality))

    def _confirm(self, trials: Sequence[Trial], held_out: Sequence[Case]) -> _Confirmed:
        """Held-out scores of the current recipe and of the candidates, compared together, and their times."""
        from rag.evaluation.ranking.significance import compare

        names = ["current", *(f"candidate {number}" for number in range(1, len(trials)))]
        scores: dict[str, dict[str, float]] = {}
        for number, (name, trial) in enumerate(zip(names, trials, strict=True)):
            self.progress(TuneProgress("confirming", number, len(trials)))
            asked = (one for block in self.bench.ask(trial.recipe, held_out) for one in block)
            scores[name] = {case.id: one.score for case, one in zip(held_out, asked, strict=True)}
        comparisons = {
            one.system: one
            for one in compare(
                {name: {self.objective.name: found} for name, found in scores.items() if name != "current"},
                {self.objective.name: scores["current"]},
                baseline="current",
                alpha=self.options.alpha,
                seed=self.options.seed,
            )
        }
        self.progress(TuneProgress("timing", 0, 1))
        seconds = self.bench.time([trial.recipe for trial in trials], held_out)
        return _Confirmed(
            tuple(
                Candidate(
                    name=name,
                    recipe=trial.recipe,
                    changes=changes(trial.recipe, self.space.current),
                    tuning=trial.quality,
                    held_out=fsum(scores[name].values()) / len(held_out),
                    seconds=middle(taken),
                    cut=self.bench.indexes.cut(trial.recipe),
                    comparison=comparisons.get(name),
                )
                for name, trial, taken in zip(names, trials, seconds, strict=True)
            ),
            scores,
        )

    def _detectable(self, confirmed: _Confirmed, count: int) -> float:
        """By the widest spread of differences that was seen, or the usual one where none was."""
        current = confirmed.scores["current"]
        spreads = [
            stdev(value - current[query] for query, value in found.items())
            for name, found in confirmed.scores.items()
            if name != "current"
        ]
        spread = max(spreads, default=0.0) or USUAL_DEVIATION
        return detectable(spread, count, alpha=self.options.alpha, comparisons=max(1, len(spreads)))

    def _front(self, trials: Sequence[Trial]) -> tuple[Point, ...]:
        best = [trials[index] for index in front([(trial.quality, trial.seconds) for trial in trials])]
        points = []
        for trial in best:
            cut = self.bench.indexes.cut(trial.recipe)
            different = changes(trial.recipe, self.space.current)
            points.append(Point(different, trial.quality, trial.seconds, cut.passages, cut.embedded, cut.bytes))
        return tuple(points)


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """The current recipe, then the candidates; and their scores by name and question."""

    candidates: tuple[Candidate, ...]
    scores: dict[str, dict[str, float]]


def _choose(base: Trial, trials: Sequence[Trial], options: TuneOptions) -> list[Trial]:
    """The best that beat the current recipe on the tuning questions, and the best of those that do less work.

    Of recipes that score alike on every question, the one that changes the least: the rest of it changes nothing here.
    """
    whole = [trial for trial in trials if not trial.pruned]
    ranked = sorted(whole, key=lambda trial: (-trial.quality, len(changes(trial.recipe, base.recipe)), trial.number))
    better: dict[str, Trial] = {}
    for trial in ranked:
        if trial.quality > base.quality:
            better.setdefault(trial.outcome, trial)
    chosen = list(better.values())[: options.candidates]
    cheap = (trial for trial in ranked if does_less(trial.recipe, base.recipe, answers=options.answers))
    if (first := next(cheap, None)) and first not in chosen:
        chosen.append(first)
    return chosen


def _space(recipe: Recipe, embedder: Embedder | None, options: TuneOptions) -> tuple[Space, tuple[str, ...]]:
    most = embedder.max_tokens if embedder else WORDS_AT_MOST
    rerankers, missing = tune_space.rerankers(recipe.reranker.model, options.rerankers)
    searched = frozenset(SECTIONS) - options.fixed
    return (
        Space(
            current=recipe,
            searched=searched,
            chunkers=tune_space.chunkers(recipe.chunker, most),
            rerankers=rerankers,
            answers=options.answers,
        ),
        missing if "reranker" in searched else (),
    )


def _journal(snapshot: Snapshot, dataset: Dataset, space: Space, objective: Objective, options: TuneOptions) -> str:
    """A name for the finished trials that changes with all that decides them; how many are wanted does not."""
    info = snapshot.info()
    parts = (
        VERSION,
        info.created,
        str(info.generation),
        space.current.model_dump_json(),
        repr(sorted(dataset.sha256.items())),
        repr((objective, options.share, options.seed, options.limit, sorted(options.fixed))),
        repr((space.chunkers, space.rerankers)),
    )
    return f"trials-{content_hash(*parts)[:16]}.log"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other searches out of the folder."""
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise EvaluationError(
            "another search is running here", where=str(folder), hint="give another --work"
        ) from error
    except OSError as error:
        raise EvaluationError(
            f"cannot be written: {error}", where=str(folder), hint="name a folder for trial indexes with --work"
        ) from error
    try:
        yield
    finally:
        lock.release()
