"""Test sets made from an index: questions with answers and gold spans, and questions that it does not answer.

The answer is picked first, a fact in a sentence, so that its span is exact without parsing a model's output; then a
question is written for it, filtered, and checked against the rest of the index. Rows are written as they are made, and
a run that was broken off goes on from its file: all that decides the next row follows from the rows before.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rag.errors import EvaluationError
from rag.evaluation.datasets import Question, Span, question_row, read_questions
from rag.evaluation.testset.evidence import Evidence, documents_of
from rag.evaluation.testset.filters import Judged, Kept, holds_answer, judge, well_formed
from rag.evaluation.testset.making import Making
from rag.evaluation.testset.rules import ask_by_rule
from rag.evaluation.testset.source import Candidate, draw, passages
from rag.evaluation.testset.unanswerable import Pool
from rag.evaluation.testset.writing import write_question
from rag.index import Snapshot
from rag.protocols import Embedder, Generator
from rag.text import sentences
from rag.types import Scalar, content_hash

__all__ = ["Making", "Plan", "Progress", "make_testset"]

VERSION: Final = 1  # raise with every change that makes other rows from the same documents
MOST_WORDS: Final = 18  # of a statement to write a question for: small models lose the thread of longer ones
POOLED_DOCUMENTS: Final = 300
MOST_OF_A_DOCUMENT: Final = 3  # times its even share


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make: ``n`` questions, of which ``unanswerable`` is the share that has no answer.

    With ``rules``, a statement of plain build is turned into a question by rule, and the generator is asked for the
    others alone; without, for all.
    """

    n: int = 200
    unanswerable: float = 0.2
    seed: int = 0
    where: str | None = None
    rules: bool = True

    def __post_init__(self) -> None:
        if self.n < 1:
            raise EvaluationError(f"n is {self.n}", hint="ask for at least one question")
        if not 0 <= self.unanswerable < 1:
            raise EvaluationError(f"the share of unanswerable questions is {self.unanswerable}", hint="0 to below 1")

    @property
    def without_answer(self) -> int:
        """How many shall have no answer."""
        return round(self.n * self.unanswerable)


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` of ``wanted`` questions, from ``tried`` facts; ``question`` is the last one kept."""

    done: int
    wanted: int
    tried: int
    question: str


@dataclass(slots=True)
class _State:
    """What the rows so far decide."""

    rows: list[Question]
    answerable: int = 0
    unanswerable: int = 0
    turn: int = 0
    of_document: Counter[str] = field(default_factory=Counter)
    used: set[str] = field(default_factory=set)

    def count(self, row: Question) -> None:
        self.answerable += row.answerable
        self.unanswerable += not row.answerable
        self.of_document[str(row.made["source"])] += 1
        self.used.add(f"{row.made['source']}[{row.made['answer_start']}:{row.made['answer_end']}]")
        self.turn = int(row.made["turn"] or 0) + 1


def make_testset(
    snapshot: Snapshot,
    path: Path,
    *,
    generator: Generator,
    generator_name: str,
    embedder: Embedder | None = None,
    plan: Plan = Plan(),
    progress: Callable[[Progress], None] | None = None,
) -> Making:
    """Make a test set in ``path``, or go on with the one there if it is of the same plan, documents and generator.

    Args:
        snapshot: The index; its embedder's fingerprint should have been checked on opening.
        path: A JSONL file, which ``read_testset`` reads.
        generator: Writes the questions; see ``Plan.rules``.
        generator_name: Kept in each row.
        embedder: Finds near-duplicates, and passages that may answer; the index's own.
        plan: How many, and of which documents.
        progress: Called after each fact that was tried.

    The same index, plan and deterministic generator give the same file. There may be fewer rows than ``plan.n``:
    nothing that fails a filter is kept to fill up. Raises EvaluationError, GenerationError, FilterError.
    """
    started = time.monotonic()
    documents = sum(1 for _ in snapshot.documents(plan.where))
    if not documents:
        raise EvaluationError("there are no documents to ask about", where=str(snapshot.path), hint="see --where")
    run = _run_id(snapshot, plan, generator_name)
    state = _State(_resume(path, run, snapshot))
    for finished in state.rows:
        state.count(finished)
    resumed = len(state.rows)
    maker = _Maker(snapshot, generator, generator_name, embedder, plan, run, [one.text for one in state.rows])
    share = max(1, math.ceil(MOST_OF_A_DOCUMENT * plan.n / documents))
    rejected: Counter[str] = Counter()
    tried = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="\n") as file:
        for turn, (method, candidate) in enumerate(_turns(snapshot, plan)):
            if state.answerable + state.unanswerable >= plan.n:
                break
            if turn < state.turn or candidate.key in state.used or state.of_document[candidate.passage.uri] >= share:
                continue
            draft = maker.draft(candidate, method)
            if draft is None:
                continue
            tried += 1
            row = maker.make(candidate, draft, method, turn, state, rejected)
            if row is not None:
                file.write(json.dumps(question_row(row), ensure_ascii=False) + "\n")
                file.flush()
                state.rows.append(row)
                state.count(row)
            if progress is not None:
                progress(Progress(len(state.rows), plan.n, tried, row.text if row else ""))
        os.fsync(file.fileno())
    return Making(
        path=str(path),
        wanted=plan.n,
        made=state.answerable + state.unanswerable,
        answerable=state.answerable,
        unanswerable=state.unanswerable,
        resumed=resumed,
        documents=len(state.of_document),
        tried=tried,
        rejected=dict(sorted(rejected.items())),
        methods=dict(sorted(Counter(str(one.made["method"]) for one in state.rows).items())),
        seconds=time.monotonic() - started,
    )


def _turns(snapshot: Snapshot, plan: Plan) -> Iterator[tuple[str, Candidate]]:
    """Every candidate once for each way of asking: rules cost nothing, so they come first."""
    if plan.rules:
        yield from (("rule", candidate) for candidate in draw(snapshot, seed=plan.seed, where=plan.where))
    for candidate in draw(snapshot, seed=plan.seed, where=plan.where):
        if sum(len(part.split()) for part in candidate.statement) <= MOST_WORDS:
            yield "generator", candidate


class _Maker:
    """Turns one candidate into a row, or says why not."""

    def __init__(
        self,
        snapshot: Snapshot,
        generator: Generator,
        generator_name: str,
        embedder: Embedder | None,
        plan: Plan,
        run: str,
        kept: Sequence[str],
    ) -> None:
        self._generator, self._name = generator, generator_name
        self._embedder = embedder
        self._plan, self._run = plan, run
        self._evidence = Evidence(snapshot, embedder)
        self._kept = Kept(embedder, kept)
        self._snapshot = snapshot
        self._pool: Pool | None = None

    def draft(self, candidate: Candidate, method: str) -> str | None:
        """A question by one of the ways; None where no rule fits."""
        return ask_by_rule(candidate) if method == "rule" else write_question(candidate, self._generator)

    def make(
        self, candidate: Candidate, draft: str, method: str, turn: int, state: _State, rejected: Counter[str]
    ) -> Question | None:
        """A row, if the draft passes every filter; else the first that it fails is counted."""
        judged = judge(draft, candidate, embedder=self._embedder)
        if judged.failed:
            rejected[judged.failed] += 1
            return None
        made = state.answerable + state.unanswerable + 1
        if state.unanswerable < round(self._plan.without_answer * made / self._plan.n):
            row = self._unanswerable(candidate, draft, method, turn)
            if row is not None:
                return self._keep(row)
        elsewhere = self._evidence.elsewhere(draft, candidate)
        reason = ""
        if state.answerable >= self._plan.n - self._plan.without_answer:
            reason = "cannot be made unanswerable"
        elif elsewhere is None:
            reason = "another answer in the documents"
        elif self._kept.repeats(draft):
            reason = "a near-duplicate"
        if reason or elsewhere is None:
            rejected[reason] += 1
            return None
        return self._keep(self._answerable(candidate, draft, method, turn, judged, elsewhere))

    def _keep(self, row: Question) -> Question:
        self._kept.add(row.text)
        return row

    def _answerable(
        self,
        candidate: Candidate,
        question: str,
        method: str,
        turn: int,
        judged: Judged,
        elsewhere: tuple[Span, ...],
    ) -> Question:
        spans = (Span(candidate.passage.uri, candidate.start, candidate.end), *elsewhere)
        return Question(
            id=content_hash(candidate.key, question)[:16],
            text=question,
            answers=(candidate.answer,),
            documents=documents_of(spans),
            spans=spans,
            made=self._made(candidate, method, turn)
            | {f"score_{name}": score for name, score in judged.scores.items()},
        )

    def _unanswerable(self, candidate: Candidate, question: str, method: str, turn: int) -> Question | None:
        language = candidate.passage.language
        seed = f"{self._plan.seed}:{candidate.key}"
        passage = " ".join((candidate.sentence, *candidate.passage.header))
        for swap in self._swapping().swaps(question, language, seed, passage):
            if not well_formed(swap.question) or holds_answer(swap.question, candidate):
                continue
            if self._kept.repeats(swap.question) or self._evidence.answers(
                swap.question, candidate.kind, candidate.fact
            ):
                continue
            return Question(
                id=content_hash(candidate.key, swap.question)[:16],
                text=swap.question,
                answerable=False,
                made=self._made(candidate, method, turn)
                | {"unanswerable": f"swapped {swap.kind}", "swapped": swap.old, "for": swap.new},
            )
        return None

    def _made(self, candidate: Candidate, method: str, turn: int) -> dict[str, Scalar]:
        return {
            "method": method,
            "generator": self._name,
            "seed": self._plan.seed,
            "asks_for": candidate.kind,
            "source": candidate.passage.uri,
            "answer_start": candidate.start,
            "answer_end": candidate.end,
            "sentence_start": candidate.sentence_start,
            "sentence_end": candidate.sentence_start + len(candidate.sentence),
            "turn": turn,
            "run": self._run,
        }

    def _swapping(self) -> Pool:
        if self._pool is None:
            uris = sorted(document.uri for document in self._snapshot.documents(self._plan.where))
            chosen = random.Random(f"{self._plan.seed}").sample(uris, min(POOLED_DOCUMENTS, len(uris)))  # noqa: S311
            self._pool = Pool(_sentences(self._snapshot, sorted(chosen)))
        return self._pool


def _sentences(snapshot: Snapshot, uris: Sequence[str]) -> Iterator[tuple[str, str]]:
    for uri in uris:
        document = snapshot.document(uri)
        for passage in passages(document):
            text = document.text[passage.start : passage.end]
            yield from ((text[start:end], passage.language) for start, end in sentences(text, passage.language))


def _run_id(snapshot: Snapshot, plan: Plan, generator_name: str) -> str:
    """What decides the rows: the documents, the plan, the generator, and this code's version."""
    held = [f"{d.id} {d.characters} {d.chunks}" for d in snapshot.documents(plan.where)]
    asked = (plan.n, plan.unanswerable, plan.seed, plan.where, plan.rules)
    return content_hash(str(VERSION), repr(asked), generator_name, snapshot.settings.fingerprint, *held)[:16]


def _resume(path: Path, run: str, snapshot: Snapshot) -> list[Question]:
    """The rows of a run that was broken off. A last line that was not finished is cut off."""
    if not path.exists():
        return []
    if not path.is_file():
        raise EvaluationError("is not a file", where=str(path), hint="name a file with --out")
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    other = EvaluationError(
        "holds something else than this test set: other documents, options or generator made it",
        where=str(path),
        hint="name another file with --out, or remove it",
    )
    if whole == 0 and data:
        raise other
    rows = list(_rows(path, data[:whole]))
    if any(row.made.get("run") != run for row in rows):
        raise other
    for number, row in enumerate(rows, 1):
        for span, answer in zip(row.spans[:1], row.answers, strict=False):
            if snapshot.document(span.document).text[span.start : span.end] != answer:
                raise EvaluationError(
                    "the document has changed since this row was made",
                    where=f"{path}:{number}",
                    hint="name another file with --out",
                )
    if whole < len(data):
        os.truncate(path, whole)
    return rows


def _rows(path: Path, data: bytes) -> Iterator[Question]:
    if len(data) == path.stat().st_size:
        yield from read_questions(path)
        return
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        finished = Path(folder) / path.name
        finished.write_bytes(data)
        yield from read_questions(finished)
