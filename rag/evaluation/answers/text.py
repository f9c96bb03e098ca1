"""An answer's text against the gold ones: SQuAD's exact match and F1, and whether the answer holds a gold one.

Both are normalised as SQuAD's official script does it, and segmented by character where a script has no spaces
(``rag.text.overlap``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rag.grounding.drafts import polarity
from rag.text.overlap import Tokens, normalised, normalised_pair, tokens_f1

__all__ = ["contains", "exact_match", "f1"]

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
    return _best(answer, golds, tokens_f1)


def contains(answer: str, golds: Sequence[str]) -> float:
    """1 if the tokens of a gold stand in the answer, one after the other, else 0; both empty give 1.

    Marks within words count as dropped, as SQuAD does, or as blanks: "1974" is in "1973–1974". A gold "yes" or "no"
    needs an answer that begins with it or says that the answer is; a "no" within a sentence states nothing.
    """
    if not any(normalised(gold) for gold in golds):
        return float(not normalised(answer))
    return float(any(_holds(answer, gold) for gold in golds))


def _best(answer: str, golds: Sequence[str], score: Callable[[Tokens, Tokens], float]) -> float:
    best = [score(*normalised_pair(answer, gold)) for gold in golds if normalised(gold)]
    return max(best) if best else score(normalised(answer), ())


def _holds(answer: str, gold: str) -> bool:
    stated = _YES_NO.get(" ".join(normalised(gold)))
    if stated is not None:
        said = _SAYS_YES_NO.search(answer)
        return (_YES_NO[said[1].lower()] if said else polarity(answer)[0]) is stated
    return _run_in(*normalised_pair(answer, gold)) or _run_in(
        *normalised_pair(_JOINT.sub(" ", answer), _JOINT.sub(" ", gold))
    )


def _run_in(said: Tokens, gold: Tokens) -> bool:
    n = len(gold)
    return n > 0 and any(said[i : i + n] == gold for i in range(len(said) - n + 1))
