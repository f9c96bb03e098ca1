"""English verbs as far as spelling and a short list tell: auxiliaries, and the base form of a finite verb."""

from __future__ import annotations

import re

from rag.text import is_stop_word

__all__ = ["AUXILIARIES", "HAVE", "PAST", "base_form"]

AUXILIARIES = frozenset({
    "is", "are", "was", "were", "can", "could", "will", "would", "may", "must", "should", "shall",
})  # fmt: skip
HAVE = {"has": "does", "have": "do", "had": "did"}
PAST = {
    "ate": "eat", "became": "become", "began": "begin", "bought": "buy", "brought": "bring", "built": "build",
    "came": "come", "captured": "capture", "chose": "choose", "cost": "cost", "created": "create", "cut": "cut",
    "developed": "develop", "died": "die", "drew": "draw", "fell": "fall", "flew": "fly", "fought": "fight",
    "found": "find", "gave": "give", "got": "get", "grew": "grow", "held": "hold", "joined": "join", "knew": "know",
    "lay": "lie", "led": "lead", "left": "leave", "lost": "lose", "made": "make", "measured": "measure",
    "met": "meet", "paid": "pay", "put": "put", "ran": "run", "rebuilt": "rebuild", "rose": "rise", "saw": "see",
    "sent": "send", "set": "set", "signed": "sign", "sold": "sell", "sought": "seek", "spent": "spend",
    "spoke": "speak", "stood": "stand", "taught": "teach", "thought": "think", "took": "take", "visited": "visit",
    "weighed": "weigh", "went": "go", "won": "win", "wore": "wear", "wrote": "write",
}  # fmt: skip
_BARE = re.compile(
    r"(?:[wyx]|sh|ch|ss|ck|nd|nt|rd|rt|ld|lt|st|ct|pt|lk|rk|nk|rm|rn|lm|wn|ll|ff|sk|ai[nlmrd]|"
    r"ee[dmnpkl]|oo[klt]|ea[kldtr]|en|er)$"
)
_SILENT_E = re.compile(
    r"(?:[vzcu]|[aeiour]s|ns|at|ut|id|ad|ud|od|dg|rg|ar|ir|ak|ok|ag|ap|op|am|om|um|ib|ul|bl|pl|tl|dl|gl)$"
)


def base_form(verb: str) -> tuple[str, str] | None:
    """The auxiliary and the base form, or None where neither list nor spelling tells: "takes" -> ("does", "take")."""
    if verb in HAVE:
        return HAVE[verb], "have"
    if verb in PAST:
        return "did", PAST[verb]
    if verb.endswith("ed"):
        base = _regular(verb)
        return ("did", base) if base else None
    if not re.fullmatch(r"[a-z]{2,}s", verb) or verb.endswith("ss") or is_stop_word(verb, "en"):
        return None
    if verb.endswith("ies") and len(verb) > 4:
        return "does", verb[:-3] + "y"
    return "does", verb[:-2] if re.search(r"(?:ch|sh|ss|x|zz|go|do)es$", verb) else verb[:-1]


def _regular(past: str) -> str | None:
    """The base of a regular past form, where spelling tells it; else None: "moved" could be of "mov"."""
    stem = past[:-2]
    if past.endswith("ied"):
        return past[:-3] + "y"
    if re.search(r"([bdgmnprt])\1$|(?:trav|contr|canc|patr|comp|exp|rep|reb)(?:e|o)ll$", stem):
        return stem[:-1]
    if _BARE.search(stem):
        return stem
    return stem + "e" if _SILENT_E.search(stem) else None
