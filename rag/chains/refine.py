"""An answer that is made better document by document: each step reads the words cited so far, and one document more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.chains.drafting import AnswerParts, Event, answer_from, begun, checked, last, prove, search, traced
from rag.chains.map_reduce import ChainProgress, Report, by_document
from rag.chains.merging import cited_hits, union
from rag.protocols import Retriever
from rag.tracing import recording, step
from rag.types import Answer, Hit

__all__ = ["refine"]


def refine(
    question: str,
    *,
    retriever: Retriever,
    parts: AnswerParts,
    k: int = 24,
    where: str | None = None,
    progress: Report | None = None,
) -> Iterator[Event]:
    """Go through the documents among the best ``k`` passages, keeping the best answer so far.

    Each step answers from the passages that the answer so far cites, which come first and so are the last to fall out
    of the context, and those of the next document; the new answer takes the old one's place where it is better by
    what both can prove from these passages. What is carried from step to step is evidence, not text: every sentence
    is proved from the documents in the step that wrote it.

    Events are the text of the answer whenever it changes, and last the Answer. Arguments are those of ``map_reduce``.
    """
    return begun(_refine(checked(question, k), retriever, parts, k, where, progress))


def _refine(
    question: str, retriever: Retriever, parts: AnswerParts, k: int, where: str | None, progress: Report | None
) -> Iterator[Event]:
    with recording("refine") as run:
        hits = search(retriever, question, k, where)
        yield ""
        best: Answer | None = None
        shown: list[Hit] = []
        groups = by_document(hits)
        for done, group in enumerate(groups, 1):
            with step("refine", document=group[0].chunk.uri, passages=len(group)) as taken:
                kept = cited_hits(best.sentences, hits) if best else []
                answer = last(answer_from(question, union(kept, group), parts))
                shown = union(shown, answer.hits)
                better = not answer.refused and (best is None or _better(answer, best, union(kept, group), parts))
                taken.note(verdict=answer.verdict, score=answer.score, changed=better)
            if progress:
                progress(ChainProgress("refine", done, len(groups)))
            if better:
                best = answer
            yield f"{answer.text}\n" if better else ""
        if best is None:
            best = prove(question, "", hits, parts)
        seen = {hit.chunk.id for hit in shown}
        left = tuple(hit for hit in hits if hit.chunk.id not in seen)
        yield from traced(iter([replace(best, hits=tuple(shown), dropped=left)]), run)


def _better(answer: Answer, best: Answer, hits: Sequence[Hit], parts: AnswerParts) -> bool:
    """Whether an answer is more about the question than the best so far, proved from the same passages.

    Where they are about it as much, the one that cites more passages is: it has more to say.
    """
    text = "\n".join(sentence.text for sentence in best.sentences if sentence.supported)
    if answer.text == text:
        return False
    return _merit(answer) > _merit(prove(best.question, text, hits, parts))


def _merit(answer: Answer) -> tuple[bool, float, int]:
    cited = {citation.chunk_id for citation in answer.citations}
    return answer.verdict == "supported", round(answer.score, 6), len(cited)
