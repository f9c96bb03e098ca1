"""What small models do to an answer, undone: echoes, labels, loops and broken-off ends."""

from __future__ import annotations

import re

from rag.text import sentences

_LABEL = re.compile(r"^\W*(?:answer|antwort|réponse|respuesta|risposta|答案|回答|assistant)\s*[:：]\s*", re.IGNORECASE)
_QUESTION_LABEL = re.compile(r"^\W*(?:question|q|frage|pregunta|问题)\s*[:：]\s*", re.IGNORECASE)
_NEXT_TURN = re.compile(
    r"\n[ \t*#]*(?:question|context|passages?|frage|kontext|pregunta|contexte|问题|上下文)\s*[:：]", re.IGNORECASE
)
_ENDS = re.compile(r"[.!?。！？…؟।][\"'”’»）)\]]*$")
_FENCE_ENDS = re.compile(r"(?:```|\|)$")


def tidy(draft: str, question: str, *, cut_off: bool = False) -> str:
    """The draft without what small models add to an answer.

    That is a leading echo of the question or a label, the prompt's next turn, a repetition loop and, where it was
    cut off by its token limit, an unfinished last sentence, if others remain.
    """
    text = _strip_echo(draft.strip(), question)
    next_turn = _NEXT_TURN.search(text)
    text = _cut_loop(text[: next_turn.start()].rstrip() if next_turn else text)
    return _drop_unfinished(text) if cut_off else text


def _strip_echo(text: str, question: str) -> str:
    asked = question.strip()
    previous = None
    while text != previous:
        previous = text
        text = _LABEL.sub("", text, count=1)
        label = _QUESTION_LABEL.match(text)
        rest = text[label.end() :] if label else text
        if asked and rest.casefold().startswith(asked.casefold()):
            after = rest[len(asked) :]
            # "What is HX" must not be cut from "What is HX-200?"
            if not after or not (after[0].isalnum() or after[0] == "-"):
                text = after.lstrip(" \t\n?？.:：-")
    return text


def _cut_loop(text: str) -> str:
    """Keep the first of each sentence; a sentence said before, and all that follows it once two repeat, is a loop."""
    seen: set[str] = set()
    kept_end = 0
    pieces: list[str] = []
    repeats = 0
    for start, end in sentences(text):
        key = " ".join(text[start:end].casefold().split()).rstrip(".。!！ ")
        if len(key) > 1 and key in seen:
            repeats += 1
            if repeats >= 2:
                break
            kept_end = end
            continue
        seen.add(key)
        pieces.append(text[kept_end:end] if pieces else text[start:end])
        kept_end = end
    return _cut_word_loop("".join(pieces).strip())


def _cut_word_loop(text: str) -> str:
    """Cut a phrase that repeats to the end without a sentence mark ("the the the the"), keeping its first."""
    match = re.search(r"(?s)(.{2,200}?)\1{3,}.{0,200}$", text)
    if match is None or not any(c.isalpha() for c in match[1]):
        return text
    tail = match.group()[len(match[1]) * (len(match.group()) // len(match[1])) :]
    return text[: match.start() + len(match[1])].rstrip() if match[1].startswith(tail) else text


def _drop_unfinished(text: str) -> str:
    if _ENDS.search(text) or _FENCE_ENDS.search(text):
        return text
    spans = sentences(text)
    return text[: spans[-2][1]] if len(spans) > 1 else text
