"""Questions whose answer takes more than one search: retrieval and reasoning take turns.

Trivedi, Balasubramanian, Khot & Sabharwal, "Interleaving Retrieval with Chain-of-Thought Reasoning for
Knowledge-Intensive Multi-Step Questions" (IRCoT), ACL 2023.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from rag import tracing
from rag.chains.drafting import AnswerParts, Event, answer_from, begun, checked, prove, quote, search, traced
from rag.chains.merging import fused, merge, proved, union
from rag.chains.tidy import tidy
from rag.errors import QueryError
from rag.generators import PromptTemplate, pack_context
from rag.protocols import Generator, Retriever
from rag.text import sentences
from rag.types import Answer, Hit, Message

__all__ = ["THOUGHT", "multi_hop"]

THOUGHT_TOKENS = 48
HOP_EXCERPT = 2

# Small models take the form from the examples: one fact of the passages, and what is known counts as said.
THOUGHT = PromptTemplate(
    user="Context: {passages}\n\nQuestion: {question}\n\nNext fact:",
    examples=(
        Message(
            "user",
            "Context: Tamar Bridge\nThe Tamar Bridge was designed by Ann Weller. It was opened in 1961.\n\n"
            "Question: In which town was the designer of the Tamar Bridge born?\n\nNext fact:",
        ),
        Message("assistant", "The Tamar Bridge was designed by Ann Weller."),
        Message(
            "user",
            "Context: Ann Weller\nAnn Weller (1912-1990) was an engineer born in Bude.\n\n"
            "Question: In which town was the designer of the Tamar Bridge born?\n"
            "Known: The Tamar Bridge was designed by Ann Weller.\n\nNext fact:",
        ),
        Message("assistant", "Ann Weller was born in Bude."),
    ),
)


def multi_hop(
    question: str,
    *,
    retriever: Retriever,
    parts: AnswerParts,
    thinker: Generator | None = None,
    k: int = 6,
    where: str | None = None,
    hops: int = 3,
    passages: int = 12,
    enough: float = 0.9,
) -> Iterator[Event]:
    """Search, say one fact of what was found, search for that, and so on; then answer from all that was found.

    Each hop the thinker writes one sentence from the passages so far, the next query. What it finds is fused with
    what the question itself finds (reciprocal ranks), and the best passages that are new are added; none is ever taken
    out, so a bad thought costs time, and cannot lose the answer. Thoughts that are proved are told to the thinker as
    known in the next hop; others are no more than queries. It ends after ``hops``, at ``passages``, when a
    thought says nothing new or finds nothing new, or when the thoughts are an answer: proved from the passages, and
    about the question by at least ``enough``.

    Args:
        question: What to answer; QueryError where it is blank.
        retriever: Finds the passages; called once for the question and once a hop.
        parts: Answers from the passages in the end.
        thinker: Writes the sentences; the generator of ``parts`` by default.
        k: Passages to begin with; QueryError below 1.
        where: Filter on metadata, of every search.
        hops: Thoughts at most; QueryError below 1.
        passages: To answer from at most; QueryError below ``k``.
        enough: The answer's score, from 0 to 1, at which the thoughts are taken for an answer.
    """
    question = checked(question, k)
    if hops < 1:
        raise QueryError(f"hops is {hops}", where="hops", hint="allow at least one hop")
    if passages < k:
        raise QueryError(
            f"passages is {passages}, fewer than the {k} to begin with", where="passages", hint="raise it, or lower k"
        )
    return begun(_multi_hop(question, retriever, parts, thinker or parts.generator, k, where, hops, passages, enough))


def _multi_hop(
    question: str,
    retriever: Retriever,
    parts: AnswerParts,
    thinker: Generator,
    k: int,
    where: str | None,
    hops: int,
    passages: int,
    enough: float,
) -> Iterator[Event]:
    with tracing.recording("multi-hop") as run:
        asked = search(retriever, question, passages, where)
        yield ""
        pool = new = asked[:k]
        thoughts: list[str] = []  # all that were said
        known: list[str] = []  # those that are proved
        a_hop = -(-(passages - k) // hops)  # rounded up
        for hop in range(1, hops + 1):
            if not pool:
                break
            with tracing.step("hop", number=hop) as taken:
                thought = _think(question, known, pool, new, thinker, parts.excerpt)
                taken.note(thought=thought)
                stopped = "nothing new to say" if not thought or _repeats(thought, thoughts) else ""
                if not stopped:
                    thoughts.append(thought)
                    so_far = prove(question, " ".join([*known, thought]), pool, parts.down_to(0.0))
                    known = [sentence.text for sentence in proved([so_far])]
                    if so_far.verdict == "supported" and so_far.score >= max(enough, parts.bounds.answerable):
                        stopped = "supported"
                if not stopped:
                    found = search(retriever, thought, passages, where)
                    held = {hit.chunk.id for hit in pool}
                    new = [hit for hit in fused(asked, found, f"hop {hop}") if hit.chunk.id not in held]
                    stopped = "" if new else "nothing new found"
                    new = new[: min(a_hop, passages - len(pool))]
                    pool += new
                    taken.note(new=tuple(hit.chunk.id for hit in new))
                    stopped = stopped or ("" if len(pool) < passages else "enough passages")
                taken.note(stopped=stopped)
            yield ""
            if stopped:
                break
        yield from traced(_answer(question, known, pool, k, parts), run)


def _answer(question: str, known: Sequence[str], pool: Sequence[Hit], k: int, parts: AnswerParts) -> Iterator[Event]:
    """The answer from the pool; after the thoughts that lead to it where it says too little of the question alone."""
    # Where the context is too short for all, the last of both kinds are left out.
    both = zip_longest(pool[:k], pool[k:])
    shown = union(hit for pair in both for hit in pair if hit is not None)
    # Each hop adds sentences to read; quoting waits until the thoughts have been tried.
    excerpt = parts.excerpt and parts.excerpt + HOP_EXCERPT * len(known)
    plain = replace(parts, excerpt=excerpt, fallback=None)
    for event in answer_from(question, shown, plain, focus=" ".join([question, *known])):
        if isinstance(event, Answer) and event.refused and shown:
            led = _led(event, known, shown, parts)
            yield quote(event, shown, parts) if led.refused else led
        else:
            yield event


def _led(refused: Answer, known: Sequence[str], shown: Sequence[Hit], parts: AnswerParts) -> Answer:
    """A refused draft after the thoughts that can be proved: they say what it has to do with the question."""
    with tracing.step("lead") as leading:
        said = prove(refused.question, " ".join([*known, refused.draft]), shown, parts)
        sentences = proved([said])
        leading.note(sentences=len(sentences))
    if said.refused:
        return refused
    return merge(
        refused.question,
        sentences,
        verdict="supported",
        hits=refused.hits,
        dropped=refused.dropped,
        draft=refused.draft,
        score=said.score,
    )


def _think(
    question: str, known: Sequence[str], pool: list[Hit], new: list[Hit], thinker: Generator, excerpt: int
) -> str:
    """One sentence; "" where the thinker has none.

    A small model, which is shown excerpts, reads what is new alone: of the same sentences it says the same again.
    """
    said_before = f"\nKnown: {' '.join(known)}" if known else ""
    packed = pack_context(
        question + said_before,
        new if excerpt else pool[::-1] if known else pool,  # the newest first: the old ones have been read
        thinker,
        max_answer_tokens=THOUGHT_TOKENS,
        template=THOUGHT,
        excerpt=excerpt,
    )
    said = tidy(tracing.generate(thinker, packed.messages, max_tokens=THOUGHT_TOKENS), question)
    return next((said[start:end].strip() for start, end in sentences(said)), "")


def _repeats(thought: str, thoughts: Sequence[str]) -> bool:
    def plain(text: str) -> str:
        return " ".join(text.casefold().split()).rstrip(".。!！ ")

    return plain(thought) in map(plain, thoughts)
