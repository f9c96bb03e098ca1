"""An answer as text with numbered sources."""

from __future__ import annotations

import re
import unicodedata

from rag.grounding.phrases import phrases_for, question_language
from rag.text.visible import visible
from rag.types import Answer, Citation

# Whatever a reader may take for one of our marks: a number in brackets of any script's kind, with or without blanks,
# invisible characters, lists, or the dagger some models write.
_BRACKETED = re.compile(r"[\[［【〔〖⟦⁅](?=([^\[\]［］【】〔〕〖〗⟦⟧⁅⁆\n]{1,80})[\]］】〕〗⟧⁆])")
_NUMBERED = re.compile(r"[\^#]?\d{1,4}(?:[,;–-]\d{1,4})*(?:†.*)?")
# C0 and C1 controls drive a terminal; bidirectional overrides hide what a line says.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def render(answer: Answer) -> str:
    """The answer's text with [1] after each proved sentence, and below it the sources with the words that prove it.

    Brackets with numbers that the text itself holds are escaped, so that only real citations look
    like one; control characters are shown as U+FFFD.
    """
    parts: list[str] = []
    previous = 0
    for sentence in answer.sentences:
        numbers = sorted({citation.number for citation in sentence.citations})
        markers = "".join(f"[{number}]" for number in numbers)
        parts.append(_safe(answer.text[previous : sentence.end]))
        parts.append(f" {markers}" if markers else "")
        previous = sentence.end
    parts.append(_safe(answer.text[previous:]))
    text = "".join(parts)
    if not answer.citations:
        return text
    said = phrases_for(question_language(answer.question))
    return "\n".join((text, "", said.sources, *_sources(answer.citations, said.page)))


def _sources(citations: tuple[Citation, ...], page: str) -> list[str]:
    by_number: dict[int, list[Citation]] = {}
    for citation in citations:
        known = by_number.setdefault(citation.number, [])
        if all((citation.start, citation.end) != (other.start, other.end) for other in known):
            known.append(citation)
    lines: list[str] = []
    for number, cited in sorted(by_number.items()):
        first = cited[0]
        place = [first.title or first.uri.rsplit("/", 1)[-1]]
        pages = sorted({citation.page for citation in cited if citation.page is not None})
        place += [page.format(n=", ".join(map(str, pages)))] if pages else []
        path = " > ".join(heading for heading in first.headings if heading != first.title)
        place += [path] if path else []
        lines.append(f"[{number}] {_line(', '.join(place))}")
        lines += [f"    “{_line(citation.quote)}”" for citation in cited]
    return lines


def _safe(text: str) -> str:
    return _BRACKETED.sub(_escaped, visible(_UNPRINTABLE.sub("\ufffd", text)))


def _escaped(bracket: re.Match[str]) -> str:
    held = "".join(c for c in unicodedata.normalize("NFKC", bracket[1]) if unicodedata.category(c) not in {"Cf", "Zs"})
    return f"\\{bracket[0]}" if _NUMBERED.fullmatch(held) else bracket[0]


def _line(text: str) -> str:
    return _safe(" ".join(text.split()))
