"""The components of the app that show text which is not ours: it is set as text, never read as markup."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from sources import PageView, TextView
from visitor import Visitor

from rag.chains.unsearched import is_invitation
from rag.types import Answer, Citation, Sentence

_FILES = Path(__file__).with_name("components")


def _component(name: str) -> st.components.v2.types.ComponentRenderer:
    return st.components.v2.component(
        f"ragstone_{name}",
        html=f'<div class="{name}"></div>\n',
        css=(_FILES / f"{name}.css").read_text("utf-8"),
        js=(_FILES / f"{name}.js").read_text("utf-8"),
    )


_ANSWER = _component("answer")
_SOURCE = _component("source")
_TEXT = _component("text")
_VERDICTS = {"supported": "supported", "partly": "partly", "not in the documents": "refused"}


def show_answer(answer: Answer, who: Visitor, *, key: str, opened: str) -> str | None:
    """Show an answer; the place of the citation that was clicked on in this run, if one was. ``opened`` is pressed."""
    say = who.say
    notes = [say("ask.quoted")] if answer.quoted else []
    notes += [say("ask.risk", risk=f"{answer.risk:.1%}")] if answer.risk is not None else []
    if answer.verdict == "partly" and all(sentence.supported for sentence in answer.sentences):
        notes.append(say("ask.unsure"))
    states = ("supported", "partly", "unsupported")
    verdict = _VERDICTS[answer.verdict]
    data = {
        "language": who.language,
        "verdict": verdict,
        "note": " ".join(notes),
        "text": answer.text,
        "open": opened,
        "sentences": [
            {
                "text": sentence.text,
                "state": state(sentence),
                "citations": [
                    {"number": one.number, "title": name_of(one, who), "place": f"{row}.{place}"}
                    for place, one in enumerate(sentence.citations)
                ],
            }
            for row, sentence in enumerate(answer.sentences)
        ],
        "conflicts": [
            say("ask.conflict", first=conflict.values[0], second=conflict.values[1]) for conflict in answer.conflicts
        ],
        "said": {key: say(f"ask.{key}") for key in ("copy", "copied", "not_copied", "source", *states)}
        | {"verdict": say("ask.no_question" if is_invitation(answer) else f"ask.{verdict}")},
    }
    clicked: str | None = _ANSWER(key=key, data=data, on_cite_change=lambda: None).cite
    return clicked


def state(sentence: Sentence) -> str:
    """How far a sentence is proved: "supported", "partly" where only some of it is, "unsupported" without a source."""
    if sentence.supported:
        return "supported"
    return "partly" if sentence.citations else "unsupported"


def name_of(citation: Citation, who: Visitor) -> str:
    """The source in a line: title, headings, page."""
    parts = [citation.title or citation.uri.rpartition("/")[2], *(h for h in citation.headings if h != citation.title)]
    page = [who.say("ask.page", page=citation.page)] if citation.page is not None else []
    return ", ".join([" > ".join(parts), *page])


def show_source(found: PageView | TextView, who: Visitor, *, key: str) -> None:
    """Show where a citation stands."""
    data: dict[str, object] = {"language": who.language}
    if isinstance(found, PageView):
        told = who.say("ask.page", page=found.number)
        data["page"] = {"png": b64encode(found.png).decode("ascii"), "boxes": found.boxes, "told": told}
    else:
        data["text"] = {"before": found.before, "quote": found.quote, "after": found.after}
    _SOURCE(key=key, data=data)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: what is said where it begins, and how many passages it is part of, 1 where none are shown."""

    text: str
    starts: tuple[str, ...] = ()
    passages: int = 1


def show_text(pieces: Sequence[Piece], who: Visitor, *, language: str, key: str) -> None:
    """Show a text of that language to read, its pieces told apart."""
    shown = [{"text": one.text, "starts": one.starts, "passages": one.passages} for one in pieces]
    _TEXT(key=key, data={"language": language, "told": who.say("preview.text"), "pieces": shown})
