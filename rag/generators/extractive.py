"""Answers without a language model: the sentences of the passages that bear most on the question, verbatim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.errors import GenerationError
from rag.generators.sentence_ranking import RankedSentence, Ranking, rank_sentences
from rag.protocols import Embedder
from rag.text import words
from rag.types import Message

# a further sentence must add this share of the question
_MIN_GAIN = 0.15


class ExtractiveGenerator:
    """Picks one to ``max_sentences`` sentences; a Generator.

    The best sentence comes first (see ``rank_sentences``); a further one is taken while it adds terms
    of the question that those before it lack. Nothing is invented, no
    sentence is cut, and the same passages give the same answer. Where no sentence shares a
    term with the question, nor (with an embedder) its meaning, the answer is empty.
    """

    def __init__(
        self, embedder: Embedder | None = None, *, max_sentences: int = 3, min_similarity: float = 0.5
    ) -> None:
        """Make it.

        Args:
            embedder: adds the cosine of question and sentence to the score.
            max_sentences: at most so many sentences.
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
        ranking = rank_sentences(message.question, message.passages, self._cosines if self._embedder else None)
        before = ""
        for text in _fitting(self._choose(ranking), max_tokens):
            cut = min((at for mark in stop if (at := text.find(mark)) >= 0), default=len(text))
            if cut:
                yield _joint(before) + text[:cut]
            if cut < len(text):
                return
            before = text

    def _choose(self, ranking: Ranking) -> list[RankedSentence]:
        chosen: list[RankedSentence] = []
        covered: frozenset[str] = frozenset()
        open_ = [s for s in ranking.sentences if s.covered]
        if not open_ and self._embedder:
            # its score is half the cosine then
            return [s for s in ranking.sentences[:1] if 2 * s.score >= self._min_similarity]
        while open_ and len(chosen) < self._max_sentences:
            best = max(open_, key=lambda s: ranking.weight(s.covered - covered) * bool(chosen) + s.score)
            if chosen and ranking.weight(best.covered - covered) < _MIN_GAIN:
                break
            chosen.append(best)
            covered |= best.covered
            taken = {" ".join(s.text.split()) for s in chosen}
            open_ = [s for s in open_ if " ".join(s.text.split()) not in taken]
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


def _joint(before: str) -> str:
    """What separates sentences: nothing after a full-width stop, a space after a stop, else a line break."""
    if not before:
        return ""
    if before[-1] in "。！？…」』”" and not before.isascii():
        return ""
    return " " if before.rstrip("'\"»”’)]")[-1:] in tuple(".!?") else "\n"
