"""What answers: the recipe's generator, and how much proof it asks for."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from rag.errors import RecipeError
from rag.protocols import Chooser, Sampler, SpanEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rag.chains.drafting import AnswerParts, Chain, Event
    from rag.grounding import Preference, Thresholds
    from rag.grounding.confidence import Estimate
    from rag.grounding.opinions import Opinion
    from rag.grounding.verifiers import NliVerifier
    from rag.index import Snapshot
    from rag.protocols import Embedder, Generator, QueryTransform, Retriever, Verifier
    from rag.queries import IntentRouter
    from rag.recipe.sections import Recipe


def build_generator(recipe: Recipe, embedder: Embedder | None) -> Generator:
    """The generator; a local model is loaded at once. Raises ModelError, MissingExtraError."""
    config = recipe.generator
    match config.kind:
        case "extractive":
            from rag.generators import ExtractiveGenerator

            return ExtractiveGenerator(embedder=embedder)
        case "openai":
            from rag.generators import OpenAIGenerator

            return OpenAIGenerator(
                config.model,
                base_url=config.base_url or None,
                api_key_env=config.api_key_env,
                timeout=config.timeout,
                max_retries=config.max_retries,
                context_size=config.context_size,
                temperature=config.temperature,
                seed=config.seed,
            )
        case "llama.cpp":
            from rag.generators import LlamaCppGenerator
            from rag.models import resolve

            return LlamaCppGenerator(
                resolve(config.model),
                binding=config.binding,
                context_size=config.context_size,
                temperature=config.temperature,
                seed=config.seed,
            )


def build_fallback(recipe: Recipe, embedder: Embedder | None) -> Generator | None:
    """What quotes where the generator's draft finds no proof; None where the recipe has none."""
    if recipe.generator.fallback == "none" or recipe.generator.kind == "extractive":
        return None
    from rag.generators import ExtractiveGenerator

    return ExtractiveGenerator(embedder)


def build_thresholds(recipe: Recipe) -> Thresholds:
    """The grounding thresholds."""
    from rag.grounding import Thresholds

    config = recipe.grounding
    return Thresholds(config.min_support, config.min_answerability, config.min_confidence, config.min_right)


def build_confidence(recipe: Recipe, embedder: Embedder | None) -> Estimate | None:
    """What says how sure an answer is; None where rules alone do: so it is with an embedder it was not trained with."""
    if recipe.grounding.confidence == "rules" or not isinstance(embedder, SpanEmbedder):
        return None
    from rag.grounding.confidence import load_confidence

    model = load_confidence()
    return model if embedder.fingerprint == model.embedder else None


def build_opinion(
    recipe: Recipe, learned: Estimate | None, generator: Generator, embedder: Embedder | None
) -> Opinion | None:
    """What adds the generator's own opinion to ``learned``; None where the recipe does not ask for it.

    Raises RecipeError where the generator has none to give or there is nothing to add it to, ModelError for weights.
    """
    config = recipe.grounding
    if not (config.ask_model or config.samples):
        return None
    key = "grounding.ask_model" if config.ask_model else "grounding.samples"
    if config.ask_model and not isinstance(generator, Chooser):
        raise _no_opinion("grounding.ask_model", "cannot weigh yes against no")
    if config.samples and not isinstance(generator, Sampler):
        raise _no_opinion("grounding.samples", "writes the same draft each time")
    if learned is None or embedder is None:
        raise RecipeError(
            "the generator's opinion is added to the learned confidence, which does not apply to this recipe",
            where=key,
            hint='it needs grounding.confidence "learned", chain.kind "one-shot" and the default embedder '
            "(docs/refusals.md); or leave grounding.ask_model and grounding.samples out",
        )
    from rag.grounding.opinions import ModelSignals, combined, load_combinations

    path = Path(config.model_weights) if config.model_weights else None
    weights = load_combinations(path)
    signals = ModelSignals(
        generator, embedder, ask=config.ask_model, samples=config.samples, temperature=config.sample_temperature
    )
    return combined(learned, signals, weights.of(signals.names, where=config.model_weights or "the shipped weights"))


def _no_opinion(key: str, why: str) -> RecipeError:
    return RecipeError(
        f"the recipe's generator {why}",
        where=key,
        hint=f'set generator.kind to "llama.cpp" or "openai", or leave {key} out',
    )


def build_verifier(recipe: Recipe, embedder: Embedder | None, generator: Generator) -> Verifier | None:
    """What measures support; None where that is the words, lifted by embeddings or not: grounding does it itself.

    Raises RecipeError for a verifier whose parts the recipe lacks, ModelError where a model is not there.
    """
    config = recipe.grounding
    if config.verifier in {"rules", "embedding"}:
        return None
    from rag.grounding.verifiers import CombinedVerifier, JudgeVerifier, load_weights

    match config.verifier:
        case "nli":
            return _build_nli(recipe)
        case "judge":
            _need_language_model(recipe)
            return JudgeVerifier(generator)
        case "combined":
            if embedder is None:
                raise RecipeError(
                    "the combined verifier reads embeddings, and the recipe has no embedder",
                    where="grounding.verifier",
                    hint='name an embedder, or set grounding.verifier to "rules"',
                )
            logistic = load_weights(Path(config.verifier_weights) if config.verifier_weights else None)
            if logistic.embedder and logistic.embedder != embedder.fingerprint:
                raise RecipeError(
                    "the combined verifier's weights were trained with another embedder, whose cosines lie elsewhere",
                    where="grounding.verifier",
                    hint="train weights with eval/train_verifier.py and name them in grounding.verifier_weights, "
                    'or set grounding.verifier to "embedding"',
                )
            judge = None
            if "judge" in logistic.weights:
                _need_language_model(recipe)
                judge = JudgeVerifier(generator)
            nli = _build_nli(recipe) if "nli" in logistic.weights else None
            return CombinedVerifier(embedder, nli=nli, judge=judge, logistic=logistic)
    return None


def _build_nli(recipe: Recipe) -> Verifier:
    if not recipe.grounding.nli_model:
        raise RecipeError(
            "there is no NLI model",
            where="grounding.nli_model",
            hint="name a sequence classification model trained for NLI, or its folder; or take another verifier",
        )
    return _load_nli(recipe.grounding.nli_model)


@lru_cache(maxsize=1)
def _load_nli(model: str) -> NliVerifier:
    """One for all answers: its weights are read once."""
    from rag.grounding.verifiers import NliVerifier

    return NliVerifier(model)


def _need_language_model(recipe: Recipe) -> None:
    if recipe.generator.kind == "extractive":
        raise RecipeError(
            "a judge is a language model, and the recipe's generator is extractive",
            where="grounding.verifier",
            hint='set generator.kind to "llama.cpp" or "openai", or take another verifier',
        )


def build_preference(recipe: Recipe) -> Preference | None:
    """Which of two documents that disagree is believed; None where nobody asks. Raises RecipeError."""
    from rag.grounding import Preference

    config = recipe.grounding
    if config.conflicts == "ignore":
        return None
    return Preference(config.prefer, config.date_key, tuple(config.trusted))


def build_answer_parts(
    recipe: Recipe, generator: Generator, embedder: Embedder | None, *, whole: bool = True
) -> AnswerParts:
    """What answers from passages; ``whole`` if each answer is one to the whole question, as in one shot."""
    from rag.chains.drafting import AnswerParts

    # It was learned from whole answers: what other chains answer in between are parts of one.
    confidence = build_confidence(recipe, embedder) if whole else None
    return AnswerParts(
        generator,
        None if recipe.grounding.verifier == "rules" else embedder,
        max_answer_tokens=recipe.generator.max_answer_tokens,
        excerpt=0 if recipe.generator.kind == "extractive" else recipe.generator.excerpt,
        fallback=build_fallback(recipe, embedder),
        thresholds=build_thresholds(recipe),
        verifier=build_verifier(recipe, embedder, generator),
        confidence=confidence,
        opinion=build_opinion(recipe, confidence, generator, embedder),
    )


def build_intents(recipe: Recipe, embedder: Embedder | None) -> IntentRouter | None:
    """What tells sums and small talk; None where everything is searched for. Raises RecipeError."""
    if recipe.queries.intent == "none":
        return None
    from rag.queries import IntentRouter

    if recipe.queries.intent == "rules":
        return IntentRouter()
    if embedder is None:
        raise RecipeError(
            "intents by similarity need an embedder", where="queries.intent", hint='set queries.intent to "rules"'
        )
    return IntentRouter(embedder=embedder)


def build_chain(
    recipe: Recipe, retriever: Retriever, generator: Generator, embedder: Embedder | None, snapshot: Snapshot
) -> Chain:
    """What answers a question: the recipe's chain over its retrieval, both of one snapshot.

    Multi-hop with the extractive generator, which cannot reason, follows the names in what was found instead.
    """
    config = recipe.chain
    parts = build_answer_parts(recipe, generator, embedder, whole=config.kind == "one-shot")
    reducer = generator if config.reduce == "write" and recipe.generator.kind != "extractive" else None

    def run(question: str, k: int | None = None, *, where: str | None = None) -> Iterator[Event]:
        few = recipe.retrieval.k if k is None else k
        many = (config.passages or 4 * few) if k is None else k
        match config.kind:
            case "one-shot":
                from rag.chains.answering import one_shot

                return one_shot(question, retriever=retriever, parts=parts, k=few, where=where)
            case "multi-hop" if recipe.generator.kind == "extractive":
                from rag.chains.answering import one_shot
                from rag.retrieval.bridge import BridgeRetriever

                bridge = BridgeRetriever(retriever, snapshot, hops=config.hops)
                return one_shot(question, retriever=bridge, parts=parts, k=few, where=where)
            case "multi-hop":
                from rag.chains.multi_hop import multi_hop

                return multi_hop(
                    question,
                    retriever=retriever,
                    parts=parts,
                    k=few,
                    where=where,
                    hops=config.hops,
                    passages=max(config.passages or 2 * few, few),
                    enough=config.enough,
                )
            case "decompose":
                from rag.chains.decomposed import decomposed

                return decomposed(
                    question,
                    retriever=retriever,
                    parts=parts,
                    decompose=_build_decompose(recipe, generator),
                    reducer=reducer,
                    k=few,
                    where=where,
                    most=config.parts,
                )
            case "map-reduce":
                from rag.chains.map_reduce import map_reduce

                return map_reduce(question, retriever=retriever, parts=parts, reducer=reducer, k=many, where=where)
            case "refine":
                from rag.chains.refine import refine

                return refine(question, retriever=retriever, parts=parts, k=many, where=where)

    preference, intents = build_preference(recipe), build_intents(recipe, embedder)

    def telling(question: str, k: int | None = None, *, where: str | None = None) -> Iterator[Event]:
        from rag.chains.telling import telling_conflicts

        events = run(question, k, where=where)
        return events if preference is None else telling_conflicts(events, preference)

    if intents is None:
        return telling
    from rag.chains.unsearched import first_without_search

    return first_without_search(telling, intents)


def _build_decompose(recipe: Recipe, generator: Generator) -> QueryTransform:
    if recipe.generator.kind == "extractive":
        from rag.chains.decomposed import parts_by_rule

        return parts_by_rule
    from rag.queries import Decompose, load_prompts

    return Decompose(generator, recipe.chain.parts, load_prompts(recipe.queries.prompts)["decompose"])
