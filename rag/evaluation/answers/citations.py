"""Citation recall and precision as ALCE defines them, and whether quotes are exactly their source's words.

ALCE (Gao, Yen, Yu & Chen, EMNLP 2023, "Enabling Large Language Models to Generate Text with Citations"): a
sentence has recall 1 if it cites something and all that it cites entails it together. A citation is precise if its
sentence has recall 1 and it is not irrelevant; it is irrelevant if it does not entail the sentence alone and the others
without it still do. The NLI model's place is taken by any Verifier and a threshold.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from rag.errors import QueryError
from rag.evaluation.scores import Score
from rag.grounding import Thresholds
from rag.protocols import Verifier
from rag.text import sentences
from rag.types import Answer, Citation

__all__ = [
    "SUPPORT",
    "AlceDocument",
    "CitationScores",
    "alce_scores",
    "citation_scores",
    "exactness",
    "split_sentences",
]

SUPPORT = Thresholds().support


@dataclass(frozen=True, slots=True)
class CitationScores:
    """Recall is a share of an answer's sentences, precision of its citations; without citations both are 0."""

    recall: float
    precision: float


def citation_scores(
    answer: Answer,
    verifier: Verifier,
    *,
    threshold: float = SUPPORT,
    evidence: Literal["quote", "passage"] = "quote",
) -> CitationScores | None:
    """Citation recall and precision of an answer; None for one without sentences, a refusal say.

    ``evidence`` is what a citation shows: the words it quotes, or the whole passage they are from with its title and
    headings, which is what ALCE compares with.
    """
    if not answer.sentences:
        return None
    passages = {hit.chunk.id: hit.chunk.shown for hit in (*answer.hits, *answer.dropped)}

    def read(citation: Citation) -> str:
        return passages.get(citation.chunk_id, citation.quote) if evidence == "passage" else citation.quote

    cited = [(sentence.text, [read(one) for one in sentence.citations]) for sentence in answer.sentences]
    return _score(cited, verifier, threshold)


@dataclass(frozen=True, slots=True)
class AlceDocument:
    """A document of ALCE's data, as the verifier reads it: "Title: ...", a newline, the text."""

    title: str
    text: str

    def __str__(self) -> str:
        return f"Title: {self.title}\n{self.text}"


_CITED = re.compile(r"\[(\d+)")
_BLANK_CITED = re.compile(r" \[\d+")


def split_sentences(text: str) -> list[str]:
    """The sentences of a text. ALCE takes NLTK's ``sent_tokenize``, which may be given to ``alce_scores`` instead."""
    return [text[start:end] for start, end in sentences(text)]


def alce_scores(
    output: str,
    documents: Sequence[AlceDocument],
    verifier: Verifier,
    *,
    threshold: float = SUPPORT,
    most: int | None = 3,
    split: Callable[[str], list[str]] = split_sentences,
) -> CitationScores | None:
    """Scores of a text with citations like "[1][2]", as ALCE's released ``eval.py`` computes them, from 0 to 1.

    Kept for comparison with published figures, with all that is odd about it:

    - Only the first line of the stripped output counts, and ``<|im_end|>`` is removed from it. An empty one is
      left out of ALCE's means (None here), not scored 0.
    - A citation is "[" and digits, wherever they stand: "[12", "[1a]". Before a sentence is compared, all of these and
      every other "]" and " |" are removed from it.
    - "[0]" cites the last document. A number too high makes its whole sentence recall 0, and none of that sentence's
      citations count in precision.
    - Of a sentence's citations only the first ``most`` are read. One that is repeated counts each time, and
      leaving it out leaves its twin.
    - A sentence without citations has recall 0, whatever it says, and no part in precision; an output
      without any has precision 0.

    Where ALCE would fail ("[0]" without any document), the sentence is taken as out of range.
    """
    lines = output.strip().split("\n")
    rows = split(lines[0].replace("<|im_end|>", ""))
    if not rows:
        return None
    cited: list[tuple[str, list[str]]] = []
    for row in rows:
        places = [_number(digits) - 1 for digits in _CITED.findall(row)]
        if any(place >= len(documents) for place in places) or not documents:
            places = []
        claim = _CITED.sub("", _BLANK_CITED.sub("", row)).replace(" |", "").replace("]", "").strip()
        cited.append((claim, [str(documents[place]) for place in places[:most]]))
    return _score(cited, verifier, threshold)


def _number(digits: str) -> int:
    return int(digits) if len(digits) < 4000 else sys.maxsize  # beyond, Python refuses to read it


def _score(cited: Sequence[tuple[str, Sequence[str]]], verifier: Verifier, threshold: float) -> CitationScores:
    """Scores of claims with the evidence that each cites."""

    def supports(claim: str, evidence: Sequence[str]) -> bool:
        return verifier.support(claim, "\n".join(evidence)) >= threshold

    recalled = precise = 0
    for claim, evidence in cited:
        if not evidence or not supports(claim, evidence):
            continue
        recalled += 1
        if len(evidence) == 1:
            precise += 1
            continue
        for one in evidence:
            others = list(evidence)
            others.remove(one)
            precise += supports(claim, [one]) or not supports(claim, others)
    count = sum(len(evidence) for _, evidence in cited)
    return CitationScores(recalled / len(cited), precise / count if count else 0.0)


def exactness(answer: Answer, source: Callable[[str], str]) -> Score:
    """The share of the citations whose quote is, byte for byte in UTF-8, ``source(document_id)[start:end]``.

    ``source`` gives a document's text, and raises KeyError or QueryError where there is no such document: its citations
    are inexact. Status "refused" for a refusal, "no_claims" for an answer that cites nothing.
    """
    if answer.refused:
        return Score.missing("refused")
    if not answer.citations:
        return Score.missing("no_claims", "the answer cites nothing")
    exact = sum(_is_exact(citation, source) for citation in answer.citations)
    return Score(exact / len(answer.citations))


def _is_exact(citation: Citation, source: Callable[[str], str]) -> bool:
    try:
        text = source(citation.document_id)
    except (KeyError, QueryError):
        return False
    if not 0 <= citation.start <= citation.end <= len(text):
        return False
    return _bytes(text[citation.start : citation.end]) == _bytes(citation.quote)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
