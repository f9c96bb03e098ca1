"""The search: Optuna's TPE proposes recipes, and successive halving ends those that fall behind early.

Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011; Li et al., "A System for Massively
Parallel Hyperparameter Tuning" (ASHA), MLSys 2020: after 40, 80, 160, ... questions only the better half of the recipes
that came so far goes on. For one seed the recipes tried are the same, also when the search was interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import fsum
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Self, TypeAlias

from rag.errors import ChunkError, ContextError, MissingExtraError
from rag.evaluation.tuning.space import Space, first_guesses, propose
from rag.recipe import Recipe
from rag.types import content_hash

if TYPE_CHECKING:
    import optuna
    from optuna import Study
    from optuna import Trial as OptunaTrial
    from optuna.trial import FrozenTrial

# Questions before the first halving, and the share that goes on: one in so many.
FIRST_RUNG, ONE_IN = 40, 2
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

    ``pruned`` says that it fell behind before all were asked. Recipes of the same ``outcome`` scored alike on each.
    """

    number: int
    recipe: Recipe
    quality: float
    seconds: float
    asked: int
    outcome: str
    pruned: bool = False

    @classmethod
    def of(cls, number: int, recipe: Recipe, asked: Sequence[Asked], *, pruned: bool = False) -> Self:
        """What came of asking."""
        return cls(
            number=number,
            recipe=recipe,
            quality=fsum(one.score for one in asked) / len(asked),
            seconds=median(one.seconds for one in asked),
            asked=len(asked),
            outcome=content_hash(*(repr(one.score) for one in asked)),
            pruned=pruned,
        )


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
    ``deadline`` is a time of ``time.monotonic``. A recipe that cannot be (its chunker or its context has no
    room) is told, not raised.
    """
    with _optuna(journal) as (study, kept):
        guesses = first_guesses(space)
        while True:
            finished = study.get_trials(deepcopy=False)
            tried = _tried(finished)
            progress(tried)
            late = deadline is not None and time.monotonic() > deadline
            if len(tried) >= trials or len(finished) >= PROPOSALS * trials or (late and tried):
                return tried, sorted({trial.user_attrs["error"] for trial in finished if "error" in trial.user_attrs})
            number = len(finished)
            study.sampler = _sampler(seed, number)
            if number < len(guesses):
                study.enqueue_trial(dict(guesses[number]))
            _try(study, space, evaluate, {trial.recipe.model_dump_json(): trial for trial in tried})
            kept.add_trial(study.trials[-1])


def _try(study: Study, space: Space, evaluate: Evaluate, tried: Mapping[str, Trial]) -> None:
    from optuna.trial import TrialState

    trial = study.ask()
    recipe = propose(trial, space)
    text = recipe.model_dump_json()
    trial.set_user_attr("recipe", text)
    if known := tried.get(text):
        trial.set_user_attr("repeats", known.number)
        study.tell(trial, known.quality)
        return
    try:
        _evaluate(trial, study, recipe, evaluate(recipe))
    except (ChunkError, ContextError) as error:
        trial.set_user_attr("error", str(error))
        study.tell(trial, state=TrialState.FAIL)


def _evaluate(trial: OptunaTrial, study: Study, recipe: Recipe, blocks: Iterator[Sequence[Asked]]) -> None:
    asked: list[Asked] = []
    pruned = False
    for block in blocks:
        if asked:  # a recipe that has answered all questions is not ended by the last of them
            trial.report(fsum(one.score for one in asked) / len(asked), step=len(asked))
            if pruned := trial.should_prune():
                break
        asked += block
    came = Trial.of(trial.number, recipe, asked, pruned=pruned)
    for name in ("seconds", "asked", "outcome", "pruned"):
        trial.set_user_attr(name, getattr(came, name))
    # The mean so far, also of one that was ended: TPE learns more from it than from a trial told as pruned, whose
    # values it only compares with those of as many questions.
    study.tell(trial, came.quality)


def _tried(finished: Sequence[FrozenTrial]) -> list[Trial]:
    return [
        Trial(
            number=trial.number,
            recipe=Recipe.model_validate_json(trial.user_attrs["recipe"]),
            quality=float(trial.value),
            seconds=float(trial.user_attrs["seconds"]),
            asked=int(trial.user_attrs["asked"]),
            outcome=str(trial.user_attrs["outcome"]),
            pruned=bool(trial.user_attrs["pruned"]),
        )
        for trial in finished
        if trial.value is not None and "repeats" not in trial.user_attrs
    ]


def require_optuna() -> None:
    """Raise MissingExtraError where Optuna is not installed: before anything is cut and embedded in vain."""
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"optuna cannot be imported: {error}", hint='pip install "ragstone[eval]"') from error


@contextmanager
def _optuna(journal: Path) -> Iterator[tuple[Study, Study]]:
    """A study in memory that begins with the finished trials, and the one on disk that keeps them."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    _mend(journal)
    loud = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        kept = optuna.create_study(
            storage=JournalStorage(JournalFileBackend(str(journal))),
            study_name="tune",
            direction="maximize",
            load_if_exists=True,
        )
        study = optuna.create_study(
            direction="maximize",
            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=FIRST_RUNG, reduction_factor=ONE_IN),
        )
        study.add_trials(kept.trials)
        yield study, kept
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
