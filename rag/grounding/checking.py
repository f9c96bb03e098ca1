"""A draft and the retrieved passages -> an answer whose every sentence shows its proof, or a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.grounding.answerability import answerability, direct, outdone, read_question
from rag.grounding.claims import Claim, known_names, read_claim
from rag.grounding.confidence import Confidence, Estimate
from rag.grounding.drafts import Statement, abstains, clean_draft, statements
from rag.grounding.evidence import Evidence, Quote, language_of, quotes, read_evidence, verbatim
from rag.grounding.features import read_features
from rag.grounding.phrases import phrases_for, question_language, refusal
from rag.grounding.similarity import nearest
from rag.grounding.verifiers.batch import supports
from rag.grounding.verify import CEILING, Source, Support, Weights, contradicts, cover_indices, measure
from rag.protocols import Embedder, SpanEmbedder, Verifier
from rag.text import clauses, detect_language, words
from rag.types import Answer, Citation, Hit, Sentence, Verdict

_PART = 0.2  # share of the question that each of several sentences must hold to answer it together


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where support begins, and where evidence counts as about the question; both from 0 to 1.

    With verbatim answers on SQuAD 2, ``answerable`` refuses 8.5% of the answerable questions, nine in ten of those
    whose article is left out, and one in eight of those written to look answerable by the article that is there:
    words alone do not tell those (docs/grounding.md).

    ``confident`` and ``right`` apply where a model says how sure it is (see confidence): refused below the first, at
    most "partly" below the second.
    """

    support: float = 0.55
    answerable: float = 0.5
    confident: float = 0.5
    right: float = 0.75


@dataclass(frozen=True, slots=True)
class _Checked:
    """A sentence of the draft, its measure and the evidence it was measured against."""

    start: int
    end: int
    claim: Claim
    support: Support
    evidence: tuple[Evidence, ...]
    unsupported: tuple[str, ...] = ()
    copied: bool = False


def ground(
    question: str,
    draft: str,
    hits: Sequence[Hit],
    *,
    dropped: Sequence[Hit] = (),
    embedder: Embedder | None = None,
    verifier: Verifier | None = None,
    thresholds: Thresholds = Thresholds(),
    confidence: Estimate | None = None,
) -> Answer:
    """Prove ``draft`` sentence by sentence from ``hits``.

    Args:
        question: What was asked; the evidence must be about it.
        draft: What a generator wrote, in any state.
        hits: The passages the generator saw, best first.
        dropped: Passages that did not fit its context; carried along.
        embedder: Lifts the support of a paraphrase; used only where the words do not decide.
        verifier: Another measure of support than the words'. Numbers, dates, names and negations stay
            checked by code whatever it says, and what is copied from a passage is supported.
        thresholds: Where to draw the lines.
        confidence: How sure features of question and evidence make one, used for questions in English where the
            embedder is a SpanEmbedder.

    Returns:
        An answer that is "supported" (every sentence is), "partly" (the unsupported ones are marked, or it is not sure
        enough that they are what was asked) or "not in the documents": its text is then a refusal that lists the
        nearest passages.
    """
    text = clean_draft(_without_header(draft, hits))
    fallback = language_of(hits)
    asked_in = question_language(question, fallback)
    language = _draft_language(text, hits) or fallback
    evidence = read_evidence(hits, language)
    weights = Weights.over(unit.source.claim for unit in evidence)
    known = known_names(unit.source.claim for unit in evidence)
    asked = read_question(question, language, known)
    checked = [
        _check(text, statement, asked, evidence, weights, language, known) for statement in statements(text, language)
    ]
    if embedder is not None:
        checked = _lift(checked, evidence, weights, embedder, thresholds)
    if verifier is not None:
        checked = _judge(checked, verifier)
    passed = [one for one in checked if _passes(one, thresholds)]
    asks = [(clause, read_question(clause, language, known)) for clause in clauses(question)]
    about = max((_about(passed, clause, asked, evidence, weights) for clause, asked in asks), default=0.0)
    sure = None
    if confidence is not None and passed and isinstance(embedder, SpanEmbedder) and asked_in == language == "en":
        worded = [clause for clause, _ in asks if words(clause)]  # "???" has no features
        if worded:
            sure = _sure(worded, passed, evidence, hits, weights, known, embedder, confidence)
    score = about if sure is None else sure.answerable
    unsure = sure is not None and sure.answerable < thresholds.confident
    if not passed or about < thresholds.answerable or unsure:
        return Answer(
            question=question,
            text=refusal((*hits, *dropped), asked_in),
            verdict="not in the documents",
            sentences=(),
            draft=draft,
            hits=tuple(hits),
            dropped=tuple(dropped),
            score=score,
        )
    proved = len(passed) == len(checked) and (sure is None or sure.right >= thresholds.right)
    verdict: Verdict = "supported" if proved else "partly"
    shown, sentences = _compose(text, checked, thresholds, phrases_for(asked_in).unsupported)
    return Answer(question, shown, verdict, sentences, draft, tuple(hits), tuple(dropped), score=score)


def _sure(
    asks: Sequence[str],
    passed: Sequence[_Checked],
    evidence: Sequence[Evidence],
    hits: Sequence[Hit],
    weights: Weights,
    known: frozenset[str],
    embedder: SpanEmbedder,
    confidence: Estimate,
) -> Confidence:
    """How sure it is of the clause that it is surest of: an answer to one of them counts."""
    found = []
    for clause in asks:
        asked = read_question(clause, "en", known)
        meant = passed
        if len(asks) > 1:  # each clause is answered by a sentence of its own
            meant = [max(passed, key=lambda one: _about([one], clause, asked, evidence, weights))]
        cited = [unit for one in meant for unit in one.evidence]
        judged = answerability(clause, asked, [one.claim for one in meant], cited, evidence, weights)
        share = direct(asked, cited, weights)
        found.append(confidence(read_features(clause, judged, share, cited, hits, weights, embedder)))
    return max(found, key=lambda one: one.answerable)


def _about(
    passed: Sequence[_Checked], clause: str, asked: Claim, evidence: Sequence[Evidence], weights: Weights
) -> float:
    """How far the answer is about one of the questions asked.

    That is its best sentence, or several together if each holds a part of the question: else unrelated
    sentences would make up between them what none of them is about.
    """
    parts = [one for one in passed if direct(asked, one.evidence, weights) >= _PART]
    groups = [[one] for one in passed] + ([parts] if len(parts) > 1 else [])
    best = 0.0
    for group in groups:
        cited = [unit for one in group for unit in one.evidence]
        if not outdone(clause, asked, cited, evidence, weights):
            about = answerability(clause, asked, [one.claim for one in group], cited, evidence, weights)
            best = max(best, about.score)
    return best


def _without_header(draft: str, hits: Sequence[Hit]) -> str:
    """The draft without a passage's title line, which small models copy before they answer."""
    first, newline, rest = draft.lstrip().partition("\n")
    return rest if newline and first.strip() in {hit.chunk.header for hit in hits if hit.chunk.header} else draft


def _draft_language(text: str, hits: Sequence[Hit]) -> str:
    detected = detect_language(text)
    return detected if any(hit.chunk.language in {detected, ""} for hit in hits) else ""


def _passes(one: _Checked, thresholds: Thresholds) -> bool:
    return not one.unsupported and not one.support.denied and one.support.score >= thresholds.support


def _check(
    text: str,
    statement: Statement,
    asked: Claim,
    evidence: Sequence[Evidence],
    weights: Weights,
    language: str,
    known: frozenset[str],
) -> _Checked:
    start, end = statement.start, statement.end
    claim = read_claim(text[statement.core : statement.core_end], language, known=known)
    if claim.empty:
        return _Checked(start, end, claim, Support(0.0), ())
    copied = verbatim(text[start:end], evidence) or verbatim(claim.text, evidence)
    if copied and statement.yes is None:
        return _Checked(start, end, claim, Support(1.0), tuple(copied), copied=True)
    if abstains(claim.text):
        return _Checked(start, end, read_claim("", language), Support(0.0), ())
    pool = [unit.source for unit in evidence]
    chosen = cover_indices(claim, pool, weights, prefer=asked.terms)
    found = tuple(copied) or tuple(evidence[i] for i in chosen)
    support = Support(1.0) if copied else measure(claim, [unit.source for unit in found], pool, weights)
    unsupported = tuple(dict.fromkeys(fact.text for fact in support.missing))
    if statement.yes is not None and statement.yes == contradicts(asked, [claim]):
        # "Yes" before a sentence that denies what was asked, or "no" before one that affirms it.
        unsupported = (text[start : statement.core].strip(" \t\n,.;:!，。；！："), *unsupported)
        support = replace(support, score=min(support.score, CEILING))
    return _Checked(start, end, claim, support, found, unsupported)


def _lift(
    checked: list[_Checked],
    evidence: Sequence[Evidence],
    weights: Weights,
    embedder: Embedder,
    thresholds: Thresholds,
) -> list[_Checked]:
    """Measure again, with embeddings, the sentences that fail for want of common words alone."""
    open_ones = [
        i
        for i, one in enumerate(checked)
        if one.support.score < thresholds.support and not (one.unsupported or one.support.denied or one.claim.empty)
    ]
    if not open_ones or not evidence:
        return checked
    pool: list[Source] = [unit.source for unit in evidence]
    lifted = list(checked)
    for i, (place, cosine) in zip(
        open_ones, nearest([checked[i].claim for i in open_ones], evidence, weights, embedder), strict=True
    ):
        one = checked[i]
        units = [evidence[place], *(unit for unit in one.evidence if unit is not evidence[place])][:3]
        support = measure(one.claim, [unit.source for unit in units], pool, weights, cosine)
        lifted[i] = replace(one, support=support, evidence=tuple(units))
    return lifted


def _judge(checked: list[_Checked], verifier: Verifier) -> list[_Checked]:
    """Measure by a verifier what breaks no hard rule, in one batch; what is copied word for word needs no verifier."""
    open_ones = [
        i
        for i, one in enumerate(checked)
        if one.evidence and not (one.copied or one.unsupported or one.support.denied or one.claim.empty)
    ]
    pairs = [(checked[i].claim.text, "\n".join(unit.text for unit in checked[i].evidence)) for i in open_ones]
    judged = list(checked)
    for i, support in zip(open_ones, supports(verifier, pairs), strict=True):
        judged[i] = replace(checked[i], support=Support(support))
    return judged


def _compose(
    text: str, checked: Sequence[_Checked], thresholds: Thresholds, caveat: str
) -> tuple[str, tuple[Sentence, ...]]:
    """The text to show, with a caveat after each unproved sentence, and the sentences at their places in it."""
    parts: list[str] = []
    length = previous = 0
    numbers: dict[tuple[str, int, int], int] = {}
    made: list[Sentence] = []
    for one in checked:
        gap = text[previous : one.start]
        sentence = text[one.start : one.end]
        start = length + len(gap)
        passed = _passes(one, thresholds)
        tail = "" if passed else f" {caveat}"
        parts += [gap, sentence, tail]
        length = start + len(sentence) + len(tail)
        previous = one.end
        made.append(
            Sentence(
                text=sentence,
                start=start,
                end=start + len(sentence),
                support=one.support.score,
                supported=passed,
                citations=_cite(one, numbers) if passed else (),
                unsupported=one.unsupported,
            )
        )
    return "".join((*parts, text[previous:])), tuple(made)


def _cite(one: _Checked, numbers: dict[tuple[str, int, int], int]) -> tuple[Citation, ...]:
    """Citations numbered by source passage in order of first use."""
    found: list[Quote] = quotes(one.evidence, [one.support.score] * len(one.evidence))
    cited = []
    for quote in found:
        chunk = quote.hit.chunk
        number = numbers.setdefault((chunk.document_id, chunk.start, chunk.end), len(numbers) + 1)
        cited.append(quote.cite(number))
    return tuple(cited)
