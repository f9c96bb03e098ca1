"""The recipes that are tried: what may vary, and a recipe from a trial's parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from rag import models
from rag.errors import ModelError
from rag.recipe import Bm25Config, ChunkerConfig, GeneratorConfig, Recipe, RerankerConfig, RetrievalConfig, load_recipe

if TYPE_CHECKING:
    from optuna import Trial

Section: TypeAlias = Literal["chunker", "retrieval", "bm25", "reranker", "generator"]
Params: TypeAlias = Mapping[str, str | int | float]

SECTIONS: tuple[Section, ...] = ("chunker", "retrieval", "bm25", "reranker", "generator")
# Tokens of a passage; windows overlap by a quarter.
SIZES = (64, 128, 256, 512, 1024)
WINDOWS = (128, 256)
ARMS: Mapping[str, list[Literal["dense", "sparse"]]] = {
    "both": ["dense", "sparse"],
    "sparse": ["sparse"],
    "dense": ["dense"],
}
FUSIONS = ("convex", "rrf")
DEPTHS = (50, 100, 200)
RELEVANCES = (1.0, 0.7, 0.5)
RERANK_DEPTHS = (10, 20, 50)
PASSAGES = (2, 4, 6, 8, 10)
EXCERPTS = (0, 2, 4, 6, 8)
ANSWER_TOKENS = (48, 96, 160)
FALLBACKS = ("quote", "none")


@dataclass(frozen=True, slots=True)
class Space:
    """What may vary from the ``current`` recipe.

    ``chunkers`` and ``rerankers`` (models; "" for none) are those to choose from, the current ones first.
    ``answers`` adds the settings that matter to answers alone.
    """

    current: Recipe
    searched: frozenset[Section]
    chunkers: tuple[ChunkerConfig, ...]
    rerankers: tuple[str, ...]
    answers: bool

    @property
    def has_vectors(self) -> bool:
        """Whether the index can be searched by meaning."""
        return self.current.embedder.backend != "none"


def chunkers(current: ChunkerConfig, most: int) -> tuple[ChunkerConfig, ...]:
    """Ways of cutting, the current one first; ``most`` is what the embedder reads, in tokens."""
    sizes = [size for size in SIZES if size <= most]
    tried = [
        current,
        *(ChunkerConfig(kind="auto", max_tokens=size) for size in sizes),
        *(ChunkerConfig(kind="tokens", max_tokens=size, overlap=size // 4) for size in WINDOWS if size <= most),
        ChunkerConfig(kind="document", max_tokens=sizes[-1] if sizes else most),
    ]
    named: dict[str, ChunkerConfig] = {}
    for chunker in tried:
        named.setdefault(_cut_name(chunker), chunker)
    return tuple(named.values())


def _cut_name(chunker: ChunkerConfig) -> str:
    overlap = f"/{chunker.overlap}" if chunker.kind == "tokens" else ""
    return f"{chunker.kind} {chunker.max_tokens}{overlap}"


def rerankers(current: str, named: Sequence[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Installed rerankers to choose from, the current one first and "" for none; and why others are left out.

    Raises ModelError where the current one is not installed.
    """
    if current:
        models.resolve(current)
    usual = load_recipe("hybrid-rerank").reranker.model
    registered = [status.name for status in models.list_models() if status.kind == "reranker"]
    installed, missing = [current], []
    for name in dict.fromkeys(["", *named, usual, *registered]):
        if name in installed:
            continue
        try:
            if name:
                models.resolve(name)
        except ModelError as error:
            missing.append(f"the reranker {name} is left out: {error}")
        else:
            installed.append(name)
    return tuple(installed), tuple(missing)


def propose(trial: Trial, space: Space) -> Recipe:
    """The recipe of a trial. What has no effect under its other settings stays as it is in the current recipe."""
    recipe = space.current
    retrieval, bm25 = recipe.retrieval, recipe.bm25
    chunker, reranker, generator = recipe.chunker, recipe.reranker, recipe.generator
    if "chunker" in space.searched and len(space.chunkers) > 1:
        by_name = {_cut_name(chunker): chunker for chunker in space.chunkers}
        chunker = by_name[trial.suggest_categorical("chunker", list(by_name))]
    if "retrieval" in space.searched and space.has_vectors:
        retrieval = _retrieval(trial, retrieval)
    if "bm25" in space.searched and "sparse" in retrieval.arms:
        bm25 = Bm25Config(
            variant=bm25.variant,
            k1=round(trial.suggest_float("k1", 0.0, 3.0, step=0.1), 1),
            b=round(trial.suggest_float("b", 0.0, 1.0, step=0.05), 2),
        )
    if "reranker" in space.searched and len(space.rerankers) > 1:
        model = trial.suggest_categorical("reranker", list(space.rerankers))
        depth = trial.suggest_categorical("rerank_depth", list(RERANK_DEPTHS)) if model else reranker.depth
        reranker = RerankerConfig(model=model, depth=depth)
    if "generator" in space.searched and space.answers:
        generator = _generator(trial, generator)
        passages = trial.suggest_categorical("k", list(PASSAGES))
        retrieval = RetrievalConfig(**{**retrieval.model_dump(), "k": passages})
    return recipe.model_copy(
        update={
            "chunker": chunker,
            "retrieval": retrieval,
            "bm25": bm25,
            "reranker": reranker,
            "generator": generator,
        }
    )


def _retrieval(trial: Trial, current: RetrievalConfig) -> RetrievalConfig:
    chosen = current.model_dump()
    chosen["arms"] = ARMS[trial.suggest_categorical("arms", list(ARMS))]
    if len(chosen["arms"]) > 1:
        chosen["fusion"] = trial.suggest_categorical("fusion", list(FUSIONS))
        chosen["weight"] = round(trial.suggest_float("weight", 0.05, 0.95, step=0.05), 2)
        chosen["depth"] = trial.suggest_categorical("depth", list(DEPTHS))
    chosen["mmr"] = trial.suggest_categorical("mmr", list(RELEVANCES))
    return RetrievalConfig(**chosen)


def _generator(trial: Trial, current: GeneratorConfig) -> GeneratorConfig:
    chosen = current.model_dump()
    chosen["max_answer_tokens"] = trial.suggest_categorical("max_answer_tokens", list(ANSWER_TOKENS))
    if current.kind != "extractive":
        chosen["excerpt"] = trial.suggest_categorical("excerpt", list(EXCERPTS))
        chosen["fallback"] = trial.suggest_categorical("fallback", list(FALLBACKS))
    return GeneratorConfig(**chosen)


def first_guesses(space: Space) -> list[Params]:
    """Parameters to try first: the current recipe's, the default's, and the current one's with a stage less."""
    current = space.current
    retrieval = current.retrieval
    guesses = [current, Recipe(chunker=current.chunker)]
    if space.has_vectors and "retrieval" in space.searched:
        guesses += [
            current.model_copy(update={"retrieval": retrieval.model_copy(update={"arms": arms})})
            for arms in ARMS.values()
            if arms != retrieval.arms
        ]
    if current.reranker.model and "reranker" in space.searched:
        guesses.append(current.model_copy(update={"reranker": RerankerConfig()}))
    return [_params(recipe) for recipe in guesses]


def _params(recipe: Recipe) -> Params:
    """A recipe's values, the nearest that are tried; those that are chosen from a list are left open if not in it."""
    retrieval, generator = recipe.retrieval, recipe.generator
    chosen: dict[str, tuple[str | int | float, Sequence[str | int | float]]] = {
        "fusion": (retrieval.fusion, FUSIONS),
        "depth": (retrieval.depth, DEPTHS),
        "mmr": (retrieval.mmr, RELEVANCES),
        "rerank_depth": (recipe.reranker.depth, RERANK_DEPTHS),
        "k": (retrieval.k, PASSAGES),
        "excerpt": (generator.excerpt, EXCERPTS),
        "max_answer_tokens": (generator.max_answer_tokens, ANSWER_TOKENS),
        "fallback": (generator.fallback, FALLBACKS),
    }
    arms = next((name for name, arms in ARMS.items() if sorted(arms) == sorted(retrieval.arms)), "both")
    return {
        "chunker": _cut_name(recipe.chunker),
        "arms": arms,
        "reranker": recipe.reranker.model,
        "weight": min(max(round(retrieval.weight * 20) / 20, 0.05), 0.95),
        "k1": min(round(recipe.bm25.k1, 1), 3.0),
        "b": round(recipe.bm25.b * 20) / 20,
        **{name: value for name, (value, choices) in chosen.items() if value in choices},
    }


def work(recipe: Recipe, *, answers: bool) -> tuple[int, ...]:
    """What a question costs by construction: pairs reranked, questions embedded, and with answers what is generated."""
    reranked = recipe.reranker.depth if recipe.reranker.model else 0
    embedded = int("dense" in recipe.retrieval.arms)
    generated = (recipe.retrieval.k, recipe.generator.max_answer_tokens) if answers else ()
    return (reranked, embedded, *generated)


def does_less(recipe: Recipe, other: Recipe, *, answers: bool) -> bool:
    """Whether a recipe costs no more than another in anything, and less in something."""
    own, others = work(recipe, answers=answers), work(other, answers=answers)
    return own != others and all(mine <= theirs for mine, theirs in zip(own, others, strict=True))
