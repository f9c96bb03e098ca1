"""Answers without a language model: the sentences of the passages that bear most on the question, verbatim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.errors import GenerationError
from rag.generators.sentence_ranking import RankedSentence, Ranking, rank_sentences
from rag.protocols import Embedder
from rag.text import clauses, words
from rag.types import Message

# A further sentence must add this share of the question, beyond what the passages of those before it hold.
_MIN_GAIN = 0.2


class ExtractiveGenerator:
    """Picks one to ``max_sentences`` sentences for each question asked; a Generator.

    Each clause of a compound question is answered by itself: the best sentence first (see ``rank_sentences``), a
    further one only while it adds a good share of the clause that those before it, and their passages, lack.
    A heading, a label or a question is never taken. Nothing is invented, no
    sentence is cut, and the same passages give the same answer. Where no sentence shares a
    term with the question, nor (with an embedder) its meaning, the answer is empty.
    """

    def __init__(
        self, embedder: Embedder | None = None, *, max_sentences: int = 3, min_similarity: float = 0.5
    ) -> None:
        """Make it.

        Args:
            embedder: adds the cosine of question and sentence to the score.
            max_sentences: at most so many for each clause of the question.
            min_similarity: with an embedder, the least cosine at which a sentence without a term of the
                question may answer it.
        """
        if max_sentences < 1:
            raise GenerationError(f"max_sentences is {max_sentences}", hint="take at least 1")
        self._embedder = embedder
        self._max_sentences = max_sentences
        self._min_similarity = min_similarity

    @property
    def context_size(self) -> int:
        """Words; no model bounds it."""
        return 1_000_000

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Words of the messages."""
        return sum(len(words(message.content)) for message in messages)

    def generate(
        self, messages: Sequence[Message], *, stop: Sequence[str] = (), max_tokens: int = 256
    ) -> Iterator[str]:
        """Yield the sentences, one a piece; ``max_tokens`` are words, and a sentence beyond them is left out.

        Reads ``question`` and ``passages`` of the last user message. Raises GenerationError if it has none.
        """
        message = next((m for m in reversed(messages) if m.role == "user"), None)
        if message is None or not message.question:
            raise GenerationError(
                "the extractive generator needs a user message that holds its question and passages",
                hint="render it with render_question or pack_context",
            )
        chosen: list[RankedSentence] = []
        for clause in clauses(message.question):
            ranking = rank_sentences(clause, message.passages, self._cosines if self._embedder else None)
            chosen += self._choose(ranking, {_plain(s) for s in chosen})
        before = ""
        for text in _fitting(chosen, max_tokens):
            cut = min((at for mark in stop if (at := text.find(mark)) >= 0), default=len(text))
            if cut:
                yield _joint(before, text) + text[:cut]
            if cut < len(text):
                return
            before = text

    def _choose(self, ranking: Ranking, taken: set[str]) -> list[RankedSentence]:
        """The sentences for one clause; none where the best has been taken for another."""
        stating = [s for s in ranking.sentences if s.states]
        open_ = [s for s in stating if s.covered]
        if not open_ and self._embedder:
            # its score is half the cosine then
            open_ = [s for s in stating[:1] if 2 * s.score >= self._min_similarity]
        if not open_ or _plain(open_[0]) in taken:
            return []
        chosen = [open_[0]]
        covered = open_[0].covered | open_[0].nearby
        while len(chosen) < self._max_sentences:
            best = max(open_, key=lambda s: ranking.weight(s.covered - covered) + s.score)
            if ranking.weight(best.covered - covered) < _MIN_GAIN or _plain(best) in taken:
                break
            chosen.append(best)
            covered |= best.covered | best.nearby
        return chosen

    def _cosines(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        if self._embedder is None:
            raise GenerationError("there is no embedder")
        query = self._embedder.embed_queries([question])[0]
        return [float(cosine) for cosine in self._embedder.embed_documents(texts) @ query]


def _fitting(chosen: Sequence[RankedSentence], max_words: int) -> Iterator[str]:
    for sentence in chosen:
        size = len(words(sentence.text))
        if size <= max_words:
            max_words -= size
            yield sentence.text


def _plain(sentence: RankedSentence) -> str:
    return " ".join(sentence.text.split())


def _joint(before: str, text: str) -> str:
    """What separates sentences: nothing after a full-width stop, a space after a stop, else a line break."""
    if not before:
        return ""
    # a bullet or a row is one only at the start of a line
    if text[0] in "|-*+•>":
        return "\n"
    if before[-1] in "。！？…」』”" and not before.isascii():
        return ""
    return " " if before.rstrip("'\"»”’)]")[-1:] in tuple(".!?") else "\n"
