"""What chains over many passages gain over one shot, and what they cost.

    python eval/bench_chains.py --data DIR [--questions N] [--generators extractive smollm2] [--chains multi-hop ...]
                                [--index FOLDER] [--out FILE]

HotpotQA-100 asks what takes two passages each: does the answer hold the gold one (contains, F1), are the two passages
among those read and those cited, how many tokens were read and written, and how long did it take. Lists are asked of
the same passages: "List all films of 1988." for each year, director, band that a rule finds in two passages or
more; their score is the share of these passages that the answer cites. Paired tests against one shot of the same
generator, Holm-corrected. Half of HotpotQA's questions, the first, third and so on of the file, set the default of
chain.enough; ``--half held-out`` asks the others alone.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from beir import read_collection
from machine import describe

from rag.chains.drafting import last
from rag.evaluation.answers.measures import shown_text
from rag.evaluation.answers.text import contains, f1
from rag.evaluation.ranking.significance import compare
from rag.pipeline import Pipeline
from rag.recipe import ChainConfig, GeneratorConfig, GroundingConfig, Recipe, load_recipe
from rag.types import Answer

CHAINS = ("one-shot", "multi-hop", "decompose", "map-reduce", "refine")
# How sure one shot is of its answers is learned; of the others' it is told by rules, so here of all.
RULES = GroundingConfig(confidence="rules")
GENERATORS = {
    "extractive": GeneratorConfig(kind="extractive"),
    "smollm2": GeneratorConfig(),
}
_NAME = r"([A-Z][\w’'-]+(?: [A-Z][\w’'-]+){1,3})"
LISTS = {
    "Who was born in {}?": re.compile(r"\(born [A-Z][a-z]+ \d+, (\d{4})\)"),
    "List all films of {}.": re.compile(r"is an? (\d{4}) [\w\- ]*film"),
    "Which films were directed by {}?": re.compile(rf"films? (?:[\w ,-]+? )?directed by {_NAME}"),
    "Which albums are by {}?": re.compile(rf"album by [\w -]*?(?:band|duo|group|singer) {_NAME}"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, its gold answers ("" for a list) and the passages that answer it."""

    id: str
    text: str
    golds: tuple[str, ...]
    passages: frozenset[str]


def hotpot(folder: Path) -> list[Asked]:
    """The questions, in the order of the file."""
    rows = [json.loads(line) for line in (folder / "qa.jsonl").read_text(encoding="utf-8").splitlines()]
    return [Asked(row["_id"], row["question"], tuple(row["answers"]), frozenset(row["passages"])) for row in rows]


def lists(folder: Path) -> list[Asked]:
    """A question for each thing that a rule finds in two passages or more."""
    asked: list[Asked] = []
    passages = read_collection(folder).passages
    for template, pattern in LISTS.items():
        found: dict[str, set[str]] = {}
        for key, (_, text) in passages.items():
            for match in pattern.finditer(text):
                found.setdefault(match[1], set()).add(key)
        asked += [
            Asked(template.format(thing), template.format(thing), (), frozenset(keys))
            for thing, keys in sorted(found.items())
            if len(keys) > 1
        ]
    return asked


def scores(asked: Asked, answer: Answer, keys: Mapping[str, str], seconds: float) -> dict[str, float]:
    """Measures of one answer; ``keys`` name the passages of the documents."""
    assert answer.trace is not None
    read = {keys[hit.chunk.document_id] for hit in answer.hits}
    cited = {keys[one.document_id] for one in answer.citations}
    measured = {
        "read": len(asked.passages & read) / len(asked.passages),
        "cited": len(asked.passages & cited) / len(asked.passages),
        "refused": float(answer.refused),
        "tokens": float(answer.trace.prompt_tokens + answer.trace.output_tokens),
        "ms": 1000 * seconds,
        "searches": float(sum(step.name == "retrieve" for step in answer.trace.walk())),
    }
    if asked.golds:
        said = shown_text(answer)
        measured |= {"contains": contains(said, asked.golds), "f1": f1(said, asked.golds)}
    return measured


@contextmanager
def indexed(corpus: Path, folder: Path | None) -> Iterator[Path]:
    """An index of the corpus by the default recipe, in ``folder`` if there is one to use again."""
    with tempfile.TemporaryDirectory() as temporary:
        path = folder or Path(temporary) / "index"
        with Pipeline(path, "default") as pipeline:
            pipeline.add(corpus)
        yield path


def measure(
    index: Path, recipe: Recipe, questions: Sequence[Asked]
) -> tuple[dict[str, dict[str, float]], list[dict[str, object]]]:
    """Scores by measure and question, and what was answered."""
    by_measure: dict[str, dict[str, float]] = {}
    answers: list[dict[str, object]] = []
    with Pipeline(index, recipe) as pipeline:
        pipeline.ask(questions[0].text)  # models are loaded before the clock starts
        for asked in questions:
            started = time.perf_counter()
            answer = last(pipeline.ask_stream(asked.text))
            seconds = time.perf_counter() - started
            keys = {hit.chunk.document_id: str(hit.metadata["_id"]) for hit in (*answer.hits, *answer.dropped)}
            for name, value in scores(asked, answer, keys, seconds).items():
                by_measure.setdefault(name, {})[asked.id] = value
            answers.append({"id": asked.id, "question": asked.text, "text": answer.text, "verdict": answer.verdict})
    return by_measure, answers


def others(out: Path, generators: Sequence[str], asked_how: Mapping[str, object]) -> list[dict[str, object]]:
    """The rows of other generators in a result that asked in the same way."""
    record = json.loads(out.read_text("utf-8"))
    if any(record[key] != value for key, value in asked_how.items()):
        raise SystemExit(f"{out} was asked in another way")
    return [row for row in record["rows"] if row["generator"] not in generators]


def write(out: Path | None, record: Mapping[str, object], rows: Sequence[Mapping[str, object]]) -> None:
    """Keep what there is so far: a language model takes long."""
    if out:
        text = json.dumps({**record, "rows": rows}, indent=1, ensure_ascii=False)
        out.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds hotpotqa-100")
    parser.add_argument("--questions", type=int, default=100, help="of HotpotQA, and of the lists, at most")
    parser.add_argument("--half", choices=["all", "held-out"], default="all")
    parser.add_argument("--generators", nargs="+", choices=list(GENERATORS), default=list(GENERATORS))
    parser.add_argument("--chains", nargs="+", choices=CHAINS, default=list(CHAINS))
    parser.add_argument("--reduce", choices=["list", "write"], default="list")
    parser.add_argument("--index", type=Path, help="keep the index here and use it again")
    parser.add_argument("--out", type=Path, help="write JSON here")
    parser.add_argument("--add", action="store_true", help="keep what that file has of other generators")
    options = parser.parse_args()
    folder = options.data / "hotpotqa-100"
    collection = read_collection(folder)
    questions = {
        "hotpotqa-100": hotpot(folder)[1 if options.half == "held-out" else 0 :: 2 if options.half == "held-out" else 1]
    }
    questions["lists"] = lists(folder)
    asked_how = {"half": options.half, "reduce": options.reduce}
    record = {**asked_how, "data_sha256": collection.sha256, **describe()}
    rows = others(options.out, options.generators, asked_how) if options.add else []
    with indexed(collection.corpus, options.index) as index:
        for generator in options.generators:
            for name, asked in questions.items():
                systems = {}
                for kind in dict.fromkeys(["one-shot", *options.chains]):
                    chain = ChainConfig(kind=kind, reduce=options.reduce)
                    recipe = load_recipe("default").model_copy(
                        update={"generator": GENERATORS[generator], "chain": chain, "grounding": RULES}
                    )
                    systems[kind], answers = measure(index, recipe, asked[: options.questions])
                    means = {key: sum(of.values()) / len(of) for key, of in systems[kind].items()}
                    rows.append(
                        {"data": name, "generator": generator, "chain": kind, "n": len(answers), **means}
                        | {"answers": answers}
                    )
                    told = "  ".join(f"{key} {value:.3f}" for key, value in means.items())
                    print(f"{generator:10}  {name:12}  {kind:10}  n={len(answers)}  {told}", flush=True)
                    write(options.out, record, rows)
                base = systems.pop("one-shot")
                quality = {key: base[key] for key in ("contains", "f1", "read", "cited") if key in base}
                for one in compare(systems, quality, baseline="one-shot") if systems else ():
                    rows.append({"data": name, "generator": generator, "comparison": asdict(one)})
                    print(
                        f"    {one.system} against one-shot, {one.measure}: {one.difference:+.3f} "
                        f"[{one.low:+.3f}, {one.high:+.3f}], p {one.p_corrected:.3f}"
                    )
                write(options.out, record, rows)


if __name__ == "__main__":
    main()
