"""A generator's draft taken apart into sentences that can be checked, and what it must not bring along."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from rag.text import sentences, terms
from rag.text.visible import visible

# A model, or a document it copied from, may write what looks like our own citations.
# After a letter or a digit it is an index ("array[0]") as likely, and stays; render() shows it escaped.
_MARKER = re.compile(r"[ \t]*(?:\[\^[^\]\s]{1,12}\]:?|(?<![^\W_])(?:\[\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\])+)")
_BARE_MARKER = re.compile(r"\W*[\[(]\d{1,3}[\])]\W*")
_NUMBERING = re.compile(r"\(?\d{1,2}[.)]")
_CONTROL = re.compile(r"<\|[^|<>\n]{1,40}\|>|</?s>|\[/?INST\]|<(?:start|end)_of_turn>|[\x00-\x08\x0b-\x1f\x7f]")

# A small model that has answered goes on with the next turn of its prompt.
_ECHO = re.compile(
    r"\n[ \t*#]*(?:question|context|passages?|frage|kontext|pregunta|contexte|问题|上下文)\s*[:：]", re.IGNORECASE
)

_YES = {"yes", "ja", "oui", "sí", "si", "sì", "是", "是的", "对", "はい", "yep", "yeah", "correct", "doch"}
_NO = {"no", "nein", "non", "nee", "não", "否", "不", "不是", "いいえ", "nope"}
# "No one knows" and "Si la bomba" begin with no answer: a mark must follow, but for an English yes.
_POLAR = re.compile(
    r"\W*(?:("
    + "|".join(sorted(map(re.escape, _YES | _NO), key=len, reverse=True))
    + r")(?:[,.;:!，。；！：–-]|\s[–-]|\s*$)|(yes|yeah)\b)[\s,.;:!，。；！：–-]*",
    re.IGNORECASE,
)
# Words that only announce an answer.
_LEAD = re.compile(
    r"\W*(?:(?:sure|okay|ok|certainly|of course|great question|hope this helps|i hope (?:this|that) helps|"
    r"(?:so |therefore |thus )?(?:the|my|your) (?:short |final |correct )?answer"
    r"(?: to (?:the|your|this) question)?(?: is)?|answer|"
    r"here (?:is|are)(?: (?:the|your) (?:answer|list|details|information))?|here you go|"
    r"according to (?:the|this) (?:documents?|context|passages?|text)|"
    r"based on (?:the|this) (?:context|documents?|passages?|text)|"
    r"(?:die|meine) antwort(?: lautet| ist)?|antwort|la réponse(?: est)?|réponse|"
    r"la respuesta(?: es)?|respuesta|答案是?|回答)\W*)+",
    re.IGNORECASE,
)
_ABSTAINS = re.compile(
    r"\b(?:(?:do|does|did|is|are|was|were|could|can|has|have)(?:\s+not|n['’]t)|cannot|no|unable to|not)\b[^.]{0,60}?"
    r"\b(?:know|mention|specif|state|provid|contain|answer|information|find|found|determin|say|given|enough|"
    r"include|available)"
    r"|\bi don['’]?t know\b|\bweiß (?:ich |es )?nicht\b|\bkeine (?:information|angabe|antwort)|\bgeht nicht hervor\b"
    r"|\bje ne sais pas\b|\bne (?:mentionne|précise|contient)\b"
    r"|\bno (?:lo )?sé\b|\bno (?:menciona|contiene|especifica)\b"
    r"|不知道|没有(?:提到|提供|说明|提及|相关信息)|未(?:提到|提供|说明|提及)|无法(?:回答|确定)",
    re.IGNORECASE,
)
_ABOUT_SOURCES = re.compile(
    r"\b(?:i|we|context|documents?|passages?|text|question|information|sources?|dokumente?n?|kontext|texte?|contexte|"
    r"contexto|documentos?|ich|je|fuente|quellen?)\b|文档|文中|上下文|资料|文件|原文|我",
    re.IGNORECASE,
)


def clean_draft(text: str) -> str:
    """The draft without forged markers, control tokens and what nobody sees, cut where it goes on with a prompt."""
    text = _MARKER.sub("", _CONTROL.sub("", visible(text))).strip()
    echo = _ECHO.search(text)
    return text[: echo.start()].rstrip() if echo else text


def polarity(text: str) -> tuple[bool | None, int]:
    """A leading yes (True) or no (False), None without one, and where the rest of the sentence starts."""
    match = _POLAR.match(text)
    if match is None:
        return None, 0
    return (match[1] or match[2]).casefold() in _YES, match.end()


def abstains(text: str) -> bool:
    """Whether a sentence says that the documents, or the model, do not know."""
    return bool(_ABSTAINS.search(text) and _ABOUT_SOURCES.search(text))


def is_question(text: str) -> bool:
    """Whether a sentence asks instead of stating."""
    return text.rstrip(" \"'”’»)").endswith(("?", "？", "؟"))


def hollow(text: str, language: str) -> bool:
    """Whether a sentence states nothing by itself: "Yes.", "The answer is:", a question, a bare "[1]"."""
    rest = text[polarity(text)[1] :]
    lead = _LEAD.match(rest)
    rest = rest[lead.end() :] if lead else rest
    if is_question(text) or _BARE_MARKER.fullmatch(rest):
        return True
    return not (terms(rest, language) or any(c.isnumeric() for c in rest))


@dataclass(frozen=True, slots=True)
class Statement:
    """``text[start:end]`` of a draft; ``text[core:core_end]`` states something, the rest leads in or trails."""

    start: int
    end: int
    core: int
    core_end: int
    yes: bool | None = None


def statements(text: str, language: str) -> list[Statement]:
    """The sentences to check; a hollow one is joined to the next, or at the end to the one before.

    ``yes`` is what a yes or no before the statement says. A draft that is hollow from first to last
    comes back as one statement with an empty core.
    """
    found: list[Statement] = []
    pending: int | None = None
    said: bool | None = None
    last = len(text.rstrip())
    for start, end in sentences(text, language):
        yes, offset = polarity(text[start:end])
        said = yes if yes is not None else said
        numbering = end < last and _NUMBERING.fullmatch(text[start:end])
        if numbering or hollow(text[start:end], language):
            pending = start if pending is None else pending
            continue
        core = start + offset
        lead = _LEAD.match(text, core, end)
        core = lead.end() if lead and lead.end() < end else core
        found.append(Statement(start if pending is None else pending, end, core, end, said))
        pending = said = None
    if pending is not None:
        found[-1:] = [replace(found[-1], end=last)] if found else [Statement(pending, last, last, last, said)]
    return found
