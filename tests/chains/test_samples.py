"""Questions about the sample documents, answered by the recipe ``extractive`` with the real embedder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.pipeline import Pipeline

pytestmark = pytest.mark.models


@pytest.fixture(scope="session")
def halden(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    with Pipeline(tmp_path_factory.mktemp("samples") / "index", "extractive") as pipeline:
        report = pipeline.add(root / "apps" / "samples")
        assert not report.skipped
        yield pipeline


# question, words of the answer, the file that each of its sentences is cited from
ANSWERED = [
    ("How long does a full battery of the SLM-210 last?", ["22 hours"], ["slm-210-manual.pdf"]),
    ("Who leads the calibration laboratory?", ["Jonas Eide"], ["calibration-service.txt"]),
    ("What does the message E07 mean?", ["not screwed in properly"], ["faq.html"]),
    ("Who is the safety officer?", ["Tomas Berg"], ["handbook.md"]),
    ("Can I rent an SLM-210?", ["95 euros a week"], ["minutes-2024-09-16.docx"]),
    ("What does the express surcharge cost?", ["SVC-EXP", "60"], ["price-list-2024.csv"]),
    ("What was the price of the SLM-210 before 2024?", ["1,480"], ["minutes-2024-02-12.docx"]),
    ("SLM-210的保修期是多久？", ["三年"], ["保修条款.md"]),
    (
        "Who is the managing director of Halden Instruments, and when will the second test chamber be ready?",
        ["Marit Aune has been managing director", "15 March 2025"],
        ["company-history.md", "minutes-2024-09-16.docx"],
    ),
    (
        "How long does a calibration take, and what does the factory calibration of a sound level meter cost in 2024?",
        ["10 working days", "SVC-CAL1", "165"],
        ["calibration-service.txt", "price-list-2024.csv"],
    ),
    (
        "What does the SLM-210 cost in 2024, and how long is its warranty?",
        ["1,590 euros", "36 months"],
        ["minutes-2024-02-12.docx", "warranty.html"],
    ),
]


# Right, but said in other words than those of the question: the confidence model is not sure enough.
NOT_SURE = {
    "Who leads the calibration laboratory?",
    "What does the SLM-210 cost in 2024, and how long is its warranty?",
}


@pytest.mark.parametrize(("question", "words", "files"), ANSWERED)
def test_a_sentence_for_each_thing_asked_and_no_other(
    halden: Pipeline, question: str, words: list[str], files: list[str]
) -> None:
    answer = halden.ask(question)
    assert answer.verdict == ("partly" if question in NOT_SURE else "supported")
    for word in words:
        assert word in answer.text
    cited = [[c.uri.split("#")[0].rsplit("/", 1)[-1] for c in s.citations] for s in answer.sentences]
    assert cited == [[file] for file in files]


@pytest.mark.parametrize(
    "question",
    [
        "How much does the SLM-220 cost?",
        "What is the warranty on the oscilloscope OSC-5?",
        "What is the protection rating (IP) of the SLM-210 against water?",
        "Who is the chief financial officer?",
    ],
)
def test_what_the_samples_do_not_say_is_refused(halden: Pipeline, question: str) -> None:
    assert halden.ask(question).refused
