"""What is kept of an evaluation: run.trec, scores.jsonl, misses.jsonl, summary.json and report.html."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pydantic import TypeAdapter

from rag.evaluation.experiment.evaluate import run_of
from rag.evaluation.experiment.folder import MISSES, REPORT, RUN, SCORES, SUMMARY, write_atomically
from rag.evaluation.experiment.summary import Summary, summarise
from rag.evaluation.ranking.judgements import write_run
from rag.evaluation.report.page import write_report
from rag.evaluation.results import Evaluation, Miss, QueryResult

__all__ = ["write_results"]


def write_results(evaluation: Evaluation, folder: Path) -> Summary:
    """Write run, scores, misses, summary and report into ``folder``, each whole or not at all."""
    write_run(folder / RUN, run_of(evaluation.queries), re.sub(r"\s+", "-", evaluation.name))
    lines = [json.dumps(_scores_row(one), ensure_ascii=False, allow_nan=False) for one in evaluation.queries]
    write_atomically(folder / SCORES, "".join(f"{line}\n" for line in lines))
    misses = TypeAdapter(Miss)
    lines = [misses.dump_json(one).decode() for one in evaluation.misses]
    write_atomically(folder / MISSES, "".join(f"{line}\n" for line in lines))
    summary = summarise(evaluation, folder)
    record = TypeAdapter(Summary).dump_python(summary, mode="json")
    write_atomically(folder / SUMMARY, json.dumps(record, ensure_ascii=False, allow_nan=False, indent=2) + "\n")
    write_report(folder / REPORT, evaluation)
    return summary


def _scores_row(query: QueryResult) -> dict[str, object]:
    row: dict[str, object] = {"id": query.id, "question": query.question}
    if query.error:
        row["error"] = query.error
    row["scores"] = {
        name: {"value": score.value} if score.value is not None else {"status": score.status, "detail": score.detail}
        for name, score in query.scores.items()
    }
    row["retrieval_seconds"] = query.retrieval_seconds
    if query.answer is not None:
        row |= {
            "answer": query.answer.text,
            "verdict": query.answer.verdict,
            "verdict_score": query.answer.score,
            "quoted": query.answer.quoted,
            "answer_seconds": query.answer_seconds,
        }
    return row
