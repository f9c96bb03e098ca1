"""Questions in parts: each part is answered with proof, and the answer is made of theirs.

Press, Zhang, Min, Schmidt, Smith & Lewis, "Measuring and Narrowing the Compositionality Gap in Language Models"
(self-ask), Findings of EMNLP 2023; here all parts are known before the first is answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.chains.drafting import AnswerParts, Event, answer_from, begun, checked, last, search, traced
from rag.chains.merging import cited_hits, fused, merge, proved, union
from rag.chains.reducing import reduced
from rag.protocols import Generator, QueryTransform, Retriever
from rag.text import clauses, detect_language, expected
from rag.tracing import recording, step
from rag.types import Answer, Hit, Message, Sentence

__all__ = ["decomposed", "parts_by_rule"]

# "#1" stands for the answer to the first part, as in "Where was #1 born?".
_EARLIER = re.compile(r"#(\d)\b|\[(\d)\]")


def decomposed(
    question: str,
    *,
    retriever: Retriever,
    parts: AnswerParts,
    decompose: QueryTransform,
    reducer: Generator | None = None,
    k: int = 6,
    where: str | None = None,
    most: int = 4,
) -> Iterator[Event]:
    """Answer each part of a question by itself, and put the answers together.

    A part is searched for as it stands and, after the first, with what was proved before, the two fused; it is answered
    from what is found and from the passages cited so far. "#1" in a part stands for the answer to the first.
    The answer's sentences are the parts', or the reducer's, and cite the parts' sources. A part that the
    documents do not answer is named, and makes the answer "partly". Where no part is answered, or there are no parts,
    the question is answered as a whole from all that was found.

    Args:
        question: What to answer; QueryError where it is blank.
        retriever: Finds the passages; called once for the question, and once or twice a part.
        parts: Answers from the passages.
        decompose: The parts, in an order in which earlier ones need no later ones. The question itself among them is
            none of its parts.
        reducer: Writes one answer from all that was quoted, if given.
        k: Passages for each part; QueryError below 1.
        where: Filter on metadata, of every search.
        most: Parts at most; the last of them holds all that are left.
    """
    return begun(_decomposed(checked(question, k), retriever, parts, decompose, reducer, k, where, most))


def parts_by_rule(query: str, history: Sequence[Message] = ()) -> list[str]:  # noqa: ARG001
    """The question, and the clauses that it says itself it is made of ("when ..., and who ..."); a QueryTransform."""
    return [query, *clauses(query)]


@dataclass(frozen=True, slots=True)
class _Part:
    question: str
    answer: Answer

    @property
    def sentences(self) -> list[Sentence]:
        return proved([self.answer])


def _decomposed(
    question: str,
    retriever: Retriever,
    parts: AnswerParts,
    decompose: QueryTransform,
    reducer: Generator | None,
    k: int,
    where: str | None,
    most: int,
) -> Iterator[Event]:
    with recording("decompose") as run:
        pool = search(retriever, question, k, where)
        yield ""
        asked = [part for part in dict.fromkeys(map(str.strip, decompose(question))) if part and part != question]
        done: list[_Part] = []
        asked = [*asked[: most - 1], *filter(None, [" ".join(asked[most - 1 :])])]
        for number, part in enumerate(asked if len(asked) > 1 else [], 1):
            with step("part", number=number, question=part) as taken:
                one = _answer_part(part, done, pool, retriever, parts, k, where)
                taken.note(asked=one.question, verdict=one.answer.verdict, score=one.answer.score)
            done.append(one)
            pool = union(pool, one.answer.hits, one.answer.dropped)
            yield "".join(f"{sentence.text}\n" for sentence in one.sentences)
        if any(not one.answer.refused for one in done):
            yield from traced(_together(question, done, pool, parts, reducer), run)
        else:
            yield from traced(answer_from(question, pool, parts), run)


def _answer_part(
    part: str,
    done: Sequence[_Part],
    pool: Sequence[Hit],
    retriever: Retriever,
    parts: AnswerParts,
    k: int,
    where: str | None,
) -> _Part:
    said = proved(one.answer for one in done)
    part = _EARLIER.sub(lambda mark: _short_answer(done, int(mark[1] or mark[2])) or mark[0], part)
    found = search(retriever, part, k, where)
    if said:
        beside = search(retriever, " ".join([part, *(sentence.text for sentence in said)]), k, where)
        found = fused(found, beside, "known")[:k]
    hits = union(found, cited_hits(said, pool))
    return _Part(part, last(answer_from(part, hits, parts)))


def _short_answer(done: Sequence[_Part], number: int) -> str:
    """What an earlier part came to in a few words: the names or figures it was asked for, else its sentence."""
    if not 1 <= number <= len(done):
        return ""
    from rag.grounding import read_facts

    part = done[number - 1]
    if not part.sentences:
        return ""
    sentence = part.sentences[0].text
    facts = read_facts(sentence, detect_language(sentence))
    new = [fact for fact in facts if fact.text.casefold() not in part.question.casefold()]
    figure = expected(part.question) in {"date", "number", "money", "extent"}
    fitting = [fact.text for fact in new if (fact.kind in {"number", "ordinal", "date", "time"}) == figure]
    return fitting[0] if fitting else sentence.rstrip(".。")


def _together(
    question: str, done: Sequence[_Part], pool: Sequence[Hit], parts: AnswerParts, reducer: Generator | None
) -> Iterator[Event]:
    from rag.grounding import missing_part

    items = proved(one.answer for one in done)
    cited = cited_hits(items, pool)
    sentences = yield from reduced(question, items, cited, parts, reducer)
    shown = union(*(one.answer.hits for one in done))
    seen = {hit.chunk.id for hit in shown}
    yield merge(
        question,
        sentences,
        verdict="supported" if all(one.answer.verdict == "supported" for one in done) else "partly",
        hits=shown,
        dropped=[hit for hit in pool if hit.chunk.id not in seen],
        notes=[missing_part(one.question, question) for one in done if one.answer.refused],
        draft="\n".join(one.answer.draft for one in done),
        quoted=any(one.answer.quoted for one in done),
        score=min(one.answer.score for one in done),
    )
