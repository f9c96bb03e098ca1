"""Why a question whose gold was among the hits got a wrong answer, a wrong refusal, or an answer it should not have."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rag.evaluation.answers.text import contains
from rag.evaluation.datasets import Question
from rag.evaluation.misses.gold import Gold, places_in
from rag.evaluation.misses.lost_in_retrieval import Loss, quoted
from rag.generators.sentence_ranking import rank_sentences
from rag.grounding import Thresholds, ground
from rag.protocols import Embedder
from rag.recipe import Recipe
from rag.text import sentences
from rag.types import Answer, Hit

_SHOWN = 160  # characters of an answer or a sentence


def is_wrong(question: Question, answer: Answer) -> bool:
    """Whether an answer fails its question: a wrong refusal, a wrong answer, or one without a gold answer in it."""
    if answer.refused or not question.answerable:
        return answer.refused == question.answerable
    return bool(question.answers) and not contains(answer.text, question.answers)


def not_shown(gold: Gold, answer: Answer, hits: Sequence[Hit], recipe: Recipe) -> Loss | None:
    """What kept the gold, which ``hits`` hold, from the generator; None where the generator was shown it.

    The hits are those of the search, used and dropped, in their order.
    """
    config = recipe.generator
    holding = [number for number, hit in enumerate(hits) if places_in(gold, hit) is not None]
    if config.kind != "extractive" and config.excerpt:
        needed = _sentences_needed(gold, answer.question, hits)
        rank, number, sentence = min(needed, default=(0, 0, ""))
        if rank > config.excerpt:
            quotes = " The quotes that took the place of its draft lack the answer as well." if answer.quoted else ""
            return Loss(
                "cut by the context budget",
                f"{quoted(gold.title)} is hit {hits[number].rank}, but of the sentences nearest to the question "
                f"{quoted(sentence, _SHOWN)} is only number {rank}, and the generator was shown "
                f"{config.excerpt}.{quotes} "
                f"Raise generator.excerpt ({config.excerpt}) to {rank}, or set it to 0 for whole passages",
            )
        holding = [number for rank, number, _ in needed if rank <= config.excerpt]
    dropped = {hit.chunk.id for hit in answer.dropped}
    if holding and all(hits[number].chunk.id in dropped for number in holding):
        return Loss(
            "cut by the context budget",
            f"{quoted(gold.title)} is hit {hits[min(holding)].rank}, but did not fit beside the others: "
            f"{len(answer.dropped)} of {len(hits)} were dropped. Raise generator.context_size "
            f"({config.context_size}), or lower retrieval.k ({recipe.retrieval.k}) "
            f"or chunker.max_tokens ({recipe.chunker.max_tokens})",
        )
    return None


def _sentences_needed(gold: Gold, question: str, hits: Sequence[Hit]) -> list[tuple[int, int, str]]:
    """For each hit that holds the gold: how many sentences an excerpt needs to show it, the hit, the last of them."""
    found: dict[int, tuple[int, int, str]] = {}
    shown: dict[int, set[int]] = {}
    for rank, sentence in enumerate(rank_sentences(question, [hit.chunk.text for hit in hits]).sentences, 1):
        number = sentence.passage
        places = places_in(gold, hits[number])
        if places is not None and number not in found:
            seen = shown.setdefault(number, set())
            seen.update(range(sentence.start, sentence.end))
            if _holds(hits[number].chunk.text, seen, places):
                found[number] = (rank, number, sentence.text)
    return list(found.values())


def answered(question: Question, answer: Answer, gold: Gold | None, recipe: Recipe, embedder: Embedder | None) -> Loss:
    """What went wrong with an answerable question whose gold was shown."""
    stage, detail = _refused(question, answer, recipe, embedder) if answer.refused else _wrong(question, answer, recipe)
    shown = _stated(gold, answer.hits) if gold else ""
    return Loss(stage, f"{detail}. It was shown {shown}" if shown else detail)


def wrongly_answered(answer: Answer, recipe: Recipe) -> Loss:
    """The answer to a question that the documents do not answer."""
    said = "quoted" if answer.quoted else "said"
    if answer.score >= 1:
        advice = "No threshold refuses it"
    else:
        advice = f"Above {_up(answer.score)} it would be refused, as would be every question that scores less"
        if recipe.generator.kind != "extractive" and recipe.generator.fallback == "quote" and not answer.quoted:
            advice += ", unless quotes that score more took its place (generator.fallback)"
    return Loss(
        "wrongly answered",
        f"It {said} {quoted(answer.text, _SHOWN)}{_sources(answer)}, and the evidence counts as about the question to "
        f"{answer.score:.2f}, where grounding.min_answerability is {recipe.grounding.min_answerability:g}. {advice}",
    )


def _wrong(question: Question, answer: Answer, recipe: Recipe) -> Loss:
    golds = " / ".join(dict.fromkeys(quoted(gold) for gold in question.answers[:3]))
    parts = [f"It {'quoted' if answer.quoted else 'said'} {quoted(answer.text, _SHOWN)}{_sources(answer)}, not {golds}"]
    if answer.quoted and contains(answer.draft, question.answers):
        parts.append(
            f"The generator's draft held the answer, but could not be proved, and quotes took its place: "
            f"{quoted(answer.draft, _SHOWN)}"
        )
    elif answer.quoted:
        parts.append(f"The generator's draft, which could not be proved, did not hold it either: "
                     f"{quoted(answer.draft, _SHOWN)}")  # fmt: skip
    elif recipe.generator.kind == "extractive" and {"yes", "no"} & {gold.strip().lower() for gold in question.answers}:
        parts.append("A generator that only quotes cannot say yes or no (generator.kind)")
    return Loss("generated wrong", ". ".join(parts))


def _refused(question: Question, answer: Answer, recipe: Recipe, embedder: Embedder | None) -> Loss:
    draft = answer.draft.strip()
    if not draft:
        return Loss("wrongly refused", "The generator wrote nothing: an empty draft")
    config = recipe.grounding

    def about(support: float) -> Answer:
        """The same draft with this much support asked of a sentence, and nothing of the whole."""
        thresholds = Thresholds(support, 0.0)
        return ground(answer.question, draft, answer.hits, embedder=embedder, thresholds=thresholds)

    best = max((one.support for one in about(0.0).sentences if one.supported), default=None)
    lower: list[str] = []
    if not about(config.min_support).refused:
        score = answer.score
        reason = f"it was proved, but counts as about the question to {score:.2f} only"
    elif best is None:
        score = 1.0
        reason = (
            "no sentence of it could be proved: each holds a number, date or name that the nearest passage does not "
            "state, or denies what it does"
        )
    else:
        score = about(best).score
        reason = f"no sentence of it could be proved: the best support is {best:.2f}"
        lower.append(f"grounding.min_support {_down(best)} ({config.min_support:g} now)")
    if score < config.min_answerability:
        lower.append(f"grounding.min_answerability {_down(score)} ({config.min_answerability:g} now)")
    if not (question.answers and contains(draft, question.answers)):
        verdict = "The draft does not hold the answer, so nothing right was refused"
    else:
        verdict = "The draft holds the answer" + (f": it takes {' and '.join(lower)} to show it" if lower else "")
    return Loss("wrongly refused", f"It wrote {quoted(draft, _SHOWN)}; {reason}. {verdict}")


def _down(score: float) -> str:
    """Two digits, and no more than the score."""
    return f"{math.floor(score * 100) / 100:.2f}"


def _up(score: float) -> str:
    """Two digits, and no less than the score."""
    return f"{math.ceil(score * 100) / 100:.2f}"


def _stated(gold: Gold, hits: Sequence[Hit]) -> str:
    """The sentence that holds the answer in the best of the hits, "" where there is none."""
    for hit in hits:
        for start, end in places_in(gold, hit) or ():
            for first, last in sentences(hit.chunk.text, hit.chunk.language):
                if first <= start and end <= last:
                    return f"{quoted(hit.chunk.text[first:last], _SHOWN)} from {quoted(gold.title)}"
    return ""


def _holds(text: str, shown: set[int], places: Sequence[tuple[int, int]]) -> bool:
    """Whether what is shown of a passage holds one of the places whole; any of it will do where there are none."""
    if not places:
        return bool(shown)
    return any(all(at in shown or text[at].isspace() for at in range(start, end)) for start, end in places)


def _sources(answer: Answer) -> str:
    titles = dict.fromkeys(citation.title or citation.uri.rsplit("/", 1)[-1] for citation in answer.citations)
    return f" from {', '.join(quoted(title) for title in list(titles)[:3])}" if titles else ""
