"""Why a question whose gold was among the hits got a wrong answer, a wrong refusal, or an answer it should not have."""

from __future__ import annotations

from collections.abc import Sequence

from rag.evaluation.answer_text import contains
from rag.evaluation.datasets import Question
from rag.evaluation.gold import Gold
from rag.evaluation.lost_in_retrieval import Loss, quoted
from rag.generators.sentence_ranking import rank_sentences
from rag.grounding import Thresholds, ground
from rag.protocols import Embedder
from rag.recipe import Recipe
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
    excerpt = 0 if config.kind == "extractive" else config.excerpt
    holding = [number for number, hit in enumerate(hits) if hit.chunk.id in gold.holders]
    if excerpt:
        sentences = rank_sentences(answer.question, [hit.chunk.text for hit in hits]).sentences
        shown: dict[int, set[int]] = {number: set() for number in holding}
        whole: list[int] = []
        for rank, sentence in enumerate(sentences, 1):
            if sentence.passage not in shown:
                continue
            hit = hits[sentence.passage]
            shown[sentence.passage].update(range(sentence.start, sentence.end))
            if _holds(hit.chunk.text, shown[sentence.passage], gold.holders[hit.chunk.id]):
                if rank > excerpt and not whole:
                    return Loss(
                        "cut by the context budget",
                        f"{quoted(gold.title)} is hit {hit.rank}, but its sentence {quoted(sentence.text, _SHOWN)} is "
                        f"only the {rank}. nearest to the question, and the generator is shown {excerpt}. "
                        f"Raise generator.excerpt ({excerpt}) to {rank}, or set it to 0 for whole passages",
                    )
                whole.append(sentence.passage)
            if rank >= excerpt and whole:
                break
        holding = [number for number in holding if number in whole]
    dropped = {hit.chunk.id for hit in answer.dropped}
    if holding and all(hits[number].chunk.id in dropped for number in holding):
        return Loss(
            "cut by the context budget",
            f"{quoted(gold.title)} is hit {hits[holding[0]].rank}, but did not fit beside the hits above it: "
            f"{len(answer.dropped)} of {len(hits)} were dropped. Raise generator.context_size ({config.context_size}), "
            f"or lower retrieval.k ({recipe.retrieval.k}) or chunker.max_tokens ({recipe.chunker.max_tokens})",
        )
    return None


def answered(question: Question, answer: Answer, recipe: Recipe, embedder: Embedder | None) -> Loss:
    """What went wrong with an answerable question whose gold was shown."""
    return _refused(question, answer, recipe, embedder) if answer.refused else _wrong(question, answer, recipe)


def wrongly_answered(answer: Answer, recipe: Recipe) -> Loss:
    """The answer to a question that the documents do not answer."""
    threshold = recipe.grounding.min_answerability
    said = "quoted" if answer.quoted else "said"
    return Loss(
        "wrongly answered",
        f"It {said} {quoted(answer.text, _SHOWN)}{_sources(answer)}, and the evidence counts as about the question to "
        f"{answer.score:.2f}, where grounding.min_answerability is {threshold:g}. "
        + (
            f"Above {answer.score:.2f} it would be refused, as would be every question that scores less"
            if answer.score < 1
            else "No threshold refuses it"
        ),
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
        return Loss("wrongly refused", "The generator wrote nothing, though the gold was shown to it: an empty draft")
    held = bool(question.answers) and bool(contains(draft, question.answers))
    config = recipe.grounding
    proved = ground(
        answer.question, draft, answer.hits, embedder=embedder, thresholds=Thresholds(config.min_support, 0.0)
    )
    if not proved.refused:
        reason = (
            f"the draft was proved, but its evidence counts as about the question to {answer.score:.2f} only, "
            f"where grounding.min_answerability is {config.min_answerability:g}"
        )
        lower = f"grounding.min_answerability of {answer.score:.2f} or less"
    else:
        loose = ground(answer.question, draft, answer.hits, embedder=embedder, thresholds=Thresholds(0.0, 0.0))
        best = max((sentence.support for sentence in loose.sentences if sentence.supported), default=None)
        reason = "no sentence of the draft could be proved: "
        if best is None:
            reason += "each holds a number, date or name that no passage has, or denies what they say"
            lower = ""
        else:
            reason += f"the best support is {best:.2f}, where grounding.min_support is {config.min_support:g}"
            lower = f"grounding.min_support of {best:.2f} or less"
    written = f"It wrote {quoted(draft, _SHOWN)}, and {reason}"
    if not held:
        return Loss("wrongly refused", f"{written}. The draft does not hold the answer, so nothing right was refused")
    advice = f": {lower} would show it" if lower else ""
    return Loss("wrongly refused", f"{written}. The draft holds the answer{advice}")


def _holds(text: str, shown: set[int], places: Sequence[tuple[int, int]]) -> bool:
    """Whether what is shown of a passage holds one of the places whole; any of it will do where there are none."""
    if not places:
        return bool(shown)
    return any(all(at in shown or text[at].isspace() for at in range(start, end)) for start, end in places)


def _sources(answer: Answer) -> str:
    titles = dict.fromkeys(citation.title or citation.uri.rsplit("/", 1)[-1] for citation in answer.citations)
    return f" from {', '.join(quoted(title) for title in list(titles)[:3])}" if titles else ""
