"""How many words two short texts share: SQuAD's normalised tokens, and their F1.

English and its like are normalised as SQuAD's official script does it (Rajpurkar et al. 2016, 2018): lower case, ASCII
punctuation dropped, the articles a, an, the dropped, white space as one blank. Where one of the texts holds a
letter of a script that is written without spaces, or Korean, both are read by MLQA's and CMRC's mixed segmentation
(Lewis et al. 2020; Cui et al. 2019): all Unicode punctuation is dropped and each such letter is a token.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from typing import TypeAlias

__all__ = ["Tokens", "normalised", "normalised_pair", "token_f1", "tokens_f1"]

Tokens: TypeAlias = tuple[str, ...]

# Han, kana, hangul; Thai, Lao, Myanmar, Khmer.
_SPACELESS = re.compile(
    "[\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U000323af"
    "\u1100-\u11ff\u3131-\u318e\uac00-\ud7fb\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)


def token_f1(one: str, other: str) -> float:
    """Harmonic mean of token precision and recall, whichever text is the truth; two without tokens give 1."""
    return tokens_f1(*normalised_pair(one, other))


def tokens_f1(one: Tokens, other: Tokens) -> float:
    """``token_f1`` of tokens."""
    if not one or not other:
        return float(one == other)
    same = (Counter(one) & Counter(other)).total()
    if not same:
        return 0.0
    precision, recall = same / len(one), same / len(other)
    return 2 * precision * recall / (precision + recall)


def normalised_pair(one: str, other: str) -> tuple[Tokens, Tokens]:
    """The tokens of both, segmented alike."""
    mixed = bool(_SPACELESS.search(one) or _SPACELESS.search(other))
    return normalised(one, mixed=mixed), normalised(other, mixed=mixed)


def normalised(text: str, *, mixed: bool | None = None) -> Tokens:
    """Normalised tokens; ``mixed`` says whether to segment by character, which None leaves to the text."""
    if mixed is None:
        mixed = bool(_SPACELESS.search(text))
    if not mixed:
        return tuple(_ARTICLES.sub(" ", text.lower().translate(_ASCII_PUNCTUATION)).split())
    text = unicodedata.normalize("NFKC", text).lower()
    text = "".join(c for c in text if c not in string.punctuation and not unicodedata.category(c).startswith("P"))
    return tuple(_SPACELESS.sub(r" \g<0> ", _ARTICLES.sub(" ", text)).split())
