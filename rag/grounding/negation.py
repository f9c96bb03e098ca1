"""What a sentence denies: the terms in the scope of its negations.

A negation's scope is what follows it up to the end of the clause, or what precedes it there where
nothing follows ("Die Garantie gilt nicht."). The idea is NegEx's (Chapman et al., 2001), without its
medical word lists.
"""

from __future__ import annotations

import re

_CUES = {
    "en": r"not|cannot|never|no|none|neither|nor|without|\w+n['’]t|non(?=-)",
    "de": r"nicht|kein|keine|keinen|keinem|keiner|keines|nie|niemals|ohne|weder",
    "fr": r"ne|n(?=['’])|jamais|sans|aucun|aucune|ni",
    "es": r"no|nunca|jamás|sin|ningún|ninguna|ninguno|ni",
    "it": r"non|mai|senza|nessun|nessuna|nessuno",
    "nl": r"niet|geen|nooit|zonder",
    "pt": r"não|nunca|sem|nenhum|nenhuma",
}
_NOT_ONLY = r"(?!\s+(?:only|just|nur|solo|sólo|seulement|merely)\b)"
_CJK_CUES = r"(?:不(?!仅|但|过|同|断|少|久|管|论)|没有|没|无(?!论|线|锡|数)|未(?!来)|并非|禁止|ない|ません|않|없)"
_CLAUSE = re.compile(
    r"[.,;:!?()\n。，；：！？、（）]|\b(?:but|however|although|while|whereas|aber|sondern|jedoch|mais|pero|sino|ma)\b|但|而是"
)
_COMPILED: dict[str, re.Pattern[str]] = {
    language: re.compile(rf"\b(?:{cues})\b{_NOT_ONLY}|{_CJK_CUES}", re.IGNORECASE) for language, cues in _CUES.items()
}


def split_denied(text: str, language: str) -> tuple[str, str]:
    """The parts of ``text`` outside and inside the scope of a negation, each as one string."""
    cue = _COMPILED.get(language, _COMPILED["en"])
    affirmed: list[str] = []
    denied: list[str] = []
    start = 0
    for end, following in [*(match.span() for match in _CLAUSE.finditer(text)), (len(text), len(text))]:
        clause = text[start:end]
        match = cue.search(clause)
        if match is None:
            affirmed.append(clause)
        elif any(c.isalnum() for c in clause[match.end() :]):
            affirmed.append(clause[: match.start()])
            denied.append(clause[match.end() :])
        else:
            denied.append(clause[: match.start()])
        start = following
    return " \n".join(affirmed), " \n".join(denied)
