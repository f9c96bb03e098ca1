"""Names of measures, as ir_measures writes them: ``nDCG@10``, ``P(rel=2)@5``. Needs the extra ``eval``."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from functools import cache

from rag.errors import EvaluationError, MissingExtraError
from rag.evaluation.ranking.judgements import MAX_GRADE

try:
    import ir_measures
    import pytrec_eval  # noqa: F401  without it ir_measures would do, with fewer measures
except ImportError as error:
    raise MissingExtraError(f"{error.name} is not installed", hint="pip install 'ragstone[eval]'") from error

__all__ = ["PROVIDER", "measure_of", "parse_measures", "with_judged"]

# Each is a score of one query whose mean over queries means something; counts (NumRel and the like) are not.
SUPPORTED = (
    *("nDCG", "AP", "P", "R", "RR", "Success", "Rprec", "Bpref", "infAP", "IPrec"),
    *("SetP", "SetR", "SetF", "SetAP", "Judged"),
)
EXAMPLES = "nDCG@10, AP, P@5, R@100, RR@10, Success@5, Judged@10, P(rel=2)@5"
MAX_CUTOFF = 1_000_000_000
# trec_eval, and what it has not: Judged, and RR with a cutoff.
PROVIDER = ir_measures.providers.FallbackProvider(  # type: ignore[no-untyped-call]
    [ir_measures.pytrec_eval, ir_measures.judged, ir_measures.msmarco]
)


def parse_measures(text: str) -> tuple[str, ...]:
    """Measures split at white space, by ir_measures' canonical names ("MAP" is "AP"), each once.

    Raises EvaluationError, naming the nearest measures, for a name or a parameter that is unknown.
    """
    names = tuple(dict.fromkeys(str(measure_of(word)) for word in text.split()))
    if not names:
        raise EvaluationError("no measure is named", hint=f"such as {EXAMPLES}")
    return names


def with_judged(measures: Sequence[str]) -> tuple[str, ...]:
    """The measures, and Judged at the first one's cutoff (else at 10) where none of them is Judged.

    The share of judged documents at the top says how far the other values can be trusted.
    """
    if any(name.startswith("Judged") for name in measures):
        return tuple(measures)
    cutoffs = (re.search(r"^(?!IPrec).*@(\d+)$", name) for name in measures)
    cutoff = next((found[1] for found in cutoffs if found), "10")
    return (*measures, f"Judged@{cutoff}")


@cache
def measure_of(word: str) -> ir_measures.Measure:
    """The measure of a name. Raises EvaluationError, naming the nearest ones."""
    measure = _read(word)
    if measure is None:
        near = _nearest(word)
        known = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(SUPPORTED)}"
        raise EvaluationError(f"there is no measure {word!r}", hint=f"{known}; written as in {EXAMPLES}")
    return measure


def _read(word: str) -> ir_measures.Measure | None:
    try:
        measure = ir_measures.parse_measure(word)
        measure.validate_params()  # type: ignore[no-untyped-call]
    except (ValueError, AssertionError, TypeError, KeyError, NameError):  # what it raises for names it cannot take
        return None
    usable = measure.NAME in SUPPORTED and _in_range(measure)
    return measure if usable and PROVIDER.supports(measure) else None  # type: ignore[no-untyped-call]


def _in_range(measure: ir_measures.Measure) -> bool:
    """Whether trec_eval can take the parameters; it ends the process at a cutoff of 0, and is slow at high gains."""
    cutoff, rel, recall, gains, beta = (measure.params.get(key) for key in ("cutoff", "rel", "recall", "gains", "beta"))
    return (
        (cutoff is None or (type(cutoff) is int and 1 <= cutoff <= MAX_CUTOFF))
        and (rel is None or (type(rel) is int and 1 <= rel <= MAX_GRADE))
        and (recall is None or (0 <= recall <= 1 and round(recall, 2) == recall))
        and (gains is None or all(type(n) is int and 0 <= n <= MAX_GRADE for row in gains.items() for n in row))
        and (beta is None or 0 < beta < math.inf)
    )


def _nearest(word: str) -> list[str]:
    """Measures of a similar name, with the same parameters where they can have them."""
    base, rest = re.fullmatch(r"(\w*)(.*)", word, re.DOTALL).groups()  # type: ignore[union-attr]  # it matches all text
    registry = ir_measures.measures.registry
    known = {name.lower(): of.NAME for name, of in registry.items() if of.NAME in SUPPORTED}
    known |= dict.fromkeys(("hit", "hits", "hitrate", "accuracy"), "Success")
    near = dict.fromkeys(known[name] for name in difflib.get_close_matches(base.lower(), known, n=3, cutoff=0.5))
    tried = ([f"{name}{rest}", f"{name}@10", name] for name in near)
    return [next((guess for guess in guesses if _read(guess)), guesses[-1]) for guesses in tried]
