"""An answer's text against the gold ones: SQuAD's exact match and F1, and whether the answer holds a gold one.

English and its like are normalised as SQuAD's official script does it (Rajpurkar et al. 2016, 2018): lower case, ASCII
punctuation dropped, the articles a, an, the dropped, white space as one blank. Where the answer or the gold holds a
letter of a script that is written without spaces, or Korean, both are read by MLQA's and CMRC's mixed segmentation
(Lewis et al. 2020; Cui et al. 2019): all Unicode punctuation is dropped and each such letter is a token.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

from rag.grounding.drafts import polarity

__all__ = ["contains", "exact_match", "f1"]

_Tokens: TypeAlias = tuple[str, ...]

# Han, kana, hangul; Thai, Lao, Myanmar, Khmer.
_SPACELESS = re.compile(
    "[\u3005-\u3007\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U000323af"
    "\u1100-\u11ff\u3131-\u318e\uac00-\ud7fb\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_ASCII_PUNCTUATION = str.maketrans("", "", string.punctuation)
# "1973–1974", "Kissinger's", "a restaurant—see": marks that join a gold span to its neighbours, but for "3,600".
_JOINT = re.compile(r"(?<!\d)[^\w\s]|[^\w\s](?!\d)|[^\w\s.,]")
_YES_NO = {"yes": True, "no": False}
_SAYS_YES_NO = re.compile(r"\banswer (?:to [^.,:;]{1,60} )?(?:is|would be)\W{1,3}(yes|no)\b(?!\s+\w)", re.IGNORECASE)


def exact_match(answer: str, golds: Sequence[str]) -> float:
    """1 if the normalised answer is one of the normalised golds, else 0.

    By SQuAD 2's convention a question without an answer has the one gold "", and a refusal is the answer "": both
    empty give 1. Golds that normalise to nothing ("the") are left out.
    """
    return _best(answer, golds, lambda said, gold: float(said == gold))


def f1(answer: str, golds: Sequence[str]) -> float:
    """Harmonic mean of token precision and recall against the best gold; the conventions of ``exact_match``."""
    return _best(answer, golds, _overlap)


def contains(answer: str, golds: Sequence[str]) -> float:
    """1 if the tokens of a gold stand in the answer, one after the other, else 0; both empty give 1.

    Marks within words count as dropped, as SQuAD does, or as blanks: "1974" is in "1973–1974". A gold "yes" or "no"
    needs an answer that begins with it or says that the answer is; a "no" within a sentence states nothing.
    """
    if not any(_tokens(gold) for gold in golds):
        return float(not _tokens(answer))
    return float(any(_holds(answer, gold) for gold in golds))


def _best(answer: str, golds: Sequence[str], score: Callable[[_Tokens, _Tokens], float]) -> float:
    best = [score(*_pair(answer, gold)) for gold in golds if _tokens(gold)]
    return max(best) if best else score(_tokens(answer), ())


def _overlap(said: _Tokens, gold: _Tokens) -> float:
    if not said or not gold:
        return float(said == gold)
    same = (Counter(said) & Counter(gold)).total()
    if not same:
        return 0.0
    precision, recall = same / len(said), same / len(gold)
    return 2 * precision * recall / (precision + recall)


def _holds(answer: str, gold: str) -> bool:
    stated = _YES_NO.get(" ".join(_tokens(gold)))
    if stated is not None:
        said = _SAYS_YES_NO.search(answer)
        return (_YES_NO[said[1].lower()] if said else polarity(answer)[0]) is stated
    return _run_in(*_pair(answer, gold)) or _run_in(*_pair(_JOINT.sub(" ", answer), _JOINT.sub(" ", gold)))


def _run_in(said: _Tokens, gold: _Tokens) -> bool:
    n = len(gold)
    return n > 0 and any(said[i : i + n] == gold for i in range(len(said) - n + 1))


def _pair(answer: str, gold: str) -> tuple[_Tokens, _Tokens]:
    mixed = bool(_SPACELESS.search(answer) or _SPACELESS.search(gold))
    return _tokens(answer, mixed=mixed), _tokens(gold, mixed=mixed)


def _tokens(text: str, *, mixed: bool | None = None) -> _Tokens:
    """Normalised tokens; ``mixed`` says whether to segment by character, which None leaves to the text."""
    if mixed is None:
        mixed = bool(_SPACELESS.search(text))
    if not mixed:
        return tuple(_ARTICLES.sub(" ", text.lower().translate(_ASCII_PUNCTUATION)).split())
    text = unicodedata.normalize("NFKC", text).lower()
    text = "".join(c for c in text if c not in string.punctuation and not unicodedata.category(c).startswith("P"))
    return tuple(_SPACELESS.sub(r" \g<0> ", _ARTICLES.sub(" ", text)).split())
