"""Passages that end where a language model says that a new topic begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rag.chunkers._packing import Header, Packer, check_budget
from rag.chunkers._spans import Span
from rag.chunkers._units import runs, units
from rag.chunkers.structure import sections
from rag.errors import ChunkError
from rag.protocols import Chooser, Generator, Tokenizer
from rag.tracing import step
from rag.types import Chunk, Document, Message

_OPTIONS = ("Yes", "No")
_SHOWN = 400  # characters on each side of a boundary

_PROMPT = "Before: {before}\n\nAfter: {after}\n\nDoes a new topic begin after the break? Answer Yes or No."
_EXAMPLES = (
    (
        "The bridge was opened in 1961. It is 642 metres long.",
        "Its two towers are 73 metres high and carry the main cables.",
        "No",
    ),
    (
        "The bridge was opened in 1961. It is 642 metres long.",
        "The city's first theatre was built by a company of travelling actors.",
        "Yes",
    ),
)


class GuidedChunker:
    """As much of a section as fits, cut at the boundary where the model finds a new topic likeliest. A Chunker.

    The model is asked yes or no about single boundaries, at most ``questions`` for each passage: of those that leave
    between ``min_tokens`` and ``max_tokens``, so many evenly spread. Its probabilities of "yes" are compared with one
    another, so a model that always leans to one side still ranks them. What fits whole costs no question. It is the
    idea of LumberChunker (Duarte et al., "LumberChunker: Long-Form Narrative Document Segmentation", EMNLP Findings
    2024) with a question that needs no written answer. Every question is a step of the trace.
    """

    def __init__(
        self,
        chooser: Chooser,
        *,
        tokenizer: Tokenizer,
        max_tokens: int,
        min_tokens: int | None = None,
        questions: int = 4,
    ) -> None:
        """``max_tokens`` includes context header and special tokens; ``min_tokens`` is a quarter of it if None.

        Raises ChunkError.
        """
        check_budget(tokenizer, max_tokens)
        self._min = max_tokens // 4 if min_tokens is None else min_tokens
        if not 0 <= self._min <= max_tokens or questions < 1:
            raise ChunkError(
                f"min_tokens is {self._min}, max_tokens {max_tokens}, questions {questions}",
                where="min_tokens",
                hint="choose 0 <= min_tokens <= max_tokens and questions >= 1",
            )
        self._chooser = chooser
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens
        self._questions = questions

    def chunk(self, document: Document) -> Iterator[Chunk]:
        """Passages in order. Raises ChunkError, GenerationError."""
        packer = Packer(document, self._tokenizer, self._max_tokens)
        for path, spans in sections(document):
            header = packer.header(path)
            for run in runs(units(packer, spans)):
                for part in self._parts(packer, header, run):
                    for passage in packer.fill(part, header):
                        yield passage.chunk

    def _parts(self, packer: Packer, header: Header, run: Sequence[Span]) -> Iterator[Sequence[Span]]:
        weights = [packer.meter.weight(span.start, span.end) for span in run]
        first, left = 0, sum(weights)
        while left > header.room:
            cut = self._cut(packer, run, first, self._boundaries(run, weights, first, header.room))
            yield run[first:cut]
            left -= sum(weights[first:cut])
            first = cut
        yield run[first:]

    def _boundaries(self, run: Sequence[Span], weights: Sequence[int], first: int, room: int) -> list[int]:
        """Where a passage that begins with unit ``first`` may end: before these units, the last as late as fits."""
        last, found = first + 1, []
        total = 0
        for place in range(first + 1, len(run)):
            total += weights[place - 1]
            if total > room:
                break
            if run[place - 1].kind != "heading":
                last = place
                if total >= self._min:
                    found.append(place)
        return _spread(found, self._questions) or [last]

    def _cut(self, packer: Packer, run: Sequence[Span], first: int, boundaries: Sequence[int]) -> int:
        if len(boundaries) == 1:
            return boundaries[0]
        likely = [self._ask(packer, run, first, place) for place in boundaries]
        return max(zip(likely, boundaries, strict=True))[1]

    def _ask(self, packer: Packer, run: Sequence[Span], first: int, place: int) -> float:
        """The probability that a new topic begins with the unit at ``place``."""
        ends, begins = run[place - 1].end, run[place].start
        before = packer.text[max(run[first].start, ends - _SHOWN) : ends]
        after = packer.text[begins : min(begins + _SHOWN, run[-1].end)]
        messages = [
            message
            for one, other, answer in _EXAMPLES
            for message in (_question(one, other), Message("assistant", answer))
        ]
        messages.append(_question(before, after))
        with step("new topic?", document=packer.document.uri, offset=begins) as taken:
            probability = self._chooser.choose(messages, _OPTIONS)[0]
            taken.note(probability=probability)
            if isinstance(self._chooser, Generator):
                taken.spend(self._chooser.count_tokens(messages), 1)
        return probability


def _question(before: str, after: str) -> Message:
    return Message("user", _PROMPT.format(before=" ".join(before.split()), after=" ".join(after.split())))


def _spread(places: Sequence[int], most: int) -> list[int]:
    """At most ``most`` of the places, evenly spread, the last among them."""
    if len(places) <= most:
        return list(places)
    return [places[-1 - number * len(places) // most] for number in reversed(range(most))]
