"""A conversation as a text that others can read: Markdown, with its sources at the end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rag.chains.turns import Turn
from rag.types import Answer, Citation

__all__ = ["ENGLISH", "ExportWords", "Source", "pieces", "sources", "to_markdown"]

# What Markdown or HTML would read as more than text; a document or a question must not format what is exported.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!])")
# at the start of a line these make lists, quotes, rules and headings
_STARTS = re.compile(r"^(\s*\d*)([-+=.)])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ExportWords:
    """What an export says in words of its own; ``page`` and ``turn`` go before numbers."""

    sources: str = "Sources"
    page: str = "p. "
    turn: str = "turn "
    supported: str = "supported"
    partly: str = "partly"
    refused: str = "not in the documents"
    undrawn: str = "Characters that no font here draws stand as their codes:"


ENGLISH = ExportWords()


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that the conversation cites, by its number in it, and the words cited, in order of first use."""

    number: int
    uri: str
    title: str
    headings: tuple[str, ...]
    pages: tuple[int, ...]
    quotes: tuple[str, ...]


def sources(path: Sequence[Turn]) -> list[Source]:
    """The sources of the turns by number."""
    cited: dict[int, list[Citation]] = {}
    for turn in path:
        for citation in turn.answer.citations:
            cited.setdefault(citation.number, []).append(citation)
    return [
        Source(
            number,
            citations[0].uri,
            citations[0].title,
            citations[0].headings,
            tuple(sorted({citation.page for citation in citations if citation.page is not None})),
            tuple(dict.fromkeys(citation.quote for citation in citations)),
        )
        for number, citations in sorted(cited.items())
    ]


def to_markdown(name: str, path: Sequence[Turn], words: ExportWords = ENGLISH) -> str:
    """The turns as Markdown: questions as headings, answers with [1] after what is proved, and the sources."""
    lines = [f"# {_inline(name)}", ""]
    for place, turn in enumerate(path, 1):
        lines += [f"## {place}. {_inline(turn.question)}", "", _marked(turn.answer), ""]
        lines += [f"*{note_of(turn, words)}*", ""]
    if listed := sources(path):
        lines += [f"## {words.sources}", ""]
        for source in listed:
            lines += [f"[{source.number}] {_inline(place_of(source, words))}: {_inline(source.uri)}", ""]
            lines += [line for quote in source.quotes for line in (f"> {_inline(quote)}", "")]
    return "\n".join(lines).rstrip() + "\n"


def pieces(answer: Answer) -> Iterator[tuple[str, list[int]]]:
    """The text in pieces, each up to the end of a sentence, with the numbers of that sentence's sources."""
    previous = 0
    for sentence in answer.sentences:
        yield answer.text[previous : sentence.end], sorted({citation.number for citation in sentence.citations})
        previous = sentence.end
    if previous < len(answer.text):
        yield answer.text[previous:], []


def place_of(source: Source, words: ExportWords) -> str:
    """Title, pages and headings in a line."""
    parts = [source.title or source.uri.rsplit("/", 1)[-1]]
    parts += [f"{words.page}{', '.join(map(str, source.pages))}"] if source.pages else []
    headings = [heading for heading in source.headings if heading != source.title]
    parts += [" > ".join(headings)] if headings else []
    return ", ".join(parts)


def note_of(turn: Turn, words: ExportWords) -> str:
    """A turn's verdict, number and time."""
    verdicts = {"supported": words.supported, "partly": words.partly, "not in the documents": words.refused}
    when = datetime.fromtimestamp(turn.asked, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{verdicts[turn.answer.verdict]}, {words.turn}{turn.number}, {when}"


def _marked(answer: Answer) -> str:
    """The text, each sentence followed by the numbers of its sources; brackets of its own are escaped."""
    return "".join(
        _escaped(text) + (" " + "".join(f"[{number}]" for number in numbers) if numbers else "")
        for text, numbers in pieces(answer)
    )


def _inline(text: str) -> str:
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    return _STARTS.sub(r"\1\\\2", _MARKUP.sub(r"\\\1", printable(text)))


def printable(characters: Iterable[str]) -> str:
    """The text with U+FFFD for each control and format character, but for line ends, tabs and joiners."""
    return "".join(
        "\ufffd" if unicodedata.category(each) in {"Cc", "Cf", "Cs"} and each not in "\n\t\u200d\u200c" else each
        for each in characters
    )
