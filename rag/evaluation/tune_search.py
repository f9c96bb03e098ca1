"""The search: Optuna's TPE proposes recipes, and one that is clearly worse is not asked all questions.

Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011. A recipe is compared with the best one
so far on the questions that both were asked, by Wilcoxon's signed-rank test over blocks of them. For one
seed the recipes tried are the same, also when the search was interrupted and went on.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

from rag.errors import ChunkError, ContextError, MissingExtraError
from rag.evaluation.tune_space import Space, first_guesses, propose
from rag.recipe import Recipe

if TYPE_CHECKING:
    import optuna
    from optuna import Study
    from optuna import Trial as OptunaTrial
    from optuna.trial import FrozenTrial

# Blocks of questions before the first look at whether a recipe is clearly worse, and how sure that must be.
FIRST_LOOK, CLEARLY = 4, 0.05
# TPE proposes at random until it has seen so many recipes.
RANDOM = 10
# A recipe that was tried before costs nothing, but the search must end.
PROPOSALS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """One question's score, and the seconds it took."""

    score: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Trial:
    """A recipe that was tried: its mean score over the ``asked`` questions, and the median of their seconds.

    ``pruned`` says that it was clearly worse before all were asked.
    """

    number: int
    recipe: Recipe
    quality: float
    seconds: float
    asked: int
    pruned: bool = False


Evaluate: TypeAlias = Callable[[Recipe], Iterator[Sequence[Asked]]]
Progress: TypeAlias = Callable[[Sequence[Trial]], None]


def search(
    space: Space,
    evaluate: Evaluate,
    *,
    journal: Path,
    trials: int,
    seed: int,
    deadline: float | None,
    progress: Progress,
) -> tuple[list[Trial], list[str]]:
    """Different recipes, in the order they were tried, and what could not be tried.

    ``evaluate`` gives the scores in blocks of questions, the same for all recipes. ``journal`` keeps what is finished;
    ``deadline`` is a time of ``time.monotonic``. Raises MissingExtraError.
    """
    with _optuna(journal) as study:
        guesses = first_guesses(space)
        while True:
            finished = _finished(study)
            tried = _tried(finished)
            progress(tried)
            late = deadline is not None and time.monotonic() > deadline
            if len(tried) >= trials or len(finished) >= PROPOSALS * trials or (late and tried):
                return tried, sorted({str(trial.user_attrs["error"]) for trial in finished if _failed(trial)})
            number = len(finished)
            study.sampler = _sampler(seed, number)
            if number < len(guesses):
                study.enqueue_trial(dict(guesses[number]))
            _try(study, space, evaluate, {trial.recipe.model_dump_json(): trial for trial in tried})


def _try(study: Study, space: Space, evaluate: Evaluate, tried: Mapping[str, Trial]) -> None:
    from optuna.trial import TrialState

    trial = study.ask()
    try:
        recipe = propose(trial, space)
        text = recipe.model_dump_json()
        trial.set_user_attr("recipe", text)
        if known := tried.get(text):
            _repeat(trial, study, known)
            return
        _evaluate(trial, study, evaluate(recipe))
    except (ChunkError, ContextError) as error:
        trial.set_user_attr("error", str(error))
        study.tell(trial, state=TrialState.FAIL)
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)
        raise


def _evaluate(trial: OptunaTrial, study: Study, blocks: Iterator[Sequence[Asked]]) -> None:
    asked: list[Asked] = []
    pruned = False
    for step, block in enumerate(blocks):
        asked += block
        trial.report(fsum(one.score for one in block) / len(block), step)
        if trial.should_prune():
            pruned = True
            break
    trial.set_user_attr("asked", len(asked))
    trial.set_user_attr("seconds", median(one.seconds for one in asked))
    trial.set_user_attr("pruned", pruned)
    # The mean so far, as WilcoxonPruner's documentation has it: the sampler learns more than from a pruned trial.
    study.tell(trial, fsum(one.score for one in asked) / len(asked))


def _repeat(trial: OptunaTrial, study: Study, known: Trial) -> None:
    """Tell the sampler again what came of a recipe, as a weight: it asked for it."""
    trial.set_user_attr("repeats", known.number)
    for step, value in study.trials[known.number].intermediate_values.items():
        trial.report(value, step)
    study.tell(trial, known.quality)


def _finished(study: Study) -> list[FrozenTrial]:
    from optuna.trial import TrialState

    return [trial for trial in study.trials if trial.state == TrialState.COMPLETE or _failed(trial)]


def _failed(trial: FrozenTrial) -> bool:
    return "error" in trial.user_attrs


def _tried(finished: Sequence[FrozenTrial]) -> list[Trial]:
    return [
        Trial(
            number=trial.number,
            recipe=Recipe.model_validate_json(trial.user_attrs["recipe"]),
            quality=float(trial.value),
            seconds=float(trial.user_attrs["seconds"]),
            asked=int(trial.user_attrs["asked"]),
            pruned=bool(trial.user_attrs["pruned"]),
        )
        for trial in finished
        if trial.value is not None and "repeats" not in trial.user_attrs
    ]


@contextmanager
def _optuna(journal: Path) -> Iterator[Study]:
    try:
        import optuna
        from optuna.exceptions import ExperimentalWarning
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise MissingExtraError(f"optuna cannot be imported: {error}", hint='pip install "ragstone[eval]"') from error
    _mend(journal)
    loud = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            pruner = optuna.pruners.WilcoxonPruner(p_threshold=CLEARLY, n_startup_steps=FIRST_LOOK)
        yield optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(journal))),
            study_name="tune",
            direction="maximize",
            pruner=pruner,
            load_if_exists=True,
        )
    finally:
        optuna.logging.set_verbosity(loud)


def _sampler(seed: int, number: int) -> optuna.samplers.BaseSampler:
    """A sampler for one trial: what it proposes depends on the seed and what was found, not on interruptions."""
    import optuna

    return optuna.samplers.TPESampler(seed=(seed * 1_000_003 + number) % 2**32, n_startup_trials=RANDOM)


def _mend(journal: Path) -> None:
    """Undo what a kill left: half a line at the end, and a lock (the caller holds the folder's own)."""
    journal.with_name(journal.name + ".lock").unlink(missing_ok=True)
    if not journal.is_file():
        return
    data = journal.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with journal.open("r+b") as file:
            file.truncate(whole)
