"""Figures that a calculator made, shown with the expression and the words its numbers come from, or not at all.

A computed figure stands in no document, so no quotation can prove it. What can be proved is each number that went into
it. A calculation is shown, as an equation, where every number of its expression stands in the question or in a sentence
found, at least one in a sentence, those sentences are about what was asked, and nothing is added up that is measured
in different units. The equation cites them. One of the question's own numbers alone is shown where the question
spells it out ("what is 15% of 80?"). All others are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from rag.chains.drafting import AnswerParts
from rag.chains.tools import Calculated
from rag.grounding import Fact, ground, read_facts
from rag.grounding.evidence import Evidence, language_of, quotes, read_evidence
from rag.text import detect_language, terms
from rag.text.calculator import Operand, evaluate, operands, spelled_out
from rag.tracing import step
from rag.types import Answer, Citation, Hit, Sentence

__all__ = ["equation", "with_calculations"]

_SCALES = re.compile(r"[*/%^×÷x]|\bof\b|\blog\b", re.IGNORECASE)


def equation(calculated: Calculated) -> str:
    """``2 * 4 = 8``; with ≈ where the value is shown with fewer digits than it has."""
    value = calculated.value
    expression = " ".join(calculated.expression.split())
    if isinstance(value, int):
        return f"{expression} = {value}"
    shown = f"{value:.10g}"
    return f"{expression} {'=' if float(shown) == value else '≈'} {shown}"


def with_calculations(
    question: str, answer: Answer, calculations: Sequence[Calculated], hits: Sequence[Hit], parts: AnswerParts
) -> Answer:
    """The answer with those calculations behind it whose numbers are all known; see the module for which are."""
    evidence = read_evidence(hits, language_of(hits)) if calculations else []
    for calculated in dict.fromkeys(calculations):
        with step("computed", expression=calculated.expression, value=calculated.value) as taken:
            inputs = _inputs(question, calculated, evidence)
            basis = None if inputs is None else _basis(question, answer, inputs, hits, parts)
            taken.note(shown=basis is not None)
            if inputs is not None and basis is not None:
                answer = _appended(basis, equation(calculated), inputs)
    return answer


def _inputs(question: str, calculated: Calculated, evidence: Sequence[Evidence]) -> tuple[Evidence, ...] | None:
    """The sentences that the numbers are from; none where the question spells them out; None where it is not known."""
    language = detect_language(question)
    given = read_facts(question, language)
    asked = frozenset(terms(question, language))
    cited: list[Evidence] = []
    units: set[str] = set()
    for operand in operands(calculated.expression):
        if any(_states(fact, operand) for fact in given):
            continue
        stating = [(unit, fact) for unit in evidence for fact in unit.source.claim.facts if _states(fact, operand)]
        if not stating:
            return None
        # of equals the first, which is the better ranked
        best, fact = max(stating, key=lambda pair: len(asked & pair[0].source.terms))
        units.add(fact.unit)
        if best not in cited:
            cited.append(best)
    if not cited:
        spelled = spelled_out(question)
        return () if spelled and evaluate(spelled) == calculated.value else None
    if len(units) > 1 and not _SCALES.search(calculated.expression):
        return None
    return tuple(sorted(cited, key=evidence.index))


def _states(fact: Fact, operand: Operand) -> bool:
    if fact.kind == "date" and isinstance(fact.value, tuple):
        return not operand.percent and fact.value[0] == operand.value
    if fact.kind != "number" or (fact.unit == "%") != operand.percent:
        return False
    return isinstance(fact.value, Decimal) and Fraction(fact.value) == operand.value


def _basis(
    question: str, answer: Answer, inputs: Sequence[Evidence], hits: Sequence[Hit], parts: AnswerParts
) -> Answer | None:
    """What the equation is put behind: the answer, or where that is a refusal, the sentences its numbers are from.

    None where those are not about the question.
    """
    if not inputs:
        # of a question that asks for nothing else, no passage says anything
        alone = answer.refused or not terms(question.replace(spelled_out(question), ""), detect_language(question))
        return replace(answer, text="", verdict="supported", sentences=(), score=1.0) if alone else answer
    quoted = "\n".join(unit.text for unit in inputs)
    proved = ground(question, quoted, hits, embedder=parts.embedder, thresholds=parts.bounds)
    if proved.refused:
        return None
    return replace(proved, draft=answer.draft, quoted=True) if answer.refused else answer


def _appended(answer: Answer, text: str, inputs: Sequence[Evidence]) -> Answer:
    gap = "\n" if answer.text else ""
    start = len(answer.text) + len(gap)
    sentence = Sentence(text, start, start + len(text), 1.0, supported=True, citations=_citations(answer, inputs))
    cited = {unit.hit.chunk.id for unit in inputs}
    return replace(
        answer,
        text=f"{answer.text}{gap}{text}",
        sentences=(*answer.sentences, sentence),
        # a passage that the generator was not shown is one the answer rests on now
        hits=(*answer.hits, *(hit for hit in answer.dropped if hit.chunk.id in cited)),
        dropped=tuple(hit for hit in answer.dropped if hit.chunk.id not in cited),
    )


def _citations(answer: Answer, inputs: Sequence[Evidence]) -> tuple[Citation, ...]:
    """The sentences' citations, with the numbers that the answer's sources have already."""
    numbers = {citation.chunk_id: citation.number for citation in answer.citations}
    cited = []
    for quote in quotes(inputs, [1.0] * len(inputs)):
        number = numbers.setdefault(quote.hit.chunk.id, max(numbers.values(), default=0) + 1)
        cited.append(quote.cite(number))
    return tuple(cited)
