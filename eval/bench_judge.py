"""How well a language model, as judge, tells right from wrong: AUROC on pairs of which one is right.

    python eval/bench_judge.py --data DIR [--recipe NAME] [--pairs 32]

From SQuAD 2.0, only of the articles that no prompt was chosen on. Of each pair the judge sees one at a time:

    supported   a sentence that holds an answer, by its own passage | by another passage of the same article
    holds       a question with its gold answer, by its own passage | by another passage of the same article
    relevant    a question answered by its sentence                 | by a sentence of another passage of the article

0.5 is chance. Beside it what LexicalVerifier, which is no language model, makes of the same texts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from beir import read_collection

from rag.evaluation.answers.refusals import Outcome, auroc, auroc_interval
from rag.evaluation.judges import prompts
from rag.evaluation.judges.judge import Judge
from rag.evaluation.judges.measures import SENTENCES
from rag.generators.sentence_ranking import excerpts
from rag.grounding import LexicalVerifier
from rag.recipe import build_generator, load_recipe
from rag.text import sentences

HERE = Path(__file__).resolve().parent
CHOSEN_ON = {"Warsaw", "Huguenot", "Imperialism", "Scottish Parliament"}


@dataclass(frozen=True, slots=True)
class Pair:
    """A question, its answer, the sentence and passage that hold it; a sentence and passage that do not."""

    question: str
    answer: str
    sentence: str
    passage: str
    other_sentence: str
    other_passage: str


def draw(folder: Path, count: int, seed: int) -> list[Pair]:
    """The pairs, by ``seed``; the other passage does not hold the answer's text."""
    rng = random.Random(seed)
    passages = read_collection(folder).passages
    rows = [json.loads(line) for line in (folder / "qa.jsonl").read_text(encoding="utf-8").splitlines()]
    rng.shuffle(rows)
    pairs: list[Pair] = []
    for row in rows:
        if len(pairs) == count:
            break
        if not row["answerable"] or passages[row["passages"][0]][0] in CHOSEN_ON:
            continue
        title, passage = passages[row["passages"][0]]
        answer = row["answers"][0]
        holding = [sentence for sentence in split(passage) if answer in sentence]
        others = [text for name, text in passages.values() if name == title and answer not in text]
        if holding and others:
            other = rng.choice(others)
            pairs.append(Pair(row["question"], answer, holding[0], passage, rng.choice(split(other)), other))
    return pairs


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text, "en")]


def nearest(claim: str, passage: str) -> str:
    return excerpts(claim, [passage], SENTENCES)[0]


# what the judge is told, and a claim and text for the words' own measure
Asked: TypeAlias = tuple[dict[str, str], str, str]
Task: TypeAlias = Callable[[Pair], tuple[str, tuple[Asked, ...]]]


def supported(pair: Pair) -> tuple[str, tuple[Asked, ...]]:
    texts = [nearest(pair.sentence, passage) for passage in (pair.passage, pair.other_passage)]
    return prompts.SUPPORTED, tuple(({"text": text, "claim": pair.sentence}, pair.sentence, text) for text in texts)


def holds(pair: Pair) -> tuple[str, tuple[Asked, ...]]:
    claim = f"{pair.question} {pair.answer}"
    texts = [nearest(claim, passage) for passage in (pair.passage, pair.other_passage)]
    return prompts.HOLDS, tuple(
        ({"text": text, "question": pair.question, "answer": pair.answer}, claim, text) for text in texts
    )


def relevant(pair: Pair) -> tuple[str, tuple[Asked, ...]]:
    return prompts.RELEVANT, tuple(
        ({"question": pair.question, "answer": said}, pair.question, said)
        for said in (pair.sentence, pair.other_sentence)
    )


def measure(name: str, task: Task, pairs: Sequence[Pair], judge: Judge) -> bool:
    """Print a task's figures; False if a question got no value."""
    verifier = LexicalVerifier()
    judged: list[Outcome] = []
    lexical: list[Outcome] = []
    started = time.perf_counter()
    for pair in pairs:
        template, (right, wrong) = task(pair)
        for is_right, (values, claim, text) in ((True, right), (False, wrong)):
            score = judge.ask(template, values)
            if score.value is None:
                print(f"{name}: {score.status}: {score.detail}", file=sys.stderr)
                return False
            judged.append(Outcome(is_right, refused=False, score=score.value, correct=is_right))
            support = verifier.support(claim, text)
            lexical.append(Outcome(is_right, refused=False, score=support, correct=is_right))
    seconds = (time.perf_counter() - started) / len(judged)
    low, high = auroc_interval(judged, seed=0) or (0.0, 1.0)
    right_share = sum((one.score >= 0.5) == one.answerable for one in judged) / len(judged)
    means = [sum(one.score for one in judged if one.answerable == kind) / len(pairs) for kind in (True, False)]
    print(
        f"{name:10} AUROC {auroc(judged).value:.3f} [{low:.2f}, {high:.2f}]  right at 0.5: {right_share:.2f}  "
        f"mean P(yes): right {means[0]:.3f}, wrong {means[1]:.3f}  {seconds:.2f} s a question  "
        f"| lexical AUROC {auroc(lexical).value:.3f}",
        flush=True,
    )
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=HERE.parent.parent / "shared" / "data", help="folder that holds squad2"
    )
    parser.add_argument("--recipe", default="default", help="whose generator is the judge: a name or a TOML file")
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    recipe = load_recipe(arguments.recipe)
    judge = Judge(build_generator(recipe, None), timeout=max(recipe.generator.timeout, 60))
    pairs = draw(arguments.data / "squad2", arguments.pairs, arguments.seed)
    print(f"judge: {recipe.generator.kind} {recipe.generator.model}; {len(pairs)} pairs of SQuAD2", flush=True)
    tasks: dict[str, Task] = {"supported": supported, "holds": holds, "relevant": relevant}
    done = [measure(name, task, pairs, judge) for name, task in tasks.items()]
    return 0 if all(done) else 1


if __name__ == "__main__":
    raise SystemExit(main())
