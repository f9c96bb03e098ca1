"""The report: its figures are the records', hostile texts stay texts, and a real browser opens it without asking anyone."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import pytest
from selectolax.lexbor import LexborHTMLParser

from rag.errors import EvaluationError
from rag.evaluation.datasets import Question
from rag.evaluation.report import MAX_CELLS, render_report, write_report
from rag.evaluation.results import (
    Comparison,
    Evaluation,
    MeasureResult,
    Miss,
    Provenance,
    QueryResult,
    Retrieved,
    RiskPoint,
)
from rag.evaluation.scores import Score, mean
from rag.types import Answer, Chunk, Citation, Hit, Sentence

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

QUESTIONS = (
    ("When did the 1973 oil crisis begin?", "October 1973", "1973_oil_crisis#0"),
    ("What was the price of a barrel of oil in March of 1974?", "nearly $12", "1973_oil_crisis#0"),
    ("Which company opened a nuclear plant near Sizewell, and in what year was its second reactor approved?", "1987",
     "Sizewell_B#3"),
    ("In what country is Normandy located?", "France", "Normans#0"),
    ("Who ruled the duchy of Normandy?", "Richard I", "Normans#1"),
    ("What is the term for the set of problems solvable in polynomial time by a deterministic machine?", "P",
     "Computational_complexity_theory#12"),
    ("What does the immune system use to tell its own cells from foreign ones?", "MHC class I molecules",
     "Immune_system#7"),
    ("北京大学的前身叫什么名字？", "京师大学堂", "北京大学#2"),
    ("ما هي أكبر مدينة في مصر من حيث عدد السكان؟", "القاهرة", "مصر#4"),
    ("How high is the tower that was begun in 1887 for the Exposition Universelle?", "330 metres", "Eiffel_Tower#0"),
)  # fmt: skip
RECIPE = """[chunker]
kind = "structure"
max_tokens = 256

[embedder]
model = "minilm"

[retrieval]
mode = "hybrid"
fusion = "convex"
weight = 0.5
"""


def answer_to(question: str, text: str, document: str, verdict: str = "supported", score: float = 0.9) -> Answer:
    source = f"{text}. The passage goes on with what else is known of it, in words that nobody asked for."
    chunk = Chunk(document, document, 0, len(source), source, title=document.partition("#")[0])
    citation = Citation(1, document, chunk.id, document, chunk.title, 0, len(text), text, score)
    sentence = Sentence(text, 0, len(text), score, verdict == "supported", (citation,))
    hit = Hit(chunk, 0.9, 1, metadata={"_id": document})
    return Answer(question, f"{text} [1]", verdict, (sentence,), text, (hit,), score=score)  # type: ignore[arg-type]


def results(count: int, chance: random.Random) -> list[QueryResult]:
    made = []
    for number in range(count):
        question, right, gold = QUESTIONS[number % len(QUESTIONS)]
        found = chance.random()
        rank = 0 if found < 0.62 else 1 if found < 0.75 else chance.randint(2, 9) if found < 0.9 else 99
        ranking = [Retrieved(f"Passage_{chance.randint(1, 900)}#{place}", 0.9 - place / 20) for place in range(12)]
        if rank < len(ranking):
            ranking[rank] = Retrieved(gold, ranking[rank].score)
        verdict = "not in the documents" if chance.random() < 0.12 else "supported"
        gain = 0.0 if rank > 9 else (1.0, 0.6309, 0.5, 0.4307, 0.3869, 0.3562, 0.3333, 0.3155, 0.301, 0.2891)[rank]
        refused = verdict == "not in the documents"
        scores = {
            "nDCG@10": Score(gain),
            "RR": Score(0.0 if rank > 9 else 1 / (rank + 1)),
            "R@10": Score(float(rank < 10)),
            "Judged@10": Score(min(1.0, chance.choice((0.1, 0.2, 0.3)))),
            "exact match": Score(float(rank == 0 and chance.random() < 0.7)),
            "F1": Score(min(1.0, max(0.0, chance.gauss(0.75 if rank == 0 else 0.2, 0.2)))),
            "faithfulness": Score.missing("refused") if refused else Score(chance.choice((0.5, 1.0, 1.0, 1.0))),
            "over-refusal": Score(float(refused)),
        }
        answer = answer_to(question, right if rank == 0 else "The text does not say so", gold, verdict, chance.random())
        taken = chance.lognormvariate(-4.3, 0.35)
        made.append(
            QueryResult(f"q{number:04d}", question, tuple(ranking), taken, answer, chance.lognormvariate(-0.4, 0.5),
                        scores=scores)
        )  # fmt: skip
    return made


def evaluation_of(count: int = 200, *, seed: int = 1) -> Evaluation:
    """What an evaluation of ``count`` questions against a baseline looks like."""
    chance = random.Random(seed)
    queries = results(count, chance)
    if count > 20:
        queries[17] = QueryResult(
            "q0017", queries[17].question, error="the endpoint did not answer in 30 s",
            scores={name: Score.missing("failed", "time-out") for name in queries[0].scores},
        )  # fmt: skip
    names = list(queries[0].scores) if queries else ["nDCG@10"]
    expected = {"nDCG@10": (0.74, 0.02), "F1": (0.70, 0.01), "RR": (0.72, 0.05)}
    measures = []
    for name in names:
        average = mean(query.scores[name] for query in queries)
        value = average.value
        measures.append(
            MeasureResult(
                name,
                average,
                None if value is None else max(0.0, value - 0.045),
                None if value is None else min(1.0, value + 0.043),
                *expected.get(name, (None, None)),
                higher_is_better=name != "over-refusal",
            )
        )
    before = {
        name: {
            query.id: min(1.0, max(0.0, score.value + chance.choice((0, 0, 0, 0, 0.2, -0.3, 0.37, -0.5, 0.1))))
            for query in queries
            if (score := query.scores[name]).value is not None
        }
        for name in ("nDCG@10", "F1", "over-refusal")
    }
    comparisons = tuple(
        compared(name, before[name], queries, p)
        for name, p in (("nDCG@10", 0.0006), ("F1", 0.184), ("over-refusal", 0.03))
        if before[name]
    )
    stages = ("not loaded", "missed by dense", "missed by both", "lost in fusion", "cut by the context budget",
              "generated wrong", "generated wrong", "wrongly refused")  # fmt: skip
    misses = tuple(
        Miss(query.id, stages[chance.randrange(len(stages))], "dense has the gold at 143, sparse at 12",  # type: ignore[arg-type]
             QUESTIONS[number % len(QUESTIONS)][2], 120, 168)
        for number, query in enumerate(queries)
        if (value := query.scores["nDCG@10"].value) is not None and value < 0.6
    )  # fmt: skip
    risks = [RiskPoint(1 - step / 40, step / 40, 0.04 + 0.26 * (step / 40) ** 2) for step in range(2, 41)]
    return Evaluation(
        name="SQuAD2, hybrid with SmolLM2",
        dataset="squad2",
        measures=tuple(measures),
        queries=tuple(queries),
        provenance=Provenance(
            command="rag eval eval/squad2-answers.toml --answers --explain-misses --baseline eval/results/squad2.jsonl",
            started="2026-05-14 09:12:47 UTC",
            seconds=437.2,
            recipe_name="default",
            recipe_toml=RECIPE,
            index="indexes/built/squad2",
            seed=13,
            versions={"python": "3.11.2", "ragstone": "0.1.0", "numpy": "2.4.6", "openvino": "2026.4.1"},
            machine="Intel Xeon 8488C (avx512f, amx_bf16), 2 cores, 24 GiB, Linux x86_64",
            hashes={
                "corpus.jsonl": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
                "qrels/test.tsv": "0b1c5a3f0f2b44d0a9a8be10cf1c1f1b8f0e6f6df3f6a3a2b94cbd0c8c0b7f11",
                "embedder minilm": "9d1e6c0f5a4f4d3caa7ce0d57f5b2f1d9f5fd7f4a3f0d7f3b1b2a79f0f5d8c22",
            },
        ),
        comparisons=comparisons,
        baseline=before,
        precision_recall=tuple((level / 10, 0.86 - 0.07 * level + 0.002 * level**2) for level in range(11)),
        risk_coverage=tuple(risks),
        auroc=0.8127,
        misses=misses,
        notes=("8 judged questions have no result and count 0.", "Of the ten best, 19% are judged at all."),
        failures=(
            "faithfulness covers 87.5% of the questions; 95% are needed",
            "F1 is 0.6183, outside 0.7000 ± 0.0100",
        ) if count > 20 else (),
        gold={
            query.id: Question(query.id, query.question, (QUESTIONS[n % len(QUESTIONS)][1],), True,
                               (QUESTIONS[n % len(QUESTIONS)][2],))
            for n, query in enumerate(queries)
        },
    )  # fmt: skip


def compared(measure: str, before: Mapping[str, float], queries: list[QueryResult], p: float) -> Comparison:
    pairs = [(before[one.id], one.scores[measure].value or 0.0) for one in queries if one.id in before]
    differences = [after - was for was, after in pairs]
    return Comparison(
        measure=measure,
        baseline="hybrid, SmolLM2 at 0.1.0",
        system="SQuAD2, hybrid with SmolLM2",
        n=len(pairs),
        baseline_mean=fmean(was for was, _ in pairs),
        system_mean=fmean(after for _, after in pairs),
        difference=fmean(differences),
        low=fmean(differences) - 0.024,
        high=fmean(differences) + 0.026,
        effect_size=0.211,
        wins=sum(one > 0 for one in differences),
        ties=sum(one == 0 for one in differences),
        losses=sum(one < 0 for one in differences),
        p_t=p / 3,
        p_randomization=p / 3,
        p_corrected=p,
        higher_is_better=measure != "over-refusal",
    )
