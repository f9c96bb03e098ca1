"""An answer as text with numbered sources, and as JSON."""

from __future__ import annotations

import re
from typing import Any

from rag.grounding.phrases import phrases_for, question_language
from rag.types import Answer, Citation, Hit

_FORGED = re.compile(r"\[(?=\^?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\])")
# C0 and C1 controls drive a terminal; bidirectional overrides hide what a line says.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

ANSWER_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Answer",
    "type": "object",
    "additionalProperties": False,
    "required": ["question", "text", "verdict", "sentences", "draft", "hits", "dropped"],
    "properties": {
        "question": {"type": "string"},
        "text": {"type": "string", "description": "What to show: the grounded answer, or a refusal."},
        "verdict": {"enum": ["supported", "partly", "not in the documents"]},
        "sentences": {"type": "array", "items": {"$ref": "#/$defs/sentence"}},
        "draft": {"type": "string", "description": "What the generator wrote."},
        "hits": {"type": "array", "items": {"$ref": "#/$defs/hit"}},
        "dropped": {
            "type": "array",
            "items": {"$ref": "#/$defs/hit"},
            "description": "Passages that did not fit the generator's context.",
        },
    },
    "$defs": {
        "sentence": {
            "type": "object",
            "additionalProperties": False,
            "required": ["text", "start", "end", "support", "supported", "citations", "unsupported"],
            "properties": {
                "text": {"type": "string"},
                "start": {"type": "integer", "minimum": 0, "description": "Code point offset in the answer's text."},
                "end": {"type": "integer", "minimum": 0},
                "support": {"type": "number", "minimum": 0, "maximum": 1},
                "supported": {"type": "boolean"},
                "citations": {"type": "array", "items": {"$ref": "#/$defs/citation"}},
                "unsupported": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "Its numbers, dates and names that no evidence holds.",
                },
            },
        },
        "citation": {
            "type": "object",
            "additionalProperties": False,
            "required": [
                "number", "document_id", "chunk_id", "uri", "title", "start", "end", "quote", "score", "page",
                "headings",
            ],
            "properties": {
                "number": {"type": "integer", "minimum": 1},
                "document_id": {"type": "string"},
                "chunk_id": {"type": "string"},
                "uri": {"type": "string"},
                "title": {"type": "string"},
                "start": {"type": "integer", "minimum": 0, "description": "Code point offset in the document's text."},
                "end": {"type": "integer", "minimum": 0},
                "quote": {"type": "string", "description": "Exactly document.text[start:end]."},
                "score": {"type": "number", "minimum": 0, "maximum": 1},
                "page": {"type": ["integer", "null"]},
                "headings": {"type": "array", "items": {"type": "string"}},
            },
        },
        "hit": {
            "type": "object",
            "additionalProperties": False,
            "required": ["rank", "score", "chunk_id", "uri", "title", "start", "end", "page", "arms"],
            "properties": {
                "rank": {"type": "integer", "minimum": 1},
                "score": {"type": "number"},
                "chunk_id": {"type": "string"},
                "uri": {"type": "string"},
                "title": {"type": "string"},
                "start": {"type": "integer", "minimum": 0},
                "end": {"type": "integer", "minimum": 0},
                "page": {"type": ["integer", "null"]},
                "arms": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["rank", "score"],
                        "properties": {"rank": {"type": "integer", "minimum": 1}, "score": {"type": "number"}},
                    },
                },
            },
        },
    },
}  # fmt: skip
"""JSON Schema of ``answer_to_dict``."""


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
    return _UNPRINTABLE.sub("\ufffd", _FORGED.sub(r"\\[", text))


def _line(text: str) -> str:
    return _safe(" ".join(text.split()))


def answer_to_dict(answer: Answer) -> dict[str, Any]:
    """The answer as JSON types, valid by ``ANSWER_SCHEMA``."""
    return {
        "question": answer.question,
        "text": answer.text,
        "verdict": answer.verdict,
        "sentences": [
            {
                "text": sentence.text,
                "start": sentence.start,
                "end": sentence.end,
                "support": sentence.support,
                "supported": sentence.supported,
                "citations": [_citation(citation) for citation in sentence.citations],
                "unsupported": list(sentence.unsupported),
            }
            for sentence in answer.sentences
        ],
        "draft": answer.draft,
        "hits": [_hit(hit) for hit in answer.hits],
        "dropped": [_hit(hit) for hit in answer.dropped],
    }


def _citation(citation: Citation) -> dict[str, Any]:
    return {
        "number": citation.number,
        "document_id": citation.document_id,
        "chunk_id": citation.chunk_id,
        "uri": citation.uri,
        "title": citation.title,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "score": citation.score,
        "page": citation.page,
        "headings": list(citation.headings),
    }


def _hit(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "rank": hit.rank,
        "score": hit.score,
        "chunk_id": chunk.id,
        "uri": chunk.uri,
        "title": chunk.title,
        "start": chunk.start,
        "end": chunk.end,
        "page": chunk.page_at(chunk.start),
        "arms": {arm: {"rank": score.rank, "score": score.score} for arm, score in hit.arms.items()},
    }
