"""Pairs of a claim and its evidence, supported and not, made by rule from questions with gold answers.

Claims are the declarative form of question and answer. Unsupported ones:

    swapped        the answer replaced by another number, date or name of the same passage
    negated        "not" put in
    elsewhere      the true claim beside another sentence of the same passage
    unanswerable   a question that its passage does not answer, with what stands there in the answer's place: the
                   number, date or name of the sentence nearest to the question

Evidence is what grounding would look at: the sentences of the passage that cover the claim.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.grounding.claims import known_names, read_claim
from rag.grounding.evidence import Evidence, read_evidence
from rag.grounding.facts import Fact, read_facts, states
from rag.grounding.verify import Weights, cover_indices
from rag.text import expected, terms
from rag.types import Chunk, Hit

_BE = r"is|are|was|were"
_AUX = rf"{_BE}|did|does|do|has|have|had|can|could|will|would|may|might|must|should"
_WH_NOUN = r"(?:what|which)(?P<noun>(?:\s[\w'’-]+){1,3}?)"
_RULES = (
    # "In what year was X founded?" -> X was founded in A.
    (rf"(?P<prep>in|on|at|by|from|to|for|with|under|during|of)\s(?:whom|{_WH_NOUN})\s(?P<aux>{_AUX})\s(?P<rest>.+)",
     "{rest_aux} {prep} {a}"),
    # "When did X begin?" -> X did begin in A.
    (rf"(?P<wh>when|where)\s(?P<aux>{_AUX})\s(?P<rest>.+)", "{rest_aux} {place}{a}"),
    # "How many people does X have?" -> X does have A people.
    (r"how many(?P<noun>(?:\s[\w'’-]+){1,3}?)\s(?P<aux>did|does|do|has|have|had|can|could|will)\s(?P<rest>.+)",
     "{rest_aux} {a}{noun}"),
    (r"how many(?P<noun>(?:\s[\w'’-]+){1,3}?)\s(?P<verb>are|were|lived?|died|worked|\w+ed)\s(?P<rest>.+)",
     "{a}{noun} {verb} {rest}"),
    # "What company did X sell?" -> X did sell A.
    (rf"{_WH_NOUN}\s(?P<aux>did|does|do)\s(?P<rest>.+)", "{rest_aux} {a}"),
    (r"(?:who|whom|what)\s(?P<aux>did|does|do)\s(?P<rest>.+)", "{rest_aux} {a}"),
    # "What is the name of X?" -> The name of X is A.
    (rf"(?:who|what)\s(?P<aux>{_BE})\s(?P<rest>(?:the|a|an|another|one)\s.+)", "{rest} {aux} {a}"),
    # "Who built X?" -> A built X.
    (r"(?:who|what)\s(?P<verb>[\w'’]+)\s(?P<rest>.+)", "{a} {verb} {rest}"),
    (r"(?:what|which)\s(?P<noun>[\w'’-]+)\s(?P<verb>[\w'’]+(?:ed|s|was|were|made|had|won|led|held))\s(?P<rest>.+)",
     "{a} {verb} {rest}"),
)  # fmt: skip
_PATTERNS = tuple((re.compile(pattern, re.IGNORECASE), form) for pattern, form in _RULES)
_SUBJECT_END = re.compile(
    r"\s(?=(?:\w+ed|\w+en|been|be|begin|become|come|go|make|take|have|get|give|lose|win|lead|build|found|held|known|"
    r"made|born|built|won|lost|taken|led|located|used|called|named|the|a|an|in|on|at|to|for|by|from|as|responsible|able|"
    r"considered|\w+ize|\w+ate)\b)"
)
_PREPOSITIONS = frozenset({"in", "on", "at", "during", "after", "before", "since", "by", "from"})
_NEGATE = re.compile(rf"\s(?P<aux>{_AUX})\s")


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim and its evidence; ``group`` is the article, ``kind`` how the claim was made."""

    claim: str
    evidence: str
    supported: bool
    kind: str
    group: str


def declarative(question: str, answer: str) -> str | None:
    """The statement that answers a question; None where no rule fits."""
    asked = " ".join(question.split()).rstrip("?？ .")
    for pattern, form in _PATTERNS:
        match = pattern.fullmatch(asked)
        if match is None:
            continue
        got = {name: value or "" for name, value in match.groupdict().items()}
        if "{rest_aux}" in form:
            got["rest_aux"] = _with_auxiliary(got["rest"], got["aux"])
        if got.get("wh"):
            said = answer.casefold().split()[0]
            got["place"] = (
                "" if said in {"in", "on", "at", "during", "after", "before", "since", "by", "from"} else "in "
            )
        claim = form.format(a=answer, **{k: v for k, v in got.items() if k not in {"wh"}})
        return f"{claim[0].upper()}{claim[1:]}."
    return None


def _with_auxiliary(rest: str, auxiliary: str) -> str:
    """Of "the crisis begin" and "did": "the crisis did begin". The subject's end is guessed by what may follow it."""
    inner = _SUBJECT_END.search(rest, 1 + len(rest.split(maxsplit=1)[0]))
    if inner is None:
        head, _, tail = rest.rpartition(" ")
        return f"{head} {auxiliary} {tail}".strip()
    return f"{rest[: inner.start()]} {auxiliary} {rest[inner.end() :]}"


def negated(claim: str) -> str | None:
    """The claim with "not" behind its first auxiliary; None without one."""
    match = _NEGATE.search(claim)
    return f"{claim[: match.end()]}not {claim[match.end() :]}" if match else None


def read_pairs(folder: Path, seed: int = 0, per_group: int = 60) -> list[Pair]:
    """At most ``per_group`` questions of each article of a collection with qa.jsonl, and of its unanswerable ones."""
    rng = random.Random(seed)
    corpus = [json.loads(line) for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines()]
    passages = {row["_id"]: row for row in corpus}
    rows = [json.loads(line) for line in (folder / "qa.jsonl").read_text("utf-8").splitlines()]
    rng.shuffle(rows)
    taken: dict[tuple[str, bool], int] = {}
    pairs: list[Pair] = []
    for row in rows:
        found = [passages[name] for name in row["passages"]]
        group, answerable = found[0]["title"], row.get("answerable", True)
        if taken.get((group, answerable), 0) >= per_group:
            continue
        evidence = _evidence([(one["title"], one["text"]) for one in found])
        made = list(_answered(row, evidence, group, rng) if answerable else _unanswered(row, evidence, group))
        taken[group, answerable] = taken.get((group, answerable), 0) + bool(made)
        pairs += made
    return pairs


def _evidence(passages: list[tuple[str, str]]) -> list[Evidence]:
    hits = [
        Hit(Chunk(f"d{i}", f"file:///d{i}", 0, len(text), text, title, language="en"), 1.0, i + 1)
        for i, (title, text) in enumerate(passages)
    ]
    return read_evidence(hits, "en")


def _answered(row: dict[str, list[str]], evidence: list[Evidence], group: str, rng: random.Random) -> Iterator[Pair]:
    question, answer = str(row["question"]), row["answers"][0]
    claim = declarative(question, answer)
    asked = frozenset(terms(question, "en"))
    holding = [unit for unit in evidence if answer in unit.text]
    if claim is None or not holding or answer.casefold() in {"yes", "no"}:
        return
    gold = max(holding, key=lambda unit: len(asked & unit.source.terms))
    chosen = _cover(claim, evidence)
    shown = chosen if gold in chosen else [gold]
    yield Pair(claim, _text(shown), supported=True, kind="true", group=group)
    others = [unit for unit in evidence if unit not in holding]
    if others:
        yield Pair(claim, rng.choice(others).text, supported=False, kind="elsewhere", group=group)
    wrong = [text for text in _likes(answer, evidence) if text not in question]
    if wrong and (swapped := declarative(question, rng.choice(wrong))):
        yield Pair(swapped, _text(_cover(swapped, evidence)), supported=False, kind="swapped", group=group)
    if denied := negated(claim):
        yield Pair(denied, _text(shown), supported=False, kind="negated", group=group)


def _unanswered(row: dict[str, list[str]], evidence: list[Evidence], group: str) -> Iterator[Pair]:
    question = str(row["question"])
    kind = expected(question)
    asked = frozenset(terms(question, "en"))
    wanted = {"name"} if kind == "name" else {"date", "number"} if kind else {"name", "number", "date"}
    for unit in sorted(evidence, key=lambda one: -len(asked & one.source.terms))[:2]:
        likely = [
            f.text for f in unit.source.claim.facts if f.kind in wanted and f.text.casefold() not in question.casefold()
        ]
        if likely and (claim := declarative(question, likely[0].strip())):
            yield Pair(claim, _text(_cover(claim, evidence)), supported=False, kind="unanswerable", group=group)
            return


def _likes(answer: str, evidence: list[Evidence]) -> list[str]:
    """Other facts of the passage, of the kind of the answer's first."""
    own = read_facts(f"It is {answer}.", "en")
    if not own:
        return []
    first = own[0]
    kinds = {"date", "number"} if first.kind in {"date", "number"} else {first.kind}
    return [
        fact.text.strip()
        for unit in evidence
        for fact in unit.source.claim.facts
        if fact.kind in kinds and not _same(fact, first) and fact.text not in answer and answer not in fact.text
    ]


def _same(one: Fact, other: Fact) -> bool:
    return states(one, other) or states(other, one)


def _cover(claim: str, evidence: list[Evidence]) -> list[Evidence]:
    known = known_names(unit.source.claim for unit in evidence)
    pool = [unit.source for unit in evidence]
    read = read_claim(claim, "en", known=known)
    return [evidence[i] for i in cover_indices(read, pool, Weights.over(source.claim for source in pool))] or evidence[
        :1
    ]


def _text(units: list[Evidence]) -> str:
    return "\n".join(unit.text for unit in units)
