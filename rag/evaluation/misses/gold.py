"""Gold in the documents as the index holds them: where the answers stand, and which passages hold one whole.

Gold is a document and characters of its text, so it is found again however the text is cut.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from rag.errors import EvaluationError
from rag.evaluation.datasets import DocumentKey, Question, Span
from rag.index import Snapshot
from rag.types import Chunk, Hit

# An answer that is a judgement on the text, not a part of it: "no" occurs in most documents, and proves nothing.
_POLAR = frozenset({"yes", "no"})
# Scripts that put words or particles together without a space: a word there may begin and end anywhere.
_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U000323af"  # fmt: skip # noqa: E501
_LETTER = rf"[^\W\d_{_SPACELESS}]"
_HANGUL_TAIL = ("\u1160", "\u11ff")


@dataclass(frozen=True, slots=True)
class Gold:
    """The gold of a question in one document of the data set.

    ``spans`` are the places of an answer, in the document's order; none where the document as a whole is the gold.
    ``chunks`` are all its passages in the index: no chunks, not in the index. ``holders`` are those that hold the
    gold, by chunk id, with the places of whole answers in the passage's text; of a whole document each passage is
    one, with no places. ``title`` is the document's, or its id.
    """

    document: str
    title: str = ""
    spans: tuple[Span, ...] = ()
    chunks: tuple[Chunk, ...] = ()
    holders: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


def places_in(gold: Gold, hit: Hit) -> tuple[tuple[int, int], ...] | None:
    """Where a hit's text holds the gold whole; () where any of it will do, None where it does not hold it.

    An expanded hit may hold whole what lies in two passages of the index. One whose duplicate holds the gold stands
    for that.
    """
    if hit.chunk.id in gold.holders:
        return gold.holders[hit.chunk.id]
    chunk = hit.chunk
    if hit.within and any(one.document_id == chunk.document_id for one in gold.chunks):
        places = tuple(
            (span.start - chunk.start, span.end - chunk.start)
            for span in gold.spans
            if chunk.start <= span.start and span.end <= chunk.end
        )
        if places or not gold.spans:
            return places
    return None if gold.holders.keys().isdisjoint(hit.chunk_ids) else ()


def find_documents(snapshot: Snapshot, key: DocumentKey, wanted: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The uris of those of the data set's documents that the index holds; one ``_id`` may be in several files."""
    found: dict[str, tuple[str, ...]] = {}
    for document in snapshot.documents():
        name = str(document.metadata.get("_id", document.uri)) if key == "_id" else document.uri
        if name in wanted:
            found[name] = (*found.get(name, ()), document.uri)
    return found


def find_gold(snapshot: Snapshot, question: Question, document: str, uris: Iterable[str]) -> Gold:
    """The gold of ``question`` in the document of that id, which the index holds under ``uris``.

    Raises EvaluationError where a gold span ends beyond the text.
    """
    title = document
    spans: list[Span] = []
    chunks: list[Chunk] = []
    holders: dict[str, tuple[tuple[int, int], ...]] = {}
    for uri in uris:
        held = snapshot.document(uri)
        title = held.title or title
        own = locate(question, document, held.text)
        spans += own
        for chunk in snapshot.chunks_of(uri):
            chunks.append(chunk)
            whole = tuple(
                (span.start - chunk.start, span.end - chunk.start)
                for span in own
                if chunk.start <= span.start and span.end <= chunk.end
            )
            if whole or not own:
                holders[chunk.id] = whole
    return Gold(document, title, tuple(spans), tuple(chunks), holders)


def locate(question: Question, document: str, text: str) -> tuple[Span, ...]:
    """Where ``text``, that of the document of this id, holds an answer of the question; () if nowhere.

    The question's own spans where it has some for this document; else each occurrence of each answer, whatever its
    case, its white space and its Unicode form, but only of whole words and numbers. "Yes" and "no" are never
    looked for. Raises EvaluationError where a span ends beyond the text: the document has changed since.
    """
    given = tuple(span for span in question.spans if span.document == document)
    for span in given:
        if not span.start < span.end <= len(text):
            raise EvaluationError(
                f"the gold of question {question.id!r} is at characters {span.start} to {span.end}, "
                f"but the document has {len(text)}",
                where=document,
                hint="the document has changed since the test set was made: make the test set again",
            )
    if given:
        return given
    places = {place for answer in question.answers for place in occurrences(answer, text)}
    return tuple(Span(document, start, end) for start, end in sorted(places))


def occurrences(answer: str, text: str) -> list[tuple[int, int]]:
    """Start and end of each occurrence of ``answer`` in ``text``, in order and without overlaps.

    Both are compared as NFKC_Casefold has them (Unicode, section 3.13: compatibility forms and case folded,
    invisible format characters left out), with each run of white space as one space.
    """
    wanted = _fold(answer).text.strip()
    if not wanted or wanted in _POLAR:
        return []
    folded = _fold(text)
    pattern = _boundary(wanted[0], ahead=False) + re.escape(wanted) + _boundary(wanted[-1], ahead=True)
    places = []
    for match in re.finditer(pattern, folded.text):
        first, last = match.start(), match.end() - 1
        # a match that takes only part of what one written character folds to is none
        cut = (first > 0 and folded.ends[first - 1] > folded.starts[first]) or (
            last + 1 < len(folded.text) and folded.starts[last + 1] < folded.ends[last]
        )
        if not cut:
            places.append((folded.starts[first], folded.ends[last]))
    return places


def _boundary(edge: str, *, ahead: bool) -> str:
    """What may not stand beside the first (``ahead``: the last) character of an answer: more of its word or number."""
    if edge.isdecimal():
        return r"(?!\d|[.,]\d)" if ahead else r"(?<!\d)(?<!\d[.,])"
    if re.match(_LETTER, edge):
        return f"(?!{_LETTER})" if ahead else f"(?<!{_LETTER})"
    return ""


class _Folded(NamedTuple):
    """A folded text, and for each of its characters the start and end in the original of what it comes from."""

    text: str
    starts: array[int]
    ends: array[int]


@lru_cache(maxsize=4)
def _fold(text: str) -> _Folded:
    letters: list[str] = []
    starts, ends = array("q"), array("q")
    start, size = 0, len(text)
    while start < size:
        end = start + 1
        while end < size and _continues(text[end]):
            end += 1
        for letter in unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text[start:end]).casefold()):
            if unicodedata.category(letter) == "Cf":
                continue
            if letter.isspace() and letters and letters[-1] == " ":
                ends[-1] = end
                continue
            letters.append(" " if letter.isspace() else letter)
            starts.append(start)
            ends.append(end)
        start = end
    return _Folded("".join(letters), starts, ends)


def _continues(character: str) -> bool:
    """Whether a character joins the one before it when a text is composed: marks, and the later letters of Hangul."""
    if character.isascii():
        return False
    first, last = _HANGUL_TAIL
    return unicodedata.category(character)[0] == "M" or first <= character <= last or character in "\uff9e\uff9f"
